//! Where the numbers of the classes start.

use nas_api::Graph;
use nas_api::graph::GraphError;
use nas_api::graph::weights::{Fill, again};

use crate::model::Plan;

/// How likely every class is at every place before training (Lin et al. 2017, "Focal Loss", section 4.1): most places show
/// nothing, and their loss would be all that there is to a first step.
const PRIOR: f64 = 0.01;

/// What hands numbers on, so that their biases are further up.
const ARRANGED: [&str; 7] = ["Reshape", "Transpose", "Concat", "Flatten", "Slice", "Identity", "Squeeze"];

/// Lets the biases of the layers that give the first output, which is that of the classes, start at -ln((1 - π) / π). Layers
/// without a bias start as ever.
pub fn expect_little(plan: &mut Plan, graph: &Graph) -> Result<(), GraphError> {
    let start = Fill::Constant(-((1.0 - PRIOR) / PRIOR).ln() as f32);
    let mut open: Vec<u32> = graph.outputs.first().copied().into_iter().collect();
    while let Some(node) = open.pop().map(|at| &graph.nodes[at as usize]) {
        if ARRANGED.contains(&node.op.as_str()) {
            open.extend(&node.inputs);
        } else if matches!(node.op.as_str(), "Conv" | "ConvTranspose" | "Gemm") {
            let bias = format!("{}.bias", again(node)?.unwrap_or(&node.name));
            let slots = plan.slots.iter_mut().filter(|slot| slot.tensor.name == bias);
            slots.for_each(|slot| slot.tensor.fill = start);
        }
    }
    Ok(())
}
