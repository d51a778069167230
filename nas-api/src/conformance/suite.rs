//! The list of checks of spaces, so that each can be reported by name.

use super::{
    check_crossover, check_description, check_features, check_keys, check_mutation, check_neighbors, check_networks,
    check_samples, check_standard, check_supernet, check_text, check_twins, check_walks,
};
use crate::{Genotype, OpenSpace, Task};

type SpaceCheck = fn(&mut dyn OpenSpace, &[Genotype]) -> Result<(), String>;
type NetworkCheck = fn(&mut dyn OpenSpace, &Task, &[Genotype]) -> Result<(), String>;

/// What a check examines.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// The description.
    Description,
    /// Random genotypes, which the following checks use.
    Samples,
    /// Genotypes.
    Space(SpaceCheck),
    /// A second instance of the space.
    Twin,
    /// The graphs of genotypes.
    Networks(NetworkCheck),
}

/// A check of one promise that every space must keep.
#[derive(Clone, Copy)]
pub struct Check {
    /// The name, one word.
    pub name: &'static str,
    /// The promise, one sentence.
    pub promise: &'static str,
    pub(super) run: Run,
}

impl Check {
    const fn new(name: &'static str, promise: &'static str, run: Run) -> Self {
        Self { name, promise, run }
    }

    /// Returns whether the check needs graphs, which some spaces do not build.
    pub fn needs_networks(&self) -> bool {
        matches!(self.run, Run::Networks(_))
    }
}

/// All checks, ordered so that each can rely on those before it.
pub const CHECKS: [Check; 13] = [
    Check::new("describe", "the description (name, version, decisions, size) is valid and constant", Run::Description),
    Check::new("sample", "samples are valid, vary, and depend on the seed only", Run::Samples),
    Check::new(
        "next",
        "genotypes make the described decisions; others (too short, too long, no such choice) are invalid",
        Run::Space(check_walks),
    ),
    Check::new(
        "mutate",
        "mutants are valid, differ from their parent, and depend on the seed only",
        Run::Space(check_mutation),
    ),
    Check::new(
        "crossover",
        "children are valid and make every decision as one of their parents",
        Run::Space(check_crossover),
    ),
    Check::new(
        "neighbors",
        "neighbours are valid and unique, and the relation is symmetric",
        Run::Space(check_neighbors),
    ),
    Check::new(
        "standard",
        "a space that says that it is standard answers as the standard says",
        Run::Space(check_standard),
    ),
    Check::new(
        "format",
        "parse reads what format writes, and refuses texts that are no genotype",
        Run::Space(check_text),
    ),
    Check::new(
        "features",
        "features are finite, constant, and of the same number for all genotypes",
        Run::Space(check_features),
    ),
    Check::new("instances", "another instance of the space gives the same answers", Run::Twin),
    Check::new(
        "build",
        "every genotype builds a constant graph whose shapes fit the task",
        Run::Networks(check_networks),
    ),
    Check::new("key", "equal keys build the same network", Run::Networks(check_keys)),
    Check::new(
        "supernet",
        "a supernet, if there is one, holds every choice of every decision",
        Run::Networks(|space, task, _| check_supernet(space, task)),
    ),
];

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The check found no counterexample.
    Kept,
    /// The promise is broken; this is the first counterexample.
    Broken(String),
    /// The check was not run, for this reason.
    Skipped(&'static str),
}

/// Runs every check on `samples` random genotypes. `twin` is another instance of the same space. Without a task, the
/// checks that need graphs are skipped.
pub fn suite(
    space: &mut dyn OpenSpace,
    twin: &mut dyn OpenSpace,
    task: Option<&Task>,
    samples: u32,
) -> Vec<(Check, Verdict)> {
    let mut genotypes: Option<Vec<Genotype>> = None;
    let mut verdicts = Vec::with_capacity(CHECKS.len());
    for check in CHECKS {
        const NO_SAMPLES: &str = "there are no samples, because the check 'sample' failed";
        let tried = match (check.run, &genotypes, task) {
            (Run::Description, ..) => Ok(check_description(space)),
            (Run::Samples, ..) => Ok(check_samples(space, samples).map(|found| genotypes = Some(found))),
            (Run::Networks(_), _, None) => Err("it needs networks, which are not checked"),
            (_, None, _) => Err(NO_SAMPLES),
            (Run::Space(run), Some(genotypes), _) => Ok(run(space, genotypes)),
            (Run::Twin, Some(genotypes), task) => Ok(check_twins(space, twin, task, genotypes)),
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
