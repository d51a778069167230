//! Bayesian optimisation with a Gaussian process on genotypes: the architecture of greatest expected improvement is
//! measured.
//!
//! Requires nothing of the study. Any number of trials runs side by side.
//!
//! Reference: J. Snoek, H. Larochelle and R. P. Adams (2012), "Practical Bayesian optimization of machine learning
//! algorithms", NIPS 25, Sections 2 and 3 (the loop, one weight for each dimension). B. Ru, X. Wan, X. Dong and M.
//! Osborne (2021), "Interpretable neural architecture search via Bayesian optimisation with Weisfeiler-Lehman kernels",
//! ICLR, Section 3 (a Gaussian process on architectures, mutants as candidates). Trials side by side: D. Ginsbourger, R.
//! Le Riche and L. Carraro (2010), "Kriging is well-suited to parallelize optimization", Sections 3.2 and 3.3.
//!
//! Differences: the kernel is an overlap kernel on decisions by their names (see `kernel`), which any space has, not one
//! on graphs. Weights and noise maximise the marginal likelihood times a weak prior, by coordinate search, instead of
//! being integrated out. Scores become normal scores by their ranks (`targets`). Failures and broken constraints stand below
//! every score in the order of Deb's rules ([`Rank`](crate::Rank)). At most `points` results enter the process.

mod kernel;
mod process;

use nas_api::rng::seeded;
use nas_api::{
    Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::surrogate::at_least_one;
use crate::surrogate::candidates::{Candidate, Climbs};
use crate::surrogate::encoding::{Codes, Encoding};
use crate::surrogate::normal::expected_improvement;
use crate::surrogate::search::Search;
use crate::surrogate::targets::Targets;
use kernel::Kernel;
use process::{Hyper, Process};

/// Results on which weights and noise are fitted, at most.
const FITTED: usize = 100;
/// Weights and noise are fitted anew once there are more results by this share.
const GROWTH: usize = 10;
/// Best architectures that are mutated.
const PARENTS: usize = 10;

/// What is believed of a trial that is still being measured.
#[derive(Clone, Copy, Debug)]
enum Lie {
    /// What the process expects.
    Believer,
    Worst,
    Mean,
    Best,
}

/// A search by a Gaussian process in progress.
pub struct GaussianProcess {
    search: Search<Codes>,
    encoding: Encoding,
    model: Model,
    climbs: Climbs,
    /// ξ, in units of the targets.
    xi: f64,
}

/// How results become a process.
struct Model {
    kernel: Kernel,
    hyper: Hyper,
    relevance: bool,
    targets: Targets,
    points: usize,
    lie: Lie,
    /// Results when weights and noise were fitted.
    fitted: usize,
}

/// Of so many results in the order in which they were told, those that enter: the best half, and of the rest the newest.
fn entering(ranking: &[usize], most: usize) -> Vec<usize> {
    let half = most.div_ceil(2).min(ranking.len());
    let (best, rest) = ranking.split_at(half);
    let mut newest = rest.to_vec();
    newest.sort_unstable_by(|a, b| b.cmp(a));
    newest.truncate(most - half);
    let mut entering = [best, &newest].concat();
    entering.sort_unstable();
    entering
}

impl Model {
    /// The process that has seen the results and believes something of what is being measured, and the best target.
    fn process(&mut self, search: &Search<Codes>, pending: Vec<Codes>) -> Option<(Process<'_>, f64)> {
        let entries = search.archive.entries();
        let entering = entering(&search.archive.ranking(), self.points);
        let ranks: Vec<Rank> = entering.iter().map(|&entry| entries[entry].rank).collect();
        let mut targets = self.targets.of(&ranks);
        let mut points: Vec<Codes> = entering.iter().map(|&entry| entries[entry].point.clone()).collect();
        self.fit(entries.len(), &points, &targets);
        let best = targets.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let process = Process::fit(&self.kernel, &self.hyper, points.clone(), &targets)?;
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
        Some((Process::fit(&self.kernel, &self.hyper, points, &targets)?, best))
    }

    fn fit(&mut self, count: usize, points: &[Codes], targets: &[f64]) {
        if self.fitted > 0 && count < self.fitted + (self.fitted / GROWTH).max(1) {
            return;
        }
        let rounds = if self.fitted == 0 { 3 } else { 1 };
        self.fitted = count;
        let every = points.len().div_ceil(FITTED).max(1);
        let points: Vec<Codes> = points.iter().step_by(every).cloned().collect();
        let targets: Vec<f64> = targets.iter().step_by(every).copied().collect();
        for _ in 0..rounds {
            self.hyper = self.hyper.improved(&self.kernel, self.relevance, &points, &targets);
        }
    }
}

impl StrategyPlugin for GaussianProcess {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "gaussian-process".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Bayesian optimisation: measures where a Gaussian process on genotypes expects the greatest improvement.".into(),
            reference: "Snoek, Larochelle & Adams 2012, Practical Bayesian optimization of machine learning algorithms, NIPS; Ru et al. 2021, Interpretable neural architecture search via Bayesian optimisation, ICLR".into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                Parameter::integer("initial", 10, 1, 1_000_000, "Results of random architectures before the process is asked."),
                Parameter::integer("points", 200, 2, 5000, "Results that enter the process, at most: the best half, and the newest of the rest."),
                Targets::parameter("normal-scores"),
                Parameter::truth("relevance", true, "One weight for each decision; otherwise one for all."),
                Parameter::number("xi", 0.01, 0.0, 10.0, "ξ: improvement over the best result that counts as none, in units of the targets."),
                Parameter::one_of("liar", "believer", &["believer", "worst", "mean", "best"], "What is believed of trials still being measured: what the process expects (Kriging believer), or a constant."),
                Parameter::integer("samples", 100, 1, 1_000_000, "Random architectures that are compared for each proposal."),
                Parameter::integer("mutants", 100, 0, 1_000_000, "Mutants of the ten best architectures that are compared."),
                Parameter::integer("starts", 3, 0, 1000, "How many of the best of both are climbed from."),
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
        Ok(Self {
            search: Search::new(study, seeded(study.seed), at_least_one(settings, "initial")?),
            model: Model {
                hyper: Hyper::expected(kernel.decisions()),
                kernel,
                relevance: settings.truth("relevance")?,
                targets: Targets::read(settings)?,
                points,
                lie,
                fitted: 0,
            },
            encoding,
            climbs: Climbs {
                samples: at_least_one(settings, "samples")?,
                mutants: settings.integer("mutants")? as usize,
                starts: settings.integer("starts")? as usize,
            },
            xi: settings.number("xi")?,
        })
    }
}

