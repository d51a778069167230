//! From a proposal to a trial: everything about it that is known before training.

use nas_api::{Candidate, Constraint, Graph, Proposal, Weights};

use super::StudyError;
use super::ledger::Ledger;
use super::log::wall_clock;
use super::plan::Plan;
use super::record::{State, TrialRecord};
use super::settle::{fail, violations};
use crate::plugin::PluginError;
use crate::shown::shown_genotype;

impl Plan {
    /// Checks a proposal and makes it a trial; whether it is a duplicate is not yet known. A proposal that cannot be
    /// one is a defect of the strategy.
    pub(crate) fn identify(&mut self, proposal: Proposal, earlier: &Ledger) -> Result<TrialRecord, StudyError> {
        let number = earlier.trials.len();
        let (key, text) = match &proposal.candidate {
            Candidate::Discrete(genotype) => self.key_and_text(genotype)?,
            Candidate::Relaxed(weights) => {
                self.check_weights(weights).map_err(|problem| self.defect(problem))?;
                (String::new(), String::new())
            }
        };
        let fidelity = self.choose_fidelity(proposal.fidelity).map_err(|problem| self.defect(problem))?;
        let resume = match proposal.resume {
            None => None,
            Some(resume) => {
                let found = resumable(resume, &proposal.candidate, &key, fidelity, earlier);
                let found = found.map_err(|problem| format!("it wants to continue trial {resume}, but {problem}"));
                let found =
                    found.and_then(
                        |trial| if self.keeps_checkpoints { Ok(trial) } else { Err(self.no_checkpoints(resume)) },
                    );
                Some(found.map_err(|problem| self.defect(problem))?)
            }
        };
        Ok(TrialRecord {
            trial: u32::try_from(number).unwrap_or(u32::MAX),
            search: self.header.search,
            proposal,
            key,
            text,
            fidelity,
            resume,
            state: State::Running,
            metrics: Vec::new(),
            reason: String::new(),
            violation: 0.0,
            pruned_at: None,
            curve: Vec::new(),
            gradient: Weights::new(),
            cost: 0.0,
            simulated: false,
            trained: false,
            duplicate_of: None,
            started: wall_clock(),
            finished: None,
        })
    }

    /// Builds the network and checks what can be checked on it. `None`: the trial has failed, and its record says why.
    pub(crate) fn network_of(&mut self, trial: &mut TrialRecord) -> Result<Option<Graph>, StudyError> {
        let genotype = match &trial.proposal.candidate {
            _ if !self.header.graphs => return Ok(Some(Graph::default())),
            Candidate::Discrete(genotype) => genotype,
            Candidate::Relaxed(_) => return self.problem.supernet().map(Some).map_err(StudyError::Broken),
        };
        let (graph, metrics) = match self.problem.network(genotype).map_err(StudyError::Broken)? {
            Ok(built) => built,
            Err(reason) => {
                fail(trial, reason, 0.0);
                return Ok(None);
            }
        };
        trial.metrics = metrics;
        // Counted metrics come first: a graph that is too large is not even measured.
        if !self.keeps_constraints(trial) {
            return Ok(None);
        }
        match self.problem.meter(&graph) {
            Ok(metrics) => trial.metrics.extend(metrics),
            Err(reason) => {
                fail(trial, reason, 0.0);
                return Ok(None);
            }
        }
        Ok(self.keeps_constraints(trial).then_some(graph))
    }

    /// Whether the trial keeps the constraints on the metrics that are known from its graph; otherwise it has failed.
    fn keeps_constraints(&self, trial: &mut TrialRecord) -> bool {
        let known = |constraint: &&Constraint| {
            self.header.counts(&constraint.metric) && trial.metric(&constraint.metric).is_some()
        };
        let (violation, reasons) = violations(&trial.metrics, self.header.constraints.iter().filter(known));
        let kept = reasons.is_empty();
        if !kept {
            fail(trial, reasons.join("; "), violation);
        }
        kept
    }

