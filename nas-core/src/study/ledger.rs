//! What a running study knows of its trials: which are told, what is spent, which architectures are known.

use std::collections::HashMap;

use nas_api::Candidate;

use super::record::{State, TrialRecord};

/// What makes two trials the same measurement: key, fidelity (its bits) and the state that is carried on.
type Same = (String, Option<u64>, Option<u32>);

/// The trials of a study, and sums over those of the last search.
pub(crate) struct Ledger {
    /// Of the whole study, by number.
    pub trials: Vec<TrialRecord>,
    /// The first trial of the last search.
    pub first: usize,
    /// How many of the last search's trials its strategy has been told of; always the first ones.
    pub told: usize,
    /// Fidelity of all trained trials of the last search, what resumed trials took over left out.
    pub spent: f64,
    /// A trial did not fit in the budget of fidelity.
    pub overspent: bool,
    /// How many of the last proposals cost nothing.
    pub idle: u32,
    /// Measurements were told to stop.
    pub aborted: bool,
    /// Simulated seconds of the trials that the strategy has been told of; `None` where nothing was simulated.
    pub simulated_seconds: Option<f64>,
    // Only ever asked for single entries: its order does not matter.
    known: HashMap<Same, u32>,
}

impl Ledger {
    /// The trials of earlier searches, which are all over. Their measurements count as known.
    pub fn new(trials: Vec<TrialRecord>) -> Self {
        let first = trials.len();
        let mut ledger = Self {
            trials: Vec::with_capacity(first),
            first,
            told: 0,
            spent: 0.0,
            overspent: false,
            idle: 0,
            aborted: false,
            simulated_seconds: None,
            known: HashMap::new(),
        };
        for trial in trials {
            ledger.learn(&trial);
            ledger.trials.push(trial);
        }
        ledger
    }

    /// A trial of the last search, just asked for or read from the log.
    pub fn push(&mut self, trial: TrialRecord) {
        self.idle = if trial.trained { 0 } else { self.idle.saturating_add(1) };
        self.learn(&trial);
        self.trials.push(trial);
    }

    fn learn(&mut self, trial: &TrialRecord) {
        // What an earlier search left unfinished will never be measured.
        let over = self.trials.len() < self.first && !trial.state.is_final();
        if trial.duplicate_of.is_none() && !over && matches!(trial.proposal.candidate, Candidate::Discrete(_)) {
            self.known.entry(same(trial)).or_insert(trial.trial);
        }
    }

    /// The earlier trial that is the same measurement. Mixtures have none: each one moves the shared weights.
    pub fn original(&self, trial: &TrialRecord) -> Option<u32> {
        match trial.proposal.candidate {
            Candidate::Discrete(_) => self.known.get(&same(trial)).copied(),
            Candidate::Relaxed(_) => None,
        }
    }

    /// Takes over how the original stands; at no cost.
    pub fn copy(&self, original: u32, trial: &mut TrialRecord) {
        let from = &self.trials[original as usize];
        trial.duplicate_of = Some(original);
        trial.state = from.state;
        trial.reason.clone_from(&from.reason);
        trial.violation = from.violation;
        trial.metrics.clone_from(&from.metrics);
    }

    /// Books what the trial will spend, or leaves it stopped where that is more than is left.
    pub fn afford(&mut self, trial: &mut TrialRecord, limit: Option<f64>) -> bool {
        trial.trained = true;
        let price = self.price(trial);
        if let Some(limit) = limit.filter(|limit| self.overspent || self.spent + price > *limit) {
            self.overspent = true;
            trial.state = State::Stopped;
            trial.reason = format!("not started: {} of {limit} are spent, and it needs {price}", self.spent);
            return false;
        }
        self.spent += price;
        true
    }

    /// Books what a finished trial of the last search has spent.
    pub fn book(&mut self, number: usize) {
        let trial = &self.trials[number];
        if trial.trained && number >= self.first {
            self.spent += self.price(trial);
        }
    }

    fn price(&self, trial: &TrialRecord) -> f64 {
        let carried = trial.resume.and_then(|resume| self.trials.get(resume as usize)?.fidelity);
        match (&trial.proposal.candidate, trial.fidelity) {
            (Candidate::Discrete(_), Some(fidelity)) => fidelity - carried.unwrap_or(0.0),
            (_, fidelity) => fidelity.unwrap_or(0.0),
        }
    }

    /// A trial's state has changed: its duplicates follow. Returns all of them, the trial first.
    pub fn settled(&mut self, number: u32) -> Vec<usize> {
        let now = super::log::wall_clock();
        let mut changed = vec![number as usize];
        for waiting in self.first + self.told..self.trials.len() {
            if self.trials[waiting].duplicate_of == Some(number) {
                let mut trial = self.trials[waiting].clone();
                self.copy(number, &mut trial);
                self.trials[waiting] = trial;
                changed.push(waiting);
            }
        }
        for &number in &changed {
            let trial = &mut self.trials[number];
            trial.finished = trial.state.is_final().then_some(now);
        }
        changed
    }

    /// How many trials the last search has asked for.
    pub fn asked(&self) -> u32 {
        u32::try_from(self.trials.len() - self.first).unwrap_or(u32::MAX)
    }

    /// Asked for and not yet told.
    pub fn outstanding(&self) -> u32 {
        self.asked() - u32::try_from(self.told).unwrap_or(u32::MAX)
    }

    /// The trial that is to be told next.
    pub fn next(&self) -> Option<usize> {
        let next = self.first + self.told;
        (next < self.trials.len()).then_some(next)
    }

    /// How many trials there are, and how many of the last search have no outcome.
    pub fn counts(&self) -> (u32, u32) {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let waiting = self.trials[self.first..].iter().filter(|trial| !trial.state.is_final());
        (count(self.trials.len()), count(waiting.count()))
    }

    /// The strategy has been told of the next so many trials.
    pub fn tell(&mut self, count: usize) {
        let from = self.first + self.told;
        for trial in self.trials[from..from + count].iter().filter(|trial| trial.simulated) {
            *self.simulated_seconds.get_or_insert(0.0) += trial.cost;
        }
        self.told += count;
    }
}

fn same(trial: &TrialRecord) -> Same {
    (trial.key.clone(), trial.fidelity.map(f64::to_bits), trial.resume)
}
