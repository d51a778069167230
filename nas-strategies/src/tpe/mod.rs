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
//! `most_good` results count as good, as in Hyperopt. As in Optuna, the 25 newest results of a density count in full and
//! older ones less, failures count in neither density, and pruned trials rank below measured ones, by the fidelity that
//! they reached and then by their last value. The prior is uniform, where Optuna's for an ordered decision is a normal
//! distribution around its middle. In conditional spaces a joint kernel is uniform on a decision that its architecture
//! did not make, where BOHB's implementation copies the choice of another result. Constraint violations rank last, by
//! their size (Deb's rules, [`Rank`]).

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
use crate::common::budget::RandomStart;
use crate::common::decisions::{Decisions, Shape, Step};
use crate::common::parzen::{Kernel, KnownArchitectures, Mixture, Point, best_new, point};
use crate::common::trials::{Origin, Trials, batch_size};
use univariate::IndependentDensity;

/// The standard deviation of a joint kernel of an ordered decision, for one point, as a fraction of the range (Optuna's
/// constant).
const WIDTH: f64 = 0.2;

/// Of the results in a density, this many newest ones count in full, as in Optuna; older ones count less.
const COUNT_IN_FULL: usize = 25;

/// The results before the first proposal that is not random.
const STARTUP: RandomStart = RandomStart::of_model("startup");

/// What a result is worth, the best last. The order is total.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    /// It broke a constraint, by this much.
    Infeasible(f64),
    /// It was pruned at this fidelity, with this score: the later the better, and then by the score, as in Optuna.
    Pruned(f64, f64),
    /// It was measured, with this score.
    Measured(f64),
}

impl Standing {
    /// `None` for a failure: it tells nothing about the objective.
    fn of(study: &Study, observation: &Observation) -> Option<Self> {
        match Rank::of(study, observation) {
            Rank::Measured(score) => Some(Self::Measured(score)),
            Rank::Infeasible(violation) => Some(Self::Infeasible(violation)),
            Rank::Failed => {
                let objective = study.objectives.first()?;
                let value = study.metric(observation, &objective.metric).filter(|value| value.is_finite())?;
                Some(Self::Pruned(observation.fidelity?, objective.goal.score(value)))
            }
        }
    }

    /// Whether it is at least as good as another.
    fn at_least(self, other: Self) -> bool {
        match (self, other) {
            (Self::Measured(a), Self::Measured(b)) => a >= b,
            (Self::Infeasible(a), Self::Infeasible(b)) => a.total_cmp(&b).is_le(),
            (Self::Pruned(a, x), Self::Pruned(b, y)) => a > b || (a == b && x >= y),
            (a, b) => a.tier() >= b.tier(),
        }
    }

    fn tier(self) -> u8 {
        match self {
            Self::Infeasible(_) => 0,
            Self::Pruned(..) => 1,
            Self::Measured(_) => 2,
        }
    }
}

/// A result.
struct Record {
    standing: Standing,
    /// How many results were told before it.
    age: usize,
    point: Point,
}

/// The weights of results in the order in which they were told: 1 for the newest, and a linear ramp from 1/n for the
/// older ones of more than [`COUNT_IN_FULL`] (Optuna's `default_weights`, after Hyperopt's `linear_forgetting`).
fn weights(results: usize) -> Vec<f64> {
    let ramp = results.saturating_sub(COUNT_IN_FULL);
    let first = 1.0 / results.max(1) as f64;
    let step = if ramp > 1 { (1.0 - first) / (ramp - 1) as f64 } else { 0.0 };
    (0..results).map(|index| if index < ramp { first + step * index as f64 } else { 1.0 }).collect()
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
    /// The density of these records, older ones weighted less, and of outstanding points.
    fn density<'p>(&self, records: &'p [Record], outstanding: impl Iterator<Item = &'p Point>) -> Density<'p> {
        let mut records: Vec<&Record> = records.iter().collect();
        records.sort_by_key(|record| record.age);
        let points: Vec<&Point> = records.into_iter().map(|record| &record.point).chain(outstanding).collect();
        let weights = weights(points.len());
        if !self.multivariate {
            return Density::Univariate(IndependentDensity::new(&points, &weights, &self.decisions, self.prior));
        }
        let kernel = joint_kernel(points.len(), self.decisions.len(), self.prior);
        let mixture = Mixture::weighted(points, weights, &self.decisions, self.prior, |_, shape| kernel(shape));
        Density::Multivariate(mixture)
    }

    /// The path of the best candidate; `None` if there are too few results or nothing new was drawn.
    fn suggest(&mut self, space: &mut dyn Space) -> Result<Option<Vec<Step>>> {
        let good = self.split.good(self.records.len()).min(self.records.len());
        if good == 0 || self.records.len() < self.startup as usize {
            return Ok(None);
        }
        let good_density = self.density(&self.records[..good], std::iter::empty());
        let other_density = self.density(&self.records[good..], self.pending.values().filter(|_| self.liar));
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
    fn learn(&mut self, path: &[Step], standing: Standing) {
        let at = self.records.partition_point(|record| record.standing.at_least(standing));
        let age = self.records.len();
        self.records.insert(at, Record { standing, age, point: point(path) });
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
                STARTUP.parameter("Results before the first proposal that is not random, failures not counted"),
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
            startup: STARTUP.size(study)?,
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
                if let Some(standing) = Standing::of(&self.study, observation) {
                    self.learn(&path, standing);
                }
            }
        }
        Ok(())
    }
}
