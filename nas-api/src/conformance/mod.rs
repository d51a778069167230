//! Checks of the promises of the contract, for tests of plugins and for `nas space check`.
//!
//! For spaces, built in or components, [`suite`] runs every check and returns a verdict for each, and [`check_space`] stops
//! at the first broken promise. [`check_learning_curves`] checks evaluators. A broken promise is described by the call and
//! its arguments.

mod equivalence;
mod learning_curves;
mod networks;
mod outputs;
mod suite;

use std::collections::{HashMap, HashSet};

pub use learning_curves::check_learning_curves;
pub use networks::{check_keys, check_networks, check_supernet};
pub use suite::{CHECKS, Check, Verdict, suite};

use crate::{Decision, FlatSpace, Genotype, OpenSpace, SearchSpace, SpaceInfo, Task};

/// Runs every check on `samples` random genotypes and on genotypes derived from them.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_space(space: &mut dyn OpenSpace, task: &Task, samples: u32) -> Result<(), String> {
    let genotypes = check_decisions(space, samples)?;
    check_networks(space, task, &genotypes)?;
    check_keys(space, task, &genotypes)?;
    check_supernet(space, task)
}

/// Runs the checks that need no graphs, for a space that builds none. Returns the random genotypes.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_decisions(space: &mut dyn OpenSpace, samples: u32) -> Result<Vec<Genotype>, String> {
    check_description(space)?;
    let genotypes = check_samples(space, samples)?;
    check_walks(space, &genotypes)?;
    check_mutation(space, &genotypes)?;
    check_crossover(space, &genotypes)?;
    check_neighbors(space, &genotypes)?;
    check_standard(space, &genotypes)?;
    check_text(space, &genotypes)?;
    check_features(space, &genotypes)?;
    Ok(genotypes)
}

/// Returns what a call of the space returned, or a description of its breakdown.
fn called<T>(name: &str, answer: crate::Result<T>) -> Result<T, String> {
    answer.map_err(|error| format!("space.{name}: {error}"))
}

fn equal<T: PartialEq>(call: &str, of: &[u32], first: &T, again: &T) -> Result<(), String> {
    if first == again { Ok(()) } else { Err(format!("{call} of {of:?} returns another value when called again")) }
}

fn valid(space: &mut dyn OpenSpace, genotype: &[u32], from: &str) -> Result<(), String> {
    let verdict = called("validate", space.validate(genotype))?;
    verdict.map_err(|reason| format!("{from} gave {genotype:?}, which validate refuses: {reason}"))
}

/// Returns the decisions that a genotype makes.
fn decisions(space: &mut dyn OpenSpace, genotype: &[u32]) -> Result<Vec<Decision>, String> {
    let mut decisions = Vec::with_capacity(genotype.len());
    for length in 0..genotype.len() {
        let decision = called("next", space.next(&genotype[..length]))?;
        decisions.push(decision.ok_or_else(|| format!("next returns none after {length} choices of {genotype:?}"))?);
    }
    match called("next", space.next(genotype))? {
        None => Ok(decisions),
        Some(more) => Err(format!("{genotype:?} is valid, but next returns the decision '{}' after it", more.name)),
    }
}

/// Checks that the description is valid (names, choices, size) and constant.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_description(space: &mut dyn OpenSpace) -> Result<(), String> {
    let info = called("describe", space.info())?;
    equal("describe", &[], &info, &called("describe", space.info())?)?;
    if info.name.is_empty() || info.version.is_empty() {
        return Err("a space needs a name and a version".into());
    }
    let mut names = HashSet::new();
    for decision in &info.decisions {
        let name = &decision.name;
        if !names.insert(name) {
            return Err(format!("the decision '{name}' is described twice"));
        }
        let choices: HashSet<&String> = decision.choices.iter().collect();
        if decision.is_empty() || choices.len() != decision.choices.len() {
            return Err(format!("the decision '{name}' has no choices, or two of the same name"));
        }
    }
    match info.log10_size {
        Some(size) if size.is_nan() || size < 0.0 => Err(format!("log10 of the number of genotypes cannot be {size}")),
        _ => Ok(()),
    }
}

/// Checks that samples are valid and depend on the seed only. Returns one genotype for each of `samples` seeds.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_samples(space: &mut dyn OpenSpace, samples: u32) -> Result<Vec<Genotype>, String> {
    let mut genotypes = Vec::new();
    for seed in 0..samples {
        let genotype = called("sample", space.sample(seed))?;
        valid(space, &genotype, &format!("sample({seed})"))?;
        equal(&format!("sample({seed})"), &[], &genotype, &called("sample", space.sample(seed))?)?;
        genotypes.push(genotype);
    }
    let different: HashSet<&Genotype> = genotypes.iter().collect();
    if samples >= 32 && different.len() == 1 && varies(&called("describe", space.info())?) {
        return Err(format!("sample returns the same genotype for {samples} seeds"));
    }
    Ok(genotypes)
}

