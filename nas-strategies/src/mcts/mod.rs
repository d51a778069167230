//! Monte-Carlo tree search: the decisions of an architecture are the moves of a game for one player. From the root
//! down, the move with the greatest upper confidence bound is made; below the visited nodes the game is played out at
//! random.
//!
//! Requires nothing of the study. Any number of trials runs side by side: an outstanding trial counts as a loss on its
//! path (virtual loss), so that others take different paths, until its result replaces the loss.
//!
//! Reference: L. Kocsis and C. Szepesvari (2006), "Bandit based Monte-Carlo planning", ECML (LNCS 4212), Sections 2 and
//! 3 (UCT). For architectures: R. Negrinho and G. Gordon (2017), "DeepArchitect: automatically designing and training
//! deep architectures", arXiv:1704.08792; L. Wang, Y. Zhao, Y. Jinnai, Y. Tian and R. Fonseca (2020), "Neural
//! architecture search using deep neural networks and Monte Carlo tree search", AAAI 34 (AlphaX). Virtual loss: G.
//! Chaslot, M. Winands and H. J. van den Herik (2008), "Parallel Monte-Carlo tree search", CG 2008. Playouts by
//! history: H. Finnsson and Y. Bjornsson (2008), "Simulation-based approach to general game playing", AAAI 23 (MAST).
//!
//! Differences: rewards are scores scaled to the range from the worst to the best so far, so one constant fits any
//! objective. All decisions of a trial become nodes, as in UCT itself, so no architecture is proposed twice, and the
//! search ends with the space. AlphaX's neural predictor and DeepArchitect's bisection of decisions with many choices
//! are left out. A trial that fails or violates a constraint is rewarded like the worst so far. An external result (a
//! warm start) counts like a trial, and its architecture is not proposed.

mod history;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Error, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo, StrategyPlugin,
    Study,
};

use crate::Rank;
use crate::common::decisions::{Decisions, Step};
use crate::common::trials::{Origin, Trials, batch_size};
use history::History;
use tree::{NodePath, ScoreRange, Tree};

/// Scores are clamped to plus and minus this, so that their sums stay finite.
const MAX_SCORE: f64 = 1e100;

/// A Monte-Carlo tree search in progress.
pub struct Mcts {
    study: Study,
    rng: Random,
    decisions: Decisions,
    /// c, the weight of the bonus.
    exploration: f64,
    /// `None` if playouts are uniform.
    history: Option<History>,
    tree: Tree,
    range: ScoreRange,
    /// The nodes and the steps of the outstanding trials.
    pending: BTreeMap<u32, (NodePath, Vec<Step>)>,
    trials: Trials,
}

impl Mcts {
    /// The number of the decision that follows a prefix, and of its choices; `None` if the genotype is complete.
    fn next(&mut self, prefix: &[u32], space: &mut dyn Space) -> Result<Option<(usize, u32)>> {
        let next = self.decisions.next(prefix, space)?;
        Ok(next.map(|decision| (decision, self.decisions.shape(decision).count)))
    }

    /// Selects a choice at a node that is not closed.
    fn choose(&mut self, node: u32, decision: usize) -> Option<u32> {
        let untried = self.tree.untried(node);
        if untried.is_empty() {
            return self.tree.select(node, &self.range, self.exploration, &mut self.rng);
        }
        let index = match &self.history {
            Some(history) => history.choose(decision, &untried, &self.range, &mut self.rng),
            None => self.rng.random_range(0..untried.len() as u32),
        };
        Some(untried[index as usize])
    }

