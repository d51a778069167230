//! The checks as a list, so that a report can name each one.

use super::{
    built, crossed, described, featured, keyed, mutated, neighboring, sampled, shared, standard, twinned, walked,
    written,
};
use crate::{Genotype, OpenSpace, Task};

type OfSpace = fn(&mut dyn OpenSpace, &[Genotype]) -> Result<(), String>;
type OfNetworks = fn(&mut dyn OpenSpace, &Task, &[Genotype]) -> Result<(), String>;

/// What a check looks at.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// The description alone.
    Description,
    /// Random genotypes, for all checks that follow.
    Samples,
    /// Genotypes.
    Space(OfSpace),
    /// A second instance of the space.
    Twin,
    /// The networks of genotypes.
    Networks(OfNetworks),
}

/// One promise that every space must keep.
#[derive(Clone, Copy)]
pub struct Check {
    /// One word.
    pub name: &'static str,
    /// What is promised.
    pub promise: &'static str,
    pub(super) run: Run,
}

impl Check {
    const fn new(name: &'static str, promise: &'static str, run: Run) -> Self {
        Self { name, promise, run }
    }

    /// Whether it looks at networks, which some spaces have none of.
    pub fn needs_networks(&self) -> bool {
        matches!(self.run, Run::Networks(_))
    }
}

/// Every check, in an order in which each one may rely on those before it.
pub const CHECKS: [Check; 13] = [
    Check::new("describe", "name, version, decisions and size are possible and constant", Run::Description),
    Check::new("sample", "samples are valid, various, and depend on the seed alone", Run::Samples),
    Check::new(
        "next",
        "a genotype makes the described decisions; what is shorter, longer or no choice is invalid",
        Run::Space(walked),
    ),
    Check::new(
        "mutate",
        "mutants are valid, differ from their parent, and depend on the seed alone",
        Run::Space(mutated),
    ),
    Check::new("crossover", "children are valid and choose as one of their parents", Run::Space(crossed)),
    Check::new("neighbors", "neighbours are valid, different, and neighbours of each other", Run::Space(neighboring)),
    Check::new(
        "standard",
        "where the space says that its answers are the standard ones, they are",
        Run::Space(standard),
    ),
    Check::new("format", "what is written is read back, and nonsense is refused", Run::Space(written)),
    Check::new("features", "features are finite, of one length, and constant", Run::Space(featured)),
    Check::new("instances", "a second instance of the space gives the same answers", Run::Twin),
    Check::new(
        "build",
        "every genotype builds a network whose shapes fit the task, the same one when asked again",
        Run::Networks(built),
    ),
    Check::new("key", "equal keys build the same network", Run::Networks(keyed)),
    Check::new(
        "supernet",
        "a supernet, where there is one, holds every choice of every decision",
        Run::Networks(|space, task, _| shared(space, task)),
    ),
];

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No counterexample was found.
    Kept,
    /// The first counterexample.
    Broken(String),
    /// Why it was not tried.
    Skipped(&'static str),
}

/// Runs every check. `twin` is another instance of the same space. Without a task, networks are not looked at.
pub fn suite(
    space: &mut dyn OpenSpace,
    twin: &mut dyn OpenSpace,
    task: Option<&Task>,
    samples: u32,
) -> Vec<(Check, Verdict)> {
    let mut genotypes: Option<Vec<Genotype>> = None;
    let mut verdicts = Vec::with_capacity(CHECKS.len());
    for check in CHECKS {
        const NO_SAMPLES: &str = "there are no samples";
        let tried = match (check.run, &genotypes, task) {
            (Run::Description, ..) => Ok(described(space)),
            (Run::Samples, ..) => Ok(sampled(space, samples).map(|found| genotypes = Some(found))),
            (Run::Networks(_), _, None) => Err("networks are not looked at"),
            (_, None, _) => Err(NO_SAMPLES),
            (Run::Space(run), Some(genotypes), _) => Ok(run(space, genotypes)),
            (Run::Twin, Some(genotypes), task) => Ok(twinned(space, twin, task, genotypes)),
            (Run::Networks(run), Some(genotypes), Some(task)) => Ok(run(space, task, genotypes)),
        };
        let verdict = match tried {
            Ok(Ok(())) => Verdict::Kept,
            Ok(Err(counterexample)) => Verdict::Broken(counterexample),
            Err(reason) => Verdict::Skipped(reason),
        };
        verdicts.push((check, verdict));
    }
    verdicts
}
