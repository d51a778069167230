//! The network around the cells (Liu et al. 2019, section 3 and appendix A): a stem, cells with reduction cells at one
//! and two thirds of the depth, the head, and optionally an auxiliary head for training.

use nas_api::graph::Convolution;
use nas_api::{Attribute, Graph, GraphBuilder, NodeId, Window};

use super::auxiliary;
use super::cell::{Cell, OPERATIONS, Operation, sources};
use crate::blocks::{classifier, conv, conv_norm, depthwise, half};

/// The stem before the cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stem {
    /// One 3×3 convolution to three times the channels.
    Cifar,
    /// Three 3×3 convolutions of stride 2.
    ImageNet,
}

/// The settings of the task.
#[derive(Clone, Copy, Debug)]
pub struct Skeleton {
    /// The kind of stem.
    pub stem: Stem,
    /// The number of cells.
    pub layers: u32,
    /// Channels of the first cell; each reduction cell doubles them.
    pub channels: i64,
    /// The number of values that the network returns.
    pub outputs: i64,
    /// Whether a head for training follows the cell at two thirds of the depth.
    pub auxiliary: bool,
}

/// What the cells are.
pub enum Cells {
    /// This normal cell and this reduction cell.
    Chosen(Box<[Cell; 2]>),
    /// Every edge has all operations, joined by `Choice` nodes.
    Supernet,
}

/// A value between cells: its node, and its height and width.
#[derive(Clone, Copy)]
struct State {
    node: NodeId,
    sides: [i64; 2],
}

/// What the operation of an edge depends on.
struct EdgeContext {
    channels: i64,
    stride: i64,
    /// Height and width of the value that it reads.
    sides: [i64; 2],
}

impl Skeleton {
    /// Whether the cell at an index is a reduction cell.
    fn reduces(&self, layer: u32) -> bool {
        layer == self.layers / 3 || layer == 2 * self.layers / 3
    }

    /// The least side of an image. The factorised reduction cannot halve a side of 1, and the auxiliary head needs a
    /// side of 8, or 7 after the ImageNet stem.
    pub fn least_side(&self) -> i64 {
        let halvings = (0..self.layers).filter(|&layer| self.reduces(layer)).count();
        let before = if self.stem == Stem::ImageNet { 3 } else { 0 };
        if self.auxiliary {
            // The head follows every halving. `half` rounds up, so that k halvings reduce (n - 1) * 2^k + 1 to n.
            return ((auxiliary::least_side(self.stem) - 1) << (before + halvings)) + 1;
        }
        // `half` rounds up, so that k halvings reduce a side of 2^k + 1 to 2.
        let doublings = before + halvings.saturating_sub(1);
        if doublings == 0 { 2 } else { (1 << doublings) + 1 }
    }

    /// The network for images of these sides.
    pub fn network(&self, cells: &Cells, sides: [i64; 2]) -> Graph {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let [mut before, mut last] = self.stem(&mut graph, State { node: input, sides });
        let mut channels = self.channels;
        let mut reduced = self.stem == Stem::ImageNet;
        for layer in 0..self.layers {
            let reduces = self.reduces(layer);
            channels *= if reduces { 2 } else { 1 };
            let name = format!("cell{}", layer + 1);
            let pre = |graph: &mut GraphBuilder, which: &str, state: State, reduce: bool| {
                let name = format!("{name}.{which}");
                if reduce {
                    return State {
                        node: factorized_reduction(graph, &name, state.node, channels, state.sides),
                        sides: state.sides.map(half),
                    };
                }
                State { node: relu_conv_norm(graph, &name, state.node, conv(channels, 1, 1)), ..state }
            };
            let inputs = [pre(&mut graph, "input0", before, reduced), pre(&mut graph, "input1", last, false)];
            let node = match cells {
                Cells::Chosen(cells) => {
                    let cell = &cells[usize::from(reduces)];
                    chosen(&mut graph, &name, inputs, channels, reduces, cell)
                }
                Cells::Supernet => supernet(&mut graph, &name, inputs, channels, reduces),
            };
            let sides = if reduces { last.sides.map(half) } else { last.sides };
            (before, last) = (last, State { node, sides });
            reduced = reduces;
            if self.auxiliary && layer == 2 * self.layers / 3 {
                auxiliary::head(&mut graph, node, self.stem, self.outputs);
            }
        }
        let logits = classifier(&mut graph, last.node, self.outputs);
        graph.finish(&[logits])
    }

