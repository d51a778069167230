//! The cell: six edges between four nodes, each edge with one of five operations. Node 0 is the input of the cell,
//! every other node is the sum of its incoming edges, and node 3 is the output.

/// The operation of an edge, in the order of the space's choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Returns zeros.
    None,
    /// Returns its source.
    Skip,
    /// ReLU, 1×1 convolution, batch normalisation.
    Conv1x1,
    /// ReLU, 3×3 convolution, batch normalisation.
    Conv3x3,
    /// 3×3 average pooling, stride 1.
    Pool,
}

use Operation::{Conv1x1, Conv3x3, Pool, Skip};

/// The published names, in the order of the space's choices.
pub const OPERATIONS: [(&str, Operation); 5] = [
    ("none", Operation::None),
    ("skip_connect", Skip),
    ("nor_conv_1x1", Conv1x1),
    ("nor_conv_3x3", Conv3x3),
    ("avg_pool_3x3", Pool),
];

/// Source and target of every edge, in the order of the published string.
pub const EDGES: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];

/// The names of the decisions about the edges: `op_SOURCE_TARGET`.
pub const EDGE_NAMES: [&str; EDGES.len()] = ["op_0_1", "op_0_2", "op_1_2", "op_0_3", "op_1_3", "op_2_3"];

/// The operation of every edge.
pub type Cell = [Operation; EDGES.len()];

/// The cell of a genotype; `None` if the genotype is invalid.
pub fn cell(genotype: &[u32]) -> Option<Cell> {
    let mut cell = [Operation::None; EDGES.len()];
    if genotype.len() != EDGES.len() {
        return None;
    }
    for (operation, &choice) in cell.iter_mut().zip(genotype) {
        *operation = OPERATIONS.get(choice as usize)?.1;
    }
    Some(cell)
}

/// The official string: `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`.
pub fn format(genotype: &[u32]) -> String {
    let mut text = String::with_capacity(120);
    for (&(source, target), &choice) in EDGES.iter().zip(genotype) {
        if source == 0 {
            text.push_str(if target == 1 { "|" } else { "+|" });
        }
        let name = OPERATIONS.get(choice as usize).map_or("?", |(name, _)| name);
        text.push_str(name);
        text.push('~');
        text.push_str(&source.to_string());
        text.push('|');
    }
    text
}

/// Reads the text that [`format()`] writes.
///
/// # Errors
/// If the text is malformed. The message names the edge.
pub fn parse(text: &str) -> Result<Vec<u32>, String> {
    let form = "the form is |OP~0|+|OP~0|OP~1|+|OP~0|OP~1|OP~2|";
    let nodes: Vec<&str> = text.trim().split('+').collect();
    if nodes.len() != 3 {
        return Err(format!("the text describes {} nodes instead of 3; {form}", nodes.len()));
    }
    let mut genotype = Vec::with_capacity(EDGES.len());
    for (target, node) in (1..).zip(nodes) {
        let inner = node.strip_prefix('|').and_then(|node| node.strip_suffix('|'));
        let edges: Vec<&str> = inner.map(|inner| inner.split('|').collect()).unwrap_or_default();
        if edges.len() != target {
            return Err(format!("node {target} must have {target} edges between bars, not '{node}'; {form}"));
        }
        for (source, edge) in edges.into_iter().enumerate() {
            let Some((name, from)) = edge.split_once('~') else {
                return Err(format!("edge op_{source}_{target} is '{edge}' instead of OP~{source}"));
            };
            if from != source.to_string() {
                return Err(format!("edge op_{source}_{target} reads node '{from}' instead of node {source}"));
            }
            let Some(choice) = OPERATIONS.iter().position(|(known, _)| *known == name) else {
                let known: Vec<&str> = OPERATIONS.iter().map(|(known, _)| *known).collect();
                return Err(format!("edge op_{source}_{target} names '{name}' (known: {})", known.join(", ")));
            };
            genotype.push(choice as u32);
        }
    }
    Ok(genotype)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_official_string_is_read_and_written() {
        let text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|";
        let genotype = parse(text).unwrap();
        assert_eq!(genotype, [3, 3, 4, 1, 3, 1]);
        assert_eq!(format(&genotype), text);
        assert_eq!(parse(&format!(" {text}\n")).unwrap(), genotype);
    }

    #[test]
    fn malformed_strings_are_refused_by_edge() {
        let refused = |text: &str, words: &str| {
            let error = parse(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        };
        refused("", "1 nodes instead of 3");
        refused("|none~0|+|none~0|+|none~0|none~1|none~2|", "node 2 must have 2 edges");
        refused("|none~0|+|none~0|none~1|+none~0|none~1|none~2|", "node 3 must have 3 edges");
        refused("|none~0|+|none~0|nothing~1|+|none~0|none~1|none~2|", "edge op_1_2 names 'nothing'");
        refused("|none~0|+|none~1|none~0|+|none~0|none~1|none~2|", "edge op_0_2 reads node '1'");
        refused("|none|+|none~0|none~1|+|none~0|none~1|none~2|", "edge op_0_1 is 'none'");
    }
}
