//! Initial weights of the last layers of a detector.

use std::collections::{BTreeSet, HashSet};

use nas_api::Graph;
use nas_api::graph::GraphError;
use nas_api::graph::weights::{Initializer, shared_owner};
use nas_network::Plan;

/// The standard deviation of the weights (Lin et al. 2017, "Focal Loss", section 4.1, which FCOS follows).
const DEVIATION: f64 = 0.01;

/// The initial probability of every class at every place (the same section). Most places show nothing; without this,
/// their loss would dominate the first steps.
const PRIOR: f64 = 0.01;

/// The initial distances to all sides, in strides. A distance that is never above 0 has no gradient before its
/// rectifier and would stay there. A box of four strides is in the middle of the sizes that the finest level takes.
const DISTANCE: f32 = 2.0;

/// Operators that pass numbers on, so that the layer that computes them comes earlier.
const HANDED_ON: [&str; 8] = ["Reshape", "Transpose", "Concat", "Flatten", "Slice", "Identity", "Squeeze", "Relu"];

/// Initialises the layers that compute classes, boxes and centreness with small weights and with the biases -ln((1 - π)
/// / π), a distance, and 0. Layers without a bias only get small weights. A layer that computes several of these
/// outputs, which are then sliced from its value, keeps its usual initial weights, since no single bias fits.
///
/// # Errors
///
/// Fails if an attribute of a node is invalid.
pub fn start(plan: &mut Plan, graph: &Graph) -> Result<(), GraphError> {
    let unlikely = -((1.0 - PRIOR) / PRIOR).ln() as f32;
    let owners = graph.outputs.iter().map(|&output| last_layers(graph, output)).collect::<Result<Vec<_>, _>>()?;
    for (at, bias) in [unlikely, DISTANCE, 0.0].into_iter().enumerate().take(owners.len()) {
        let shared = |owner: &str| owners.iter().enumerate().any(|(other, all)| other != at && all.contains(owner));
        for owner in owners[at].iter().filter(|owner| !shared(owner)) {
            fill(plan, &format!("{owner}.weight"), &Initializer::Normal(DEVIATION));
            fill(plan, &format!("{owner}.bias"), &Initializer::Constant(bias));
        }
    }
    Ok(())
}

/// The nodes whose weights compute an output, followed only by operators that pass numbers on.
fn last_layers(graph: &Graph, output: u32) -> Result<BTreeSet<&str>, GraphError> {
    let (mut open, mut seen, mut owners) = (vec![output], HashSet::new(), BTreeSet::new());
    while let Some(at) = open.pop() {
        let node = &graph.nodes[at as usize];
        if !seen.insert(at) {
            continue;
        }
        if HANDED_ON.contains(&node.op.as_str()) {
            open.extend(&node.inputs);
        } else if matches!(node.op.as_str(), "Conv" | "ConvTranspose" | "Gemm") {
            owners.insert(shared_owner(node)?.unwrap_or(&node.name));
        }
    }
    Ok(owners)
}

fn fill(plan: &mut Plan, name: &str, fill: &Initializer) {
    let slots = plan.slots.iter_mut().filter(|slot| slot.tensor.name == name);
    slots.for_each(|slot| slot.tensor.initializer = *fill);
}
