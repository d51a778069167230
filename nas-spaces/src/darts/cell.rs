//! The cell: nodes 0 and 1 are the outputs of the two cells before it; nodes 2 to 5 each add what two different earlier
//! nodes bring through one operation each; the cell's output joins nodes 2 to 5.

/// Inner nodes of a cell.
pub const INNER: usize = 4;

/// What an edge does. In a reduction cell the edges from nodes 0 and 1 have stride 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// 3×3 maximum.
    MaxPool,
    /// 3×3 average, the padding not counted.
    AvgPool,
    /// The value itself; at stride 2 a factorised reduction.
    Skip,
    /// Twice ReLU, 3×3 depthwise convolution, 1×1 convolution, normalisation.
    Sep3,
    /// The same with 5×5.
    Sep5,
    /// ReLU, 3×3 depthwise convolution of dilation 2, 1×1 convolution, normalisation.
    Dil3,
    /// The same with 5×5.
    Dil5,
}

/// In the published order, without `none`, which no published genotype has.
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

/// What a node reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// 0 to 4.
    pub source: usize,
    /// Applied to it.
    pub operation: Operation,
}

/// The two edges of each inner node, the lower source first.
pub type Cell = [[Edge; 2]; INNER];

/// Every two different sources of inner node `node` (2 to 5), as the decision about them lists them.
pub fn sources(node: usize) -> impl Iterator<Item = (usize, usize)> {
    (1..node).flat_map(|second| (0..second).map(move |first| (first, second)))
}

/// Choices in a cell: two operations for node 2, and for each later node its sources first.
pub const CHOICES: usize = 3 * INNER - 1;

/// The cell of these choices; `None` where they are no cell.
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

/// The choices of a cell whose nodes read two different earlier nodes; `None` where one does not.
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
