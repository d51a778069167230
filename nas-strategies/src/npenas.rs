//! NPENAS-NP: evolution guided by a neural predictor. Every parent has many mutants, the predictor ranks them all, and
//! only the first of the ranking are measured.
//!
//! Requires nothing of the study. Any number of trials runs side by side.
//!
//! Reference: C. Wei, C. Niu, Y. Tang, Y. Wang, H. Hu and J. Liang (2022), "NPENAS: Neural predictor guided evolution
//! for neural architecture search", IEEE Transactions on Neural Networks and Learning Systems 34(11), Section III; the
//! variant NPENAS-NP, with a predictor of the objective alone.
//!
//! Differences: the predictor is a feed-forward network on the space's features, not a graph network, which only works
//! on cells. It learns normal scores (see `targets`), not scores squashed by a sigmoid. Parents are the best of all
//! results, as in the authors' code. Failures and constraint violations rank below every score by Deb's rules
//! ([`Rank`](crate::Rank)). After 10 k results the predictor is retrained not every k results, but once the results
//! have grown by a tenth, and with at most `updates` steps. A generation begins with the results so far and does not
//! wait for the last ones.

use nas_api::rng::Random;
use nas_api::{Needs, Parameter, Result, Serves, Space, StrategyInfo, StrategyPlugin, Study};

use crate::common::delegate_strategy;
use crate::common::surrogate::acquisition::{Candidate, mutants};
use crate::common::surrogate::at_least_one;
use crate::common::surrogate::ensemble::{Ensemble, Prediction, Shape, training};
use crate::common::surrogate::network::Loss;
use crate::common::surrogate::predictor::{Predictor, sorted_by_prediction};
use crate::common::surrogate::rounds::{PredictorRounds, RoundCandidates};
use crate::common::surrogate::search::{INITIAL, State, SurrogateSearch};
use crate::common::surrogate::targets::Targets;

/// A search by NPENAS-NP in progress.
pub struct Npenas(SurrogateSearch<PredictorRounds<Offspring>>);

delegate_strategy!(Npenas);

/// Mutants of the best architectures, sorted by their predicted score.
struct Offspring {
    /// The parents of a generation.
    population: usize,
    /// The mutants of each parent.
    per_parent: usize,
    edits: usize,
}

impl RoundCandidates for Offspring {
    fn candidates(
        &self,
        ensemble: &Ensemble,
        state: &mut State<Vec<f32>>,
        space: &mut dyn Space,
    ) -> Result<Vec<Candidate>> {
        let parents = state.archive.best(self.population);
        let archive = &state.archive;
        let count = parents.len() * self.per_parent;
        let mutants = mutants(space, &mut state.rng, &parents, count, self.edits, |key| archive.knows(key))?;
        let mean = |prediction: Prediction, _: &mut Random| prediction.mean;
        sorted_by_prediction(ensemble, mutants, space, &mut state.rng, mean)
    }
}

impl StrategyPlugin for Npenas {
    fn info() -> StrategyInfo {
        let mut parameters = vec![
            INITIAL.parameter("Results before the predictor is used; until then proposals are random"),
            Parameter::integer("population", 10, 1, 1_000_000, "Best architectures that have offspring."),
            Parameter::integer("offspring", 10, 1, 10_000, "Mutants of each parent that are predicted."),
            Parameter::integer("k", 10, 1, 1_000_000, "Mutants of a generation that are measured."),
            Parameter::integer("edits", 3, 1, 100, "Most mutations of one mutant."),
            Parameter::integer("ensemble", 1, 1, 100, "Predictors whose mean is taken; 1 in the paper."),
        ];
        parameters.push(Targets::parameter("normal-scores"));
        parameters.extend(Shape::parameters(3, 32, 300, 0.005, 600));
        StrategyInfo {
            name: "npenas".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Evolution in which a neural predictor selects the offspring to measure.".into(),
            reference: "Wei et al. 2022, NPENAS: Neural predictor guided evolution for neural architecture search, \
                        IEEE TNNLS, Section III"
                .into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters,
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let count = |name: &str| at_least_one(settings, name);
        let predictor = Predictor {
            members: count("ensemble")?,
            shape: Shape::read(settings)?,
            training: training(settings, Loss::Squared)?,
            targets: Targets::read(settings)?,
            margin: None,
        };
        let round = count("k")?;
        let offspring =
            Offspring { population: count("population")?, per_parent: count("offspring")?, edits: count("edits")? };
        Ok(Self(SurrogateSearch::new(study, PredictorRounds::new(offspring, predictor, round))?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::rng::seeded;
    use nas_api::{Observation, Strategy};

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    #[test]
    fn selected_offspring_are_better_than_average_offspring() {
        let mut space = Additive::flat(10, 5, 3);
        let mut search = Npenas::open(&study_of::<Npenas>(4, &[]).unwrap(), &mut space).unwrap();
        let known: Vec<Observation> = (0..100)
            .map(|seed| {
                let genotype = nas_api::SearchSpace::sample(&space, seed);
                let outcome = space.measure(&genotype);
                observation(None, genotype, outcome)
            })
            .collect();
        search.tell(&known, &mut space).unwrap();
        let mean = |genotypes: &[Vec<u32>], space: &Additive| {
            genotypes.iter().map(|genotype| space.value(genotype)).sum::<f64>() / genotypes.len() as f64
        };
        let parents = search.0.state.archive.best(10);
        let unselected = mutants(&mut space, &mut seeded(1), &parents, 100, 3, |_| false).unwrap();
        let unselected: Vec<Vec<u32>> = unselected.into_iter().map(|mutant| mutant.genotype).collect();
        let proposals = search.ask(10, &mut space).unwrap();
        let selected: Vec<Vec<u32>> = proposals.iter().filter_map(|one| one.candidate.genotype().cloned()).collect();
        let (selected, average) = (mean(&selected, &space), mean(&unselected, &space));
        assert!(selected > average + 0.05, "{selected} against {average}");
    }
}
