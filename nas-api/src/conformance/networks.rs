//! The checks of the graphs that a space builds.

use std::collections::{HashMap, HashSet};

use super::{called, equal, equivalence, outputs};
use crate::graph::{Counts, count, shape};
use crate::{Genotype, Graph, OpenSpace, Task};

/// Returns the genotypes and all neighbours of the first four, which more often share keys.
fn with_neighbors(space: &mut dyn OpenSpace, genotypes: &[Genotype]) -> Result<Vec<Genotype>, String> {
    let mut all = genotypes.to_vec();
    for genotype in genotypes.iter().take(4) {
        all.extend(called("neighbors", space.neighbors(genotype))?);
    }
    Ok(all)
}

/// Checks that every genotype, and every neighbour of the first ones, builds a graph that shape inference accepts, that
/// has the outputs of the task and no open `Choice`, and that is constant.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_networks(space: &mut dyn OpenSpace, task: &Task, genotypes: &[Genotype]) -> Result<(), String> {
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

/// Checks that keys are constant, and that genotypes with equal keys build the same network at the same cost. The
/// neighbours of the first genotypes are checked as well.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_keys(space: &mut dyn OpenSpace, task: &Task, genotypes: &[Genotype]) -> Result<(), String> {
    let mut by_key: HashMap<String, (Counts, Vec<u64>, Genotype)> = HashMap::new();
    for genotype in with_neighbors(space, genotypes)? {
        let key = called("key", space.key(&genotype))?;
        equal("key", &genotype, &key, &called("key", space.key(&genotype))?)?;
        let graph = network(space, task, &genotype)?;
        let counts = accepted(&graph, task).map_err(|problem| format!("build({genotype:?}): {problem}"))?;
        let shapes = shape::infer(&graph, &task.input_shape).map_err(|error| error.to_string())?;
        let fingerprint = equivalence::fingerprint(&graph, &shapes);
        let (first, same, other) = by_key.entry(key).or_insert_with(|| (counts, fingerprint.clone(), genotype.clone()));
        if (first.params, first.macs, first.flops) != (counts.params, counts.macs, counts.flops) {
            return Err(format!("{genotype:?} and {other:?} have the same key, but networks of different cost"));
        }
        if *same != fingerprint {
            return Err(format!("{genotype:?} and {other:?} have the same key, but are different networks"));
        }
    }
    Ok(())
}

fn network(space: &mut dyn OpenSpace, task: &Task, genotype: &[u32]) -> Result<Graph, String> {
    let graph = called("build", space.build(genotype, task))?;
    graph.map_err(|reason| format!("build({genotype:?}) refuses the task: {reason}"))
}

/// Returns the static metrics of a graph, if its shapes fit and its outputs are those of the task.
fn accepted(graph: &Graph, task: &Task) -> Result<Counts, String> {
    let shapes = shape::infer(graph, &task.input_shape).map_err(|error| error.to_string())?;
    let outputs: Vec<&shape::Shape> = graph.outputs.iter().filter_map(|&output| shapes.get(output as usize)).collect();
    outputs::check(&outputs, task)?;
    count::count(graph, &shapes).map_err(|error| error.to_string())
}

/// Checks that the supernet, if the space has one, ties each `Choice` to a described decision and each decision to a
/// `Choice`, with one input per choice.
///
/// # Errors
///
/// Returns a description of the first broken promise.
pub fn check_supernet(space: &mut dyn OpenSpace, task: &Task) -> Result<(), String> {
    let graph = called("supernet", space.supernet(task))?;
    let Some(graph) = graph.map_err(|reason| format!("supernet refuses the task: {reason}"))? else { return Ok(()) };
    accepted(&graph, task).map_err(|problem| format!("supernet: {problem}"))?;
    let info = called("describe", space.info())?;
    let mut tied = HashSet::new();
    for node in graph.nodes.iter().filter(|node| node.op == "Choice") {
        let name = node.text("decision", "").map_err(|error| error.to_string())?;
        let Some(decision) = info.decisions.iter().find(|decision| decision.name == name) else {
            return Err(format!("supernet: node '{}' is tied to '{name}', which is not a decision", node.name));
        };
        if decision.choices.len() != node.inputs.len() {
            let (inputs, choices) = (node.inputs.len(), decision.choices.len());
            return Err(format!(
                "supernet: node '{}' has {inputs} inputs, but '{name}' has {choices} choices",
                node.name
            ));
        }
        tied.insert(name);
    }
    match info.decisions.iter().find(|decision| decision.len() > 1 && !tied.contains(decision.name.as_str())) {
        Some(free) => Err(format!("supernet: no node is tied to the decision '{}'", free.name)),
        None => Ok(()),
    }
}
