//! SMAC: Bayesian optimisation with a random forest. Every second proposal is random, the others have the greatest
//! expected improvement.
//!
//! Requires nothing of the study. Any number of trials runs side by side.
//!
//! Reference: F. Hutter, H. H. Hoos and K. Leyton-Brown (2011), "Sequential model-based optimization for general
//! algorithm configuration", LION 5, Section 4: 4.1 the forest and its parameters, 4.3 expected improvement, local search
//! and interleaving. Forests: L. Breiman (2001), "Random forests", Machine Learning 45.
//!
//! Differences: one evaluator measures an architecture once, so there is no racing over instances (Section 4.2 is not
//! needed), and scores become normal scores by their ranks (`targets`) instead of logarithms of run times. Local searches start at mutants of the best architectures and at random ones,
//! and look at no more than 64 neighbours a step. With few results the spread of ten trees may be 0; it is then kept at
//! least at `floor` standard deviations, so that improvement can be expected at all. Failures and broken bounds stand
//! below every score in the order of Deb's rules ([`Rank`](crate::Rank)). The forest grows anew when there is one
//! percent more to learn, at least one result.

mod tree;

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::surrogate::archive::Archive;
use crate::surrogate::at_least_one;
use crate::surrogate::candidates::Climbs;
use crate::surrogate::encoding::{Codes, Encoding};
use crate::surrogate::normal::expected_improvement;
use crate::surrogate::search::Search;
use crate::surrogate::targets::Targets;
use tree::{Data, Growth, Tree};

/// Once there are hundreds of results the forest grows anew when there are more by this share.
const GROWTH: usize = 100;
/// Best architectures that are mutated.
const PARENTS: usize = 10;

/// A search by a random forest in progress.
pub struct RandomForest {
    search: Search<Codes>,
    encoding: Encoding,
    /// By decision: whether its choices are ordered, and how many codes it has.
    decisions: Vec<(bool, usize)>,
    trees: usize,
    growth: Growth,
    targets: Targets,
    floor: f64,
    climbs: Climbs,
    /// Every proposal of this number is random; 0: none.
    interleave: u32,
    /// Proposals since the random start.
    turns: u32,
    forest: Option<Forest>,
}

/// A forest, and what it has learnt.
struct Forest {
    trees: Vec<Tree>,
    /// The best target.
    best: f64,
    /// Results that it has learnt.
    learnt: usize,
}

impl Forest {
    fn grow(
        archive: &Archive<Codes>,
        decisions: &[(bool, usize)],
        count: usize,
        growth: Growth,
        learnt: Targets,
        rng: &mut Random,
    ) -> Self {
        let entries = archive.entries();
        let ranks: Vec<Rank> = entries.iter().map(|entry| entry.rank).collect();
        let targets = learnt.of(&ranks);
        let points: Vec<&Codes> = entries.iter().map(|entry| &entry.point).collect();
        let data = Data { points: &points, targets: &targets, decisions };
        let bound = u32::try_from(points.len()).unwrap_or(u32::MAX);
        let grown = |_| {
            // A bootstrap: as many results as there are, with replacement.
            let rows = (0..points.len()).map(|_| rng.random_range(0..bound) as usize).collect();
            Tree::grow(&data, rows, growth, rng)
        };
        let trees = (0..count).map(grown).collect();
        Self { trees, best: targets.iter().copied().fold(f64::NEG_INFINITY, f64::max), learnt: points.len() }
    }

