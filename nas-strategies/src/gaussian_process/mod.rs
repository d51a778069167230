//! Bayesian optimisation with a Gaussian process on genotypes: the architecture with the greatest expected improvement
//! is measured.
//!
//! Requires nothing of the study. Any number of trials runs side by side.
//!
//! Reference: J. Snoek, H. Larochelle and R. P. Adams (2012), "Practical Bayesian optimization of machine learning
//! algorithms", NIPS 25, Sections 2 and 3 (the loop, one weight for each dimension). B. Ru, X. Wan, X. Dong and M.
//! Osborne (2021), "Interpretable neural architecture search via Bayesian optimisation with Weisfeiler-Lehman kernels",
//! ICLR, Section 3 (a Gaussian process on architectures, mutants as candidates). Trials side by side: D. Ginsbourger,
//! R. Le Riche and L. Carraro (2010), "Kriging is well-suited to parallelize optimization", Sections 3.2 and 3.3.
//!
//! Differences: the kernel is an overlap kernel on decisions by their names (see `kernel`), which any space has, not
//! one on graphs. Weights and noise are not integrated out, but maximise the marginal likelihood times a weak prior, by
//! coordinate search. The process learns normal scores (see `targets`). Failures and constraint violations rank below
//! every score by Deb's rules ([`Rank`]). The process is fitted to at most `points` results.

mod kernel;
mod process;

use nas_api::{Error, Genotype, Needs, Parameter, Result, Serves, Space, StrategyInfo, StrategyPlugin, Study};

use crate::Rank;
use crate::common::delegate_strategy;
use crate::common::surrogate::acquisition::{AcquisitionMaximizer, Candidate};
use crate::common::surrogate::at_least_one;
use crate::common::surrogate::encoding::{Codes, Encoding};
use crate::common::surrogate::normal::expected_improvement;
use crate::common::surrogate::search::{INITIAL, State, Surrogate, SurrogateSearch};
use crate::common::surrogate::targets::Targets;
use kernel::Kernel;
use process::{Hyperparameters, Process};

/// Most results that weights and noise are fitted to.
const MAX_FITTED: usize = 100;
/// Weights and noise are fitted again once the results have grown by one part in this.
const GROWTH: usize = 10;
/// The number of best architectures that are mutated.
const PARENTS: usize = 10;

/// The target that is assumed for a trial that is still being measured.
#[derive(Clone, Copy, Debug)]
enum Lie {
    /// The mean that the process predicts.
    Believer,
    Worst,
    Mean,
    Best,
}

/// A search by a Gaussian process in progress.
pub struct GaussianProcess(SurrogateSearch<ProcessSurrogate>);

delegate_strategy!(GaussianProcess);

/// A Gaussian process with the search for its greatest expected improvement.
struct ProcessSurrogate {
    encoding: Encoding,
    model: Model,
    maximizer: AcquisitionMaximizer,
    /// ξ, in units of the targets.
    xi: f64,
}

/// How a process is fitted to the results.
struct Model {
    kernel: Kernel,
    hyperparameters: Hyperparameters,
    relevance: bool,
    targets: Targets,
    points: usize,
    lie: Lie,
    /// The number of results when weights and noise were last fitted.
    fitted: usize,
}

/// The indices of at most `most` results to fit, ascending: the best half, and the newest of the rest. `ranking` has
/// the indices of all results, the best first; results are numbered in the order in which they were told.
fn training_subset(ranking: &[usize], most: usize) -> Vec<usize> {
    let half = most.div_ceil(2).min(ranking.len());
    let (best, rest) = ranking.split_at(half);
    let mut newest = rest.to_vec();
    newest.sort_unstable_by(|a, b| b.cmp(a));
    newest.truncate(most - half);
    let mut subset = [best, &newest].concat();
    subset.sort_unstable();
    subset
}

impl Model {
    /// The process fitted to the results, and to assumed targets of the pending points, with the best target; `None` if
    /// the covariance matrix is numerically not positive definite.
    fn process(&mut self, state: &State<Codes>, pending: Vec<Codes>) -> Option<(Process<'_>, f64)> {
        let entries = state.archive.entries();
        let subset = training_subset(&state.archive.ranking(), self.points);
        let ranks: Vec<Rank> = subset.iter().map(|&entry| entries[entry].rank).collect();
        let mut targets = self.targets.of(&ranks);
        let mut points: Vec<Codes> = subset.iter().map(|&entry| entries[entry].point.clone()).collect();
        self.fit(entries.len(), &points, &targets);
        let best = targets.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let process = Process::fit(&self.kernel, &self.hyperparameters, points.clone(), &targets)?;
        if pending.is_empty() {
            return Some((process, best));
        }
        let mean = targets.iter().sum::<f64>() / targets.len().max(1) as f64;
        let worst = targets.iter().copied().fold(f64::INFINITY, f64::min);
        targets.extend(pending.iter().map(|point| match self.lie {
            Lie::Believer => process.predict(point).0,
            Lie::Worst => worst,
            Lie::Mean => mean,
            Lie::Best => best,
        }));
        points.extend(pending);
        Some((Process::fit(&self.kernel, &self.hyperparameters, points, &targets)?, best))
    }

