//! The search tree over prefixes of choices, with the number of trials and the scores of each prefix.

use nas_api::rng::{Random, RngExt};

/// Marks a child that does not exist yet.
const NO_CHILD: u32 = u32::MAX;

/// One prefix of choices.
#[derive(Clone, Debug)]
struct Node {
    /// The child of each choice; empty if the genotype is complete.
    children: Vec<u32>,
    /// The number of trials through this node with a score, and the sum of their scores.
    scored: u32,
    sum: f64,
    /// The number of trials through this node without a score, which failed or are outstanding (virtual losses).
    unscored: u32,
    /// Whether every genotype below was visited.
    closed: bool,
}

/// The nodes from the root to a complete genotype.
pub(super) type NodePath = Vec<u32>;

/// The range of scores so far, which maps scores to rewards between 0 and 1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ScoreRange {
    ends: Option<(f64, f64)>,
}

impl ScoreRange {
    /// Extends the range to a score.
    pub(super) fn include(&mut self, score: f64) {
        let (low, high) = self.ends.unwrap_or((score, score));
        self.ends = Some((low.min(score), high.max(score)));
    }

    /// The mean reward of `trials` trials, of which `scored` have scores with this sum. Trials without a score are
    /// rewarded with 0; if all scores so far are equal, scored trials are rewarded with 0.5.
    pub(super) fn mean(&self, sum: f64, scored: u32, trials: u32) -> f64 {
        let Some((low, high)) = self.ends else { return 0.0 };
        let (scored, trials) = (f64::from(scored), f64::from(trials));
        if high <= low {
            return 0.5 * scored / trials;
        }
        ((sum - scored * low) / (high - low)).clamp(0.0, scored) / trials
    }
}

