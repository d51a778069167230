//! Regression trees on decisions.
//!
//! L. Breiman, J. Friedman, R. Olshen and C. Stone (1984), "Classification and regression trees": each split lowers the
//! sum of squares as far as possible. The choices of an unordered decision are split as if they were ordered by their
//! mean targets; Section 9.4 shows that no other subset is better.

use nas_api::rng::{Random, RngExt, seq::SliceRandom};

use crate::common::surrogate::encoding::Codes;

/// How trees grow.
#[derive(Clone, Copy, Debug)]
pub(super) struct TreeOptions {
    /// n_min: a node with fewer results is not split.
    pub(super) min_split: usize,
    /// The fraction of the decisions that are tried for each split.
    pub(super) share: f64,
}

/// The training data of a tree.
pub(super) struct Data<'d> {
    pub(super) points: &'d [&'d Codes],
    pub(super) targets: &'d [f64],
    /// For each decision, whether its choices are ordered, and the number of its codes.
    pub(super) decisions: &'d [(bool, usize)],
}

enum Node {
    Leaf(f64),
    Split {
        decision: usize,
        /// Whether each code goes left.
        left: Vec<bool>,
        /// The indices of the left and the right child.
        children: [usize; 2],
    },
}

/// A grown tree. The root is node 0.
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// The number of results with one code, and the sum of their targets.
#[derive(Clone, Copy, Default)]
struct CodeSum {
    count: f64,
    sum: f64,
}

/// A possible split of a node.
struct Split {
    decision: usize,
    /// Whether each code goes left.
    left: Vec<bool>,
    /// The decrease of the sum of squares.
    gain: f64,
}

impl Tree {
    /// Grows a tree on these rows of the data.
    pub(super) fn grow(data: &Data<'_>, rows: Vec<usize>, options: TreeOptions, rng: &mut Random) -> Self {
        let mut nodes = vec![Node::Leaf(0.0)];
        let mut open = vec![(0, rows)];
        let mut order: Vec<usize> = (0..data.decisions.len()).collect();
        let tried = libm::ceil(options.share * order.len() as f64).max(1.0) as usize;
        while let Some((node, rows)) = open.pop() {
            order.shuffle(rng);
            // If none of these decisions splits the node, the others are tried too.
            let split = if rows.len() < options.min_split.max(2) {
                None
            } else {
                let (first, others) = order.split_at(tried.min(order.len()));
                best_split(data, &rows, first, rng).or_else(|| best_split(data, &rows, others, rng))
            };
            let Some(split) = split else {
                let sum: f64 = rows.iter().map(|&row| data.targets[row]).sum();
                nodes[node] = Node::Leaf(sum / rows.len().max(1) as f64);
                continue;
            };
            let goes_left = |row: &usize| split.left[data.points[*row][split.decision] as usize];
            let (left, right): (Vec<usize>, Vec<usize>) = rows.into_iter().partition(goes_left);
            let children = [nodes.len(), nodes.len() + 1];
            nodes.extend([Node::Leaf(0.0), Node::Leaf(0.0)]);
            open.extend([(children[0], left), (children[1], right)]);
            nodes[node] = Node::Split { decision: split.decision, left: split.left, children };
        }
        Self { nodes }
    }

    /// The mean target of the leaf that a point falls into.
    pub(super) fn predict(&self, point: &[u32]) -> f64 {
        let mut node = 0;
        loop {
            match &self.nodes[node] {
                Node::Leaf(mean) => return *mean,
                Node::Split { decision, left, children } => {
                    let goes_left = left.get(point[*decision] as usize).copied().unwrap_or(false);
                    node = children[usize::from(!goes_left)];
                }
            }
        }
    }
}

