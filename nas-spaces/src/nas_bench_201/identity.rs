//! Which cells are the same network, exactly and by the published rule.
//!
//! The published rule (Dong & Yang 2020, section 3, the count of 6,466 unique topologies) expands every node to a
//! string and drops operations that read only zeros. It equates cells that are different networks: it drops
//! convolutions that do not reach the output although their parameters count, and it treats one convolution that is
//! read twice as two. In the published table, 578 of its 6,466 classes contain cells with different parameter counts.
//! The exact [`key`] is therefore the default.

use super::cell::{Cell, EDGES, Operation};

/// The number of values: index 0 is the input of the cell, and every edge adds at most one operation.
const VALUES: usize = EDGES.len() + 1;

/// A sum, as the number of times that each value occurs in it.
type Sum = [u8; VALUES];

/// A convolution or pooling, and the sum that it reads.
#[derive(Clone, Copy)]
struct Step {
    operation: Operation,
    reads: Sum,
}

/// The exact identity of a cell. It lists the operations that reach the output with the sums that they read, under a
/// canonical numbering, and then the number of 1×1 and of 3×3 convolutions that do not reach the output, because their
/// parameters count too. A skip is its source, zeros are left out, the order of summands does not matter, and an
/// operation that is read twice remains one operation.
pub fn key(cell: &Cell) -> String {
    let (steps, output) = steps(cell);
    let live = live(&steps, &output);
    let mut dead = [0; 2];
    for (step, _) in steps.iter().zip(&live[1..]).filter(|(_, live)| !**live) {
        match step.operation {
            Operation::Conv1x1 => dead[0] += 1,
            Operation::Conv3x3 => dead[1] += 1,
            _ => {}
        }
    }
    let mut search = Numbering { steps: &steps, output, best: None };
    let remaining: Vec<usize> = (1..=steps.len()).filter(|&value| live[value]).collect();
    let mut number = [0; VALUES];
    search.extend(&mut number, 1, &remaining, &mut Vec::new());
    let (canonical, output) = search.best.unwrap_or_default();
    let mut text = String::new();
    for (operation, reads) in canonical {
        text.push_str(match operation {
            Operation::Conv1x1 => "1x1",
            Operation::Conv3x3 => "3x3",
            _ => "avg",
        });
        text.push_str(&format!("({})", sum_text(&reads)));
    }
    format!("{text}={};{},{}", sum_text(&output), dead[0], dead[1])
}

/// The text of a sum: the numbers of its values, such as `0+0+2`.
fn sum_text(sum: &Sum) -> String {
    let terms = sum.iter().enumerate().flat_map(|(value, &times)| (0..times).map(move |_| value.to_string()));
    terms.collect::<Vec<_>>().join("+")
}

/// The operations of a cell in the order of its edges, and the sum that is the output.
fn steps(cell: &Cell) -> (Vec<Step>, Sum) {
    let mut steps: Vec<Step> = Vec::with_capacity(EDGES.len());
    let mut nodes = [[0; VALUES]; 4];
    nodes[0][0] = 1;
    for (&(source, target), &operation) in EDGES.iter().zip(cell) {
        let reads = nodes[source];
        match operation {
            Operation::None => {}
            Operation::Skip => {
                for (sum, times) in nodes[target].iter_mut().zip(reads) {
                    *sum += times;
                }
            }
            // The mean of zeros is zero, but after a convolution of zeros the normalisation adds a learned shift.
            Operation::Pool if reads == [0; VALUES] => {}
            _ => {
                steps.push(Step { operation, reads });
                nodes[target][steps.len()] += 1;
            }
        }
    }
    (steps, nodes[3])
}

/// Whether each value reaches the output.
fn live(steps: &[Step], output: &Sum) -> [bool; VALUES] {
    let mut live = output.map(|times| times > 0);
    // A step reads only earlier steps.
    for (position, step) in steps.iter().enumerate().rev() {
        if live[position + 1] {
            for (live, &times) in live.iter_mut().zip(&step.reads) {
                *live |= times > 0;
            }
        }
    }
    live
}

/// Searches for the least description over all numberings that continue at each step with a least operation whose
/// inputs are numbered. There is nearly always one numbering, and at most 4! if four equal operations read the input of
/// the cell.
struct Numbering<'s> {
    steps: &'s [Step],
    output: Sum,
    best: Option<(Vec<(Operation, Sum)>, Sum)>,
}

