//! Runs a strategy as a host does, and writes down what was said.

use nas_api::rng::{RngExt, seeded};
use nas_api::{Error, Genotype, Observation, Proposal, Result, Space, Strategy};

use super::{FIDELITIES, Measured, observation};

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

/// Asks and tells until so many trials are told or the strategy has finished. `measure` is passed trial and genotype.
///
/// # Errors
/// What the strategy says, and what it does wrong: more proposals than the limit, a genotype that is not of the space,
/// a fidelity that is not offered, no proposal while nothing is out and it has not finished, a proposal after it has finished.
pub fn drive(
    strategy: &mut dyn Strategy,
    space: &mut dyn Space,
    schedule: &Schedule,
    trials: u32,
    measure: &dyn Fn(u32, &Genotype) -> Measured,
) -> Result<Vec<Step>> {
    let mut order = schedule.shuffle.map(seeded);
    let mut steps = Vec::new();
    let mut out: Vec<Observation> = Vec::new();
    let mut asked = 0;
    loop {
        let free = u32::try_from(schedule.workers.saturating_sub(out.len())).unwrap_or(u32::MAX);
        let limit = schedule.limit.min(free).min(trials - asked);
        if limit > 0 && !strategy.finished() {
            let proposals = strategy.ask(limit, space)?;
            for (genotype, fidelity) in checked(&proposals, limit, space)? {
                let outcome = measure(asked, &genotype);
                out.push(Observation { fidelity, ..observation(Some(asked), genotype, outcome) });
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
        steps.push(Step::Tell(told));
    }
    if strategy.finished() && !strategy.ask(5, space)?.is_empty() {
        return Err(Error::new(format!("it has finished after {asked} trials and still proposes")));
    }
    Ok(steps)
}

/// The genotypes of the proposals with their fidelities, if they are in order.
fn checked(proposals: &[Proposal], limit: u32, space: &mut dyn Space) -> Result<Vec<(Genotype, Option<f64>)>> {
    if proposals.len() > limit as usize {
        return Err(Error::new(format!("asked for at most {limit} proposals, it makes {}", proposals.len())));
    }
    let mut genotypes = Vec::with_capacity(proposals.len());
    for proposal in proposals {
        let Some(genotype) = proposal.candidate.genotype() else {
            return Err(Error::new("it proposes a relaxed candidate; these checks are for discrete ones"));
        };
        if let Err(reason) = space.validate(genotype)? {
            return Err(Error::new(format!("it proposes {genotype:?}, which is not of the space: {reason}")));
        }
        if let Some(fidelity) = proposal.fidelity.filter(|fidelity| !FIDELITIES.contains(fidelity)) {
            return Err(Error::new(format!("it proposes a fidelity of {fidelity}, and {FIDELITIES:?} are offered")));
        }
        genotypes.push((genotype.clone(), proposal.fidelity));
    }
    Ok(genotypes)
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
