//! Small spaces with an additive landscape: every choice of every decision adds its own amount to the value.

use nas_api::{Decision, Error, Genotype, Graph, Result, SearchSpace, Settings, SpaceInfo, Task, rng};

use super::Measured;

/// The metric that [`Additive::measure`] returns; more is better.
pub const METRIC: &str = "value";

/// The noise at fidelity 0 is uniform between plus and minus this. It has a standard deviation of 0.14; the values of
/// random genotypes in a space of six decisions have one of 0.12.
const NOISE: f64 = 0.25;

/// The amount by which an estimate at fidelity 0 is too low.
const BIAS: f64 = 0.4;

/// The most layers of the conditional space.
const LAYERS: u32 = 3;

/// A space with a known optimum. It has no networks.
#[derive(Clone, Debug)]
pub struct Additive {
    seed: u32,
    decisions: Vec<Decision>,
    conditional: bool,
}

impl Additive {
    /// A space of independent decisions with equally many choices each. The seed determines the landscape.
    pub fn flat(decisions: u32, choices: u32, seed: u32) -> Self {
        let decision = |index| Decision::new(format!("d{index}"), (0..choices).map(|choice| format!("c{choice}")));
        Self { seed, decisions: (0..decisions).map(decision).collect(), conditional: false }
    }

    /// A conditional space of one to three layers, each a convolution (with one of three kernel sizes), a pooling or
    /// nothing. Genotypes have 2 to 7 choices. The seed determines the landscape.
    pub fn conditional(seed: u32) -> Self {
        let mut decisions = vec![Decision::new("layers", ["1", "2", "3"]).ordered()];
        for layer in 0..LAYERS {
            decisions.push(Decision::new(format!("layer{layer}.op"), ["conv", "pool", "skip"]));
            decisions.push(Decision::new(format!("layer{layer}.kernel"), ["3", "5", "7"]).ordered());
        }
        Self { seed, decisions, conditional: true }
    }

    /// The sum of the amounts of all choices, each between 0 and 1, divided by the number of decisions of the space.
    pub fn value(&self, genotype: &[u32]) -> f64 {
        let made = (0..genotype.len()).map_while(|length| SearchSpace::next(self, &genotype[..length]));
        let amount = |(decision, &choice): (&Decision, &u32)| {
            f64::from(rng::derive(self.seed, &decision.name, choice)) / f64::from(u32::MAX)
        };
        let sum: f64 = made.zip(genotype).map(amount).sum();
        sum / self.decisions.len().max(1) as f64
    }

    /// The value as an evaluator reports it.
    pub fn measure(&self, genotype: &[u32]) -> Measured {
        Ok(self.value(genotype))
    }

    /// A measurement that spends this share (above 0, at most 1) of the greatest fidelity. It is too low, as early in
    /// training, and noisy; both effects vanish at 1. Equal arguments give equal results.
    pub fn estimate(&self, genotype: &[u32], share: f64) -> f64 {
        let drawn = rng::derive(self.seed, &format!("{genotype:?} at {share}"), 0);
        let noise = 2.0 * f64::from(drawn) / f64::from(u32::MAX) - 1.0;
        self.value(genotype) + (1.0 - share) * (1.0 - share) * (NOISE * noise - BIAS)
    }

    /// The greatest value, found by trying every genotype.
    pub fn optimum(&self) -> f64 {
        let mut best = f64::NEG_INFINITY;
        let mut open = vec![Genotype::new()];
        while let Some(prefix) = open.pop() {
            match SearchSpace::next(self, &prefix) {
                Some(decision) => open.extend((0..decision.len()).map(|choice| {
                    let mut longer = prefix.clone();
                    longer.push(choice);
                    longer
                })),
                None => best = best.max(self.value(&prefix)),
            }
        }
        best
    }
}

impl SearchSpace for Additive {
    fn open(_settings: &Settings) -> Result<Self> {
        Ok(Self::flat(6, 5, 0))
    }

    fn info(&self) -> SpaceInfo {
        let sizes = self.decisions.iter().map(|decision| libm::log10(f64::from(decision.len())));
        SpaceInfo {
            name: "additive".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            log10_size: (!self.conditional).then(|| sizes.sum()),
            decisions: self.decisions.clone(),
            conditional: self.conditional,
            standard: !self.conditional,
            description: "A landscape for tests: every choice adds its own amount.".into(),
            reference: String::new(),
        }
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        if !self.conditional {
            return self.decisions.get(prefix.len());
        }
        let mut rest = prefix.iter();
        let Some(&layers) = rest.next() else { return self.decisions.first() };
        for layer in 0..=layers.min(LAYERS - 1) as usize {
            let (op, kernel) = (1 + 2 * layer, 2 + 2 * layer);
            match rest.next() {
                None => return self.decisions.get(op),
                // Only a convolution has a kernel size.
                Some(0) if rest.next().is_none() => return self.decisions.get(kernel),
                Some(_) => {}
            }
        }
        None
    }

    fn build(&self, _genotype: &[u32], _task: &Task) -> Result<Graph> {
        Err(Error::new("an additive landscape has no networks; it only serves to check strategies"))
    }
}
