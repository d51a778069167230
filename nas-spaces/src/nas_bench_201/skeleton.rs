//! The network around the cell (Dong & Yang 2020, section 2.1 and figure 1): a stem, three stages of cells with a
//! residual block before the second and the third, and the head.

use nas_api::{Attribute, GraphBuilder, NodeId, Window};

use super::cell::{Cell, EDGE_NAMES, EDGES, OPERATIONS, Operation};

/// What the cells of the network are.
pub enum Cells {
    /// All cells are this one.
    Chosen(Cell),
    /// Every edge has all operations, joined by a `Choice`.
    Supernet,
}

/// The network that maps images of `shape` [channels, height, width] to `outputs` values. The first stage has
/// `channels` channels, and every stage has `per_stage` cells.
pub fn network(cells: &Cells, shape: [i64; 3], outputs: i64, channels: i64, per_stage: u32) -> nas_api::Graph {
    let [_, mut height, mut width] = shape;
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let stem = graph.conv("stem.conv", input, channels, Window::same(3, 1));
    let mut value = graph.op("stem.norm", "BatchNormalization", &[stem]);
    let mut channels = channels;
    for stage in 1..=3 {
        if stage > 1 {
            channels *= 2;
            value = reduction(&mut graph, &format!("reduction{}", stage - 1), value, channels, [height, width]);
            (height, width) = (half(height), half(width));
        }
        for cell in 1..=per_stage {
            let name = format!("stage{stage}.cell{cell}");
            value = match cells {
                Cells::Chosen(cell) => chosen(&mut graph, &name, value, channels, cell),
                Cells::Supernet => supernet(&mut graph, &name, value, channels),
            };
        }
    }
    let value = graph.op("head.norm", "BatchNormalization", &[value]);
    let value = graph.op("head.relu", "Relu", &[value]);
    let value = graph.op("head.average", "GlobalAveragePool", &[value]);
    let value = graph.op("head.flatten", "Flatten", &[value]);
    let logits = graph.gemm("head.logits", value, outputs);
    graph.finish(&[logits])
}

/// Half of a side, rounded up, as a 3×3 convolution of stride 2 and padding 1 leaves it.
fn half(side: i64) -> i64 {
    side / 2 + side % 2
}

fn relu_conv_norm(graph: &mut GraphBuilder, name: &str, from: NodeId, channels: i64, window: Window) -> NodeId {
    let value = graph.op([name, ".relu"].concat(), "Relu", &[from]);
    let value = graph.conv([name, ".conv"].concat(), value, channels, window);
    graph.op([name, ".norm"].concat(), "BatchNormalization", &[value])
}

/// A basic residual block of stride 2. The published 2×2 pooling of the shortcut rounds an odd side down, but the
/// convolution rounds it up; in that case the pooling is 3×3 with padding 1, which rounds up too.
pub(crate) fn reduction(graph: &mut GraphBuilder, name: &str, from: NodeId, channels: i64, sides: [i64; 2]) -> NodeId {
    let main = relu_conv_norm(graph, &[name, ".a"].concat(), from, channels, Window::same(3, 2));
    let main = relu_conv_norm(graph, &[name, ".b"].concat(), main, channels, Window::same(3, 1));
    let odd = sides.map(|side| side % 2);
    let pool = vec![
        ("kernel_shape".into(), Attribute::Ints(vec![2 + odd[0], 2 + odd[1]])),
        ("strides".into(), Attribute::Ints(vec![2, 2])),
        ("pads".into(), Attribute::Ints(vec![odd[0], odd[1], odd[0], odd[1]])),
    ];
    let shortcut = graph.node([name, ".shortcut.pool"].concat(), "AveragePool", &[from], pool);
    let point = Window { kernel: 1, stride: 1, padding: 0 };
    let shortcut = graph.conv([name, ".shortcut.conv"].concat(), shortcut, channels, point);
    graph.op([name, ".sum"].concat(), "Add", &[main, shortcut])
}

/// The value of an edge; `None` for zeros.
fn edge(graph: &mut GraphBuilder, name: &str, from: NodeId, channels: i64, operation: Operation) -> Option<NodeId> {
    match operation {
        Operation::None => None,
        Operation::Skip => Some(from),
        Operation::Conv1x1 => {
            let point = Window { kernel: 1, stride: 1, padding: 0 };
            Some(relu_conv_norm(graph, name, from, channels, point))
        }
        Operation::Conv3x3 => Some(relu_conv_norm(graph, name, from, channels, Window::same(3, 1))),
        Operation::Pool => Some(graph.pool([name, ".pool"].concat(), "AveragePool", from, Window::same(3, 1))),
    }
}

/// One cell. Operations that do not reach the output are built too, because the published counts include them.
fn chosen(graph: &mut GraphBuilder, name: &str, input: NodeId, channels: i64, cell: &Cell) -> NodeId {
    let mut nodes = vec![input];
    for target in 1..4 {
        let mut terms = Vec::with_capacity(target);
        for ((&(source, _), edge_name), &operation) in
            EDGES.iter().zip(EDGE_NAMES).zip(cell).filter(|(((_, to), _), _)| *to == target)
        {
            terms.extend(edge(graph, &[name, ".", edge_name].concat(), nodes[source], channels, operation));
        }
        let sum = || [name, [".node0", ".node1", ".node2", ".node3"][target]].concat();
        nodes.push(match terms[..] {
            [] => graph.zeros(sum(), input),
            [term] => term,
            _ => graph.op(sum(), "Sum", &terms),
        });
    }
    nodes[3]
}

/// One cell of the supernet.
fn supernet(graph: &mut GraphBuilder, name: &str, input: NodeId, channels: i64) -> NodeId {
    let zeros = graph.zeros(format!("{name}.zeros"), input);
    let mut nodes = vec![input];
    for target in 1..4 {
        let mut terms = Vec::with_capacity(target);
        for (source, &from) in nodes.iter().enumerate() {
            let name = format!("{name}.op_{source}_{target}");
            let mut choices = Vec::with_capacity(OPERATIONS.len());
            for (operation_name, operation) in OPERATIONS {
                let value = edge(graph, &format!("{name}.{operation_name}"), from, channels, operation);
                choices.push(value.unwrap_or(zeros));
            }
            let decision = vec![("decision".into(), Attribute::Text(format!("op_{source}_{target}")))];
            terms.push(graph.node(name, "Choice", &choices, decision));
        }
        nodes.push(match terms[..] {
            [term] => term,
            _ => graph.op(format!("{name}.node{target}"), "Sum", &terms),
        });
    }
    nodes[3]
}