    fn key_and_text(&mut self, genotype: &[u32]) -> Result<(String, String), StudyError> {
        let space = &mut self.problem.space;
        let identity = &self.problem.space_record.identity;
        let broken = |call: &str, error| StudyError::Broken(PluginError::from_api(identity, call, error));
        if let Err(reason) = space.validate(genotype).map_err(|error| broken("validate", error))? {
            let space = &self.problem.space_info.name;
            let proposed = shown_genotype(genotype);
            return Err(self.defect(format!("it proposed {proposed}, which is not in the space '{space}': {reason}")));
        }
        let key = space.key(genotype).map_err(|error| broken("key", error))?;
        let text = space.format(genotype).map_err(|error| broken("format", error))?;
        Ok((key, text))
    }

    fn check_weights(&self, weights: &Weights) -> Result<(), String> {
        let evaluator = &self.problem.evaluator_info;
        if !evaluator.accepts_relaxed {
            let name = &evaluator.name;
            return Err(format!(
                "it proposed a mixture without declaring that it needs gradients, and '{name}' takes none"
            ));
        }
        let decisions = &self.problem.space_info.decisions;
        if weights.len() != decisions.len() {
            return Err(format!("it proposed weights for {} of {} decisions", weights.len(), decisions.len()));
        }
        for (row, decision) in weights.iter().zip(decisions) {
            let (name, choices) = (&decision.name, decision.choices.len());
            if row.len() != choices {
                return Err(format!("it proposed {} weights for the {choices} choices of '{name}'", row.len()));
            }
            if let Some(weight) = row.iter().flatten().find(|weight| !weight.is_finite()) {
                return Err(format!("it proposed a weight of {weight} for '{name}'"));
            }
            if row.iter().all(Option::is_none) {
                return Err(format!("it proposed no choice at all for '{name}'"));
            }
        }
        Ok(())
    }

    fn choose_fidelity(&self, wanted: Option<f64>) -> Result<Option<f64>, String> {
        let offered = &self.problem.fidelities;
        match wanted {
            None => Ok(offered.last().copied()),
            Some(fidelity) if offered.contains(&fidelity) => Ok(wanted),
            Some(fidelity) => {
                Err(format!("it proposed a fidelity of {fidelity}, but the evaluator offers {offered:?}"))
            }
        }
    }

    fn no_checkpoints(&self, resume: u32) -> String {
        let name = &self.problem.evaluator_info.name;
        if self.problem.evaluator_info.resumes {
            return format!("it wants to continue trial {resume} without declaring that it needs resume");
        }
        format!("it wants to continue trial {resume}, but the evaluator '{name}' cannot")
    }

    /// The error for a strategy that broke its contract, which ends the study.
    fn defect(&self, problem: String) -> StudyError {
        let error = PluginError::new(&self.header.strategy.identity, "ask", problem);
        StudyError::Broken(error.remedy("this is a defect of the plugin: report it to its author, with the study file"))
    }
}

/// The number in the study of the trial whose checkpoint the proposal wants to continue.
fn resumable(
    resume: u32,
    candidate: &Candidate,
    key: &str,
    fidelity: Option<f64>,
    earlier: &Ledger,
) -> Result<u32, String> {
    if !earlier.is_told(resume as usize) {
        return Err("it has not been told of that trial".into());
    }
    let trial = &earlier.trials[earlier.first + resume as usize];
    if trial.state != State::Measured {
        return Err("that trial failed".into());
    }
    // Mixtures continue with other weights; that is how a supernet is trained.
    if matches!(candidate, Candidate::Discrete(_)) {
        if trial.key != key {
            return Err("that trial has another architecture".into());
        }
        if trial.fidelity >= fidelity {
            return Err("not to a higher fidelity".into());
        }
    }
    // A duplicate was never trained; its state is the original's.
    Ok(trial.duplicate_of.unwrap_or(trial.trial))
}