    /// The nodes and the steps to the genotype that `pick` chooses node by node; adds missing nodes to the tree.
    fn descend(
        &mut self,
        space: &mut dyn Space,
        mut pick: impl FnMut(&mut Self, u32, usize) -> Option<u32>,
    ) -> Result<Option<(NodePath, Vec<Step>)>> {
        let (mut nodes, mut path, mut prefix): (NodePath, Vec<Step>, Vec<u32>) = (vec![0], Vec::new(), Vec::new());
        let mut node = 0;
        let mut next = self.next(&prefix, space)?;
        while let Some((decision, _)) = next {
            let Some(choice) = pick(self, node, decision) else { return Ok(None) };
            path.push((decision, choice));
            prefix.push(choice);
            next = self.next(&prefix, space)?;
            let choices = next.map_or(0, |(_, choices)| choices);
            node = match self.tree.child(node, choice) {
                Some(child) => child,
                None => self.tree.grow(node, choice, choices),
            };
            nodes.push(node);
        }
        Ok(Some((nodes, path)))
    }

    /// Records the result of a trial along its nodes and steps.
    fn learn(&mut self, nodes: &[u32], path: &[Step], rank: Rank) {
        let score = rank.score().map(|score| score.clamp(-MAX_SCORE, MAX_SCORE));
        if let Some(score) = score {
            self.range.include(score);
            self.tree.score(nodes, score);
        }
        if let Some(history) = &mut self.history {
            history.learn(path, score);
        }
    }
}

impl StrategyPlugin for Mcts {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "mcts".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Plays the decisions as a game: upper confidence bounds where results are known, playouts \
                          below."
                .into(),
            reference: "Kocsis & Szepesvari 2006, Bandit based Monte-Carlo planning, ECML; Negrinho & Gordon 2017, \
                        DeepArchitect"
                .into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                Parameter::number(
                    "exploration",
                    0.2,
                    0.0,
                    1000.0,
                    "c: weight of the upper confidence bound's bonus; rewards lie between 0 and 1.",
                ),
                Parameter::one_of(
                    "playout",
                    "random",
                    &["random", "history"],
                    "Below the visited nodes: uniform choices, or preferably those that did well elsewhere.",
                ),
                Parameter::number(
                    "temperature",
                    0.1,
                    1e-6,
                    1e6,
                    "τ of playouts by history: choices are drawn in proportion to exp(mean reward / τ).",
                ),
            ],
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let temperature = settings.number("temperature")?;
        if temperature <= 0.0 {
            return Err(Error::new("'temperature' must be above 0"));
        }
        let mut decisions = Decisions::of(space)?;
        let first = decisions.next(&[], space)?.map_or(0, |decision| decisions.shape(decision).count);
        Ok(Self {
            study: study.clone(),
            rng: seeded(study.seed),
            decisions,
            exploration: settings.number("exploration")?,
            history: (settings.text("playout")? == "history").then(|| History::new(temperature)),
            tree: Tree::new(first),
            range: ScoreRange::default(),
            pending: BTreeMap::new(),
            trials: Trials::default(),
        })
    }
}

impl Strategy for Mcts {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while proposals.len() < batch_size(limit) as usize && !self.tree.is_closed(0) {
            let Some((nodes, path)) = self.descend(space, Self::choose)? else { break };
            self.tree.visit(&nodes);
            proposals.push(Proposal::discrete(path.iter().map(|&(_, choice)| choice).collect()));
            self.pending.insert(self.trials.propose(), (nodes, path));
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let rank = Rank::of(&self.study, observation);
            match self.trials.read(observation, space)? {
                (Origin::Asked(trial), _) => {
                    if let Some((nodes, path)) = self.pending.remove(&trial) {
                        self.learn(&nodes, &path, rank);
                    }
                }
                (Origin::External, Some(genotype)) => {
                    let mut choices = genotype.iter().copied();
                    let Some((nodes, path)) = self.descend(space, |_, _, _| choices.next())? else { continue };
                    // An architecture that is known already, or outstanding, counts only once.
                    if nodes.last().is_some_and(|&leaf| !self.tree.is_closed(leaf)) {
                        self.tree.visit(&nodes);
                        self.learn(&nodes, &path, rank);
                    }
                }
                (Origin::External | Origin::Repeated, _) => {}
            }
        }
        Ok(())
    }

    fn finished(&self) -> bool {
        self.tree.is_closed(0)
    }
}
