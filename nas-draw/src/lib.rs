//! Pictures of architectures. A network of thousands of nodes is folded into what a person sees at a glance: what the
//! nodes' names group and what repeats is drawn once, beside a small chain of the whole. Equal arguments give equal bytes.

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

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Subject<'s> {
    /// The network.
    pub graph: &'s Graph,
    /// The shape of one example, without the batch.
    pub input_shape: &'s [i64],
    /// The line above the picture.
    pub title: String,
    /// What stands below the title, as people write the architecture; may be empty.
    pub text: String,
    /// Every decision with what was chosen. Boxes whose names name a decision show its choice.
    pub choices: Vec<(String, String)>,
}

/// The picture of one network, as SVG.
pub fn draw(subject: &Subject<'_>) -> Result<String, DrawError> {
    let (plan, costs) = planned(subject)?;
    let side = page::Side { title: &subject.title, text: &subject.text, costs: &costs, plan: &plan };
    page::page(&[side], &[])
}

/// Two networks side by side, as SVG. What the one has and the other has not is marked in both.
pub fn compare(one: &Subject<'_>, other: &Subject<'_>) -> Result<String, DrawError> {
    let (mut left, left_costs) = planned(one)?;
    let (mut right, right_costs) = planned(other)?;
    compare::mark(&mut left, &mut right);
    // Blocks that are the same stand on the left.
    right.blocks.retain(|block| !block.is_same());
    let words = compare::words(one, other);
    let sides = [
        page::Side { title: &one.title, text: &one.text, costs: &left_costs, plan: &left },
        page::Side { title: &other.title, text: &other.text, costs: &right_costs, plan: &right },
    ];
    page::page(&sides, &words)
}

fn planned(subject: &Subject<'_>) -> Result<(plan::Plan, String), DrawError> {
    shape::infer(subject.graph, subject.input_shape)?;
    // What is for training alone is not drawn.
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
