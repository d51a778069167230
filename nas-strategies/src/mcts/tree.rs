//! The tree of decisions: how often each prefix was tried, and what came of it.

use nas_api::rng::{Random, RngExt};

/// No child yet.
const NONE: u32 = u32::MAX;

/// One prefix of choices.
#[derive(Clone, Debug)]
struct Node {
    /// By choice; empty where the genotype is complete.
    children: Vec<u32>,
    /// Trials through this node with a score, and the sum of their scores.
    scored: u32,
    sum: f64,
    /// Trials through this node without one: they failed, or are still out (the virtual loss).
    lost: u32,
    /// Every genotype below was visited.
    closed: bool,
}

/// The nodes of a walk from the root to a complete genotype.
pub(super) type Walk = Vec<u32>;

/// What the best and the worst score are, so that rewards lie between 0 and 1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    ends: Option<(f64, f64)>,
}

impl Span {
    pub(super) fn include(&mut self, score: f64) {
        let (low, high) = self.ends.unwrap_or((score, score));
        self.ends = Some((low.min(score), high.max(score)));
    }

    /// The mean reward of this many trials, where those without a score count as the worst; the middle where all scores
    /// so far are equal.
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
    /// A tree whose first decision has so many choices; 0: there is none.
    pub(super) fn new(choices: u32) -> Self {
        let mut tree = Self { nodes: Vec::new() };
        tree.add(choices);
        tree
    }

    fn add(&mut self, choices: u32) -> u32 {
        let children = vec![NONE; choices as usize];
        self.nodes.push(Node { children, scored: 0, sum: 0.0, lost: 0, closed: false });
        (self.nodes.len() - 1) as u32
    }

    fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    /// Every genotype below was visited.
    pub(super) fn is_closed(&self, node: u32) -> bool {
        self.node(node).closed
    }

    /// Trials below that have a score.
    #[cfg(test)]
    pub(super) fn scored(&self, node: u32) -> u32 {
        self.node(node).scored
    }

    /// The node behind a choice, if it was visited.
    pub(super) fn child(&self, node: u32, choice: u32) -> Option<u32> {
        self.node(node).children.get(choice as usize).copied().filter(|&child| child != NONE)
    }

    /// Makes the node behind a choice; what follows has so many choices, 0: nothing follows.
    pub(super) fn grow(&mut self, node: u32, choice: u32, choices: u32) -> u32 {
        let child = self.add(choices);
        self.nodes[node as usize].children[choice as usize] = child;
        child
    }

    /// The choices behind which nothing was visited.
    pub(super) fn untried(&self, node: u32) -> Vec<u32> {
        let children = (0..).zip(&self.node(node).children);
        children.filter(|&(_, &child)| child == NONE).map(|(choice, _)| choice).collect()
    }

    /// The choice with the greatest upper confidence bound (UCB1) among those that are not closed; all were tried.
    pub(super) fn select(&self, node: u32, span: &Span, exploration: f64, rng: &mut Random) -> Option<u32> {
        let parent = self.node(node);
        let log = libm::log(f64::from((parent.scored + parent.lost).max(1)));
        let bound = |(choice, &child): (u32, &u32)| {
            let child = self.nodes.get(child as usize).filter(|child| !child.closed)?;
            let trials = (child.scored + child.lost).max(1);
            let bonus = exploration * libm::sqrt(log / f64::from(trials));
            Some((span.mean(child.sum, child.scored, trials) + bonus, choice))
        };
        let bounds: Vec<(f64, u32)> = (0..).zip(&parent.children).filter_map(bound).collect();
        let most = bounds.iter().map(|&(bound, _)| bound).fold(f64::NEG_INFINITY, f64::max);
        let equal: Vec<u32> = bounds.iter().filter(|&&(bound, _)| bound == most).map(|&(_, choice)| choice).collect();
        (!equal.is_empty()).then(|| equal[rng.random_range(0..equal.len() as u32) as usize])
    }

    /// A trial takes this walk: it counts as lost until its result is told.
    pub(super) fn visit(&mut self, walk: &[u32]) {
        for &node in walk {
            self.nodes[node as usize].lost += 1;
        }
        for &node in walk.iter().rev() {
            let Node { children, .. } = self.node(node);
            let closed = children.iter().all(|&child| child != NONE && self.nodes[child as usize].closed);
            self.nodes[node as usize].closed = closed;
        }
    }

    /// The result of a trial that took this walk.
    pub(super) fn score(&mut self, walk: &[u32], score: f64) {
        for &node in walk {
            let node = &mut self.nodes[node as usize];
            node.lost = node.lost.saturating_sub(1);
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

    fn span() -> Span {
        let mut span = Span::default();
        span.include(2.0);
        span.include(6.0);
        span
    }

    /// A tree of one decision with three choices, visited and scored like this.
    fn tried(scores: [&[f64]; 3], out: [u32; 3]) -> Tree {
        let mut tree = Tree::new(3);
        for choice in 0..3 {
            let child = tree.grow(0, choice, 1);
            for &score in scores[choice as usize] {
                tree.visit(&[0, child]);
                tree.score(&[0, child], score);
            }
            (0..out[choice as usize]).for_each(|_| tree.visit(&[0, child]));
        }
        tree
    }

    #[test]
    fn rewards_lie_between_the_worst_and_the_best_score() {
        assert_eq!(span().mean(6.0 + 4.0, 2, 2), 0.75);
        // Four trials, of which two have no score.
        assert_eq!(span().mean(6.0 + 4.0, 2, 4), 0.375);
        assert_eq!(Span::default().mean(0.0, 0, 3), 0.0);
    }

    #[test]
    fn the_greatest_upper_confidence_bound_is_selected() {
        // Six trials. Means 0.75, 0.5 and 0.25 after 3, 2 and 1 of them; the bonuses are c √(ln 6 / n), with
        // ln 6 = 1.7918: 0.7728 c, 0.9465 c and 1.3386 c.
        let tree = tried([&[5.0, 6.0, 4.0], &[4.0, 4.0], &[3.0]], [0; 3]);
        let select = |exploration| tree.select(0, &span(), exploration, &mut seeded(1)).unwrap();
        assert_eq!(select(0.0), 0);
        assert_eq!(select(0.8), 0, "0.75 + 0.618 against 0.5 + 0.757 and 0.25 + 1.071");
        assert_eq!(select(0.9), 2, "0.75 + 0.696 against 0.5 + 0.852 and 0.25 + 1.205");
    }

    #[test]
    fn trials_that_are_out_count_as_losses() {
        let tree = tried([&[6.0], &[5.0], &[2.0]], [1, 0, 0]);
        assert_eq!(tree.select(0, &span(), 0.0, &mut seeded(1)), Some(1), "0.5 against 0.75");
    }

    #[test]
    fn a_node_is_closed_when_everything_below_was_visited() {
        let mut tree = Tree::new(2);
        let left = tree.grow(0, 0, 0);
        tree.visit(&[0, left]);
        assert!(tree.is_closed(left) && !tree.is_closed(0));
        assert_eq!(tree.untried(0), [1]);
        let right = tree.grow(0, 1, 0);
        tree.visit(&[0, right]);
        assert!(tree.is_closed(0));
        assert_eq!(tree.select(0, &span(), 1.0, &mut seeded(1)), None);
    }
}
