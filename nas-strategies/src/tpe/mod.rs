//! Tree-structured Parzen estimator (TPE): estimates one density of the good architectures and one of the others, draws
//! candidates from the first, and proposes the one with the greatest ratio of both.
//!
//! Requires nothing of the study. Any number of trials runs side by side: with `liar`, outstanding trials count among
//! the others, so that proposals do not crowd together; otherwise they are ignored.
//!
//! Reference: J. Bergstra, R. Bardenet, Y. Bengio and B. Kegl (2011), "Algorithms for hyper-parameter optimization",
//! NeurIPS 24, Section 4. Joint kernels (`multivariate`): S. Falkner, A. Klein and F. Hutter (2018), "BOHB: robust and
//! efficient hyperparameter optimization at scale", ICML (PMLR 80), Section 3.2. The rules for the number of good ones:
//! S. Watanabe (2023), "Tree-structured Parzen estimator: understanding its algorithm components and their roles",
//! arXiv:2304.11127, Section 3.1. Lies: D. Ginsbourger, R. Le Riche and L. Carraro (2010), "Kriging is well-suited to
//! parallelize optimization", Section 3.2.2.
//!
//! Differences: an ordered decision has discretized normal distributions. The candidates are whole architectures; an
//! architecture (by its key) that was proposed or told is no candidate, unless nothing else is drawn. At most
//! `most_good` results count as good, as in Hyperopt, so that old good ones are left behind. In conditional spaces a
//! joint kernel is uniform on a decision that its architecture did not make, where BOHB imputes random choices. Results
//! are ranked by Deb's rules ([`Rank`]); failed trials never count as good.

mod univariate;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

use crate::Rank;
use crate::common::decisions::{Decisions, Shape, Step};
use crate::common::parzen::{Kernel, KnownArchitectures, Mixture, Point, best_new, point};
use crate::common::trials::{Origin, Trials, batch_size};
use univariate::IndependentDensity;

/// The standard deviation of a joint kernel of an ordered decision, for one point, as a fraction of the range (Optuna's
/// constant).
const WIDTH: f64 = 0.2;

/// A result.
struct Record {
    rank: Rank,
    point: Point,
}

/// One of the two densities.
enum Density<'p> {
    Univariate(IndependentDensity),
    Multivariate(Mixture<'p>),
}

impl Density<'_> {
    fn log(&self, path: &[Step]) -> f64 {
        match self {
            Self::Univariate(density) => density.log_density(path),
            Self::Multivariate(mixture) => mixture.log_density(path),
        }
    }
}

/// How many of all results count as good.
#[derive(Clone, Copy, Debug)]
struct Split {
    /// γ, the factor of the rule.
    gamma: f64,
    /// Whether the number is proportional to the square root of the number of results instead of the number itself.
    square_root: bool,
    most: usize,
}

impl Split {
    fn good(&self, results: usize) -> usize {
        let results = results as f64;
        let wanted = libm::ceil(self.gamma * if self.square_root { libm::sqrt(results) } else { results });
        (wanted as usize).clamp(1, self.most)
    }
}

/// A search by tree-structured Parzen estimators in progress.
pub struct Tpe {
    study: Study,
    rng: Random,
    decisions: Decisions,
    multivariate: bool,
    liar: bool,
    split: Split,
    startup: u32,
    candidates: u32,
    prior: f64,
    /// The results, the best first, and the earlier one first among equals.
    records: Vec<Record>,
    known: KnownArchitectures,
    /// The outstanding trials.
    pending: BTreeMap<u32, Point>,
    trials: Trials,
}

impl Tpe {
    /// The density of these points.
    fn density<'p>(&self, points: Vec<&'p Point>) -> Density<'p> {
        if !self.multivariate {
            return Density::Univariate(IndependentDensity::new(&points, &self.decisions, self.prior));
        }
        let kernel = joint_kernel(points.len(), self.decisions.len(), self.prior);
        Density::Multivariate(Mixture::new(points, &self.decisions, self.prior, |_, shape| kernel(shape)))
    }

    /// The path of the best candidate; `None` if there are too few results or nothing new was drawn.
    fn suggest(&mut self, space: &mut dyn Space) -> Result<Option<Vec<Step>>> {
        let usable = self.records.partition_point(|record| record.rank != Rank::Failed);
        let good = self.split.good(self.records.len()).min(usable);
        if good == 0 || self.records.len() < self.startup as usize {
            return Ok(None);
        }
        let good_density = self.density(self.records[..good].iter().map(|record| &record.point).collect());
        let others = self.records[good..].iter().map(|record| &record.point);
        let lies = self.pending.values().filter(|_| self.liar);
        let other_density = self.density(others.chain(lies).collect());
        let (decisions, rng) = (&mut self.decisions, &mut self.rng);
        best_new(
            self.candidates,
            &self.known,
            space,
            |space| match &good_density {
                Density::Univariate(density) => density.draw(decisions, space, rng),
                Density::Multivariate(mixture) => mixture.draw(decisions, space, rng),
            },
            |path| good_density.log(path) - other_density.log(path),
        )
    }

    /// Adds a result.
    fn learn(&mut self, path: &[Step], rank: Rank) {
        let at = self.records.partition_point(|record| record.rank >= rank);
        self.records.insert(at, Record { rank, point: point(path) });
    }
}

