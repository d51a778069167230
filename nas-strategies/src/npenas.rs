//! NPENAS-NP: evolution guided by a neural predictor. Every parent has many mutants, the predictor ranks them all, and
//! only the first of the ranking are measured.
//!
//! Requires nothing of the study. Any number of trials runs side by side.
//!
//! Reference: C. Wei, C. Niu, Y. Tang, Y. Wang, H. Hu and J. Liang (2022), "NPENAS: Neural predictor guided evolution for
//! neural architecture search", IEEE Transactions on Neural Networks and Learning Systems 34(11), Section III; the
//! variant NPENAS-NP, with a predictor of the objective alone.
//!
//! Differences: the predictor is a feed-forward network on the space's features, not a graph network, which only cells
//! can feed, and it learns normal scores (`targets`), not what a sigmoid squeezes. Parents are the best of everything measured, as
//! in the authors' program. Failures and broken constraints stand below every score in the order of Deb's rules
//! ([`Rank`](crate::Rank)). After 10 k results the predictor is trained anew not every k results, but when there are a
//! tenth more, and with at most `updates` steps. Nobody waits for the last of a generation: the next begins with what is
//! known.

use nas_api::rng::Random;
use nas_api::{
    Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo, StrategyPlugin, Study,
};

use crate::surrogate::at_least_one;
use crate::surrogate::candidates::mutants;
use crate::surrogate::ensemble::{Prediction, Shape, training};
use crate::surrogate::guide::Guide;
use crate::surrogate::network::Loss;
use crate::surrogate::predictor::{Predictor, in_order};
use crate::surrogate::targets::Targets;

/// A search by NPENAS-NP in progress.
pub struct Npenas {
    guide: Guide,
    /// Parents of a generation.
    population: usize,
    /// Mutants of each parent.
    offspring: usize,
    edits: usize,
}

impl StrategyPlugin for Npenas {
    fn info() -> StrategyInfo {
        let mut parameters = vec![
            Parameter::integer(
                "initial",
                10,
                1,
                1_000_000,
                "Results of random architectures before the predictor is asked.",
            ),
            Parameter::integer("population", 10, 1, 1_000_000, "Best architectures that have offspring."),
            Parameter::integer("offspring", 10, 1, 10_000, "Mutants of each parent that are predicted."),
            Parameter::integer("k", 10, 1, 1_000_000, "Mutants of a generation that are measured."),
            Parameter::integer("edits", 3, 1, 100, "Mutations of one mutant, at most."),
            Parameter::integer("ensemble", 1, 1, 100, "Predictors whose mean is taken; 1 in the paper."),
        ];
        parameters.push(Targets::parameter("normal-scores"));
        parameters.extend(Shape::parameters(3, 32, 300, 0.005, 600));
        StrategyInfo {
            name: "npenas".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Evolution in which a neural predictor chooses who of many offspring is measured.".into(),
            reference: "Wei et al. 2022, NPENAS: Neural predictor guided evolution for neural architecture search, IEEE TNNLS, Section III".into(),
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
        Ok(Self {
            guide: Guide::new(study, predictor, count("initial")?, count("k")?),
            population: count("population")?,
            offspring: count("offspring")?,
            edits: count("edits")?,
        })
    }
}

impl Strategy for Npenas {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let Self { guide, population, offspring, edits } = self;
        guide.ask(limit, space, |ensemble, search, space| {
            let parents = search.archive.best(*population);
            let archive = &search.archive;
            let count = parents.len() * *offspring;
            let found = mutants(space, &mut search.rng, &parents, count, *edits, |key| archive.knows(key))?;
            in_order(ensemble, found, space, &mut search.rng, |expected: Prediction, _: &mut Random| expected.mean)
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
    use nas_api::rng::seeded;

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    #[test]
    fn offspring_that_are_measured_are_better_than_offspring_at_large() {
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
        let parents = search.guide.search.archive.best(10);
        let at_large = mutants(&mut space, &mut seeded(1), &parents, 100, 3, |_| false).unwrap();
        let at_large: Vec<Vec<u32>> = at_large.into_iter().map(|mutant| mutant.genotype).collect();
        let proposals = search.ask(10, &mut space).unwrap();
        let chosen: Vec<Vec<u32>> = proposals.iter().filter_map(|one| one.candidate.genotype().cloned()).collect();
        let (chosen, at_large) = (mean(&chosen, &space), mean(&at_large, &space));
        assert!(chosen > at_large + 0.05, "{chosen} against {at_large}");
    }
}