fn varies(info: &SpaceInfo) -> bool {
    info.decisions.iter().any(|decision| decision.len() > 1)
}

/// Checks that `next` returns exactly the described decisions, and that `validate` refuses genotypes that are too
/// short, too long or have a choice that does not exist.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_walks(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
    let info = called("describe", space.info())?;
    for genotype in genotypes {
        let made = decisions(space, genotype)?;
        let mut names = HashSet::new();
        for decision in &made {
            if !info.decisions.contains(decision) {
                return Err(format!(
                    "next returns a decision '{}' of {genotype:?} that differs from the description",
                    decision.name
                ));
            }
            if !names.insert(&decision.name) {
                return Err(format!("next returns the decision '{}' twice within {genotype:?}", decision.name));
            }
        }
        if !info.conditional && made != info.decisions {
            return Err(format!(
                "the space is not conditional, but {genotype:?} makes other decisions than the described ones"
            ));
        }
        let mut wrong = vec![[&genotype[..], &[0]].concat()];
        if let Some((last, shorter)) = genotype.split_last() {
            wrong.push(shorter.to_vec());
            wrong.push([shorter, &[last.saturating_add(u32::MAX / 2)]].concat());
        }
        for wrong in wrong {
            if called("validate", space.validate(&wrong))?.is_ok() {
                return Err(format!("validate accepts {wrong:?}, although {genotype:?} is complete"));
            }
        }
    }
    Ok(())
}

/// Checks that mutants are valid, depend on the seed only, and differ from their parent if that makes a decision with
/// more than one choice.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_mutation(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
    for parent in genotypes {
        let open = decisions(space, parent)?.iter().any(|decision| decision.len() > 1);
        for seed in 0..8 {
            let child = called("mutate", space.mutate(parent, seed))?;
            valid(space, &child, &format!("mutate({parent:?}, {seed})"))?;
            if open && child == *parent {
                return Err(format!("mutate({parent:?}, {seed}) changes nothing"));
            }
            equal("mutate", parent, &child, &called("mutate", space.mutate(parent, seed))?)?;
        }
    }
    Ok(())
}

/// Checks that children are valid and depend on the seed only, that they choose as one of their parents if both make
/// the decision, and that equal parents have equal children.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_crossover(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
    for (seed, pair) in (0..).zip(genotypes.windows(2)) {
        let [a, b] = pair else { continue };
        let child = called("crossover", space.crossover(a, b, seed))?;
        valid(space, &child, &format!("crossover({a:?}, {b:?}, {seed})"))?;
        equal("crossover", a, &child, &called("crossover", space.crossover(a, b, seed))?)?;
        let by_name = |decisions: Vec<Decision>, genotype: &[u32]| -> HashMap<String, u32> {
            decisions.into_iter().map(|decision| decision.name).zip(genotype.iter().copied()).collect()
        };
        let from_a = by_name(decisions(space, a)?, a);
        let from_b = by_name(decisions(space, b)?, b);
        for (decision, choice) in decisions(space, &child)?.iter().zip(&child) {
            if let (Some(one), Some(other)) = (from_a.get(&decision.name), from_b.get(&decision.name))
                && choice != one
                && choice != other
            {
                let name = &decision.name;
                return Err(format!("crossover({a:?}, {b:?}, {seed}) makes the decision '{name}' as neither parent"));
            }
        }
        if called("crossover", space.crossover(a, a, seed))? != *a {
            return Err(format!("crossover of {a:?} with itself returns another genotype"));
        }
    }
    Ok(())
}

/// Checks that neighbours are valid, unique and not the genotype itself, and that the relation is symmetric.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_neighbors(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
    for genotype in genotypes {
        let neighbors = called("neighbors", space.neighbors(genotype))?;
        equal("neighbors", genotype, &neighbors, &called("neighbors", space.neighbors(genotype))?)?;
        let mut seen = HashSet::new();
        for neighbor in &neighbors {
            valid(space, neighbor, &format!("neighbors({genotype:?})"))?;
            if neighbor == genotype || !seen.insert(neighbor) {
                return Err(format!("neighbors({genotype:?}) contains {neighbor:?} twice, or the genotype itself"));
            }
            if !called("neighbors", space.neighbors(neighbor))?.contains(genotype) {
                return Err(format!("{neighbor:?} is a neighbour of {genotype:?}, but not the other way round"));
            }
        }
    }
    Ok(())
}

