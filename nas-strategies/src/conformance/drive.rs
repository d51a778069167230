//! Runs a strategy as the host does, and records all calls.

use std::collections::BTreeMap;

use nas_api::rng::{RngExt, seeded};
use nas_api::{Error, Genotype, Observation, Proposal, Result, Space, Strategy};

use super::{Measured, observation};

/// How results come back.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The greatest number of outstanding trials.
    pub workers: usize,
    /// The greatest limit of one `ask`.
    pub limit: u32,
    /// The greatest number of results in one `tell`.
    pub told: usize,
    /// The seed of a random order of results; `None` for the order of the proposals.
    pub shuffle: Option<u32>,
}

impl Schedule {
    /// One trial at a time.
    pub fn serial() -> Self {
        Self { workers: 1, limit: 1, told: 1, shuffle: None }
    }
}

/// One call, as in the log of a study.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A call of `ask`.
    Ask {
        /// The limit that was passed.
        limit: u32,
        /// The answer.
        proposals: Vec<Proposal>,
    },
    /// A call of `tell`, with these results.
    Tell(Vec<Observation>),
}

impl Step {
    /// The genotypes that were proposed in this step.
    pub fn proposed(&self) -> impl Iterator<Item = &Genotype> {
        let proposals: &[Proposal] = match self {
            Self::Ask { proposals, .. } => proposals,
            Self::Tell(_) => &[],
        };
        proposals.iter().filter_map(|proposal| proposal.candidate.genotype())
    }
}

/// A proposal to be measured.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The number of the trial.
    pub trial: u32,
    /// The genotype to measure.
    pub genotype: &'a Genotype,
    /// The fidelity to spend; `None` if none is offered.
    pub fidelity: Option<f64>,
}

/// Asks and tells until this many trials are told or the strategy has finished. `measure` gets the trial and the
/// genotype. No fidelity is offered.
///
/// # Errors
/// Fails as [`drive_at`] does.
pub fn drive(
    strategy: &mut dyn Strategy,
    space: &mut dyn Space,
    schedule: &Schedule,
    trials: u32,
    measure: &dyn Fn(u32, &Genotype) -> Measured,
) -> Result<Vec<Step>> {
    drive_at(strategy, space, &[], schedule, trials, &|asked| measure(asked.trial, asked.genotype))
}

/// Like [`drive`], with an evaluator that offers these fidelities, ascending, and can continue trials.
///
/// # Errors
/// Returns the strategy's own errors, and an error if it makes more proposals than the limit, proposes a genotype that
/// is not of the space or a fidelity that is not offered, continues a trial that cannot be continued, makes no proposal
/// although no trial is outstanding and it has not finished, or makes a proposal after it has finished.
pub fn drive_at(
    strategy: &mut dyn Strategy,
    space: &mut dyn Space,
    offered: &[f64],
    schedule: &Schedule,
    trials: u32,
    measure: &dyn Fn(&Asked<'_>) -> Measured,
) -> Result<Vec<Step>> {
    let mut order = schedule.shuffle.map(seeded);
    let mut steps = Vec::new();
    let mut outstanding: Vec<Observation> = Vec::new();
    let mut history = History { offered, told: BTreeMap::new() };
    let mut asked = 0;
    loop {
        let free = u32::try_from(schedule.workers.saturating_sub(outstanding.len())).unwrap_or(u32::MAX);
        let limit = schedule.limit.min(free).min(trials - asked);
        if limit > 0 && !strategy.finished() {
            let proposals = strategy.ask(limit, space)?;
            if proposals.len() > limit as usize {
                return Err(Error::new(format!(
                    "it makes {} proposals although the limit is {limit}",
                    proposals.len()
                )));
            }
            for proposal in &proposals {
                let (genotype, fidelity) = history.checked(proposal, space)?;
                let outcome = measure(&Asked { trial: asked, genotype, fidelity });
                outstanding.push(Observation { fidelity, ..observation(Some(asked), genotype.clone(), outcome) });
                asked += 1;
            }
            if proposals.is_empty() && outstanding.is_empty() && !strategy.finished() {
                return Err(Error::new(format!(
                    "it proposes nothing after {asked} trials, although none is outstanding"
                )));
            }
            steps.push(Step::Ask { limit, proposals });
        }
        if outstanding.is_empty() && (asked == trials || strategy.finished()) {
            break;
        }
        let mut told = Vec::new();
        while told.len() < schedule.told && !outstanding.is_empty() {
            let next = order.as_mut().map_or(0, |rng| rng.random_range(0..outstanding.len() as u32) as usize);
            told.push(outstanding.remove(next));
        }
        strategy.tell(&told, space)?;
        history.learn(&told, space)?;
        steps.push(Step::Tell(told));
    }
    if strategy.finished() && !strategy.ask(5, space)?.is_empty() {
        return Err(Error::new(format!("it has finished after {asked} trials but still makes proposals")));
    }
    Ok(steps)
}

/// What is known when a proposal is checked.
struct History<'a> {
    offered: &'a [f64],
    /// The key and fidelity of each trial that was told, and whether it succeeded.
    told: BTreeMap<u32, (String, Option<f64>, bool)>,
}

impl History<'_> {
    /// The genotype and the fidelity of a valid proposal.
    fn checked<'p>(&self, proposal: &'p Proposal, space: &mut dyn Space) -> Result<(&'p Genotype, Option<f64>)> {
        let Some(genotype) = proposal.candidate.genotype() else {
            return Err(Error::new("it proposes a relaxed candidate, but these checks are for discrete ones"));
        };
        if let Err(reason) = space.validate(genotype)? {
            return Err(Error::new(format!("it proposes {genotype:?}, which is not of the space: {reason}")));
        }
        let offered = self.offered;
        if let Some(fidelity) = proposal.fidelity.filter(|fidelity| !offered.contains(fidelity)) {
            return Err(Error::new(format!("it proposes a fidelity of {fidelity}, but only {offered:?} are offered")));
        }
        let fidelity = proposal.fidelity.or(offered.last().copied());
        if let Some(resume) = proposal.resume {
            let problem = match self.told.get(&resume) {
                None => "of which it has no result",
                Some((_, _, false)) => "which failed",
                Some((key, _, _)) if *key != space.key(genotype)? => "which has another architecture",
                Some((_, from, _)) if *from >= fidelity => "which was measured at no lower fidelity",
                Some(_) => return Ok((genotype, fidelity)),
            };
            return Err(Error::new(format!("it continues trial {resume}, {problem}")));
        }
        Ok((genotype, fidelity))
    }

    fn learn(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            if let (Some(trial), Some(genotype)) = (observation.trial, observation.candidate.genotype()) {
                let entry = (space.key(genotype)?, observation.fidelity, observation.failure.is_none());
                self.told.insert(trial, entry);
            }
        }
        Ok(())
    }
}

/// Replays the log of a search on a new instance, as resuming a study does.
///
/// # Errors
/// Returns the strategy's own errors, and an error for the first call that is answered differently.
pub fn replay(strategy: &mut dyn Strategy, space: &mut dyn Space, steps: &[Step]) -> Result<()> {
    for (position, step) in steps.iter().enumerate() {
        match step {
            Step::Ask { limit, proposals } => {
                let again = strategy.ask(*limit, space)?;
                if again != *proposals {
                    let what = format!("step {position} proposed {proposals:?}, but its replay proposes {again:?}");
                    return Err(Error::new(what));
                }
            }
            Step::Tell(observations) => strategy.tell(observations, space)?,
        }
    }
    Ok(())
}
