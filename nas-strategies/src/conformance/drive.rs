//! Runs a strategy as a host does, and writes down what was said.

use std::collections::BTreeMap;

use nas_api::rng::{RngExt, seeded};
use nas_api::{Error, Genotype, Observation, Proposal, Result, Space, Strategy};

use super::{Measured, observation};

/// How results come back.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Trials that are out at the same time, at most.
    pub workers: usize,
    /// The limit of one `ask`, at most.
    pub limit: u32,
    /// Results in one `tell`, at most.
    pub told: usize,
    /// Results come in an order drawn with this seed; `None`: in the order of the proposals.
    pub shuffle: Option<u32>,
}

impl Schedule {
    /// One trial at a time.
    pub fn serial() -> Self {
        Self { workers: 1, limit: 1, told: 1, shuffle: None }
    }
}

/// One call, as the log of a study holds it.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// What was asked, and answered.
    Ask {
        /// The limit that was passed.
        limit: u32,
        /// What came back.
        proposals: Vec<Proposal>,
    },
    /// What was told.
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

/// A proposal, as it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its number.
    pub trial: u32,
    /// What is measured.
    pub genotype: &'a Genotype,
    /// What is spent on it; `None` where no fidelity is offered.
    pub fidelity: Option<f64>,
}

/// Asks and tells until so many trials are told or the strategy has finished. `measure` is passed trial and genotype.
/// No fidelity is offered.
///
/// # Errors
/// See [`drive_at`].
pub fn drive(
    strategy: &mut dyn Strategy,
    space: &mut dyn Space,
    schedule: &Schedule,
    trials: u32,
    measure: &dyn Fn(u32, &Genotype) -> Measured,
) -> Result<Vec<Step>> {
    drive_at(strategy, space, &[], schedule, trials, &|asked| measure(asked.trial, asked.genotype))
}

/// The same where these fidelities are offered, ascending, by an evaluator that can carry on trials.
///
/// # Errors
/// What the strategy says, and what it does wrong: more proposals than the limit, a genotype that is not of the space, a
/// fidelity that is not offered, a trial carried on that cannot be, no proposal while nothing is out and it has not
/// finished, a proposal after it has finished.
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
    let mut out: Vec<Observation> = Vec::new();
    let mut history = History { offered, told: BTreeMap::new() };
    let mut asked = 0;
    loop {
        let free = u32::try_from(schedule.workers.saturating_sub(out.len())).unwrap_or(u32::MAX);
        let limit = schedule.limit.min(free).min(trials - asked);
        if limit > 0 && !strategy.finished() {
            let proposals = strategy.ask(limit, space)?;
            if proposals.len() > limit as usize {
                return Err(Error::new(format!("asked for at most {limit} proposals, it makes {}", proposals.len())));
            }
            for proposal in &proposals {
                let (genotype, fidelity) = history.checked(proposal, space)?;
                let outcome = measure(&Asked { trial: asked, genotype, fidelity });
                out.push(Observation { fidelity, ..observation(Some(asked), genotype.clone(), outcome) });
                asked += 1;
            }
            if proposals.is_empty() && out.is_empty() && !strategy.finished() {
                return Err(Error::new(format!("after {asked} trials it proposes nothing, though no result is out")));
            }
            steps.push(Step::Ask { limit, proposals });
        }
        if out.is_empty() && (asked == trials || strategy.finished()) {
            break;
        }
        let mut told = Vec::new();
        while told.len() < schedule.told && !out.is_empty() {
            let next = order.as_mut().map_or(0, |rng| rng.random_range(0..out.len() as u32) as usize);
            told.push(out.remove(next));
        }
        strategy.tell(&told, space)?;
        history.learn(&told, space)?;
        steps.push(Step::Tell(told));
    }
    if strategy.finished() && !strategy.ask(5, space)?.is_empty() {
        return Err(Error::new(format!("it has finished after {asked} trials and still proposes")));
    }
    Ok(steps)
}

/// What a proposal may refer to.
struct History<'a> {
    offered: &'a [f64],
    /// Of the trials that were told: key, fidelity, and whether they were measured.
    told: BTreeMap<u32, (String, Option<f64>, bool)>,
}

impl History<'_> {
    /// Genotype and fidelity of a proposal, if it is in order.
    fn checked<'p>(&self, proposal: &'p Proposal, space: &mut dyn Space) -> Result<(&'p Genotype, Option<f64>)> {
        let Some(genotype) = proposal.candidate.genotype() else {
            return Err(Error::new("it proposes a relaxed candidate; these checks are for discrete ones"));
        };
        if let Err(reason) = space.validate(genotype)? {
            return Err(Error::new(format!("it proposes {genotype:?}, which is not of the space: {reason}")));
        }
        let offered = self.offered;
        if let Some(fidelity) = proposal.fidelity.filter(|fidelity| !offered.contains(fidelity)) {
            return Err(Error::new(format!("it proposes a fidelity of {fidelity}, and {offered:?} are offered")));
        }
        let fidelity = proposal.fidelity.or(offered.last().copied());
        if let Some(resume) = proposal.resume {
            let problem = match self.told.get(&resume) {
                None => "which it was not told of",
                Some((_, _, false)) => "which failed",
                Some((key, _, _)) if *key != space.key(genotype)? => "which has another architecture",
                Some((_, from, _)) if *from >= fidelity => "which was measured at no lower fidelity",
                Some(_) => return Ok((genotype, fidelity)),
            };
            return Err(Error::new(format!("it carries on trial {resume}, {problem}")));
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

/// Feeds the log of a search to a fresh instance, as resuming a study does.
///
/// # Errors
/// The first call that is answered in another way than before.
pub fn replay(strategy: &mut dyn Strategy, space: &mut dyn Space, steps: &[Step]) -> Result<()> {
    for (position, step) in steps.iter().enumerate() {
        match step {
            Step::Ask { limit, proposals } => {
                let again = strategy.ask(*limit, space)?;
                if again != *proposals {
                    let what = format!("step {position} proposed {proposals:?}, replayed it proposes {again:?}");
                    return Err(Error::new(what));
                }
            }
            Step::Tell(observations) => strategy.tell(observations, space)?,
        }
    }
    Ok(())
}
