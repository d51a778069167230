//! Where the last layers of a detector start.

use std::collections::{BTreeSet, HashSet};

use nas_api::Graph;
use nas_api::graph::GraphError;
use nas_api::graph::weights::{Fill, again};
use nas_network::Plan;

/// The standard deviation of weights (Lin et al. 2017, "Focal Loss", section 4.1, which FCOS follows).
const DEVIATION: f64 = 0.01;

/// How likely every class is at every place (the same section): most places show nothing, and their loss would be all that
/// there is to a first step.
const PRIOR: f64 = 0.01;

/// The distances to all sides, in strides: a side that is nowhere above 0 has no gradient behind its rectifier, and would stay
/// there. A box of four strides is in the middle of what the finest level is for.
const DISTANCE: f32 = 2.0;

/// What hands numbers on, so that the layer that they come from is further up.
const HANDED_ON: [&str; 8] = ["Reshape", "Transpose", "Concat", "Flatten", "Slice", "Identity", "Squeeze", "Relu"];

/// Lets the layers that give classes, boxes and centreness start with small weights, and with biases of -ln((1 - π) / π), a
/// distance, and 0. Layers without a bias have small weights alone. A layer that gives two of them, which are cut out of its
/// values, starts as any other: it has no one bias.
pub fn start(plan: &mut Plan, graph: &Graph) -> Result<(), GraphError> {
    let unlikely = -((1.0 - PRIOR) / PRIOR).ln() as f32;
    let owners = graph.outputs.iter().map(|&output| last_layers(graph, output)).collect::<Result<Vec<_>, _>>()?;
    for (at, bias) in [unlikely, DISTANCE, 0.0].into_iter().enumerate().take(owners.len()) {
        let shared = |owner: &str| owners.iter().enumerate().any(|(other, all)| other != at && all.contains(owner));
        for owner in owners[at].iter().filter(|owner| !shared(owner)) {
            fill(plan, &format!("{owner}.weight"), &Fill::Normal(DEVIATION));
            fill(plan, &format!("{owner}.bias"), &Fill::Constant(bias));
        }
    }
    Ok(())
}

/// The nodes whose weights make an output, with nothing but handing on behind them.
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
            owners.insert(again(node)?.unwrap_or(&node.name));
        }
    }
    Ok(owners)
}

fn fill(plan: &mut Plan, name: &str, fill: &Fill) {
    let slots = plan.slots.iter_mut().filter(|slot| slot.tensor.name == name);
    slots.for_each(|slot| slot.tensor.fill = *fill);
}
