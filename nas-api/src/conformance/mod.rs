//! What every space must keep, as checks that tests and hosts can run on any space, built in or a component; and what
//! every evaluator must keep that reports while it measures.
//!
//! [`suite`] runs all of them on a space and says of each whether it is kept; [`space`] ends at the first that is broken.
//! [`learning_curves`] is for evaluators. Each one returns what is broken in words that name the call and what it was called with.

mod learning_curves;
mod outputs;
mod same;
mod suite;

use std::collections::{HashMap, HashSet};

pub use learning_curves::learning_curves;
pub use suite::{CHECKS, Check, Verdict, suite};

use crate::graph::{Counts, count, shape};
use crate::{Decision, FlatSpace, Genotype, Graph, OpenSpace, SearchSpace, SpaceInfo, Task};

/// Everything below, on `samples` random genotypes and what follows from them.
pub fn space(space: &mut dyn OpenSpace, task: &Task, samples: u32) -> Result<(), String> {
    let genotypes = decided(space, samples)?;
    built(space, task, &genotypes)?;
    keyed(space, task, &genotypes)?;
    shared(space, task)
}

/// Everything below but the networks, for a space that has none. Returns the genotypes that it was tried on.
pub fn decided(space: &mut dyn OpenSpace, samples: u32) -> Result<Vec<Genotype>, String> {
    described(space)?;
    let genotypes = sampled(space, samples)?;
    walked(space, &genotypes)?;
    mutated(space, &genotypes)?;
    crossed(space, &genotypes)?;
    neighboring(space, &genotypes)?;
    standard(space, &genotypes)?;
    written(space, &genotypes)?;
    featured(space, &genotypes)?;
    Ok(genotypes)
}

/// What a call of the space returned, or that the call itself broke.
fn called<T>(name: &str, answer: crate::Result<T>) -> Result<T, String> {
    answer.map_err(|error| format!("space.{name}: {error}"))
}

fn equal<T: PartialEq>(call: &str, of: &[u32], first: &T, again: &T) -> Result<(), String> {
    if first == again { Ok(()) } else { Err(format!("{call} of {of:?} gives another answer when asked again")) }
}

fn valid(space: &mut dyn OpenSpace, genotype: &[u32], from: &str) -> Result<(), String> {
    let verdict = called("validate", space.validate(genotype))?;
    verdict.map_err(|reason| format!("{from} gave {genotype:?}, which validate refuses: {reason}"))
}

/// The name of every decision that a genotype makes.
fn decisions(space: &mut dyn OpenSpace, genotype: &[u32]) -> Result<Vec<Decision>, String> {
    let mut decisions = Vec::with_capacity(genotype.len());
    for length in 0..genotype.len() {
        let decision = called("next", space.next(&genotype[..length]))?;
        decisions.push(decision.ok_or_else(|| format!("next ends after {length} choices of {genotype:?}"))?);
    }
    match called("next", space.next(genotype))? {
        None => Ok(decisions),
        Some(more) => Err(format!("{genotype:?} is valid, but next still asks for '{}'", more.name)),
    }
}