/// All prefixes that were visited. The root is node 0.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// A tree with a root whose decision has this number of choices; 0 if there is no decision.
    pub(super) fn new(choices: u32) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        tree.add(choices);
        tree
    }

    /// Adds a node and returns its index.
    fn add(&mut self, choices: u32) -> u32 {
        let children = vec![NO_CHILD; choices as usize];
        self.nodes.push(Node { children, scored: 0, sum: 0.0, unscored: 0, closed: false });
        (self.nodes.len() - 1) as u32
    }

    fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    /// Whether every genotype below a node was visited.
    pub(super) fn is_closed(&self, node: u32) -> bool {
        self.node(node).closed
    }

    /// The number of trials through a node that have a score.
    #[cfg(test)]
    pub(super) fn scored(&self, node: u32) -> u32 {
        self.node(node).scored
    }

    /// The child of a choice, if it was visited.
    pub(super) fn child(&self, node: u32, choice: u32) -> Option<u32> {
        self.node(node).children.get(choice as usize).copied().filter(|&child| child != NO_CHILD)
    }

    /// Adds the child of a choice. `choices` is the number of choices of its decision; 0 if the genotype is complete.
    pub(super) fn grow(&mut self, node: u32, choice: u32, choices: u32) -> u32 {
        let child = self.add(choices);
        self.nodes[node as usize].children[choice as usize] = child;
        child
    }

    /// The choices that have no child yet.
    pub(super) fn untried(&self, node: u32) -> Vec<u32> {
        let children = (0..).zip(&self.node(node).children);
        children.filter(|&(_, &child)| child == NO_CHILD).map(|(choice, _)| choice).collect()
    }

    /// The choice with the greatest upper confidence bound (UCB1) among those that are not closed. All must have been
    /// tried. `None` if all are closed.
    pub(super) fn select(&self, node: u32, range: &ScoreRange, exploration: f64, rng: &mut Random) -> Option<u32> {
        let parent = self.node(node);
        let log = libm::log(f64::from((parent.scored + parent.unscored).max(1)));
        let ucb = |(choice, &child): (u32, &u32)| {
            let child = self.nodes.get(child as usize).filter(|child| !child.closed)?;
            let trials = (child.scored + child.unscored).max(1);
            let bonus = exploration * libm::sqrt(log / f64::from(trials));
            Some((range.mean(child.sum, child.scored, trials) + bonus, choice))
        };
        let bounds: Vec<(f64, u32)> = (0..).zip(&parent.children).filter_map(ucb).collect();
        let greatest = bounds.iter().map(|&(ucb, _)| ucb).fold(f64::NEG_INFINITY, f64::max);
        let best: Vec<u32> = bounds.iter().filter(|&&(ucb, _)| ucb == greatest).map(|&(_, choice)| choice).collect();
        (!best.is_empty()).then(|| best[rng.random_range(0..best.len() as u32) as usize])
    }

    /// Adds a trial along a path of nodes. It counts as a loss until its score is told.
    pub(super) fn visit(&mut self, path: &[u32]) {
        for &node in path {
            self.nodes[node as usize].unscored += 1;
        }
        for &node in path.iter().rev() {
            let Node { children, .. } = self.node(node);
            let closed = children.iter().all(|&child| child != NO_CHILD && self.nodes[child as usize].closed);
            self.nodes[node as usize].closed = closed;
        }
    }

    /// Records the score of a trial along a path of nodes.
    pub(super) fn score(&mut self, path: &[u32], score: f64) {
        for &node in path {
            let node = &mut self.nodes[node as usize];
            node.unscored = node.unscored.saturating_sub(1);
            node.scored += 1;
            node.sum += score;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::rng::seeded;

    use super::*;

    fn range() -> ScoreRange {
        let mut range = ScoreRange::default();
        range.include(2.0);
        range.include(6.0);
        range
    }

    /// A tree of one decision with three choices, with these scores and outstanding trials.
    fn tried(scores: [&[f64]; 3], outstanding: [u32; 3]) -> Tree {
        let mut tree = Tree::new(3);
        for choice in 0..3 {
            let child = tree.grow(0, choice, 1);
            for &score in scores[choice as usize] {
                tree.visit(&[0, child]);
                tree.score(&[0, child], score);
            }
            (0..outstanding[choice as usize]).for_each(|_| tree.visit(&[0, child]));
        }
        tree
    }

    #[test]
    fn rewards_lie_between_the_worst_and_the_best_score() {
        assert_eq!(range().mean(6.0 + 4.0, 2, 2), 0.75);
        // Two of four trials have no score.
        assert_eq!(range().mean(6.0 + 4.0, 2, 4), 0.375);
        assert_eq!(ScoreRange::default().mean(0.0, 0, 3), 0.0);
    }

    #[test]
    fn the_greatest_upper_confidence_bound_is_selected() {
        // Of the six trials, 3, 2 and 1 give the means 0.75, 0.5 and 0.25. With ln 6 = 1.7918, the bonuses
        // c √(ln 6 / n) are 0.7728 c, 0.9465 c and 1.3386 c.
        let tree = tried([&[5.0, 6.0, 4.0], &[4.0, 4.0], &[3.0]], [0; 3]);
        let select = |exploration| tree.select(0, &range(), exploration, &mut seeded(1)).unwrap();
        assert_eq!(select(0.0), 0);
        assert_eq!(select(0.8), 0, "0.75 + 0.618 against 0.5 + 0.757 and 0.25 + 1.071");
        assert_eq!(select(0.9), 2, "0.75 + 0.696 against 0.5 + 0.852 and 0.25 + 1.205");
    }

    #[test]
    fn outstanding_trials_count_as_losses() {
        let tree = tried([&[6.0], &[5.0], &[2.0]], [1, 0, 0]);
        assert_eq!(tree.select(0, &range(), 0.0, &mut seeded(1)), Some(1), "0.5 against 0.75");
    }

    #[test]
    fn a_node_is_closed_once_everything_below_was_visited() {
        let mut tree = Tree::new(2);
        let left = tree.grow(0, 0, 0);
        tree.visit(&[0, left]);
        assert!(tree.is_closed(left) && !tree.is_closed(0));
        assert_eq!(tree.untried(0), [1]);
        let right = tree.grow(0, 1, 0);
        tree.visit(&[0, right]);
        assert!(tree.is_closed(0));
        assert_eq!(tree.select(0, &range(), 1.0, &mut seeded(1)), None);
    }
}