impl Numbering<'_> {
    fn extend(
        &mut self,
        number: &mut [usize; VALUES],
        next: usize,
        remaining: &[usize],
        described: &mut Vec<(Operation, Sum)>,
    ) {
        let renumber = |sum: &Sum, number: &[usize; VALUES]| {
            let mut renumbered = [0; VALUES];
            for (value, &times) in sum.iter().enumerate() {
                renumbered[number[value]] += times;
            }
            renumbered
        };
        let ready = remaining.iter().filter(|&&value| {
            let reads = &self.steps[value - 1].reads;
            remaining.iter().all(|&other| reads[other] == 0)
        });
        let described_as = |value: usize, number: &[usize; VALUES]| {
            let step = &self.steps[value - 1];
            (step.operation, renumber(&step.reads, number))
        };
        let ready: Vec<(usize, (Operation, Sum))> = ready.map(|&value| (value, described_as(value, number))).collect();
        let Some(&least) = ready.iter().map(|(_, description)| description).min() else {
            let candidate = (described.clone(), renumber(&self.output, number));
            if self.best.as_ref().is_none_or(|best| candidate < *best) {
                self.best = Some(candidate);
            }
            return;
        };
        described.push(least);
        for (value, _) in ready.into_iter().filter(|(_, description)| *description == least) {
            number[value] = next;
            let left: Vec<usize> = remaining.iter().copied().filter(|&other| other != value).collect();
            self.extend(number, next + 1, &left, described);
            number[value] = 0;
        }
        described.pop();
    }
}

/// The published identity, which has 6,466 classes. Every node is the sorted strings of its edges, a skip is the string
/// of its source, and `#` stands for zeros and for operations that read only zeros.
pub fn topology(cell: &Cell) -> String {
    let mut nodes: [String; 4] = ["0".into(), String::new(), String::new(), String::new()];
    for target in 1..4 {
        let mut edges: Vec<String> = Vec::with_capacity(target);
        for (&(source, _), &operation) in EDGES.iter().zip(cell).filter(|((_, to), _)| *to == target) {
            let read = &nodes[source];
            edges.push(match operation {
                Operation::None => "#".into(),
                _ if read == "#" => "#".into(),
                Operation::Skip => read.clone(),
                Operation::Conv1x1 => format!("({read})@nor_conv_1x1"),
                Operation::Conv3x3 => format!("({read})@nor_conv_3x3"),
                Operation::Pool => format!("({read})@avg_pool_3x3"),
            });
        }
        edges.sort();
        nodes[target] = edges.join("+");
    }
    let [.., output] = nodes;
    output
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashSet;

    use super::*;
    use crate::nas_bench_201::cell::{cell, parse};

    fn key_of(text: &str) -> String {
        key(&cell(&parse(text).unwrap()).unwrap())
    }

    fn every_cell() -> impl Iterator<Item = Cell> {
        (0..5u32.pow(6)).map(|index| {
            let genotype: Vec<u32> = (0..6).map(|edge| index / 5u32.pow(edge) % 5).collect();
            cell(&genotype).unwrap()
        })
    }

    #[test]
    fn the_published_rule_finds_the_published_number_of_topologies() {
        let topologies: HashSet<String> = every_cell().map(|cell| topology(&cell)).collect();
        assert_eq!(topologies.len(), 6466);
    }

    /// Exchanging the two inner nodes if no edge joins them is the only relabelling that keeps the order of nodes.
    #[test]
    fn exchanging_unconnected_nodes_keeps_the_key() {
        for cell in every_cell().filter(|cell| cell[2] == Operation::None) {
            let [a, b, none, c, d, e] = cell;
            assert_eq!(key(&cell), key(&[b, a, none, c, e, d]), "{cell:?}");
        }
    }

    #[test]
    fn skips_on_a_path_do_not_change_the_key() {
        let direct = key_of("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|");
        assert_eq!(direct, "3x3(0)=1;0,0");
        assert_eq!(key_of("|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|"), direct);
    }

    /// The published rule treats one convolution that is used twice as two convolutions.
    #[test]
    fn a_shared_operation_is_not_two_operations() {
        let shared = "|nor_conv_1x1~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|skip_connect~2|";
        let two = "|skip_connect~0|+|none~0|nor_conv_1x1~1|+|none~0|nor_conv_1x1~1|skip_connect~2|";
        assert_eq!(key_of(shared), "1x1(0)=1+1;0,0");
        assert_eq!(key_of(two), "1x1(0)1x1(0)=1+2;0,0");
        let topology_of = |text: &str| topology(&cell(&parse(text).unwrap()).unwrap());
        assert_eq!(topology_of(shared), topology_of(two));
    }

    #[test]
    fn convolutions_that_reach_no_output_still_count() {
        assert_eq!(key_of("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"), "=0;0,1");
    }
}