/// The split with the greatest gain, or `None` if none lowers the sum of squares.
fn best_split(data: &Data<'_>, rows: &[usize], tried: &[usize], rng: &mut Random) -> Option<Split> {
    let sum: f64 = rows.iter().map(|&row| data.targets[row]).sum();
    let unsplit = sum * sum / rows.len() as f64;
    let mut best: Option<Split> = None;
    for &decision in tried {
        let (ordered, codes) = data.decisions[decision];
        let mut sums = vec![CodeSum::default(); codes];
        for &row in rows {
            let code_sum = &mut sums[data.points[row][decision] as usize];
            code_sum.count += 1.0;
            code_sum.sum += data.targets[row];
        }
        let mut present: Vec<usize> = (0..codes).filter(|&code| sums[code].count > 0.0).collect();
        if !ordered {
            let mean = |code: usize| sums[code].sum / sums[code].count;
            present.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
        }
        let (mut left_count, mut left_sum) = (0.0, 0.0);
        for position in 1..present.len() {
            let code_sum = sums[present[position - 1]];
            left_count += code_sum.count;
            left_sum += code_sum.sum;
            let (right_count, right_sum) = (rows.len() as f64 - left_count, sum - left_sum);
            let gain = left_sum * left_sum / left_count + right_sum * right_sum / right_count - unsplit;
            if gain > best.as_ref().map_or(1e-12, |best| best.gain) {
                let left = left_codes(&present, position, ordered, codes, rng);
                best = Some(Split { decision, left, gain });
            }
        }
    }
    best
}

/// Whether each code goes left if the first `position` of the present codes do. Absent codes follow the nearest present
/// code if the decision is ordered, and are assigned at random otherwise.
fn left_codes(present: &[usize], position: usize, ordered: bool, codes: usize, rng: &mut Random) -> Vec<bool> {
    if ordered {
        let middle = (present[position - 1] + present[position]) / 2;
        return (0..codes).map(|code| code <= middle).collect();
    }
    let mut left: Vec<bool> = (0..codes).map(|_| rng.random()).collect();
    for (order, &code) in present.iter().enumerate() {
        left[code] = order < position;
    }
    left
}

#[cfg(test)]
mod tests {
    use nas_api::rng::seeded;

    use super::*;

    const ALL: TreeOptions = TreeOptions { min_split: 2, share: 1.0 };

    #[test]
    fn the_first_split_is_the_best_subset() {
        // Targets by choice: 1 → 5, 2 → 0, 3 → 5, 4 → 1. The second decision is irrelevant.
        let points: Vec<Codes> = (0..16).map(|row| vec![row % 4 + 1, row / 8]).collect();
        let points: Vec<&Codes> = points.iter().collect();
        let targets: Vec<f64> = points.iter().map(|point| [5.0, 0.0, 5.0, 1.0][point[0] as usize - 1]).collect();
        let data = Data { points: &points, targets: &targets, decisions: &[(false, 6), (false, 2)] };
        let rows: Vec<usize> = (0..16).collect();
        let split = best_split(&data, &rows, &[0, 1], &mut seeded(1));
        // Left is {2, 4} with mean 1/2, right is {1, 3} with mean 5: 8/4 + 8·25 − 44²/16 = 81.
        let split = split.map(|split| (split.decision, split.left[1..5].to_vec(), split.gain));
        assert_eq!(split, Some((0, vec![false, true, false, true], 81.0)));
        let tree = Tree::grow(&data, rows, ALL, &mut seeded(1));
        for (choice, target) in [(1, 5.0), (2, 0.0), (3, 5.0), (4, 1.0)] {
            assert_eq!(tree.predict(&[choice, 0]), target);
        }
    }

    #[test]
    fn ordered_decisions_are_split_at_a_threshold_and_absent_choices_follow_their_neighbours() {
        let points: Vec<Codes> = [1, 2, 7, 8].map(|code| vec![code]).to_vec();
        let points: Vec<&Codes> = points.iter().collect();
        let data = Data { points: &points, targets: &[0.0, 0.0, 1.0, 1.0], decisions: &[(true, 9)] };
        let tree = Tree::grow(&data, vec![0, 1, 2, 3], ALL, &mut seeded(1));
        let predicted: Vec<f64> = (0..9).map(|code| tree.predict(&[code])).collect();
        assert_eq!(predicted, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn small_nodes_are_not_split() {
        let points: Vec<Codes> = (1..=6).map(|code| vec![code]).collect();
        let points: Vec<&Codes> = points.iter().collect();
        let targets = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let data = Data { points: &points, targets: &targets, decisions: &[(true, 7)] };
        let tree = Tree::grow(&data, (0..6).collect(), TreeOptions { min_split: 7, share: 1.0 }, &mut seeded(1));
        assert_eq!(tree.predict(&[1]), 3.5);
        assert_eq!(tree.nodes.len(), 1);
    }
}
