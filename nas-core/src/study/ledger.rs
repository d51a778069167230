//! What a running study knows about its trials: which have been told, what is spent, which architectures are known.

use std::collections::HashMap;

use nas_api::Candidate;

use super::record::{State, TrialRecord};
use super::spec::ResultOrder;

/// What makes two trials the same measurement: key, fidelity (its bits) and the state that is continued.
type Same = (String, Option<u64>, Option<u32>);

/// The trials of a study, and sums over those of the last search.
pub(crate) struct Ledger {
    /// All trials of the study, by number.
    pub trials: Vec<TrialRecord>,
    /// The first trial of the last search.
    pub first: usize,
    /// Trials of the last search that its strategy has not been told of, in order.
    pending: Vec<Pending>,
    /// The fidelity of all trained trials of the last search, as if none had ended early; for a trial that continues
    /// another one, only the difference counts.
    booked: f64,
    /// The part of `booked` that was not spent because a pruner ended a trial; counted when the trial is told.
    refunded: f64,
    /// A trial did not fit in the budget of fidelity.
    pub overspent: bool,
    /// How many of the last proposals cost nothing.
    pub idle: u32,
    /// How many of the last trials that were told failed on the simulated clock without taking any of its time.
    pub futile: u32,
    /// Measurements have been told to stop.
    pub aborted: bool,
    /// Seconds are simulated, by a worker for each pending trial: trials are told in the order of their simulated ends.
    simulated: bool,
    /// Trials are told as they end, instead of in order of their numbers.
    by_completion: bool,
    /// Trials that ended while the study ran and are not told yet, in the order of their ends.
    ended: Vec<usize>,
    /// Simulated seconds at the last tell.
    pub clock: f64,
    // Its order does not matter: only single entries are looked up.
    known: HashMap<Same, u32>,
}

/// A trial that the strategy has not been told of.
struct Pending {
    number: usize,
    /// When it was asked for, on the simulated clock.
    start: f64,
    /// How much had been refunded by then.
    refunded: f64,
}

/// What is to be told next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: all trials that were asked for have been told.
    Nothing,
    /// That is not known yet, because something is being measured.
    Wait,
    /// This trial.
    Tell(usize),
}