    /// Mean and standard deviation of what the trees say.
    fn predict(&self, point: &[u32]) -> (f64, f64) {
        let count = self.trees.len().max(1) as f64;
        let said: Vec<f64> = self.trees.iter().map(|tree| tree.predict(point)).collect();
        let mean = said.iter().sum::<f64>() / count;
        let variance = said.iter().map(|one| (one - mean) * (one - mean)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }
}

impl StrategyPlugin for RandomForest {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "random-forest".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "SMAC: measures where a random forest expects the greatest improvement, interleaved with random architectures.".into(),
            reference: "Hutter, Hoos & Leyton-Brown 2011, Sequential model-based optimization for general algorithm configuration, LION 5, Section 4".into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                Parameter::integer("initial", 10, 1, 1_000_000, "Results of random architectures before the forest is asked."),
                Parameter::integer("trees", 10, 1, 10_000, "B: trees of the forest."),
                Parameter::integer("n_min", 10, 2, 1_000_000, "n_min: results below which a node is not split."),
                Parameter::number("split_ratio", 5.0 / 6.0, 0.0, 1.0, "Share of the decisions that are looked at for each split."),
                Targets::parameter("normal-scores"),
                Parameter::number("floor", 0.01, 0.0, 10.0, "Least spread of a prediction, in standard deviations of the scores."),
                Parameter::integer("interleave", 2, 0, 1_000_000, "Every proposal of this number is random; 0: none."),
                Parameter::integer("samples", 500, 1, 1_000_000, "Random architectures that are compared for each proposal; 10,000 in the paper."),
                Parameter::integer("mutants", 100, 0, 1_000_000, "Mutants of the ten best architectures that are compared."),
                Parameter::integer("starts", 10, 0, 1000, "How many of the best of both are climbed from."),
            ],
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let encoding = Encoding::of(space)?;
        let share = settings.number("split_ratio")?;
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::new(format!("'split_ratio' is a share, between 0 and 1, but is {share}")));
        }
        Ok(Self {
            search: Search::new(study, seeded(study.seed), at_least_one(settings, "initial")?),
            decisions: encoding.decisions.iter().map(|one| (one.ordered, one.choices.len() + 1)).collect(),
            encoding,
            trees: at_least_one(settings, "trees")?,
            growth: Growth { least: at_least_one(settings, "n_min")?, share },
            targets: Targets::read(settings)?,
            floor: settings.number("floor")?,
            climbs: Climbs {
                samples: at_least_one(settings, "samples")?,
                mutants: settings.integer("mutants")? as usize,
                starts: settings.integer("starts")? as usize,
            },
            interleave: settings.integer("interleave")?,
            turns: 0,
            forest: None,
        })
    }
}

impl Strategy for RandomForest {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let Self { search, encoding, decisions, trees, growth, targets, floor, climbs, interleave, turns, forest } =
            self;
        search.ask(limit, space, |search, space| {
            *turns = turns.wrapping_add(1);
            if *interleave > 0 && turns.is_multiple_of(*interleave) {
                return Ok(None);
            }
            let parents = search.archive.best(PARENTS);
            let Search { archive, rng, .. } = search;
            let count = archive.entries().len();
            if forest.as_ref().is_some_and(|forest| count >= forest.learnt + (forest.learnt / GROWTH).max(1)) {
                *forest = None;
            }
            let forest = forest.get_or_insert_with(|| Forest::grow(archive, decisions, *trees, *growth, *targets, rng));
            let mut value = |space: &mut dyn Space, genotype: &Genotype| {
                let (mean, deviation) = forest.predict(&encoding.codes(space, genotype)?);
                Ok(expected_improvement(mean, deviation.max(*floor), forest.best))
            };
            climbs.maximise(space, rng, &parents, &|key| archive.knows(key), &mut value)
        })
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        let encoding = &self.encoding;
        self.search.tell(observations, space, |space, genotype| encoding.codes(space, genotype))
    }

    fn finished(&self) -> bool {
        self.search.finished()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{SearchSpace, Setting, Value};

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    fn told(search: &mut RandomForest, space: &mut Additive, count: u32) -> Vec<f64> {
        let known: Vec<Genotype> = (0..count).map(|seed| SearchSpace::sample(space, seed)).collect();
        let values = known.iter().map(|genotype| space.value(genotype)).collect();
        let results: Vec<Observation> =
            known.into_iter().map(|genotype| observation(None, genotype.clone(), space.measure(&genotype))).collect();
        search.tell(&results, space).unwrap();
        values
    }

    #[test]
    fn every_second_proposal_is_random_and_the_others_are_better() {
        let mut space = Additive::flat(6, 5, 3);
        let mut search = RandomForest::open(&study_of::<RandomForest>(1, &[]).unwrap(), &mut space).unwrap();
        let values = told(&mut search, &mut space, 100);
        let mean = values.iter().sum::<f64>() / 100.0;
        let proposals = search.ask(32, &mut space).unwrap();
        let value = |one: &Proposal| space.value(one.candidate.genotype().unwrap());
        let of = |first: usize| proposals.iter().skip(first).step_by(2).map(value).sum::<f64>() / 16.0;
        let (chosen, random) = (of(0), of(1));
        assert!(chosen > mean + 0.1 && (random - mean).abs() < 0.08, "{chosen} and {random}, {mean} at large");
    }

    #[test]
    fn without_interleaving_every_proposal_is_chosen() {
        let mut space = Additive::flat(6, 5, 3);
        let none = Setting { name: "interleave".into(), value: Value::Number(0.0) };
        let mut search = RandomForest::open(&study_of::<RandomForest>(1, &[none]).unwrap(), &mut space).unwrap();
        let mut values = told(&mut search, &mut space, 100);
        values.sort_by(f64::total_cmp);
        let proposals = search.ask(10, &mut space).unwrap();
        let good = proposals.iter().filter(|one| space.value(one.candidate.genotype().unwrap()) > values[80]).count();
        assert!(good >= 6, "{good} of 10 are in the best fifth");
    }
}