/// Names, choices and the size are possible, and the description does not change.
pub fn described(space: &mut dyn OpenSpace) -> Result<(), String> {
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

/// As many genotypes of different seeds: valid, and the same when asked again.
pub fn sampled(space: &mut dyn OpenSpace, samples: u32) -> Result<Vec<Genotype>, String> {
    let mut genotypes = Vec::new();
    for seed in 0..samples {
        let genotype = called("sample", space.sample(seed))?;
        valid(space, &genotype, &format!("sample({seed})"))?;
        equal(&format!("sample({seed})"), &[], &genotype, &called("sample", space.sample(seed))?)?;
        genotypes.push(genotype);
    }
    let different: HashSet<&Genotype> = genotypes.iter().collect();
    if samples >= 32 && different.len() == 1 && varies(&called("describe", space.info())?) {
        return Err(format!("sample gives the same genotype for {samples} seeds"));
    }
    Ok(genotypes)
}

fn varies(info: &SpaceInfo) -> bool {
    info.decisions.iter().any(|decision| decision.len() > 1)
}

/// `next` walks through exactly the described decisions, and `validate` refuses what is too short, too long or not a
/// choice.
pub fn walked(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
    let info = called("describe", space.info())?;
    for genotype in genotypes {
        let made = decisions(space, genotype)?;
        let mut names = HashSet::new();
        for decision in &made {
            if !info.decisions.contains(decision) {
                return Err(format!(
                    "next gives a decision '{}' of {genotype:?} that is not described so",
                    decision.name
                ));
            }
            if !names.insert(&decision.name) {
                return Err(format!("next gives the decision '{}' twice within {genotype:?}", decision.name));
            }
        }
        if !info.conditional && made != info.decisions {
            return Err(format!("the space is not conditional, but {genotype:?} makes other decisions than described"));
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

/// Mutants are valid, differ from their parent where the parent makes a real choice, and depend on the seed alone.
pub fn mutated(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
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

/// Children are valid, depend on the seed alone, have only choices of their parents where both parents make the
/// decision, and equal their parents where those are equal.
pub fn crossed(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
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
                return Err(format!("crossover({a:?}, {b:?}, {seed}) gives '{name}' a choice of neither parent"));
            }
        }
        if called("crossover", space.crossover(a, a, seed))? != *a {
            return Err(format!("crossover of {a:?} with itself gives something else"));
        }
    }
    Ok(())
}

/// Neighbours are valid, unique, not the genotype itself, and have it as their neighbour.
pub fn neighboring(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
    for genotype in genotypes {
        let neighbors = called("neighbors", space.neighbors(genotype))?;
        equal("neighbors", genotype, &neighbors, &called("neighbors", space.neighbors(genotype))?)?;
        let mut seen = HashSet::new();
        for neighbor in &neighbors {
            valid(space, neighbor, &format!("neighbors({genotype:?})"))?;
            if neighbor == genotype || !seen.insert(neighbor) {
                return Err(format!("neighbors({genotype:?}) holds {neighbor:?} twice, or itself"));
            }
            if !called("neighbors", space.neighbors(neighbor))?.contains(genotype) {
                return Err(format!("{neighbor:?} is a neighbour of {genotype:?}, but not the other way round"));
            }
        }
    }
    Ok(())
}

/// Where the space says that its answers are the standard ones, they are.
pub fn standard(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
    let info = called("describe", space.info())?;
    if !info.standard {
        return Ok(());
    }
    let flat = FlatSpace::of(info).ok_or("the space says that it is standard, and that it is conditional")?;
    let same = |call: String, asked: crate::Result<Genotype>, standard: Genotype| match called(&call, asked)? {
        answer if answer == standard => Ok(()),
        answer => Err(format!("the space says that it is standard, but {call} gives {answer:?}, not {standard:?}")),
    };
    for (seed, genotype) in (0..).zip(genotypes) {
        let other = &genotypes[genotypes.len() - 1 - seed as usize];
        same(format!("sample({seed})"), space.sample(seed), SearchSpace::sample(&flat, seed))?;
        let mutant = SearchSpace::mutate(&flat, genotype, seed);
        same(format!("mutate({genotype:?}, {seed})"), space.mutate(genotype, seed), mutant)?;
        let child = SearchSpace::crossover(&flat, genotype, other, seed);
        same(format!("crossover({genotype:?}, {other:?}, {seed})"), space.crossover(genotype, other, seed), child)?;
        if called("neighbors", space.neighbors(genotype))? != SearchSpace::neighbors(&flat, genotype) {
            return Err(format!("the space says that it is standard, but neighbors({genotype:?}) are others"));
        }
    }
    Ok(())
}

/// Published texts are read back, differ for different genotypes, and nonsense is refused.
pub fn written(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
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

/// Features are finite, of one length, and the same when asked again.
pub fn featured(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<(), String> {
    let mut length = None;
    for genotype in genotypes {
        let features = called("features", space.features(genotype))?;
        equal("features", genotype, &features, &called("features", space.features(genotype))?)?;
        if *length.get_or_insert(features.len()) != features.len() {
            return Err(format!("features({genotype:?}) has {} numbers, earlier ones {length:?}", features.len()));
        }
        if features.iter().any(|feature| !feature.is_finite()) {
            return Err(format!("features({genotype:?}) holds a number that is not finite"));
        }
    }
    Ok(())
}

/// Another instance of the space says the same of itself and of every genotype, and draws the same ones. Networks are
/// compared where there is a task.
pub fn twinned(
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
        // The other way round, so that an answer that depends on earlier ones is found.
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

/// The genotypes and all neighbours of the first ones, which share their keys more often.
fn with_neighbors(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<Vec<Genotype>, String> {
    let mut all = genotypes.to_vec();
    for genotype in genotypes.iter().take(4) {
        all.extend(called("neighbors", space.neighbors(genotype))?);
    }
    Ok(all)
}

/// Every genotype and every neighbour of the first ones builds a network that shape inference accepts, the same when
/// asked again.
pub fn built(space: &mut dyn OpenSpace, task: &Task, genotypes: &[Genotype]) -> Result<(), String> {
    for genotype in with_neighbors(space, genotypes)? {
        let graph = network(space, task, &genotype)?;
        equal("build", &genotype, &graph, &network(space, task, &genotype)?)?;
        accepted(&graph, task).map_err(|problem| format!("build({genotype:?}): {problem}"))?;
        if let Some(node) = graph.nodes.iter().find(|node| node.op == "Choice") {
            return Err(format!("build({genotype:?}) leaves the choice '{}' open", node.name));
        }
    }
    Ok(())
}

/// Keys are constant, and of the genotypes and the neighbours of the first ones, those with equal keys build the same
/// network at the same cost.
pub fn keyed(space: &mut dyn OpenSpace, task: &Task, genotypes: &[Genotype]) -> Result<(), String> {
    let mut by_key: HashMap<String, (Counts, Vec<u64>, Genotype)> = HashMap::new();
    for genotype in with_neighbors(space, genotypes)? {
        let key = called("key", space.key(&genotype))?;
        equal("key", &genotype, &key, &called("key", space.key(&genotype))?)?;
        let graph = network(space, task, &genotype)?;
        let counts = accepted(&graph, task).map_err(|problem| format!("build({genotype:?}): {problem}"))?;
        let shapes = shape::infer(&graph, &task.input_shape).map_err(|error| error.to_string())?;
        let print = same::fingerprint(&graph, &shapes);
        let (first, same, other) = by_key.entry(key).or_insert_with(|| (counts, print.clone(), genotype.clone()));
        if (first.params, first.macs, first.flops) != (counts.params, counts.macs, counts.flops) {
            return Err(format!("{genotype:?} and {other:?} have one key, but networks of different cost"));
        }
        if *same != print {
            return Err(format!("{genotype:?} and {other:?} have one key, but are different networks"));
        }
    }
    Ok(())
}

fn network(space: &mut dyn OpenSpace, task: &Task, genotype: &[u32]) -> Result<Graph, String> {
    let graph = called("build", space.build(genotype, task))?;
    graph.map_err(|reason| format!("build({genotype:?}) refuses the task: {reason}"))
}

/// The cost of a network whose shapes fit and whose outputs are the task's.
fn accepted(graph: &Graph, task: &Task) -> Result<Counts, String> {
    let shapes = shape::infer(graph, &task.input_shape).map_err(|error| error.to_string())?;
    let outputs: Vec<&shape::Shape> = graph.outputs.iter().filter_map(|&output| shapes.get(output as usize)).collect();
    outputs::wanted(&outputs, task)?;
    count::count(graph, &shapes).map_err(|error| error.to_string())
}

/// A supernet, where there is one, ties each `Choice` to a described decision, with one input per choice.
pub fn shared(space: &mut dyn OpenSpace, task: &Task) -> Result<(), String> {
    let graph = called("supernet", space.supernet(task))?;
    let Some(graph) = graph.map_err(|reason| format!("supernet refuses the task: {reason}"))? else { return Ok(()) };
    accepted(&graph, task).map_err(|problem| format!("supernet: {problem}"))?;
    let info = called("describe", space.info())?;
    let mut tied = HashSet::new();
    for node in graph.nodes.iter().filter(|node| node.op == "Choice") {
        let name = node.text("decision", "").map_err(|error| error.to_string())?;
        let Some(decision) = info.decisions.iter().find(|decision| decision.name == name) else {
            return Err(format!("supernet: node '{}' is tied to '{name}', which is no decision", node.name));
        };
        if decision.choices.len() != node.inputs.len() {
            let (inputs, choices) = (node.inputs.len(), decision.choices.len());
            return Err(format!("supernet: node '{}' has {inputs} inputs, but '{name}' {choices} choices", node.name));
        }
        tied.insert(name);
    }
    match info.decisions.iter().find(|decision| decision.len() > 1 && !tied.contains(decision.name.as_str())) {
        Some(free) => Err(format!("supernet: no node is tied to the decision '{}'", free.name)),
        None => Ok(()),
    }
}