impl Ledger {
    /// A ledger with the trials of earlier searches, whose measurements count as known. `simulated`: whether seconds
    /// are; `order`: in which one trials are told unless they are.
    pub fn new(trials: Vec<TrialRecord>, simulated: bool, order: ResultOrder) -> Self {
        let first = trials.len();
        let mut ledger = Self {
            trials: Vec::with_capacity(first),
            first,
            pending: Vec::new(),
            booked: 0.0,
            refunded: 0.0,
            overspent: false,
            idle: 0,
            futile: 0,
            aborted: false,
            simulated,
            by_completion: !order.by_trial(),
            ended: Vec::new(),
            clock: 0.0,
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
        self.pending.push(Pending { number: self.trials.len(), start: self.clock, refunded: self.refunded });
        self.trials.push(trial);
    }

    /// Takes back the last trials, from this number on.
    pub fn forget(&mut self, from: usize) {
        self.trials.truncate(from);
        self.pending.retain(|pending| pending.number < from);
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

    /// Takes over the outcome of the original, at no cost.
    pub fn copy(&self, original: u32, trial: &mut TrialRecord) {
        let from = &self.trials[original as usize];
        trial.duplicate_of = Some(original);
        trial.state = from.state;
        trial.reason.clone_from(&from.reason);
        trial.violation = from.violation;
        trial.pruned_at = from.pruned_at;
        trial.metrics.clone_from(&from.metrics);
    }

    /// Books the fidelity that the trial will spend; if that is more than the budget has left, the trial is stopped.
    pub fn afford(&mut self, trial: &mut TrialRecord, limit: Option<f64>) -> bool {
        trial.trained = true;
        let price = self.price(trial);
        // After a resume, only what was known when the trial was asked for counts.
        let asked = self.pending.iter().find(|pending| pending.number == trial.trial as usize);
        let spent = self.booked - asked.map_or(self.refunded, |asked| asked.refunded);
        if let Some(limit) = limit.filter(|limit| self.overspent || spent + price > *limit) {
            self.overspent = true;
            trial.state = State::Stopped;
            trial.reason = format!("not started: {spent} of {limit} are spent, and it needs {price}");
            return false;
        }
        self.booked += price;
        true
    }

    /// The fidelity spent by the last search. What a pruned trial saved is subtracted once the trial is told, so that
    /// the sum does not depend on when it ended.
    pub fn spent(&self) -> f64 {
        self.booked - self.refunded
    }

    /// Books what a finished trial of the last search has spent.
    pub fn book(&mut self, number: usize) {
        let trial = &self.trials[number];
        if trial.trained && number >= self.first {
            self.booked += self.price(trial);
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
        let pending: Vec<usize> = self.pending.iter().map(|pending| pending.number).collect();
        for waiting in pending {
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
            if trial.state.is_final() {
                self.ended.push(number);
            }
        }
        changed
    }

    /// How many trials the last search has asked for.
    pub fn asked(&self) -> u32 {
        u32::try_from(self.trials.len() - self.first).unwrap_or(u32::MAX)
    }

    /// Asked for and not yet told.
    pub fn outstanding(&self) -> u32 {
        u32::try_from(self.pending.len()).unwrap_or(u32::MAX)
    }

    /// Whether the strategy has been told of the last search's trial at this position.
    pub fn is_told(&self, position: usize) -> bool {
        let number = self.first + position;
        number < self.trials.len() && self.pending.iter().all(|pending| pending.number != number)
    }

    /// The trial that is to be told next: the first one in order, or the first one to end, on the simulated clock or in
    /// order of completion.
    pub fn next(&self) -> Next {
        let Some(first) = self.pending.first() else { return Next::Nothing };
        let over = |pending: &Pending| self.trials[pending.number].state.is_final();
        if !self.simulated && self.by_completion {
            return self.first_ended().map_or(Next::Wait, Next::Tell);
        }
        if !self.simulated {
            return if over(first) { Next::Tell(first.number) } else { Next::Wait };
        }
        if !self.pending.iter().all(over) {
            return Next::Wait;
        }
        // If several end at the same time, the first of them.
        let by_end = |a: &&Pending, b: &&Pending| self.end(a).total_cmp(&self.end(b));
        self.pending.iter().min_by(by_end).map_or(Next::Nothing, |next| Next::Tell(next.number))
    }

    /// The trial that ended first and is not told. Those that had ended before the study was resumed, or when they were
    /// asked for, come first, by number: when they ended is not recorded.
    fn first_ended(&self) -> Option<usize> {
        let over = |number: &usize| self.trials[*number].state.is_final();
        let pending = || self.pending.iter().map(|pending| pending.number);
        let earlier = pending().filter(over).find(|number| !self.ended.contains(number));
        earlier.or_else(|| self.ended.first().copied())
    }

    /// When a finished trial ends on the simulated clock. A duplicate takes no time of its own, but its result is known
    /// only when its original's is.
    fn end(&self, pending: &Pending) -> f64 {
        let trial = &self.trials[pending.number];
        let Some(original) = trial.duplicate_of else { return pending.start + trial.cost };
        let original = original as usize;
        match self.pending.iter().find(|pending| pending.number == original) {
            Some(original) => self.end(original).max(pending.start),
            None => pending.start,
        }
    }

    /// How many trials there are, and how many of the last search have no outcome.
    pub fn counts(&self) -> (u32, u32) {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let waiting = self.trials[self.first..].iter().filter(|trial| !trial.state.is_final());
        (count(self.trials.len()), count(waiting.count()))
    }

    /// Notes that the strategy has been told of this trial. Returns whether it was waiting to be told.
    pub fn tell(&mut self, number: usize) -> bool {
        let Some(at) = self.pending.iter().position(|pending| pending.number == number) else { return false };
        let end = self.end(&self.pending[at]);
        self.pending.remove(at);
        self.ended.retain(|&ended| ended != number);
        let trial = &self.trials[number];
        if let (true, Some(fidelity), Some(pruned)) = (trial.trained, trial.fidelity, trial.pruned_at) {
            self.refunded += fidelity - pruned;
        }
        if self.simulated {
            if trial.trained {
                self.futile = if trial.cost > 0.0 { 0 } else { self.futile.saturating_add(1) };
            }
            self.clock = self.clock.max(end);
        }
        true
    }

    /// Advances the simulated clock while nothing is being measured.
    pub fn pass(&mut self, seconds: f64) {
        self.clock += seconds;
    }
}

fn same(trial: &TrialRecord) -> Same {
    (trial.key.clone(), trial.fidelity.map(f64::to_bits), trial.resume)
}

#[cfg(test)]
mod tests {
    use nas_api::Proposal;

    use super::*;
    use crate::study::record::State;

    fn trial(number: u32, cost: f64, duplicate_of: Option<u32>) -> TrialRecord {
        TrialRecord {
            trial: number,
            search: 0,
            proposal: Proposal::discrete(vec![number]),
            key: number.to_string(),
            text: String::new(),
            fidelity: None,
            resume: None,
            state: State::Measured,
            metrics: Vec::new(),
            reason: String::new(),
            violation: 0.0,
            pruned_at: None,
            curve: Vec::new(),
            gradient: Vec::new(),
            cost,
            simulated: true,
            trained: duplicate_of.is_none(),
            duplicate_of,
            started: 0.0,
            finished: None,
        }
    }

    /// Tells what is next, and when it ended.
    fn step(ledger: &mut Ledger) -> (usize, f64) {
        let Next::Tell(next) = ledger.next() else { panic!("{:?}", ledger.next()) };
        assert!(ledger.tell(next));
        (next, ledger.clock)
    }

    #[test]
    fn simulated_workers_bring_results_in_the_order_of_their_ends() {
        let mut ledger = Ledger::new(Vec::new(), true, ResultOrder::Trial);
        ledger.push(trial(0, 30.0, None));
        ledger.push(trial(1, 10.0, None));
        // Known as soon as the first one is, not before.
        ledger.push(trial(2, 0.0, Some(0)));
        assert_eq!(step(&mut ledger), (1, 10.0));
        // The worker that is free begins the next one now.
        ledger.push(trial(3, 15.0, None));
        assert_eq!(step(&mut ledger), (3, 25.0));
        assert!(!ledger.is_told(0) && ledger.is_told(1) && !ledger.is_told(4));
        ledger.push(trial(4, 0.0, Some(1)));
        assert_eq!(step(&mut ledger), (4, 25.0));
        assert_eq!(step(&mut ledger), (0, 30.0));
        assert_eq!(step(&mut ledger), (2, 30.0));
        assert_eq!(ledger.next(), Next::Nothing);
        assert!(!ledger.tell(2), "told already");
    }

    #[test]
    fn failures_that_take_no_simulated_time_are_counted() {
        let mut ledger = Ledger::new(Vec::new(), true, ResultOrder::Trial);
        for (number, cost) in [0.0, 0.0, 3.0, 0.0].into_iter().enumerate() {
            ledger.push(TrialRecord { state: State::Failed, ..trial(number as u32, cost, None) });
            step(&mut ledger);
            assert_eq!(ledger.futile, [1, 2, 0, 1][number]);
        }
    }

    #[test]
    fn what_is_measured_for_real_is_told_in_the_order_of_the_trials() {
        let mut ledger = Ledger::new(Vec::new(), false, ResultOrder::Trial);
        ledger.push(TrialRecord { state: State::Running, ..trial(0, 0.0, None) });
        ledger.push(trial(1, 10.0, None));
        assert_eq!(ledger.next(), Next::Wait);
        ledger.trials[0].state = State::Measured;
        assert_eq!(ledger.next(), Next::Tell(0));
    }

    #[test]
    fn in_order_of_completion_nothing_waits_for_an_earlier_trial() {
        let mut ledger = Ledger::new(Vec::new(), false, ResultOrder::Completion);
        for number in 0..4 {
            let duplicate_of = (number == 3).then_some(1);
            ledger.push(TrialRecord { state: State::Running, ..trial(number, 0.0, duplicate_of) });
        }
        assert_eq!(ledger.next(), Next::Wait);
        let end = |ledger: &mut Ledger, number: u32| {
            ledger.trials[number as usize].state = State::Measured;
            ledger.settled(number);
        };
        end(&mut ledger, 2);
        end(&mut ledger, 1);
        for told in [2, 1, 3] {
            assert_eq!(ledger.next(), Next::Tell(told), "as they ended, a duplicate with its original");
            assert!(ledger.tell(told));
        }
        assert_eq!(ledger.next(), Next::Wait, "trial 0 still runs");
        end(&mut ledger, 0);
        assert_eq!(ledger.next(), Next::Tell(0));
    }

    #[test]
    fn what_ended_before_a_resume_is_told_first() {
        let mut ledger = Ledger::new(Vec::new(), false, ResultOrder::Completion);
        for state in [State::Running, State::Measured, State::Measured] {
            let number = ledger.trials.len() as u32;
            ledger.push(TrialRecord { state, ..trial(number, 0.0, None) });
        }
        ledger.trials[0].state = State::Measured;
        ledger.settled(0);
        for told in [1, 2, 0] {
            assert_eq!(ledger.next(), Next::Tell(told));
            ledger.tell(told);
        }
    }
}