impl Strategy for GaussianProcess {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let Self { search, encoding, model, climbs, xi } = self;
        search.ask(limit, space, |search, space| {
            let newest = search.pending.values().rev().take(model.points);
            let pending = newest.map(|one| encoding.codes(space, &one.genotype)).collect::<Result<Vec<_>>>()?;
            let Some((process, best)) = model.process(search, pending) else { return Ok(None) };
            let mut value = |space: &mut dyn Space, genotype: &Genotype| {
                let (mean, deviation) = process.predict(&encoding.codes(space, genotype)?);
                Ok(expected_improvement(mean, deviation, best + *xi))
            };
            let parents = search.archive.best(PARENTS);
            let Search { archive, rng, .. } = search;
            let chosen: Option<Candidate> =
                climbs.maximise(space, rng, &parents, &|key| archive.knows(key), &mut value)?;
            Ok(chosen)
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
    use nas_api::SearchSpace;

    use super::*;
    use crate::conformance::{Additive, observation, study_of};

    #[test]
    fn the_best_half_enters_and_of_the_rest_the_newest() {
        // The best of four are 4 and 0; of 5, 1, 2 and 3 the newest are 5 and 3.
        assert_eq!(entering(&[4, 0, 5, 1, 2, 3], 4), [0, 3, 4, 5]);
        assert_eq!(entering(&[1, 0], 4), [0, 1]);
    }

    #[test]
    fn after_sixty_results_it_proposes_better_than_all_of_them() {
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
