//! The network around the cell (Ying et al. 2019, sections 2.1 and 2.2 and figure 1): a stem, three stacks of cells
//! with pooling before the second and the third, and the head.

use nas_api::{Attribute, Graph, GraphBuilder, NodeId, Window};

use super::cell::{Cell, Operation};

const POINT: Window = Window { kernel: 1, stride: 1, padding: 0 };

/// The channels of every vertex of a cell that maps `input` channels to `output`. Vertices that feed the output share
/// its channels, and the first ones get one more if they do not divide evenly. Every other vertex has as many channels
/// as the widest vertex that it feeds.
pub fn channels(cell: &Cell, input: i64, output: i64) -> Vec<i64> {
    let last = cell.vertices - 1;
    let mut channels = vec![0; cell.vertices];
    (channels[0], channels[last]) = (input, output);
    let feeding: Vec<usize> = (1..last).filter(|&vertex| cell.matrix[vertex][last]).collect();
    let count = feeding.len().max(1) as i64;
    for (position, &vertex) in (0..).zip(&feeding) {
        channels[vertex] = output / count + i64::from(position < output % count);
    }
    for vertex in (1..last).rev().filter(|&vertex| !cell.matrix[vertex][last]) {
        let fed = (vertex + 1..last).filter(|&target| cell.matrix[vertex][target]);
        channels[vertex] = fed.map(|target| channels[target]).max().unwrap_or(0);
    }
    channels
}

/// Marks that distinguish vertices by their channels in any stack. If the channels do not divide evenly among the
/// vertices that feed the output, these are numbered from 1; all other marks are 0.
pub fn marks(cell: &Cell) -> Vec<i64> {
    let last = cell.vertices - 1;
    let feeding: Vec<usize> = (1..last).filter(|&vertex| cell.matrix[vertex][last]).collect();
    let mut marks = vec![0; cell.vertices];
    // Of 1 to 5 vertices, 3 and 5 do not divide the channels evenly, unless the task's channels are a multiple of them.
    if !feeding.is_empty() && !feeding.len().is_power_of_two() {
        for (position, vertex) in (1..).zip(feeding) {
            marks[vertex] = position;
        }
    }
    marks
}

/// The network that maps images of `shape` [channels, height, width] to `outputs` values. The first stack has `width`
/// channels, and every stack has `cells` cells.
pub fn network(cell: &Cell, shape: [i64; 3], outputs: i64, width: i64, cells: u32) -> Graph {
    let [_, mut height, mut side] = shape;
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let mut value = conv(&mut graph, "stem", input, width, Window::same(3, 1));
    let (mut from, mut to) = (width, width);
    for stack in 1..=3 {
        if stack > 1 {
            value = halving_pool(&mut graph, &format!("stack{stack}.pool"), value, [height, side]);
            (height, side) = (height / 2 + height % 2, side / 2 + side % 2);
            to *= 2;
        }
        for number in 1..=cells {
            let mut builder = CellBuilder { graph: &mut graph, cell, name: format!("stack{stack}.cell{number}") };
            value = builder.build(value, from, to);
            from = to;
        }
    }
    let value = graph.op("head.average", "GlobalAveragePool", &[value]);
    let value = graph.op("head.flatten", "Flatten", &[value]);
    let logits = graph.gemm("head.logits", value, outputs);
    graph.finish(&[logits])
}

/// A 2×2 pooling of stride 2. Odd sides are rounded up as published, by a 3×3 window with padding 1.
fn halving_pool(graph: &mut GraphBuilder, name: &str, from: NodeId, sides: [i64; 2]) -> NodeId {
    let odd = sides.map(|side| side % 2);
    let window = vec![
        ("kernel_shape".into(), Attribute::Ints(vec![2 + odd[0], 2 + odd[1]])),
        ("strides".into(), Attribute::Ints(vec![2, 2])),
        ("pads".into(), Attribute::Ints(vec![odd[0], odd[1], odd[0], odd[1]])),
    ];
    graph.node(name, "MaxPool", &[from], window)
}

fn conv(graph: &mut GraphBuilder, name: &str, from: NodeId, channels: i64, window: Window) -> NodeId {
    let value = graph.conv(format!("{name}.conv"), from, channels, window);
    let value = graph.op(format!("{name}.norm"), "BatchNormalization", &[value]);
    graph.op(format!("{name}.relu"), "Relu", &[value])
}