    /// The two values that the first cell reads.
    fn stem(&self, graph: &mut GraphBuilder, input: State) -> [State; 2] {
        if self.stem == Stem::Cifar {
            let node = conv_norm(graph, "stem", input.node, conv(3 * self.channels, 3, 1));
            return [State { node, ..input }; 2];
        }
        let sides = input.sides.map(half).map(half);
        let value = conv_norm(graph, "stem.a", input.node, conv((self.channels / 2).max(1), 3, 2));
        let value = graph.op("stem.a.relu", "Relu", &[value]);
        let first = conv_norm(graph, "stem.b", value, conv(self.channels, 3, 2));
        let second = relu_conv_norm(graph, "stem.c", first, conv(self.channels, 3, 2));
        [State { node: first, sides }, State { node: second, sides: sides.map(half) }]
    }
}

fn relu_conv_norm(graph: &mut GraphBuilder, name: &str, from: NodeId, conv: Convolution) -> NodeId {
    let value = graph.op(format!("{name}.relu"), "Relu", &[from]);
    conv_norm(graph, name, value, conv)
}

/// A factorised reduction, which halves an image: two 1×1 convolutions of stride 2, the second one shifted by a pixel,
/// give half of the channels each. An odd side is padded by one pixel so that both results have the same size.
fn factorized_reduction(graph: &mut GraphBuilder, name: &str, from: NodeId, channels: i64, sides: [i64; 2]) -> NodeId {
    let value = graph.op(format!("{name}.relu"), "Relu", &[from]);
    let even = graph.convolve(format!("{name}.even"), value, conv(channels / 2, 1, 2));
    let mut shifted = value;
    for (axis, what, side) in [(2, "rows", sides[0]), (3, "columns", sides[1])] {
        shifted = graph.slice(format!("{name}.shifted_{what}"), shifted, axis, 1, side);
    }
    if let odd @ ([1, _] | [_, 1]) = sides.map(|side| side % 2) {
        let pads = vec![("pads".into(), Attribute::Ints(vec![0, 0, 0, 0, odd[0], odd[1]]))];
        shifted = graph.node(format!("{name}.padded"), "Pad", &[shifted], pads);
    }
    let odd = graph.convolve(format!("{name}.odd"), shifted, conv(channels - channels / 2, 1, 2));
    let both = graph.concat(format!("{name}.both"), &[even, odd], 1);
    graph.op(format!("{name}.norm"), "BatchNormalization", &[both])
}

/// The value of an edge.
fn edge(graph: &mut GraphBuilder, name: &str, from: NodeId, context: &EdgeContext, operation: Operation) -> NodeId {
    let &EdgeContext { channels, stride, sides } = context;
    let pool = |graph: &mut GraphBuilder, op: &'static str| graph.pool(name, op, from, Window::same(3, stride));
    match operation {
        Operation::MaxPool => pool(graph, "MaxPool"),
        Operation::AvgPool => pool(graph, "AveragePool"),
        Operation::Skip if stride == 1 => from,
        Operation::Skip => factorized_reduction(graph, name, from, channels, sides),
        Operation::Sep3 | Operation::Sep5 => {
            let kernel = if operation == Operation::Sep3 { 3 } else { 5 };
            let value = separable(graph, &format!("{name}.a"), from, depthwise(channels, kernel, stride));
            separable(graph, &format!("{name}.b"), value, depthwise(channels, kernel, 1))
        }
        Operation::Dil3 | Operation::Dil5 => {
            let kernel = if operation == Operation::Dil3 { 3 } else { 5 };
            let mut spatial = depthwise(channels, kernel, stride).dilation(2);
            spatial.window.padding *= 2;
            separable(graph, name, from, spatial)
        }
    }
}

