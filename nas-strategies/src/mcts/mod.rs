//! Monte-Carlo tree search: the decisions of an architecture are moves of a game for one player; from the root down, the
//! move with the greatest upper confidence bound is made, and below what was tried the game is played out at random.
//!
//! Requires nothing of the study. Any number of trials runs side by side: each that is out counts as a loss on its way
//! (virtual loss), so that others go elsewhere, until its result takes the place of the loss.
//!
//! Reference: L. Kocsis and C. Szepesvari (2006), "Bandit based Monte-Carlo planning", ECML (LNCS 4212), Sections 2 and 3
//! (UCT). For architectures: R. Negrinho and G. Gordon (2017), "DeepArchitect: automatically designing and training deep
//! architectures", arXiv:1704.08792; L. Wang, Y. Zhao, Y. Jinnai, Y. Tian and R. Fonseca (2020), "Neural
//! architecture search using deep neural networks and Monte Carlo tree search", AAAI 34 (AlphaX). Virtual loss: G.
//! Chaslot, M. Winands and H. J. van den Herik (2008), "Parallel Monte-Carlo tree search", CG 2008. Playouts by history:
//! H. Finnsson and Y. Bjornsson (2008), "Simulation-based approach to general game playing", AAAI 23 (MAST).
//!
//! Differences: rewards are scores between the worst and the best so far, so one constant fits any objective. All
//! decisions of a trial become nodes, as in UCT itself, so that no architecture is proposed twice, and the search ends
//! with the space. AlphaX's network that predicts results is not part of it, nor is DeepArchitect's bisection of
//! decisions with many choices. A failed trial, or one that breaks a constraint, is rewarded like the worst so far. Knowledge
//! from elsewhere counts like a trial, and is not proposed.

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
use crate::decisions::{Decisions, Step};
use crate::trials::{Origin, Trials, batch};
use history::History;
use tree::{Span, Tree, Walk};

/// Scores beyond this are cut, so that their sums stay finite.
const LARGEST: f64 = 1e100;

/// A Monte-Carlo tree search in progress.
pub struct Mcts {
    study: Study,
    rng: Random,
    decisions: Decisions,
    /// c.
    exploration: f64,
    /// `None`: playouts are uniform.
    history: Option<History>,
    tree: Tree,
    span: Span,
    /// The ways of the trials that are out.
    out: BTreeMap<u32, (Walk, Vec<Step>)>,
    trials: Trials,
}

impl Mcts {
    /// The number of the decision that follows, and how many choices it has; `None`: complete.
    fn next(&mut self, prefix: &[u32], space: &mut dyn Space) -> Result<Option<(usize, u32)>> {
        let next = self.decisions.next(prefix, space)?;
        Ok(next.map(|decision| (decision, self.decisions.shape(decision).count)))
    }

    /// A choice at this node, which is not closed.
    fn choose(&mut self, node: u32, decision: usize) -> Option<u32> {
        let untried = self.tree.untried(node);
        if untried.is_empty() {
            return self.tree.select(node, &self.span, self.exploration, &mut self.rng);
        }
        let at = match &self.history {
            Some(history) => history.choose(decision, &untried, &self.span, &mut self.rng),
            None => self.rng.random_range(0..untried.len() as u32),
        };
        Some(untried[at as usize])
    }

    /// The way to a genotype, made in the tree where it is new. `pick` chooses at each node.
    fn descend(
        &mut self,
        space: &mut dyn Space,
        mut pick: impl FnMut(&mut Self, u32, usize) -> Option<u32>,
    ) -> Result<Option<(Walk, Vec<Step>)>> {
        let (mut walk, mut path, mut prefix): (Walk, Vec<Step>, Vec<u32>) = (vec![0], Vec::new(), Vec::new());
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
            walk.push(node);
        }
        Ok(Some((walk, path)))
    }

    /// What a result says of its way.
    fn learn(&mut self, walk: &[u32], path: &[Step], rank: Rank) {
        let score = rank.score().map(|score| score.clamp(-LARGEST, LARGEST));
        if let Some(score) = score {
            self.span.include(score);
            self.tree.score(walk, score);
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
            description: "Plays the decisions as a game: upper confidence bounds where results are known, playouts below.".into(),
            reference: "Kocsis & Szepesvari 2006, Bandit based Monte-Carlo planning, ECML; Negrinho & Gordon 2017, DeepArchitect".into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                Parameter::number("exploration", 0.2, 0.0, 1000.0, "c, weight of the upper confidence bound's bonus; rewards lie between 0 and 1."),
                Parameter::one_of("playout", "random", &["random", "history"], "Below what was tried: every choice alike, or those more often that did well elsewhere."),
                Parameter::number("temperature", 0.1, 1e-6, 1e6, "τ of playouts by history: choices are drawn in proportion to exp(mean reward / τ)."),
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
            span: Span::default(),
            out: BTreeMap::new(),
            trials: Trials::default(),
        })
    }
}

impl Strategy for Mcts {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while proposals.len() < batch(limit) as usize && !self.tree.is_closed(0) {
            let Some((walk, path)) = self.descend(space, Self::choose)? else { break };
            self.tree.visit(&walk);
            proposals.push(Proposal::discrete(path.iter().map(|&(_, choice)| choice).collect()));
            self.out.insert(self.trials.propose(), (walk, path));
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let rank = Rank::of(&self.study, observation);
            match self.trials.read(observation, space)? {
                (Origin::Asked(trial), _) => {
                    if let Some((walk, path)) = self.out.remove(&trial) {
                        self.learn(&walk, &path, rank);
                    }
                }
                (Origin::Foreign, Some(genotype)) => {
                    let mut choices = genotype.iter().copied();
                    let Some((walk, path)) = self.descend(space, |_, _, _| choices.next())? else { continue };
                    // What is known twice, or is out, counts once.
                    if walk.last().is_some_and(|&leaf| !self.tree.is_closed(leaf)) {
                        self.tree.visit(&walk);
                        self.learn(&walk, &path, rank);
                    }
                }
                (Origin::Foreign | Origin::Repeated, _) => {}
            }
        }
        Ok(())
    }

    fn finished(&self) -> bool {
        self.tree.is_closed(0)
    }
}
