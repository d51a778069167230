//! BANANAS: Bayesian optimisation with an ensemble of neural predictors. Mutants of the best architectures are predicted,
//! and those are measured that come first by independent Thompson sampling.
//!
//! Requires nothing of the study. Any number of trials runs side by side.
//!
//! Reference: C. White, W. Neiswanger and Y. Savani (2021), "BANANAS: Bayesian optimization with neural architectures
//! for neural architecture search", AAAI 35, Sections 4 and 5, Algorithm 1.
//!
//! Differences: the encoding is the space's features (one-hot by default), not the path encoding, which only cells have.
//! The lower bound y_LB of the loss is not set by hand for each data set, but lies `margin` standard deviations beyond
//! the best result. Predictors learn standardised
//! scores (or normal scores, `targets`); failures and broken constraints stand below them in the
//! order of Deb's rules ([`Rank`](crate::Rank)). After 10 k results they are trained anew not every k results, but when
//! there are a tenth more, and with at most `updates` steps. Nobody waits for the last of a round: the next begins with
//! what is known.

use nas_api::rng::Random;
use nas_api::{
    Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo, StrategyPlugin, Study,
};

use crate::surrogate::at_least_one;
use crate::surrogate::candidates::mutants;
use crate::surrogate::ensemble::{Prediction, Shape, training};
use crate::surrogate::guide::Guide;
use crate::surrogate::network::Loss;
use crate::surrogate::normal::draw;
use crate::surrogate::predictor::{Predictor, in_order};
use crate::surrogate::targets::Targets;

/// A search by BANANAS in progress.
pub struct Bananas {
    guide: Guide,
    /// c, candidates of one round.
    candidates: usize,
    parents: usize,
    edits: usize,
}

impl StrategyPlugin for Bananas {
    fn info() -> StrategyInfo {
        let mut parameters = vec![
            Parameter::integer(
                "initial",
                10,
                1,
                1_000_000,
                "t_0: results of random architectures before the predictors are asked.",
            ),
            Parameter::integer("k", 10, 1, 1_000_000, "k: architectures measured between two trainings."),
            Parameter::integer("ensemble", 3, 1, 100, "M: predictors; the text of the paper has 5, its code 3."),
            Parameter::integer("candidates", 100, 1, 1_000_000, "c: mutants that are predicted in each round."),
            Parameter::integer("parents", 10, 1, 1_000_000, "x: best architectures that are mutated."),
            Parameter::integer("edits", 3, 1, 100, "Mutations of one candidate, at most."),
            Parameter::one_of("loss", "mape", &["mape", "mae"], "Whether misses near the best result weigh more."),
            Parameter::number(
                "margin",
                0.5,
                1e-6,
                1e6,
                "With 'mape': how far y_LB lies beyond the best result, in standard deviations.",
            ),
        ];
        parameters.push(Targets::parameter("standardised"));
        parameters.extend(Shape::parameters(10, 20, 150, 0.01, 300));
        StrategyInfo {
            name: "bananas".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Measures the mutants of good architectures that an ensemble of neural predictors draws first.".into(),
            reference: "White, Neiswanger & Savani 2021, BANANAS: Bayesian optimization with neural architectures for neural architecture search, AAAI, Algorithm 1".into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters,
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let (initial, round) = (at_least_one(settings, "initial")?, at_least_one(settings, "k")?);
        let mape = settings.text("loss")? == "mape";
        let predictor = Predictor {
            members: at_least_one(settings, "ensemble")?,
            shape: Shape::read(settings)?,
            training: training(settings, Loss::Absolute)?,
            targets: Targets::read(settings)?,
            margin: if mape { Some(settings.number("margin")?) } else { None },
        };
        Ok(Self {
            guide: Guide::new(study, predictor, initial, round),
            candidates: at_least_one(settings, "candidates")?,
            parents: at_least_one(settings, "parents")?,
            edits: at_least_one(settings, "edits")?,
        })
    }
}

impl Strategy for Bananas {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let Self { guide, candidates, parents, edits } = self;
        guide.ask(limit, space, |ensemble, search, space| {
            let best = search.archive.best(*parents);
            let archive = &search.archive;
            let found = mutants(space, &mut search.rng, &best, *candidates, *edits, |key| archive.knows(key))?;
            // Independent Thompson sampling: one draw from what is expected of each.
            let draws = |expected: Prediction, rng: &mut Random| expected.mean + expected.deviation * draw(rng);
            in_order(ensemble, found, space, &mut search.rng, draws)
        })
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        self.guide.tell(observations, space)
    }

    fn finished(&self) -> bool {
        self.guide.finished()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    #[test]
    fn after_the_random_start_proposals_are_new_mutants_of_the_best() {
        let mut space = Additive::flat(10, 5, 1);
        let mut search = Bananas::open(&study_of::<Bananas>(4, &[]).unwrap(), &mut space).unwrap();
        let mut seen = BTreeSet::new();
        let tell = |search: &mut Bananas, space: &mut Additive, first: u32, proposals: Vec<Proposal>| {
            for (trial, proposal) in (first..).zip(proposals) {
                let genotype = proposal.candidate.genotype().unwrap().clone();
                let outcome = space.measure(&genotype);
                search.tell(&[observation(Some(trial), genotype, outcome)], space).unwrap();
            }
        };
        let first = search.ask(10, &mut space).unwrap();
        seen.extend(first.iter().map(|proposal| proposal.candidate.genotype().unwrap().clone()));
        tell(&mut search, &mut space, 0, first);
        let round = search.ask(10, &mut space).unwrap();
        for proposal in &round {
            let genotype = proposal.candidate.genotype().unwrap();
            let nearest = search
                .guide
                .search
                .archive
                .best(10)
                .iter()
                .map(|parent| parent.iter().zip(genotype).filter(|(a, b)| a != b).count())
                .min();
            assert!(nearest.is_some_and(|distance| (1..=3).contains(&distance)), "{nearest:?}");
            assert!(seen.insert(genotype.clone()));
        }
    }
}
