//! A tree of Parzen estimators (TPE): two densities over architectures, of the good ones and of the others; what is
//! proposed is, among candidates drawn from the first, the one where their ratio is greatest.
//!
//! Requires nothing of the study. Any number of trials runs side by side: with `liar`, those that are out count among
//! the others, so that they are not crowded; otherwise they are ignored.
//!
//! Reference: J. Bergstra, R. Bardenet, Y. Bengio and B. Kegl (2011), "Algorithms for hyper-parameter optimization",
//! NeurIPS 24, Section 4. Joint kernels (`multivariate`): S. Falkner, A. Klein and F. Hutter (2018), "BOHB: robust and
//! efficient hyperparameter optimization at scale", ICML (PMLR 80), Section 3.2. The rules for the number of good ones:
//! S. Watanabe (2023), "Tree-structured Parzen estimator: understanding its algorithm components and their roles",
//! arXiv:2304.11127, Section 3.1. Lies: D. Ginsbourger, R. Le Riche and L. Carraro (2010), "Kriging is well-suited to
//! parallelize optimization", Section 3.2.2.
//!
//! Differences: an ordered decision has normal distributions whose mass is collected choice by choice. The candidates
//! are whole architectures; an architecture (by its key) that was proposed or told is none, unless nothing else is
//! drawn. At most `most_good` count as good, as in Hyperopt, so that old good ones are left behind. In conditional
//! spaces a joint kernel gives every choice of a decision that its architecture did not make the same probability, where
//! BOHB imputes random choices. Order is by Deb's rules ([`Rank`]); failed trials are never good.

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
use crate::decisions::{Decisions, Shape, Step};
use crate::parzen::{Kernel, Known, Mixture, Point, best_new, point};
use crate::trials::{Origin, Trials, batch};
use univariate::Product;

/// The deviation of joint kernels of ordered decisions with one point, as a part of the range (Optuna's constant).
const WIDTH: f64 = 0.2;

struct Record {
    rank: Rank,
    point: Point,
}

/// One of the two densities.
enum Density<'p> {
    Univariate(Product),
    Multivariate(Mixture<'p>),
}

impl Density<'_> {
    fn log(&self, path: &[Step]) -> f64 {
        match self {
            Self::Univariate(product) => product.log_density(path),
            Self::Multivariate(mixture) => mixture.log_density(path),
        }
    }
}

/// How many of all results are good.
#[derive(Clone, Copy, Debug)]
struct Split {
    /// γ.
    gamma: f64,
    /// In proportion to the square root of the results, otherwise to the results.
    root: bool,
    most: usize,
}

impl Split {
    fn good(&self, results: usize) -> usize {
        let results = results as f64;
        let wanted = libm::ceil(self.gamma * if self.root { libm::sqrt(results) } else { results });
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
    /// The best first, the earliest first among equals.
    records: Vec<Record>,
    known: Known,
    /// Trials that are out.
    pending: BTreeMap<u32, Point>,
    trials: Trials,
}

impl Tpe {
    fn density<'p>(&self, points: Vec<&'p Point>) -> Density<'p> {
        if !self.multivariate {
            return Density::Univariate(Product::new(&points, &self.decisions, self.prior));
        }
        let kernel = joint_kernel(points.len(), self.decisions.len(), self.prior);
        Density::Multivariate(Mixture::new(points, &self.decisions, self.prior, |_, shape| kernel(shape)))
    }

    /// The best of the candidates; `None`: there is nothing to learn from, or nothing new was drawn.
    fn suggest(&mut self, space: &mut dyn Space) -> Result<Option<Vec<Step>>> {
        let usable = self.records.partition_point(|record| record.rank != Rank::Failed);
        let good = self.split.good(self.records.len()).min(usable);
        if good == 0 || self.records.len() < self.startup as usize {
            return Ok(None);
        }
        let lower = self.density(self.records[..good].iter().map(|record| &record.point).collect());
        let others = self.records[good..].iter().map(|record| &record.point);
        let lies = self.pending.values().filter(|_| self.liar);
        let upper = self.density(others.chain(lies).collect());
        let (decisions, rng) = (&mut self.decisions, &mut self.rng);
        best_new(
            self.candidates,
            &self.known,
            space,
            |space| match &lower {
                Density::Univariate(product) => product.draw(decisions, space, rng),
                Density::Multivariate(mixture) => mixture.draw(decisions, space, rng),
            },
            |path| lower.log(path) - upper.log(path),
        )
    }

    fn learn(&mut self, path: &[Step], rank: Rank) {
        let at = self.records.partition_point(|record| record.rank >= rank);
        self.records.insert(at, Record { rank, point: point(path) });
    }
}

fn genotype(path: &[Step]) -> Genotype {
    path.iter().map(|&(_, choice)| choice).collect()
}

/// Kernels for so many points over so many decisions: narrower the more points there are (Scott's rule).
fn joint_kernel(points: usize, decisions: usize, prior: f64) -> impl Fn(Shape) -> Kernel {
    let points = points as f64;
    let width = WIDTH * libm::pow(points.max(1.0), -1.0 / (decisions as f64 + 4.0));
    let part = prior / (points + 1.0);
    move |shape| {
        let count = f64::from(shape.count);
        if shape.ordered {
            Kernel::ordered(shape.count, width * count)
        } else {
            Kernel::categorical(shape.count, (count - 1.0) * part / (1.0 + count * part))
        }
    }
}

impl StrategyPlugin for Tpe {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "tpe".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Proposes where the density of good architectures is greatest relative to that of the others."
                .into(),
            reference: "Bergstra et al. 2011, Algorithms for hyper-parameter optimization, NeurIPS, Section 4".into(),
            needs: Needs::default(),
            serves: Serves::default(),
            parameters: vec![
                Parameter::truth(
                    "multivariate",
                    true,
                    "Kernels over all decisions together; otherwise a density for each decision on its own.",
                ),
                Parameter::number("gamma", 0.15, 1e-6, 1.0, "γ: how many of the results are good, by 'rule'."),
                Parameter::one_of(
                    "rule",
                    "linear",
                    &["linear", "root"],
                    "The good ones are γ n of n results, or γ times the square root of n.",
                ),
                Parameter::integer("most_good", 25, 1, 1_000_000, "Good ones at most."),
                Parameter::integer(
                    "startup",
                    10,
                    1,
                    1_000_000,
                    "Results before the first proposal that is not random.",
                ),
                Parameter::integer("candidates", 24, 1, 100_000, "Architectures drawn for each proposal."),
                Parameter::number("prior_weight", 1.0, 1e-6, 1e6, "Weight of the uniform prior, in results."),
                Parameter::truth("liar", true, "Count the trials that are out among those that are not good."),
            ],
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let split = Split {
            gamma: settings.number("gamma")?,
            root: settings.text("rule")? == "root",
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
            known: Known::default(),
            pending: BTreeMap::new(),
            trials: Trials::default(),
        })
    }
}

impl Strategy for Tpe {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        for _ in 0..batch(limit) {
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
            if let (Origin::Asked(_) | Origin::Foreign, Some(genotype)) = (origin, genotype) {
                let path = self.decisions.path(genotype, space)?;
                self.known.insert(genotype, space)?;
                self.learn(&path, Rank::of(&self.study, observation));
            }
        }
        Ok(())
    }
}
