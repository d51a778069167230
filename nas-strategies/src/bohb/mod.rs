//! BOHB: Hyperband decides how many architectures are measured at which fidelity, and a kernel density estimate decides
//! which architectures they are.
//!
//! Requires an evaluator with several fidelities. Any number of trials runs side by side: while all open brackets wait
//! for results, another one is opened. The model ignores outstanding trials. With `carry_on`, promoted trials continue
//! from their checkpoints, which the evaluator must support.
//!
//! Reference: S. Falkner, A. Klein and F. Hutter (2018), "BOHB: robust and efficient hyperparameter optimization at
//! scale", ICML (PMLR 80), Sections 3.2 and 3.3, Algorithm 2.
//!
//! Differences: brackets, rungs and promotions are those of [`Hyperband`](crate::Hyperband) here, so that the two differ
//! by the model alone. The kernel of an ordered decision is a discretized normal distribution. The bandwidth of an
//! unordered decision comes from Gini's index instead of the standard deviation of its numbering, and is multiplied by
//! the bandwidth factor too. In conditional spaces a kernel is uniform on a decision that its architecture did not make,
//! where the authors' implementation HpBandSter copies the value of another result, and draws one at random where no
//! result has any. The good and the other results may overlap, as in Equation 3 of the paper; in HpBandSter they never
//! do, and the model waits for one result more than there are decisions on either side. An architecture (by its key)
//! that was drawn before is no candidate. Results are ranked by Deb's rules ([`Rank`]); failed trials never count as
//! good. A result counts at the highest rung whose fidelity was spent on it, external results (a warm start) and pruned
//! trials included.

mod model;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{Genotype, Needs, Parameter, Result, Serves, Space, StrategyInfo, StrategyPlugin, Study};

use crate::Rank;
use crate::common::brackets::{Brackets, Source};
use crate::common::decisions::Decisions;
use crate::common::delegate_strategy;
use crate::common::fresh_sample::fresh_sample;
use crate::common::parzen::KnownArchitectures;
use crate::common::rungs::{self, Ladder};
use model::{Model, Options};

/// A search by BOHB in progress.
pub struct Bohb(Brackets<ModelSource>);

delegate_strategy!(Bohb);

/// Draws architectures from the model, and some at random.
struct ModelSource {
    rng: Random,
    decisions: Decisions,
    /// ρ, the fraction of random architectures.
    random_fraction: f64,
    /// The fidelities of the rungs, ascending.
    rungs: Vec<f64>,
    model: Model,
    /// The architectures that were drawn, and those measured at the highest rung.
    known: KnownArchitectures,
}

impl Source for ModelSource {
    fn fresh(&mut self, keys: &BTreeSet<String>, space: &mut dyn Space) -> Result<Option<(Genotype, String)>> {
        let random = self.rng.random::<f64>() < self.random_fraction;
        let suggested = match random {
            true => None,
            false => self.model.suggest(&mut self.decisions, &self.known, space, &mut self.rng)?,
        };
        let mut drawn = None;
        if let Some(path) = suggested {
            let genotype: Genotype = path.iter().map(|&(_, choice)| choice).collect();
            let key = space.key(&genotype)?;
            // An external result in this rung may have the key.
            drawn = Some((genotype, key)).filter(|(_, key)| !keys.contains(key));
        }
        if drawn.is_none() {
            drawn = fresh_sample(space, &mut self.rng, keys.len(), |key| keys.contains(key))?;
        }
        if let Some((genotype, _)) = &drawn {
            self.known.insert(genotype, space)?;
        }
        Ok(drawn)
    }

    fn learn(&mut self, genotype: &Genotype, rank: Rank, fidelity: Option<f64>, space: &mut dyn Space) -> Result<()> {
        let top = self.rungs.len().saturating_sub(1);
        let reached = |fidelity: f64| self.rungs.iter().rposition(|&rung| fidelity >= rung);
        let Some(level) = fidelity.map_or(Some(top), reached) else { return Ok(()) };
        if level == top {
            self.known.insert(genotype, space)?;
        }
        let path = self.decisions.path(genotype, space)?;
        self.model.learn(level, &path, rank);
        Ok(())
    }
}

impl StrategyPlugin for Bohb {
    fn info() -> StrategyInfo {
        let mut parameters = rungs::parameters(3.0);
        parameters.extend([
            Parameter::number(
                "random_fraction",
                1.0 / 3.0,
                0.0,
                1.0,
                "ρ: fraction of the new architectures that are random.",
            ),
            Parameter::number("top", 0.15, 0.0, 1.0, "q: fraction of the results that count as good."),
            Parameter::integer(
                "candidates",
                64,
                1,
                100_000,
                "N_s: architectures drawn for each proposal of the model.",
            ),
            Parameter::integer(
                "min_points",
                0,
                0,
                1_000_000,
                "N_min: the model needs two results more than this; 0 means the number of decisions plus one.",
            ),
            Parameter::number(
                "bandwidth_factor",
                3.0,
                1e-3,
                1e3,
                "b_w: factor on the bandwidth of the kernels from which candidates are drawn.",
            ),
            Parameter::number(
                "min_bandwidth",
                1e-3,
                1e-6,
                1.0,
                "Least bandwidth, as a fraction of the range of a decision.",
            ),
        ]);
        StrategyInfo {
            name: "bohb".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Hyperband's brackets of fidelities, filled by kernel density estimates instead of at random."
                .into(),
            reference: "Falkner, Klein & Hutter 2018, BOHB: robust and efficient hyperparameter optimization at \
                        scale, ICML, Algorithm 2"
                .into(),
            needs: Needs { fidelities: true, ..Needs::default() },
            serves: Serves { resume: true, ..Serves::default() },
            parameters,
        }
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let ladder = Ladder::open(study)?;
        let rungs: Vec<f64> = ladder.levels(0).into_iter().map(|(_, fidelity)| fidelity).collect();
        let options = Options {
            min_points: Some(settings.integer("min_points")? as usize).filter(|&points| points > 0),
            top: settings.number("top")?,
            candidates: settings.integer("candidates")?,
            factor: settings.number("bandwidth_factor")?,
            min_bandwidth: settings.number("min_bandwidth")?,
        };
        let source = ModelSource {
            rng: seeded(study.seed),
            decisions: Decisions::of(space)?,
            random_fraction: settings.number("random_fraction")?,
            model: Model::new(options, rungs.len()),
            rungs,
            known: KnownArchitectures::default(),
        };
        Ok(Self(Brackets::new(study, source, ladder.hyperband(), true, settings.truth("carry_on")?)))
    }
}
