//! The evaluator `synthetic`: functions of genotypes whose optimum is known, so that regret is exact.
//!
//! Seconds are simulated: a trial takes one second, or one second per epoch of its fidelity.

mod landscape;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::Path;

use nas_api::rng::{RngExt, derive, seeded};
use nas_api::{
    Candidate, CurvePoint, Error, Evaluator, EvaluatorInfo, EvaluatorPlugin, Goal, InstanceInfo, Measurement, Metric,
    MetricInfo, Monitor, Objective, Parameter, Request, Result, Role, Setting, Settings, Task, Value, learning_curve,
};
use rand_distr::StandardNormal;

pub use landscape::{Landscape, Size};

/// The problems by name, with their sizes if the settings are 0.
const PROBLEMS: [(&str, Size); 7] = [
    ("additive", Size { decisions: 20, choices: 5, order: 1 }),
    ("trap", Size { decisions: 20, choices: 2, order: 4 }),
    ("nk", Size { decisions: 20, choices: 2, order: 4 }),
    ("noisy", Size { decisions: 20, choices: 5, order: 1 }),
    ("many", Size { decisions: 1000, choices: 2, order: 1 }),
    ("curves", Size { decisions: 20, choices: 5, order: 1 }),
    ("lotz", Size { decisions: 20, choices: 2, order: 1 }),
];

/// The fidelities of `curves`, in epochs.
const EPOCHS: [f64; 5] = [1.0, 3.0, 9.0, 27.0, 81.0];

/// The difference between a trial's value and that of the landscape.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    None,
    /// Normal noise with this standard deviation, drawn for each trial.
    Noise(f64),
    /// Learning curves whose first point has this correlation with the last one.
    Curve(f64),
}

/// An opened problem with a known optimum.
#[derive(Clone, Debug)]
pub struct SyntheticEvaluator {
    size: Size,
    instance: u32,
    landscape: Landscape,
    disturbance: Disturbance,
}

impl SyntheticEvaluator {
    /// Returns the names of the objectives. The noisy one has a hidden counterpart without noise (see `metrics`).
    fn objectives(&self) -> Vec<&'static str> {
        match (&self.landscape, self.disturbance) {
            (Landscape::Lotz, _) => vec!["leading_ones", "trailing_zeros"],
            (_, Disturbance::Noise(_)) => vec!["val_value"],
            _ => vec!["value"],
        }
    }

    fn fidelities(&self) -> &'static [f64] {
        match self.disturbance {
            Disturbance::Curve(_) => &EPOCHS,
            _ => &[],
        }
    }

    /// Returns the point of the learning curve at `epochs`: the final value mixed with noise, so that its correlation
    /// with the final value over all genotypes grows from exactly `first` at the first point to 1 at the last one.
    fn curve(&self, text: &str, value: f64, epochs: f64, first: f64) -> f64 {
        let (mean, deviation) = self.landscape.moments().unwrap_or((value, 0.0));
        let last = EPOCHS[EPOCHS.len() - 1];
        let left = 1.0 - libm::log(epochs) / libm::log(last);
        let correlation = 1.0 - (1.0 - first) * left;
        // The noise depends on architecture and fidelity, but not on the trial.
        let noise: f64 = seeded(derive(self.instance, &format!("curve {epochs} {text}"), 0)).sample(StandardNormal);
        let residual = libm::sqrt((1.0 - correlation * correlation).max(0.0)) * deviation * noise;
        mean + correlation * (value - mean) + residual - 0.5 * left
    }

    /// Returns the metrics of a trial, in the order of `metrics`.
    fn measure(&self, genotype: &[u32], text: &str, fidelity: Option<f64>, seed: u32) -> Vec<f64> {
        let mut values = self.landscape.values(genotype);
        match self.disturbance {
            Disturbance::None => {}
            Disturbance::Noise(deviation) => {
                let noise: f64 = seeded(seed).sample(StandardNormal);
                values.insert(0, values[0] + deviation * noise);
            }
            Disturbance::Curve(first) => {
                values[0] = self.curve(text, values[0], fidelity.unwrap_or(EPOCHS[EPOCHS.len() - 1]), first);
            }
        }
        values
    }

    /// Returns the names of all metrics and whether they are hidden: the objectives, and the value without noise.
    fn metrics(&self) -> Vec<(&'static str, bool)> {
        let mut metrics: Vec<_> = self.objectives().into_iter().map(|name| (name, false)).collect();
        if matches!(self.disturbance, Disturbance::Noise(_)) {
            metrics.push(("test_value", true));
        }
        metrics
    }
}