fn genotype(path: &[Step]) -> Genotype {
    path.iter().map(|&(_, choice)| choice).collect()
}

/// The kernels of a joint density, which become narrower with the number of points (Scott's rule).
fn joint_kernel(points: usize, decisions: usize, prior: f64) -> impl Fn(Shape) -> Kernel {
    let points = points as f64;
    let width = WIDTH * libm::pow(points.max(1.0), -1.0 / (decisions as f64 + 4.0));
    let share = prior / (points + 1.0);
    move |shape| {
        let count = f64::from(shape.count);
        if shape.ordered {
            Kernel::ordered(shape.count, width * count)
        } else {
            Kernel::categorical(shape.count, (count - 1.0) * share / (1.0 + count * share))
        }
    }
}

impl StrategyPlugin for Tpe {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "tpe".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description:
                "Proposes where the density of good architectures is greatest relative to the density of the others."
                    .into(),
            reference: "Bergstra et al. 2011, Algorithms for hyper-parameter optimization, NeurIPS, Section 4".into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                Parameter::truth(
                    "multivariate",
                    true,
                    "One joint density of all decisions; otherwise an independent density for each decision.",
                ),
                Parameter::number("gamma", 0.15, 1e-6, 1.0, "γ: determines how many results count as good, by 'rule'."),
                Parameter::one_of(
                    "rule",
                    "linear",
                    &["linear", "root"],
                    "Of n results, γ n count as good, or γ times the square root of n.",
                ),
                Parameter::integer("most_good", 25, 1, 1_000_000, "Most results that count as good."),
                Parameter::integer(
                    "startup",
                    10,
                    1,
                    1_000_000,
                    "Results before the first proposal that is not random.",
                ),
                Parameter::integer("candidates", 24, 1, 100_000, "Architectures drawn for each proposal."),
                Parameter::number("prior_weight", 1.0, 1e-6, 1e6, "Weight of the uniform prior, in results."),
                Parameter::truth("liar", true, "Count outstanding trials among those that are not good."),
            ],
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let split = Split {
            gamma: settings.number("gamma")?,
            square_root: settings.text("rule")? == "root",
            most: settings.integer("most_good")? as usize,
        };
        let prior = settings.number("prior_weight")?;
        if !(split.gamma > 0.0 && prior > 0.0) || split.most == 0 {
            return Err(Error::new("'gamma', 'most_good' and 'prior_weight' must be above 0"));
        }
        Ok(Self {
            study: study.clone(),
            rng: seeded(study.seed),
            decisions: Decisions::of(space)?,
            multivariate: settings.truth("multivariate")?,
            liar: settings.truth("liar")?,
            split,
            startup: settings.integer("startup")?,
            candidates: settings.integer("candidates")?,
            prior,
            records: Vec::new(),
            known: KnownArchitectures::default(),
            pending: BTreeMap::new(),
            trials: Trials::default(),
        })
    }
}

impl Strategy for Tpe {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        for _ in 0..batch_size(limit) {
            let path = match self.suggest(space)? {
                Some(path) => path,
                None => {
                    let sample = space.sample(self.rng.random())?;
                    self.decisions.path(&sample, space)?
                }
            };
            let genotype = genotype(&path);
            self.known.insert(&genotype, space)?;
            self.pending.insert(self.trials.propose(), point(&path));
            proposals.push(Proposal::discrete(genotype));
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let (origin, genotype) = self.trials.read(observation, space)?;
            if let Origin::Asked(trial) = origin {
                self.pending.remove(&trial);
            }
            if let (Origin::Asked(_) | Origin::External, Some(genotype)) = (origin, genotype) {
                let path = self.decisions.path(genotype, space)?;
                self.known.insert(genotype, space)?;
                self.learn(&path, Rank::of(&self.study, observation));
            }
        }
        Ok(())
    }
}