/// Checks that a space that declares itself [standard](SpaceInfo::standard) answers as [`FlatSpace`] does.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_standard(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
    let info = called("describe", space.info())?;
    if !info.standard {
        return Ok(());
    }
    let flat = FlatSpace::from_info(info).ok_or("the space says that it is both standard and conditional")?;
    let same = |call: String, asked: crate::Result<Genotype>, standard: Genotype| match called(&call, asked)? {
        answer if answer == standard => Ok(()),
        answer => Err(format!("the space says that it is standard, but {call} returns {answer:?}, not {standard:?}")),
    };
    for (seed, genotype) in (0..).zip(genotypes) {
        let other = &genotypes[genotypes.len() - 1 - seed as usize];
        same(format!("sample({seed})"), space.sample(seed), SearchSpace::sample(&flat, seed))?;
        let mutant = SearchSpace::mutate(&flat, genotype, seed);
        same(format!("mutate({genotype:?}, {seed})"), space.mutate(genotype, seed), mutant)?;
        let child = SearchSpace::crossover(&flat, genotype, other, seed);
        same(format!("crossover({genotype:?}, {other:?}, {seed})"), space.crossover(genotype, other, seed), child)?;
        if called("neighbors", space.neighbors(genotype))? != SearchSpace::neighbors(&flat, genotype) {
            return Err(format!(
                "the space says that it is standard, but neighbors({genotype:?}) are not the standard ones"
            ));
        }
    }
    Ok(())
}

/// Checks that `parse` reads what `format` writes, and refuses texts that are no genotype.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_text(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
    for genotype in genotypes {
        let text = called("format", space.format(genotype))?;
        let parsed = called("parse", space.parse(&text))?;
        let parsed =
            parsed.map_err(|reason| format!("format({genotype:?}) is '{text}', which parse refuses: {reason}"))?;
        if parsed != *genotype {
            return Err(format!("format({genotype:?}) is '{text}', which parse reads as {parsed:?}"));
        }
    }
    for nonsense in ["no such architecture", "\u{0}", "=,=,=", "|||+|||"] {
        if let Ok(genotype) = called("parse", space.parse(nonsense))? {
            return Err(format!("parse reads '{nonsense}' as {genotype:?}"));
        }
    }
    Ok(())
}

/// Checks that features are finite, constant and of the same number for all genotypes.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_features(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
    let mut length = None;
    for genotype in genotypes {
        let features = called("features", space.features(genotype))?;
        equal("features", genotype, &features, &called("features", space.features(genotype))?)?;
        if *length.get_or_insert(features.len()) != features.len() {
            return Err(format!(
                "features({genotype:?}) has {} numbers, unlike earlier ones ({length:?})",
                features.len()
            ));
        }
        if features.iter().any(|feature| !feature.is_finite()) {
            return Err(format!("features({genotype:?}) contains a number that is not finite"));
        }
    }
    Ok(())
}

/// Checks that another instance of the space returns the same description, samples, mutants, keys, texts and features;
/// with a task, also the same graphs.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_twins(
    space: &mut dyn OpenSpace,
    twin: &mut dyn OpenSpace,
    task: Option<&Task>,
    genotypes: &[Genotype],
) -> Result<(), String> {
    fn alike<T: PartialEq>(call: &str, of: &[u32], ours: &T, theirs: &T) -> Result<(), String> {
        if ours == theirs {
            Ok(())
        } else {
            Err(format!("{call} of {of:?} differs between two instances of the space"))
        }
    }
    alike("describe", &[], &called("describe", space.info())?, &called("describe", twin.info())?)?;
    for (seed, genotype) in (0..).zip(genotypes) {
        // The reverse order finds answers that depend on earlier calls.
        let last = &genotypes[genotypes.len() - 1 - seed as usize];
        let theirs = called("sample", twin.sample(seed))?;
        alike(&format!("sample({seed})"), &[], genotype, &theirs)?;
        alike("key", last, &called("key", space.key(last))?, &called("key", twin.key(last))?)?;
        alike("format", last, &called("format", space.format(last))?, &called("format", twin.format(last))?)?;
        alike("features", last, &called("features", space.features(last))?, &called("features", twin.features(last))?)?;
        let mutants = (called("mutate", space.mutate(last, seed))?, called("mutate", twin.mutate(last, seed))?);
        alike(&format!("mutate with seed {seed}"), last, &mutants.0, &mutants.1)?;
        if let Some(task) = task {
            alike(
                "build",
                last,
                &called("build", space.build(last, task))?,
                &called("build", twin.build(last, task))?,
            )?;
        }
    }
    Ok(())
}