fn concat(graph: &mut GraphBuilder, name: String, values: &[NodeId]) -> NodeId {
    match values {
        [value] => *value,
        _ => graph.node(name, "Concat", values, vec![("axis".into(), Attribute::Int(1))]),
    }
}

fn sum(graph: &mut GraphBuilder, name: String, values: &[NodeId]) -> NodeId {
    match values {
        [value] => *value,
        _ => graph.op(name, "Sum", values),
    }
}

/// The value of a vertex as one part, or as two whose channels are concatenated: all channels but the last, and the
/// last.
type Parts = Vec<NodeId>;

struct CellBuilder<'b> {
    graph: &'b mut GraphBuilder,
    cell: &'b Cell,
    name: String,
}

impl CellBuilder<'_> {
    fn build(&mut self, input: NodeId, from: i64, to: i64) -> NodeId {
        let (cell, last) = (self.cell, self.cell.vertices - 1);
        let channels = channels(cell, from, to);
        let edge = |source: usize, target: usize| cell.matrix[source][target];
        // A vertex may feed one with one channel less, which drops the last channel. A convolution to n channels equals
        // one to n - 1 next to one to a single channel, so that wide vertices then compute the last channel separately.
        let drops = |source: usize| (source + 1..last).any(|to| edge(source, to) && channels[to] < channels[source]);
        let least = (1..last).map(|vertex| channels[vertex]).min().unwrap_or(0);
        let split = (1..last).any(drops);
        let sizes = |vertex: usize| match channels[vertex] {
            wide if split && wide > least => vec![least, wide - least],
            whole => vec![whole],
        };
        let mut values: Vec<Parts> = vec![vec![input]];
        let mut outputs: Parts = Vec::new();
        for target in 1..last {
            let name = format!("{}.vertex{target}", self.name);
            let sizes = sizes(target);
            let mut reads: Vec<Parts> =
                (1..target).filter(|&source| edge(source, target)).map(|source| values[source].clone()).collect();
            if edge(0, target) {
                reads.push(self.convs(&format!("{name}.input"), input, &sizes, POINT));
            }
            let sums: Parts = (0..sizes.len())
                .map(|part| {
                    let terms: Vec<NodeId> = reads.iter().filter_map(|read| read.get(part).copied()).collect();
                    sum(self.graph, part_name(&format!("{name}.sum"), part), &terms)
                })
                .collect();
            let value = self.operation(&name, sums, &sizes, cell.operations[target - 1]);
            if edge(target, last) {
                outputs.extend(&value);
            }
            values.push(value);
        }
        let shortcut = edge(0, last).then(|| conv(self.graph, &format!("{}.shortcut", self.name), input, to, POINT));
        let joined = (!outputs.is_empty()).then(|| concat(self.graph, format!("{}.concat", self.name), &outputs));
        let terms: Vec<NodeId> = joined.into_iter().chain(shortcut).collect();
        sum(self.graph, format!("{}.sum", self.name), &terms)
    }

    fn convs(&mut self, name: &str, from: NodeId, sizes: &[i64], window: Window) -> Parts {
        let sizes = sizes.iter().enumerate();
        sizes.map(|(part, &size)| conv(self.graph, &part_name(name, part), from, size, window)).collect()
    }

    fn operation(&mut self, name: &str, reads: Parts, sizes: &[i64], operation: Operation) -> Parts {
        let window = match operation {
            Operation::Conv3x3 => Window::same(3, 1),
            Operation::Conv1x1 => POINT,
            Operation::Pool => {
                let pool = |(part, read)| {
                    let name = part_name(&format!("{name}.pool"), part);
                    self.graph.pool(name, "MaxPool", read, Window::same(3, 1))
                };
                return reads.into_iter().enumerate().map(pool).collect();
            }
        };
        let whole = concat(self.graph, format!("{name}.whole"), &reads);
        self.convs(name, whole, sizes, window)
    }
}

fn part_name(name: &str, part: usize) -> String {
    if part == 0 { name.to_owned() } else { format!("{name}.last") }
}
