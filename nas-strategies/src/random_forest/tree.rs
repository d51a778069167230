//! Regression trees on decisions.
//!
//! L. Breiman, J. Friedman, R. Olshen and C. Stone (1984), "Classification and regression trees": splits lower the sum of
//! squares most; the choices of a decision without order are split as if ordered by their mean targets (Section 9.4:
//! no other subset is better).

use nas_api::rng::{Random, RngExt, seq::SliceRandom};

use crate::surrogate::encoding::Codes;

/// How trees grow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    /// n_min, results below which a node is not split.
    pub(super) least: usize,
    /// Decisions that are looked at for each split, as a share of all.
    pub(super) share: f64,
}

/// What trees learn from.
pub(super) struct Data<'d> {
    pub(super) points: &'d [&'d Codes],
    pub(super) targets: &'d [f64],
    /// For each decision: whether its choices are ordered, and how many codes it has.
    pub(super) decisions: &'d [(bool, usize)],
}

enum Node {
    Leaf(f64),
    Split {
        decision: usize,
        /// By code.
        left: Vec<bool>,
        /// Where the children stand.
        children: [usize; 2],
    },
}

/// A tree that has grown.
pub(super) struct Tree {
    nodes: Vec<Node>,
}

/// What is known of the results of one code: how many there are, and the sum of their targets.
#[derive(Clone, Copy, Default)]
struct Bin {
    count: f64,
    sum: f64,
}

/// A way to split a node.
struct Cut {
    decision: usize,
    left: Vec<bool>,
    /// Σ² / n over both sides, which the sum of squares falls by.
    gain: f64,
}

impl Tree {
    /// Grows on these rows of the data.
    pub(super) fn grow(data: &Data<'_>, rows: Vec<usize>, growth: Growth, rng: &mut Random) -> Self {
        let mut nodes = vec![Node::Leaf(0.0)];
        let mut open = vec![(0, rows)];
        let mut order: Vec<usize> = (0..data.decisions.len()).collect();
        let tried = libm::ceil(growth.share * order.len() as f64).max(1.0) as usize;
        while let Some((node, rows)) = open.pop() {
            order.shuffle(rng);
            // Where none of those tried splits anything, the rest is tried too.
            let cut = if rows.len() < growth.least.max(2) {
                None
            } else {
                let (first, rest) = order.split_at(tried.min(order.len()));
                best_cut(data, &rows, first, rng).or_else(|| best_cut(data, &rows, rest, rng))
            };
            let Some(cut) = cut else {
                let sum: f64 = rows.iter().map(|&row| data.targets[row]).sum();
                nodes[node] = Node::Leaf(sum / rows.len().max(1) as f64);
                continue;
            };
            let goes_left = |row: &usize| cut.left[data.points[*row][cut.decision] as usize];
            let (left, right): (Vec<usize>, Vec<usize>) = rows.into_iter().partition(goes_left);
            let children = [nodes.len(), nodes.len() + 1];
            nodes.extend([Node::Leaf(0.0), Node::Leaf(0.0)]);
            open.extend([(children[0], left), (children[1], right)]);
            nodes[node] = Node::Split { decision: cut.decision, left: cut.left, children };
        }
        Self { nodes }
    }

    /// The mean of the leaf that a point falls into.
    pub(super) fn predict(&self, point: &[u32]) -> f64 {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Leaf(mean) => return *mean,
                Node::Split { decision, left, children } => {
                    let goes_left = left.get(point[*decision] as usize).copied().unwrap_or(false);
                    at = children[usize::from(!goes_left)];
                }
            }
        }
    }
}

/// The cut of greatest gain; `None` where no decision differs or no cut lowers the sum of squares.
fn best_cut(data: &Data<'_>, rows: &[usize], tried: &[usize], rng: &mut Random) -> Option<Cut> {
    let sum: f64 = rows.iter().map(|&row| data.targets[row]).sum();
    let whole = sum * sum / rows.len() as f64;
    let mut best: Option<Cut> = None;
    for &decision in tried {
        let (ordered, codes) = data.decisions[decision];
        let mut bins = vec![Bin::default(); codes];
        for &row in rows {
            let bin = &mut bins[data.points[row][decision] as usize];
            bin.count += 1.0;
            bin.sum += data.targets[row];
        }
        let mut present: Vec<usize> = (0..codes).filter(|&code| bins[code].count > 0.0).collect();
        if !ordered {
            let mean = |code: usize| bins[code].sum / bins[code].count;
            present.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
        }
        let (mut count, mut part) = (0.0, 0.0);
        for position in 1..present.len() {
            let bin = bins[present[position - 1]];
            count += bin.count;
            part += bin.sum;
            let (others, rest) = (rows.len() as f64 - count, sum - part);
            let gain = part * part / count + rest * rest / others - whole;
            if gain > best.as_ref().map_or(1e-12, |best| best.gain) {
                let left = sides(&present, position, ordered, codes, rng);
                best = Some(Cut { decision, left, gain });
            }
        }
    }
    best
}

/// Which codes go left where the first `position` of those present do. Codes that nobody here has go where their
/// neighbours go if the decision is ordered (on halfway), and at random if not.
fn sides(present: &[usize], position: usize, ordered: bool, codes: usize, rng: &mut Random) -> Vec<bool> {
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

    const ALL: Growth = Growth { least: 2, share: 1.0 };

    #[test]
    fn the_first_split_is_the_best_subset() {
        // Targets by choice: 1 → 5, 2 → 0, 3 → 5, 4 → 1; the second decision says nothing.
        let points: Vec<Codes> = (0..16).map(|row| vec![row % 4 + 1, row / 8]).collect();
        let points: Vec<&Codes> = points.iter().collect();
        let targets: Vec<f64> = points.iter().map(|point| [5.0, 0.0, 5.0, 1.0][point[0] as usize - 1]).collect();
        let data = Data { points: &points, targets: &targets, decisions: &[(false, 6), (false, 2)] };
        let rows: Vec<usize> = (0..16).collect();
        let cut = best_cut(&data, &rows, &[0, 1], &mut seeded(1));
        // Left {2, 4} with mean 1/2, right {1, 3} with mean 5: 8/4 + 8·25 − 44²/16 = 81.
        let cut = cut.map(|cut| (cut.decision, cut.left[1..5].to_vec(), cut.gain));
        assert_eq!(cut, Some((0, vec![false, true, false, true], 81.0)));
        let tree = Tree::grow(&data, rows, ALL, &mut seeded(1));
        for (choice, target) in [(1, 5.0), (2, 0.0), (3, 5.0), (4, 1.0)] {
            assert_eq!(tree.predict(&[choice, 0]), target);
        }
    }

    #[test]
    fn ordered_decisions_are_cut_at_a_threshold_and_choices_in_between_follow_their_neighbours() {
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
        let tree = Tree::grow(&data, (0..6).collect(), Growth { least: 7, share: 1.0 }, &mut seeded(1));
        assert_eq!(tree.predict(&[1]), 3.5);
        assert_eq!(tree.nodes.len(), 1);
    }
}
