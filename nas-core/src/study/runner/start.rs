//! How trials begin: they are asked for, recorded and measured.

use std::fs;
use std::time::Instant;

use nas_api::evaluator::unfinished_file;
use nas_api::{Graph, Proposal, Request};

use super::Runner;
use crate::study::StudyError;
use crate::study::event::Event;
use crate::study::header::Budget;
use crate::study::log::wall_clock;
use crate::study::record::{State, TrialRecord};
use crate::study::worker::Pool;

/// What one trial took on the strategy's side, and when it was over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Real seconds of its share of the call that asked for it.
    pub ask: f64,
    /// Real seconds of the call that told of it.
    pub tell: f64,
    /// On the study's clock, when it was told.
    pub told: f64,
}

impl Runner<'_> {
    /// Raises the budget of a study of whose strategy `calls` calls are recorded. The strategy is not told: it planned
    /// with the budget that the study began with.
    pub fn extend(&mut self, calls: usize, budget: Budget) -> Result<(), StudyError> {
        if let Some(log) = &mut self.log {
            log.extend(self.plan.header.search, calls, budget)?;
            self.listener.event(&Event::Committed);
        }
        self.budget = budget;
        if self.plan.search.finished().map_err(StudyError::Broken)? {
            let words = "the strategy has nothing more to propose, because it planned with the budget that the study \
                         began with; --warm-start begins a new search that is told of all trials so far";
            self.listener.event(&Event::Warning(words));
        }
        Ok(())
    }

    /// Asks for trials until there are as many as workers, records them, and starts them.
    pub(super) fn ask(&mut self, pool: &mut Pool<'_>) -> Result<(), StudyError> {
        let mut limit = self.plan.header.workers.saturating_sub(self.ledger.outstanding());
        if let Some(trials) = self.budget.trials {
            limit = limit.min(trials.saturating_sub(self.ledger.asked()));
        }
        let start = Instant::now();
        let proposals = self.plan.search.ask(limit).map_err(StudyError::Broken)?;
        let seconds = self.strategy_took(start);
        let times = Times { ask: seconds / proposals.len().max(1) as f64, ..Times::default() };
        self.times.extend(std::iter::repeat_n(times, proposals.len()));
        let from = self.ledger.trials.len();
        let graphs: Result<Vec<_>, _> = proposals.into_iter().map(|proposal| self.admit(proposal)).collect();
        if graphs.is_err() {
            // None of them is in the log.
            self.ledger.forget(from);
        }
        let graphs = graphs?;
        let seconds = self.run_seconds();
        if let Some(log) = &mut self.log {
            log.ask(self.plan.header.search, limit, &self.ledger.trials[from..], seconds)?;
            self.listener.event(&Event::Committed);
        }
        for (position, graph) in graphs.into_iter().enumerate() {
            match graph {
                Some(graph) => self.dispatch(from + position, graph, pool)?,
                None => self.announce(from + position),
            }
        }
        Ok(())
    }

    /// Makes a proposal the next trial. Returns the graph that is to be measured, if any is.
    fn admit(&mut self, proposal: Proposal) -> Result<Option<Graph>, StudyError> {
        let mut trial = self.plan.identify(proposal, &self.ledger)?;
        let reuse = self.plan.header.duplicates.reuse();
        let original = self.ledger.original(&trial).filter(|_| reuse);
        let graph = self.begin(&mut trial, original)?;
        if trial.state.is_final() {
            trial.finished = Some(trial.started);
        }
        self.ledger.push(trial);
        Ok(graph)
    }

    /// Copies the original's outcome, or builds the network and books its price.
    fn begin(&mut self, trial: &mut TrialRecord, original: Option<u32>) -> Result<Option<Graph>, StudyError> {
        if let Some(original) = original {
            self.ledger.copy(original, trial);
            return Ok(None);
        }
        let graph = self.plan.network_of(trial)?;
        Ok(graph.filter(|_| self.ledger.afford(trial, self.budget.total_fidelity)))
    }

    /// Removes how far a trial has got, once its outcome is recorded.
    pub(super) fn remove_unfinished(&self, number: u32) {
        let over = self.ledger.trials[number as usize].state.is_final();
        if let Some(checkpoints) = self.checkpoints.as_ref().filter(|_| over) {
            // Most trials have no such file, and the end of the study removes those that are left.
            let _ = fs::remove_file(unfinished_file(checkpoints, number));
        }
    }

    fn dispatch(&mut self, number: usize, graph: Graph, pool: &mut Pool<'_>) -> Result<(), StudyError> {
        let trial = &self.ledger.trials[number];
        let candidate = self.plan.problem.unrestricted(&trial.proposal.candidate).map_err(StudyError::Broken)?;
        let TrialRecord { key, text, fidelity, resume, .. } = trial;
        self.listener.event(&Event::Started { trial: trial.trial, text, fidelity: *fidelity });
        self.coordinator.enter(trial);
        pool.measure(Request {
            trial: trial.trial,
            candidate,
            key: key.clone(),
            text: text.clone(),
            graph,
            fidelity: *fidelity,
            resume: *resume,
            keep_checkpoint: self.plan.keeps_checkpoints,
            seed: self.plan.header.trial_seed(trial.trial),
            prunable: self.coordinator.has_pruner(),
        });
        Ok(())
    }

    /// Books what earlier runs have spent, and starts again what they left unfinished.
    pub(super) fn restart(&mut self, pool: &mut Pool<'_>) -> Result<(), StudyError> {
        let (trials, waiting) = self.ledger.counts();
        self.listener.event(&Event::Ready { trials, waiting });
        for number in 0..self.ledger.trials.len() {
            let mut trial = self.ledger.trials[number].clone();
            if trial.state.is_final() || number < self.ledger.first {
                // How far an unfinished trial of an earlier search got depends on the clock.
                if trial.state.is_final() {
                    self.coordinator.enter(&trial);
                }
                self.ledger.book(number);
                self.lead(number);
                continue;
            }
            (trial.state, trial.started) = (State::Running, wall_clock());
            trial.reason.clear();
            trial.curve.clear();
            let original = trial.duplicate_of;
            let graph = self.begin(&mut trial, original)?;
            self.ledger.trials[number] = trial;
            let seconds = self.run_seconds();
            if let Some(log) = &mut self.log {
                log.restart(&self.ledger.trials[number], seconds)?;
                self.listener.event(&Event::Committed);
            }
            if let Some(graph) = graph {
                self.dispatch(number, graph, pool)?;
            }
        }
        Ok(())
    }
}
