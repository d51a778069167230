//! Draws architectures.
//!
//! A network of thousands of nodes is folded into a picture that is readable at a glance: groups by the nodes' names,
//! and repetitions, are drawn once, beside a small chain for the whole. Equal arguments give equal bytes.

mod compare;
mod error;
mod fold;
mod kind;
mod layout;
mod page;
mod plan;
mod raster;
mod svg;
mod text;

use nas_api::Graph;
use nas_api::graph::{count, inference, shape};

pub use error::DrawError;
pub use raster::png;
pub use svg::{escaped, with_font};

/// A network that is drawn.
#[derive(Clone, Debug)]
pub struct Subject<'s> {
    /// The network.
    pub graph: &'s Graph,
    /// The shape of one example, without the batch.
    pub input_shape: &'s [i64],
    /// The line above the picture.
    pub title: String,
    /// The text below the title, such as the formatted genotype; may be empty.
    pub text: String,
    /// Every decision with its choice. A box whose name contains that of a decision shows the choice.
    pub choices: Vec<(String, String)>,
}

/// Returns the picture of a network as SVG.
///
/// # Errors
/// Fails if the graph is invalid for the input shape, or too large to be readable.
pub fn draw(subject: &Subject<'_>) -> Result<String, DrawError> {
    let (plan, costs) = planned(subject)?;
    let side = page::Side { title: &subject.title, text: &subject.text, costs: &costs, plan: &plan };
    page::page(&[side], &[])
}

/// Returns the picture of two networks side by side as SVG. What one has and the other lacks is marked in both.
///
/// # Errors
/// Fails if a graph is invalid for its input shape, or too large to be readable.
pub fn compare(one: &Subject<'_>, other: &Subject<'_>) -> Result<String, DrawError> {
    let (mut left, left_costs) = planned(one)?;
    let (mut right, right_costs) = planned(other)?;
    compare::mark(&mut left, &mut right);
    // Equal blocks are drawn on the left only.
    right.blocks.retain(|block| !block.is_same());
    let differences = compare::different_decisions(one, other);
    let sides = [
        page::Side { title: &one.title, text: &one.text, costs: &left_costs, plan: &left },
        page::Side { title: &other.title, text: &other.text, costs: &right_costs, plan: &right },
    ];
    page::page(&sides, &differences)
}

fn planned(subject: &Subject<'_>) -> Result<(plan::Plan, String), DrawError> {
    shape::infer(subject.graph, subject.input_shape)?;
    // Nodes that only training uses are not drawn.
    let graph = inference(subject.graph);
    let subject = &Subject { graph: &graph, ..subject.clone() };
    let shapes = shape::infer(subject.graph, subject.input_shape)?;
    let counts = count::count(subject.graph, &shapes)?;
    let plan = plan::Plan::of(subject, &shapes)?;
    let costs = format!(
        "{} parameters, {} multiply-accumulates, {} FLOPs, depth {}, {} nodes",
        text::number(counts.params),
        text::number(counts.macs),
        text::number(counts.flops),
        text::number(counts.depth),
        text::number(subject.graph.nodes.len() as u64),
    );
    Ok((plan, costs))
}
