//! Where the last layers of a detector start.

use nas_api::Graph;
use nas_api::graph::GraphError;
use nas_api::graph::weights::{Fill, again};

use crate::model::Plan;

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
/// distance, and 0. Layers without a bias have small weights alone.
pub fn start(plan: &mut Plan, graph: &Graph) -> Result<(), GraphError> {
    let unlikely = -((1.0 - PRIOR) / PRIOR).ln() as f32;
    for (&output, bias) in graph.outputs.iter().zip([unlikely, DISTANCE, 0.0]) {
        let mut open = vec![output];
        while let Some(node) = open.pop().map(|at| &graph.nodes[at as usize]) {
            if HANDED_ON.contains(&node.op.as_str()) {
                open.extend(&node.inputs);
            } else if matches!(node.op.as_str(), "Conv" | "ConvTranspose" | "Gemm") {
                let owner = again(node)?.unwrap_or(&node.name);
                let fill = |plan: &mut Plan, what: &str, fill: Fill| {
                    let name = format!("{owner}.{what}");
                    let slots = plan.slots.iter_mut().filter(|slot| slot.tensor.name == name);
                    slots.for_each(|slot| slot.tensor.fill = fill);
                };
                fill(plan, "weight", Fill::Normal(DEVIATION));
                fill(plan, "bias", Fill::Constant(bias));
            }
        }
    }
    Ok(())
}