    /// Fits weights and noise if there are enough more of the `count` results than at the last time.
    fn fit(&mut self, count: usize, points: &[Codes], targets: &[f64]) {
        if self.fitted > 0 && count < self.fitted + (self.fitted / GROWTH).max(1) {
            return;
        }
        let rounds = if self.fitted == 0 { 3 } else { 1 };
        self.fitted = count;
        let every = points.len().div_ceil(MAX_FITTED).max(1);
        let points: Vec<Codes> = points.iter().step_by(every).cloned().collect();
        let targets: Vec<f64> = targets.iter().step_by(every).copied().collect();
        for _ in 0..rounds {
            self.hyperparameters = self.hyperparameters.improved(&self.kernel, self.relevance, &points, &targets);
        }
    }
}

impl Surrogate for ProcessSurrogate {
    type Point = Codes;

    fn encode(&self, space: &mut dyn Space, genotype: &[u32]) -> Result<Codes> {
        self.encoding.codes(space, genotype)
    }

    fn choose(&mut self, state: &mut State<Codes>, space: &mut dyn Space) -> Result<Option<Candidate>> {
        let Self { encoding, model, maximizer, xi } = self;
        let newest = state.pending.values().rev().take(model.points);
        let pending = newest.map(|one| encoding.codes(space, &one.genotype)).collect::<Result<Vec<_>>>()?;
        let Some((process, best)) = model.process(state, pending) else { return Ok(None) };
        let mut value = |space: &mut dyn Space, genotype: &Genotype| {
            let (mean, deviation) = process.predict(&encoding.codes(space, genotype)?);
            Ok(expected_improvement(mean, deviation, best + *xi))
        };
        let parents = state.archive.best(PARENTS);
        let State { archive, rng, .. } = state;
        maximizer.maximize(space, rng, &parents, &|key| archive.knows(key), &mut value)
    }
}

impl StrategyPlugin for GaussianProcess {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "gaussian-process".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Bayesian optimisation: measures where a Gaussian process on genotypes expects the greatest \
                          improvement."
                .into(),
            reference: "Snoek, Larochelle & Adams 2012, Practical Bayesian optimization of machine learning \
                        algorithms, NIPS; Ru et al. 2021, Interpretable neural architecture search via Bayesian \
                        optimisation, ICLR"
                .into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                INITIAL.parameter("Results before the process is used; until then proposals are random"),
                Parameter::integer(
                    "points",
                    200,
                    2,
                    5000,
                    "Most results that the process is fitted to: the best half, and the newest of the rest.",
                ),
                Targets::parameter("normal-scores"),
                Parameter::truth("relevance", true, "One weight for each decision; otherwise one for all."),
                Parameter::number(
                    "xi",
                    0.01,
                    0.0,
                    10.0,
                    "ξ: improvement over the best result that counts as none, in units of the targets.",
                ),
                Parameter::one_of(
                    "liar",
                    "believer",
                    &["believer", "worst", "mean", "best"],
                    "Assumed target of trials still being measured: the prediction (Kriging believer), or a constant.",
                ),
                Parameter::integer("samples", 100, 1, 1_000_000, "Random architectures compared for each proposal."),
                Parameter::integer("mutants", 100, 0, 1_000_000, "Mutants of the ten best architectures compared."),
                Parameter::integer("starts", 3, 0, 1000, "How many of the best of both to climb from."),
            ],
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let encoding = Encoding::of(space)?;
        let kernel = Kernel::new(&encoding.decisions);
        let points = at_least_one(settings, "points")?;
        if points < 2 {
            return Err(Error::new("'points' must be at least 2: a process needs two results"));
        }
        let lie = match settings.text("liar")? {
            "worst" => Lie::Worst,
            "mean" => Lie::Mean,
            "best" => Lie::Best,
            _ => Lie::Believer,
        };
        let surrogate = ProcessSurrogate {
            model: Model {
                hyperparameters: Hyperparameters::expected(kernel.decisions()),
                kernel,
                relevance: settings.truth("relevance")?,
                targets: Targets::read(settings)?,
                points,
                lie,
                fitted: 0,
            },
            encoding,
            maximizer: AcquisitionMaximizer {
                samples: at_least_one(settings, "samples")?,
                mutants: settings.integer("mutants")? as usize,
                starts: settings.integer("starts")? as usize,
            },
            xi: settings.number("xi")?,
        };
        Ok(Self(SurrogateSearch::new(study, surrogate)?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Observation, SearchSpace, Strategy};

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    #[test]
    fn the_training_subset_is_the_best_half_and_the_newest_of_the_rest() {
        // The best of four are 4 and 0; of 5, 1, 2 and 3 the newest are 5 and 3.
        assert_eq!(training_subset(&[4, 0, 5, 1, 2, 3], 4), [0, 3, 4, 5]);
        assert_eq!(training_subset(&[1, 0], 4), [0, 1]);
    }

    #[test]
    fn after_sixty_results_its_proposals_are_better_than_all_of_them() {
        let mut space = Additive::flat(6, 5, 3);
        let mut search = GaussianProcess::open(&study_of::<GaussianProcess>(1, &[]).unwrap(), &mut space).unwrap();
        let known: Vec<Genotype> = (0..60).map(|seed| SearchSpace::sample(&space, seed)).collect();
        let best = known.iter().map(|genotype| space.value(genotype)).fold(0.0, f64::max);
        let told: Vec<Observation> =
            known.into_iter().map(|genotype| observation(None, genotype.clone(), space.measure(&genotype))).collect();
        search.tell(&told, &mut space).unwrap();
        let proposals = search.ask(4, &mut space).unwrap();
        let better = proposals.iter().filter(|one| space.value(one.candidate.genotype().unwrap()) > best).count();
        assert!(better >= 3, "{better} of 4 are better than {best}");
    }
}