impl EvaluatorPlugin for SyntheticEvaluator {
    fn info() -> EvaluatorInfo {
        let size = |name: &str, most, description: &str| Parameter::integer(name, 0, 0, most, description);
        EvaluatorInfo {
            name: "synthetic".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Functions of choices whose optimum is known; nothing is trained.".into(),
            metrics: Vec::new(),
            fidelity_unit: "epochs".into(),
            accepts_relaxed: false,
            resumes: false,
            graphs: false,
            trains: None,
            parameters: vec![
                Parameter::one_of("data", PROBLEMS[0].0, &PROBLEMS.map(|(name, _)| name), "The problem.")
                    .with_role(Role::Data),
                Parameter::integer("instance", 1, 0, u32::MAX, "Number of the random instance of the landscape."),
                size("decisions", 10_000, "Number of decisions; 0 for that of the problem."),
                size("choices", 64, "Choices of each decision; 0 for the number of the problem."),
                size("order", 64, "Length of a trap, or neighbours of an NK landscape; 0 for that of the problem."),
                Parameter::number("noise", 0.02, 0.0, 1e6, "Standard deviation of the noise of 'noisy'."),
                Parameter::number(
                    "correlation",
                    0.6,
                    0.0,
                    1.0,
                    "Correlation of the first fidelity of 'curves' with the last one, over all architectures.",
                ),
            ],
        }
    }

    fn open(settings: &Settings, _state: Option<&Path>) -> Result<Self> {
        let data = settings.text("data")?;
        let (_, default) = PROBLEMS.iter().find(|(name, _)| *name == data).ok_or("there is no such problem")?;
        let or =
            |name: &str, default: u32| settings.integer(name).map(|given| if given == 0 { default } else { given });
        let size = Size {
            decisions: or("decisions", default.decisions)?,
            choices: or("choices", default.choices)?,
            order: or("order", default.order)?,
        };
        if size.choices < 2 {
            return Err(Error::new("a decision needs 2 choices or more: set 'choices' to 0, or to 2 or more"));
        }
        let instance = settings.integer("instance")?;
        let landscape = match data {
            "trap" => Landscape::trap(size)?,
            "nk" => Landscape::nk(size, instance)?,
            "lotz" => Landscape::lotz(size)?,
            _ => Landscape::additive(size, instance),
        };
        let disturbance = match data {
            "noisy" => Disturbance::Noise(settings.number("noise")?),
            "curves" => Disturbance::Curve(settings.number("correlation")?),
            _ => Disturbance::None,
        };
        Ok(Self { size, instance, landscape, disturbance })
    }
}

impl Evaluator for SyntheticEvaluator {
    fn instance_info(&self) -> InstanceInfo {
        let number = |name: &str, value: u32| Setting { name: name.into(), value: Value::Number(f64::from(value)) };
        let metric = |(name, hidden): (&str, bool)| MetricInfo {
            name: name.into(),
            unit: String::new(),
            better: Some(Goal::Maximize),
            hidden,
            description: if hidden { "The value without noise." } else { "A function of the choices." }.into(),
        };
        let names = self.metrics();
        let best = self.landscape.best(self.size.decisions);
        // A noisy value has no maximum.
        let known = names.iter().filter(|(name, _)| *name != "val_value");
        InstanceInfo {
            fidelities: self.fidelities().to_vec(),
            task: Some(Task {
                input_shape: vec![1],
                outputs: 1,
                kind: "regression".into(),
                settings: Settings::default(),
            }),
            space: Some("synthetic".into()),
            space_settings: vec![number("decisions", self.size.decisions), number("choices", self.size.choices)],
            objectives: self
                .objectives()
                .into_iter()
                .map(|metric| Objective { metric: metric.into(), goal: Goal::Maximize })
                .collect(),
            simulated: true,
            best: known.zip(&best).map(|(&(name, _), &value)| Metric::new(name, value)).collect(),
            intermediate_metrics: if self.fidelities().is_empty() {
                Vec::new()
            } else {
                names.iter().filter(|(_, hidden)| !hidden).map(|(name, _)| (*name).to_owned()).collect()
            },
            metrics: names.into_iter().map(metric).collect(),
            data: None,
        }
    }

    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        let cost = Some(request.fidelity.unwrap_or(1.0));
        let Candidate::Discrete(genotype) = &request.candidate else {
            return Ok(Some(Measurement {
                cost,
                ..Measurement::failed("it measures single architectures, not mixtures")
            }));
        };
        let exists = |choice: &u32| *choice < self.size.choices;
        if genotype.len() != self.size.decisions as usize || !genotype.iter().all(exists) {
            return Err(Error::new(format!("{genotype:?} does not belong to the space 'synthetic' of this problem")));
        }
        let metrics = |fidelity| {
            let values = self.measure(genotype, &request.text, fidelity, request.seed);
            self.metrics().into_iter().zip(values).map(|((name, _), value)| Metric::new(name, value)).collect()
        };
        let last = request.fidelity.unwrap_or(f64::INFINITY);
        // Without a pruner nobody reads the curve, and it takes time.
        let steps = self.fidelities().iter().filter(|&&fidelity| request.prunable && fidelity <= last);
        // An epoch takes one simulated second.
        let points = steps.map(|&fidelity| (CurvePoint { fidelity, metrics: metrics(Some(fidelity)) }, fidelity));
        if let ControlFlow::Break(answer) = learning_curve::report_all(monitor, points) {
            return Ok(answer);
        }
        Ok(Some(Measurement { cost, ..Measurement::new(metrics(request.fidelity)) }))
    }
}
