//! BANANAS: Bayesian optimisation with an ensemble of neural predictors. The predictors judge mutants of the best
//! architectures, and independent Thompson sampling decides which of them are measured.
//!
//! Requires nothing of the study. Any number of trials runs side by side.
//!
//! Reference: C. White, W. Neiswanger and Y. Savani (2021), "BANANAS: Bayesian optimization with neural architectures
//! for neural architecture search", AAAI 35, Sections 4 and 5, Algorithm 1.
//!
//! Differences: the encoding is the space's features (one-hot by default), not the path encoding, which only cells
//! have. The lower bound y_LB of the loss is not set by hand for each data set, but lies `margin` standard deviations
//! beyond the best result. Predictors learn standardised scores (or normal scores, see `targets`); failures and
//! constraint violations rank below them by Deb's rules ([`Rank`](crate::Rank)). After 10 k results the predictors are
//! retrained not every k results, but once the results have grown by a tenth, and with at most `updates` steps. A round
//! begins with the results so far and does not wait for the last ones.

use nas_api::rng::Random;
use nas_api::{Needs, Parameter, Result, Serves, Space, StrategyInfo, StrategyPlugin, Study};

use crate::common::delegate_strategy;
use crate::common::surrogate::acquisition::{Candidate, mutants};
use crate::common::surrogate::at_least_one;
use crate::common::surrogate::ensemble::{Ensemble, Prediction, Shape, training};
use crate::common::surrogate::network::Loss;
use crate::common::surrogate::normal::draw;
use crate::common::surrogate::predictor::{Predictor, sorted_by_prediction};
use crate::common::surrogate::rounds::{PredictorRounds, RoundCandidates};
use crate::common::surrogate::search::{INITIAL, State, SurrogateSearch};
use crate::common::surrogate::targets::Targets;

/// A search by BANANAS in progress.
pub struct Bananas(SurrogateSearch<PredictorRounds<ThompsonSampling>>);

delegate_strategy!(Bananas);

/// Mutants of the best architectures, sorted by independent Thompson sampling.
struct ThompsonSampling {
    /// c, the mutants of one round.
    candidates: usize,
    parents: usize,
    edits: usize,
}

impl RoundCandidates for ThompsonSampling {
    fn candidates(
        &self,
        ensemble: &Ensemble,
        state: &mut State<Vec<f32>>,
        space: &mut dyn Space,
    ) -> Result<Vec<Candidate>> {
        let best = state.archive.best(self.parents);
        let archive = &state.archive;
        let known = |key: &str| archive.knows(key);
        let mutants = mutants(space, &mut state.rng, &best, self.candidates, self.edits, known)?;
        // Each mutant is ranked by one draw from its own prediction.
        let sample = |prediction: Prediction, rng: &mut Random| prediction.mean + prediction.deviation * draw(rng);
        sorted_by_prediction(ensemble, mutants, space, &mut state.rng, sample)
    }
}

impl StrategyPlugin for Bananas {
    fn info() -> StrategyInfo {
        let mut parameters = vec![
            INITIAL.parameter("t_0: results before the predictors are used; until then proposals are random"),
            Parameter::integer("k", 10, 1, 1_000_000, "k: architectures measured between two trainings."),
            Parameter::integer("ensemble", 3, 1, 100, "M: predictors; the paper's text has 5, its code 3."),
            Parameter::integer("candidates", 100, 1, 1_000_000, "c: mutants that are predicted in each round."),
            Parameter::integer("parents", 10, 1, 1_000_000, "x: best architectures that are mutated."),
            Parameter::integer("edits", 3, 1, 100, "Most mutations of one candidate."),
            Parameter::one_of("loss", "mape", &["mape", "mae"], "'mape' weighs errors near the best result more."),
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
            description: "Measures mutants of good architectures that an ensemble of neural predictors selects.".into(),
            reference: "White, Neiswanger & Savani 2021, BANANAS: Bayesian optimization with neural architectures for \
                        neural architecture search, AAAI, Algorithm 1"
                .into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters,
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let round = at_least_one(settings, "k")?;
        let mape = settings.text("loss")? == "mape";
        let predictor = Predictor {
            members: at_least_one(settings, "ensemble")?,
            shape: Shape::read(settings)?,
            training: training(settings, Loss::Absolute)?,
            targets: Targets::read(settings)?,
            margin: if mape { Some(settings.number("margin")?) } else { None },
        };
        let candidates = ThompsonSampling {
            candidates: at_least_one(settings, "candidates")?,
            parents: at_least_one(settings, "parents")?,
            edits: at_least_one(settings, "edits")?,
        };
        Ok(Self(SurrogateSearch::new(study, PredictorRounds::new(candidates, predictor, round))?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use nas_api::{Proposal, Strategy};

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
                .0
                .state
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
