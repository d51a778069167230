//! Progress bars. They only show: nothing is ever read back from them.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nas_api::CurvePoint;
use nas_core::study::{Budget, Event, Header, Listener, State, TrialRecord};

use crate::print;

/// Returns a bar for `count` steps on standard error. It is hidden if that is not a terminal.
pub fn steps(count: usize, what: &str, quiet: bool) -> ProgressBar {
    let shown = !quiet && std::io::stderr().is_terminal();
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(count as u64), target);
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {wide_bar} {pos}/{len} {msg}, {eta} left") {
        bar.set_style(style);
    }
    bar.with_message(what.to_owned())
}

/// Shows a running study on standard error. It is hidden if that is not a terminal.
pub struct Progress {
    bar: ProgressBar,
    budget: Budget,
    fidelity_unit: String,
    objective: String,
    best: String,
    failed: u32,
    pruned: u32,
    spent: String,
    /// The last curve point that a running trial reported, formatted.
    point: String,
}

impl Progress {
    /// Creates the bar of a study.
    pub fn new(header: &Header, quiet: bool) -> Self {
        let budget = header.budget;
        let shown = !quiet && std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            budget.trials.map(u64::from),
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        let template = if budget.trials.is_some() {
            "{elapsed_precise} {wide_bar} {pos}/{len} trials, {eta} left  {msg}"
        } else {
            "{elapsed_precise} {spinner} {pos} trials  {msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if shown {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self {
            bar,
            budget,
            fidelity_unit: header.fidelity_unit.clone(),
            objective: header.objectives.first().map_or_else(String::new, |objective| objective.metric.clone()),
            best: String::new(),
            failed: 0,
            pruned: 0,
            spent: String::new(),
            point: String::new(),
        }
    }

    fn finished(&mut self, trial: &TrialRecord, seconds: f64, fidelity: f64) {
        match trial.state {
            State::Pruned => self.pruned += 1,
            State::Failed => self.failed += 1,
            State::Measured | State::Running | State::Stopped => {}
        }
        self.bar.inc(1);
        let mut parts = Vec::new();
        if let Some(budget) = self.budget.seconds {
            parts.push(format!("{} left", print::seconds((budget - seconds).max(0.0))));
        }
        if let Some(budget) = self.budget.total_fidelity {
            parts.push(format!("{fidelity} of {budget} {}", self.fidelity_unit));
        }
        self.spent = parts.join(", ");
        self.point.clear();
        self.show();
    }

    fn reported(&mut self, trial: &TrialRecord, point: &CurvePoint) {
        let find = |name: &str| point.metrics.iter().find(|metric| metric.name == name);
        let metric = find(&self.objective).or(point.metrics.first());
        let metric = metric.map_or_else(String::new, |m| format!(": {} {}", m.name, print::number(m.value)));
        let full = trial.fidelity.map_or_else(String::new, |full| format!("/{}", print::number(full)));
        self.point = format!("trial {} at {}{full}{metric}", trial.trial, print::number(point.fidelity));
        self.show();
    }

    fn show(&self) {
        let mut parts = Vec::new();
        if !self.spent.is_empty() {
            parts.push(self.spent.clone());
        }
        if self.pruned > 0 {
            parts.push(format!("{} pruned", self.pruned));
        }
        if self.failed > 0 {
            parts.push(format!("{} failed", self.failed));
        }
        if !self.best.is_empty() {
            parts.push(self.best.clone());
        }
        if !self.point.is_empty() {
            parts.push(self.point.clone());
        }
        self.bar.set_message(parts.join(", "));
    }
}

impl Listener for Progress {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Ready { trials, waiting } => self.bar.set_position(u64::from(trials.saturating_sub(*waiting))),
            Event::Reported { trial, point } => self.reported(trial, point),
            Event::Notice { trial, words: text } => self.bar.suspend(|| eprintln!("note: trial {trial}: {text}")),
            Event::Finished { trial, seconds, fidelity } => self.finished(trial, *seconds, *fidelity),
            Event::Incumbent(trial) => {
                let value = trial.metric(&self.objective).map_or_else(String::new, print::number);
                self.best = format!("best {} {value} (trial {})", self.objective, trial.trial);
            }
            Event::Warning(text) => self.bar.suspend(|| eprintln!("warning: {text}")),
            Event::Ended(_) => self.bar.finish_and_clear(),
            _ => {}
        }
    }
}
