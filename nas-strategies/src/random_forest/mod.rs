//! SMAC: Bayesian optimisation with a random forest. Every second proposal is random; the others have the greatest
//! expected improvement.
//!
//! Requires nothing of the study. Any number of trials runs side by side.
//!
//! Reference: F. Hutter, H. H. Hoos and K. Leyton-Brown (2011), "Sequential model-based optimization for general
//! algorithm configuration", LION 5, Section 4: 4.1 the forest and its parameters, 4.3 expected improvement, local
//! search and interleaving. Forests: L. Breiman (2001), "Random forests", Machine Learning 45.
//!
//! Differences: an architecture has one evaluator, so the racing over instances of Section 4.2 is not needed. Scores
//! become normal scores (see `targets`) instead of logarithms of run times. Local searches start at mutants of the best
//! architectures and at random ones, and compare at most 64 neighbours per step. With few results all trees may agree,
//! so the standard deviation of a prediction is at least `floor`; otherwise no improvement would be expected. Failures
//! and constraint violations rank below every score by Deb's rules ([`Rank`]). The forest is grown again
//! once the results have grown by one percent, and by one result at least.

mod tree;

use nas_api::rng::{Random, RngExt};
use nas_api::{Error, Genotype, Needs, Parameter, Result, Serves, Space, StrategyInfo, StrategyPlugin, Study};

use crate::Rank;
use crate::common::delegate_strategy;
use crate::common::surrogate::acquisition::{AcquisitionMaximizer, Candidate};
use crate::common::surrogate::archive::Archive;
use crate::common::surrogate::at_least_one;
use crate::common::surrogate::encoding::{Codes, Encoding};
use crate::common::surrogate::normal::expected_improvement;
use crate::common::surrogate::search::{INITIAL, State, Surrogate, SurrogateSearch};
use crate::common::surrogate::targets::Targets;
use tree::{Data, Tree, TreeOptions};

/// The forest is grown again once the results have grown by one part in this.
const GROWTH: usize = 100;
/// The number of best architectures that are mutated.
const PARENTS: usize = 10;

/// A search by a random forest in progress.
pub struct RandomForest(SurrogateSearch<ForestSurrogate>);

delegate_strategy!(RandomForest);

/// A random forest with the search for its greatest expected improvement.
struct ForestSurrogate {
    encoding: Encoding,
    /// For each decision, whether its choices are ordered, and the number of its codes.
    decisions: Vec<(bool, usize)>,
    trees: usize,
    tree_options: TreeOptions,
    targets: Targets,
    /// The least standard deviation of a prediction.
    floor: f64,
    maximizer: AcquisitionMaximizer,
    /// Every proposal whose number is a multiple of this is random; 0 for none.
    interleave: u32,
    /// The number of proposals since the random start.
    turns: u32,
    forest: Option<Forest>,
}

/// A grown forest.
struct Forest {
    trees: Vec<Tree>,
    /// The best target.
    best: f64,
    /// The number of results that it was grown on.
    trained: usize,
}

impl Forest {
    fn grow(
        archive: &Archive<Codes>,
        decisions: &[(bool, usize)],
        count: usize,
        options: TreeOptions,
        targets: Targets,
        rng: &mut Random,
    ) -> Self {
        let entries = archive.entries();
        let ranks: Vec<Rank> = entries.iter().map(|entry| entry.rank).collect();
        let targets = targets.of(&ranks);
        let points: Vec<&Codes> = entries.iter().map(|entry| &entry.point).collect();
        let data = Data { points: &points, targets: &targets, decisions };
        let size = u32::try_from(points.len()).unwrap_or(u32::MAX);
        let tree = |_| {
            // A bootstrap sample: the number of results, drawn with replacement.
            let rows = (0..points.len()).map(|_| rng.random_range(0..size) as usize).collect();
            Tree::grow(&data, rows, options, rng)
        };
        let trees = (0..count).map(tree).collect();
        Self { trees, best: targets.iter().copied().fold(f64::NEG_INFINITY, f64::max), trained: points.len() }
    }

    /// The mean and the standard deviation of the trees' predictions.
    fn predict(&self, point: &[u32]) -> (f64, f64) {
        let count = self.trees.len().max(1) as f64;
        let predictions: Vec<f64> = self.trees.iter().map(|tree| tree.predict(point)).collect();
        let mean = predictions.iter().sum::<f64>() / count;
        let variance = predictions.iter().map(|one| (one - mean) * (one - mean)).sum::<f64>() / count;
        (mean, variance.sqrt())
    }
}

impl Surrogate for ForestSurrogate {
    type Point = Codes;

    fn encode(&self, space: &mut dyn Space, genotype: &[u32]) -> Result<Codes> {
        self.encoding.codes(space, genotype)
    }

