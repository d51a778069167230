//! The cell: nodes 0 and 1 are the outputs of the two previous cells. Each of the nodes 2 to 5 applies one operation to
//! each of two different earlier nodes and adds the results. The output of the cell concatenates nodes 2 to 5.

/// The number of inner nodes of a cell.
pub const INNER: usize = 4;

/// The operation of an edge. In a reduction cell the edges from nodes 0 and 1 have stride 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// 3×3 max pooling.
    MaxPool,
    /// 3×3 average pooling that does not count the padding.
    AvgPool,
    /// The identity; at stride 2 a factorised reduction.
    Skip,
    /// Two times ReLU, 3×3 depthwise convolution, 1×1 convolution and normalisation.
    Sep3,
    /// [`Self::Sep3`] with 5×5 convolutions.
    Sep5,
    /// ReLU, 3×3 depthwise convolution of dilation 2, 1×1 convolution and normalisation.
    Dil3,
    /// [`Self::Dil3`] with a 5×5 convolution.
    Dil5,
}

/// The operations in the published order, without `none`, which no published genotype has.
pub const OPERATIONS: [Operation; 7] = [
    Operation::MaxPool,
    Operation::AvgPool,
    Operation::Skip,
    Operation::Sep3,
    Operation::Sep5,
    Operation::Dil3,
    Operation::Dil5,
];

impl Operation {
    /// The published name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxPool => "max_pool_3x3",
            Self::AvgPool => "avg_pool_3x3",
            Self::Skip => "skip_connect",
            Self::Sep3 => "sep_conv_3x3",
            Self::Sep5 => "sep_conv_5x5",
            Self::Dil3 => "dil_conv_3x3",
            Self::Dil5 => "dil_conv_5x5",
        }
    }
}

/// An input of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The node that is read, from 0 to 4.
    pub source: usize,
    /// The operation applied to it.
    pub operation: Operation,
}

/// The two edges of each inner node, with the lower source first.
pub type Cell = [[Edge; 2]; INNER];

/// All pairs of different sources of an inner node (2 to 5), in the order of the decision about them.
pub fn sources(node: usize) -> impl Iterator<Item = (usize, usize)> {
    (1..node).flat_map(|second| (0..second).map(move |first| (first, second)))
}

/// The number of choices in a cell: two operations for node 2, and sources and two operations for each later node.
pub const CHOICES: usize = 3 * INNER - 1;

/// The cell of these choices; `None` if they are invalid.
pub fn decode(choices: &[u32]) -> Option<Cell> {
    if choices.len() != CHOICES {
        return None;
    }
    let mut choices = choices.iter().map(|&choice| choice as usize);
    let mut cell = [[Edge { source: 0, operation: Operation::Skip }; 2]; INNER];
    for (node, edges) in (2..).zip(&mut cell) {
        let pair = if node == 2 { 0 } else { choices.next()? };
        let (first, second) = sources(node).nth(pair)?;
        for (edge, source) in edges.iter_mut().zip([first, second]) {
            *edge = Edge { source, operation: *OPERATIONS.get(choices.next()?)? };
        }
    }
    Some(cell)
}

/// The choices of a cell; `None` if a node does not read two different earlier nodes.
pub fn encode(cell: &Cell) -> Option<Vec<u32>> {
    let mut choices = Vec::with_capacity(CHOICES);
    for (node, [first, second]) in (2..).zip(cell) {
        let pair = sources(node).position(|pair| pair == (first.source, second.source))?;
        if node > 2 {
            choices.push(pair as u32);
        }
        for edge in [first, second] {
            choices.push(OPERATIONS.iter().position(|known| *known == edge.operation)? as u32);
        }
    }
    Some(choices)
}
