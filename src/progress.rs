//! Progress on standard error: a bar on a terminal, plain lines elsewhere. Nothing is ever read back from it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use nas_api::CurvePoint;
use nas_core::shown;
use nas_core::study::{Budget, Event, Header, Listener, State, TrialRecord};

use crate::args::{Args, Progress as Kind};
use crate::print;
use crate::progress_lines::Lines;

/// The maximum number of characters beside a bar: metrics may have any name.
const MAX_SHOWN: usize = 300;

/// How far a command has come, counted in steps.
pub struct Steps {
    bar: ProgressBar,
    lines: Option<Lines>,
}

impl Steps {
    /// Begins to show steps of this unit. `template` is the look of a bar.
    pub fn new(args: &Args, length: Option<u64>, unit: &'static str, template: &str) -> Self {
        let kind = args.shown_progress();
        let target = if kind == Kind::Bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(length, target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if kind == Kind::Bar {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let lines = (kind == Kind::Plain).then(|| Lines::new(length, unit));
        Self { bar, lines }
    }

    /// `kept` of `all` steps were done by an earlier run.
    pub fn begin(&self, kept: u64, all: Option<u64>) {
        if let Some(all) = all {
            self.bar.set_length(all);
        }
        self.bar.set_position(kept);
        // The estimate of the time left counts only the steps of this run.
        self.bar.reset_eta();
        if let Some(lines) = &self.lines {
            lines.change(false, |line| {
                line.length = all.or(line.length);
                (line.position, line.earlier) = (kept, kept);
            });
        }
    }

    /// Sets how many steps are done.
    pub fn reach(&self, position: u64) {
        self.bar.set_position(position);
        if let Some(lines) = &self.lines {
            lines.change(false, |line| line.position = position);
        }
    }

    /// One more step is done.
    pub fn step(&self) {
        self.bar.inc(1);
        if let Some(lines) = &self.lines {
            lines.change(false, |line| line.position += 1);
        }
    }

    /// Sets what is shown beside the steps. With `news`, a plain line is due at once.
    pub fn say(&self, message: String, news: bool) {
        let message = shown(&message, MAX_SHOWN).into_owned();
        if let Some(lines) = &self.lines {
            lines.change(news, |line| line.message.clone_from(&message));
        }
        self.bar.set_message(message);
    }

    /// Prints a line of its own.
    pub fn print(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// Takes the progress away.
    pub fn finish(&mut self) {
        self.bar.finish_and_clear();
        self.lines = None;
    }
}

/// Shows `count` steps of a command that takes a while.
pub fn steps(args: &Args, count: usize, unit: &'static str) -> Steps {
    let template = format!("{{elapsed_precise}} {{wide_bar}} {{pos}}/{{len}} {unit}, {{eta}} left");
    Steps::new(args, Some(count as u64), unit, &template)
}

/// Shows a running study.
pub struct Progress {
    steps: Steps,
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
    /// Begins to show a study.
    pub fn new(args: &Args, header: &Header) -> Self {
        let budget = header.budget;
        let template = if budget.trials.is_some() {
            "{elapsed_precise} {wide_bar} {pos}/{len} trials, {eta} left  {msg}"
        } else {
            "{elapsed_precise} {spinner} {pos} trials  {msg}"
        };
        Self {
            steps: Steps::new(args, budget.trials.map(u64::from), "trials", template),
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
        self.steps.step();
        let mut parts = Vec::new();
        if let Some(budget) = self.budget.seconds {
            parts.push(format!("{} left", print::seconds((budget - seconds).max(0.0))));
        }
        if let Some(budget) = self.budget.total_fidelity {
            parts.push(format!("{fidelity} of {budget} {}", self.fidelity_unit));
        }
        self.spent = parts.join(", ");
        self.point.clear();
        self.show(false);
    }

    fn reported(&mut self, trial: &TrialRecord, point: &CurvePoint) {
        let find = |name: &str| point.metrics.iter().find(|metric| metric.name == name);
        let metric = find(&self.objective).or(point.metrics.first());
        let metric = metric.map_or_else(String::new, |m| format!(": {} {}", m.name, print::number(m.value)));
        let full = trial.fidelity.map_or_else(String::new, |full| format!("/{}", print::number(full)));
        self.point = format!("trial {} at {}{full}{metric}", trial.trial, print::number(point.fidelity));
        self.show(false);
    }

    fn show(&self, news: bool) {
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
        self.steps.say(parts.join(", "), news);
    }
}

impl Listener for Progress {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Ready { trials, waiting } => self.steps.begin(u64::from(trials.saturating_sub(*waiting)), None),
            Event::Reported { trial, point } => self.reported(trial, point),
            Event::Notice { trial, words: text } => self.steps.print(&format!("note: trial {trial}: {text}")),
            Event::Finished { trial, seconds, fidelity } => self.finished(trial, *seconds, *fidelity),
            Event::Incumbent(trial) => {
                let value = trial.metric(&self.objective).map_or_else(String::new, print::number);
                self.best = format!("best {} {value} (trial {})", self.objective, trial.trial);
                self.show(true);
            }
            Event::Warning(text) => self.steps.print(&format!("warning: {text}")),
            Event::Ended(_) => self.steps.finish(),
            _ => {}
        }
    }
}