/// ReLU, the depthwise convolution `spatial`, a 1×1 convolution and normalisation.
fn separable(graph: &mut GraphBuilder, name: &str, from: NodeId, spatial: Convolution) -> NodeId {
    let value = graph.op(format!("{name}.relu"), "Relu", &[from]);
    let value = graph.convolve(format!("{name}.depthwise"), value, spatial);
    conv_norm(graph, name, value, conv(spatial.out_channels, 1, 1))
}

/// The context of an edge from this source.
fn edge_context(inputs: [State; 2], channels: i64, reduces: bool, source: usize) -> EdgeContext {
    // Both inputs have the sides of the second one, because the first is halved if necessary.
    let sides = inputs[1].sides;
    match (reduces, source < 2) {
        (true, true) => EdgeContext { channels, stride: 2, sides },
        (true, false) => EdgeContext { channels, stride: 1, sides: sides.map(half) },
        (false, _) => EdgeContext { channels, stride: 1, sides },
    }
}

/// The output of a cell.
fn output(graph: &mut GraphBuilder, name: &str, nodes: &[NodeId]) -> NodeId {
    graph.concat(format!("{name}.output"), &nodes[2..], 1)
}

/// A cell of one architecture.
fn chosen(
    graph: &mut GraphBuilder,
    name: &str,
    inputs: [State; 2],
    channels: i64,
    reduces: bool,
    cell: &Cell,
) -> NodeId {
    let mut nodes = inputs.map(|state| state.node).to_vec();
    for (node, edges) in (2..).zip(cell) {
        let terms = edges.map(|read| {
            let name = format!("{name}.edge_{}_{node}", read.source);
            let context = edge_context(inputs, channels, reduces, read.source);
            let value = edge(graph, &name, nodes[read.source], &context, read.operation);
            // As in the authors' model.py, skip connections of stride 1 are never dropped.
            if read.operation == Operation::Skip && context.stride == 1 {
                return value;
            }
            graph.drop_path(format!("{name}.path"), value)
        });
        nodes.push(graph.op(format!("{name}.node{node}"), "Sum", &terms));
    }
    output(graph, name, &nodes)
}

/// A cell of the supernet. Every edge has every operation once, and a `Choice` for each role that the edge can have in
/// its node (first or second input). Another `Choice` selects the pair of inputs.
fn supernet(graph: &mut GraphBuilder, name: &str, inputs: [State; 2], channels: i64, reduces: bool) -> NodeId {
    let kind = if reduces { "reduce" } else { "normal" };
    let mut nodes = inputs.map(|state| state.node).to_vec();
    for node in 2..nodes.len() + super::cell::INNER {
        let operations: Vec<Vec<NodeId>> = (0..node)
            .map(|source| {
                let context = edge_context(inputs, channels, reduces, source);
                let build = |operation: Operation| {
                    let name = format!("{name}.edge_{source}_{node}.{}", operation.name());
                    edge(graph, &name, nodes[source], &context, operation)
                };
                OPERATIONS.map(build).to_vec()
            })
            .collect();
        let choose = |graph: &mut GraphBuilder, what: &str, decision: String, inputs: &[NodeId]| {
            let decision = vec![("decision".into(), Attribute::Text(decision))];
            graph.node(format!("{name}.{what}"), "Choice", inputs, decision)
        };
        let mut roles = Vec::with_capacity(2 * node);
        for (source, operations) in operations.iter().enumerate() {
            roles.push(["a", "b"].map(|role| {
                // The lowest source is never the second input, and the highest is never the first.
                let possible = if role == "a" { source + 1 < node } else { source > 0 };
                let what = format!("edge_{source}_{node}.{role}");
                possible.then(|| choose(graph, &what, format!("{kind}_op_{node}{role}"), operations))
            }));
        }
        let pairs: Vec<NodeId> = sources(node)
            .filter_map(|(first, second)| {
                let terms = [roles[first][0]?, roles[second][1]?];
                Some(graph.op(format!("{name}.node{node}.{first}_{second}"), "Sum", &terms))
            })
            .collect();
        nodes.push(match pairs[..] {
            [pair] => pair,
            _ => choose(graph, &format!("node{node}"), format!("{kind}_inputs_{node}"), &pairs),
        });
    }
    output(graph, name, &nodes)
}