    fn choose(&mut self, state: &mut State<Codes>, space: &mut dyn Space) -> Result<Option<Candidate>> {
        self.turns = self.turns.wrapping_add(1);
        if self.interleave > 0 && self.turns.is_multiple_of(self.interleave) {
            return Ok(None);
        }
        let Self { encoding, decisions, trees, tree_options, targets, floor, maximizer, forest, .. } = self;
        let parents = state.archive.best(PARENTS);
        let State { archive, rng, .. } = state;
        let count = archive.entries().len();
        if forest.as_ref().is_some_and(|forest| count >= forest.trained + (forest.trained / GROWTH).max(1)) {
            *forest = None;
        }
        let forest =
            forest.get_or_insert_with(|| Forest::grow(archive, decisions, *trees, *tree_options, *targets, rng));
        let mut value = |space: &mut dyn Space, genotype: &Genotype| {
            let (mean, deviation) = forest.predict(&encoding.codes(space, genotype)?);
            Ok(expected_improvement(mean, deviation.max(*floor), forest.best))
        };
        maximizer.maximize(space, rng, &parents, &|key| archive.knows(key), &mut value)
    }
}

impl StrategyPlugin for RandomForest {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "random-forest".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "SMAC: measures where a random forest expects the greatest improvement, interleaved with \
                          random architectures."
                .into(),
            reference: "Hutter, Hoos & Leyton-Brown 2011, Sequential model-based optimization for general algorithm \
                        configuration, LION 5, Section 4"
                .into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                INITIAL.parameter("Results before the forest is used; until then proposals are random"),
                Parameter::integer("trees", 10, 1, 10_000, "B: trees of the forest."),
                Parameter::integer("n_min", 10, 2, 1_000_000, "n_min: a node with fewer results is not split."),
                Parameter::number(
                    "split_ratio",
                    5.0 / 6.0,
                    0.0,
                    1.0,
                    "Fraction of the decisions that are tried for each split.",
                ),
                Targets::parameter("normal-scores"),
                Parameter::number(
                    "floor",
                    0.01,
                    0.0,
                    10.0,
                    "Least standard deviation of a prediction, in units of the targets.",
                ),
                Parameter::integer(
                    "interleave",
                    2,
                    0,
                    1_000_000,
                    "Every proposal whose number is a multiple of this is random; 0 makes none random.",
                ),
                Parameter::integer(
                    "samples",
                    500,
                    1,
                    1_000_000,
                    "Random architectures compared for each proposal; 10,000 in the paper.",
                ),
                Parameter::integer("mutants", 100, 0, 1_000_000, "Mutants of the ten best architectures compared."),
                Parameter::integer("starts", 10, 0, 1000, "How many of the best of both to climb from."),
            ],
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let encoding = Encoding::of(space)?;
        let share = settings.number("split_ratio")?;
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::new(format!("'split_ratio' is a fraction between 0 and 1, but is {share}")));
        }
        let surrogate = ForestSurrogate {
            decisions: encoding.decisions.iter().map(|one| (one.ordered, one.choices.len() + 1)).collect(),
            encoding,
            trees: at_least_one(settings, "trees")?,
            tree_options: TreeOptions { min_split: at_least_one(settings, "n_min")?, share },
            targets: Targets::read(settings)?,
            floor: settings.number("floor")?,
            maximizer: AcquisitionMaximizer {
                samples: at_least_one(settings, "samples")?,
                mutants: settings.integer("mutants")? as usize,
                starts: settings.integer("starts")? as usize,
            },
            interleave: settings.integer("interleave")?,
            turns: 0,
            forest: None,
        };
        Ok(Self(SurrogateSearch::new(study, surrogate)?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Observation, Proposal, SearchSpace, Setting, Strategy, Value};

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    /// Tells the search about this many random architectures and returns their values.
    fn tell_random(search: &mut RandomForest, space: &mut Additive, count: u32) -> Vec<f64> {
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
        let values = tell_random(&mut search, &mut space, 100);
        let mean = values.iter().sum::<f64>() / 100.0;
        let proposals = search.ask(32, &mut space).unwrap();
        let value = |one: &Proposal| space.value(one.candidate.genotype().unwrap());
        let mean_from = |first: usize| proposals.iter().skip(first).step_by(2).map(value).sum::<f64>() / 16.0;
        let (chosen, random) = (mean_from(0), mean_from(1));
        assert!(
            chosen > mean + 0.1 && (random - mean).abs() < 0.08,
            "{chosen} chosen, {random} random, {mean} on average"
        );
    }

    #[test]
    fn without_interleaving_every_proposal_is_chosen() {
        let mut space = Additive::flat(6, 5, 3);
        let none = Setting { name: "interleave".into(), value: Value::Number(0.0) };
        let mut search = RandomForest::open(&study_of::<RandomForest>(1, &[none]).unwrap(), &mut space).unwrap();
        let mut values = tell_random(&mut search, &mut space, 100);
        values.sort_by(f64::total_cmp);
        let proposals = search.ask(10, &mut space).unwrap();
        let good = proposals.iter().filter(|one| space.value(one.candidate.genotype().unwrap()) > values[80]).count();
        assert!(good >= 6, "{good} of 10 are in the best fifth");
    }
}
