//! When two cells are the same: exactly, and by the published rule.
//!
//! The published rule (Dong & Yang 2020, section 3, the count of 6,466 unique topologies) expands every node to a string
//! and drops what reads only zeros. It equates cells that differ as networks: it drops convolutions that no output
//! needs although their parameters count, and takes one convolution read twice for two convolutions. In the published
//! table 578 of its 6,466 classes hold cells of different parameter counts. So it is no key: [`key`] is exact instead.

use super::cell::{Cell, EDGES, Operation};

/// Operations that compute something, at most one an edge; 0 stands for the cell's input.
const VALUES: usize = EDGES.len() + 1;

/// How often each value occurs in a sum.
type Sum = [u8; VALUES];

/// A convolution or pooling and the sum it reads.
#[derive(Clone, Copy)]
struct Step {
    operation: Operation,
    reads: Sum,
}

/// The exact identity of a cell: what each operation that reaches the output reads, under a canonical numbering of the
/// operations, and how many convolutions do not reach it (`1x1,3x3`; their parameters count nevertheless). Skips are
/// their sources, zeros are left out, sums are unordered, an operation read twice stays one operation.
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
        text.push_str(&format!("({})", written(&reads)));
    }
    format!("{text}={};{},{}", written(&output), dead[0], dead[1])
}

/// `0+0+2`: the values of a sum by number.
fn written(sum: &Sum) -> String {
    let terms = sum.iter().enumerate().flat_map(|(value, &times)| (0..times).map(move |_| value.to_string()));
    terms.collect::<Vec<_>>().join("+")
}

/// The operations of a cell in the order of its edges, and the sum that is its output.
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
            // The mean of zeros is zero. A convolution of zeros is not: its normalisation adds a learned shift.
            Operation::Pool if reads == [0; VALUES] => {}
            _ => {
                steps.push(Step { operation, reads });
                nodes[target][steps.len()] += 1;
            }
        }
    }
    (steps, nodes[3])
}

/// Which values reach the output.
fn live(steps: &[Step], output: &Sum) -> [bool; VALUES] {
    let mut live = output.map(|times| times > 0);
    // Steps read only earlier ones.
    for (position, step) in steps.iter().enumerate().rev() {
        if live[position + 1] {
            for (live, &times) in live.iter_mut().zip(&step.reads) {
                *live |= times > 0;
            }
        }
    }
    live
}

/// Looks for the least description over all numberings that take, at each step, one of the least operations whose
/// inputs are numbered. At most 4! orders, where four operations of one kind read the cell's input; nearly always one.
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

/// The published identity, of 6,466 classes: every node as the sorted strings of its edges, skips as their source's
/// string, `#` for what reads only zeros.
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

    /// The two inner nodes exchanged where no edge joins them: the only relabelling that keeps the order of nodes.
    #[test]
    fn exchanging_unconnected_nodes_keeps_the_key() {
        for cell in every_cell().filter(|cell| cell[2] == Operation::None) {
            let [a, b, none, c, d, e] = cell;
            assert_eq!(key(&cell), key(&[b, a, none, c, e, d]), "{cell:?}");
        }
    }

    #[test]
    fn a_path_of_skips_is_its_end() {
        let direct = key_of("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|");
        assert_eq!(direct, "3x3(0)=1;0,0");
        assert_eq!(key_of("|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|skip_connect~2|"), direct);
    }

    /// One convolution whose value is used twice is not two convolutions: the published rule says it is.
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
