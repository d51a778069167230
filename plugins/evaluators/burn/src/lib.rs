//! The evaluator `burn`: trains a candidate on real data, on the CPU, one thread per candidate.
//!
//! Any graph of the operators in [`nas_api::graph`] becomes a network. Equal requests give equal bits, whatever runs
//! beside them. Test examples are used by [`BurnEvaluator::train_final`] and [`BurnEvaluator::evaluate_weights`] alone.

mod config;
mod data;
mod fully;
mod keep;
mod loss;
mod metrics;
mod model;
mod optimizer;
mod proxy;
mod run;
mod store;
#[cfg(test)]
mod tests;
mod train;

use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use nas_api::{
    Candidate, Error, Evaluator, EvaluatorInfo, EvaluatorPlugin, Goal, Measurement, Metric, Objective, Opened, Request,
    Result, Settings, Stop, Task,
};

pub use data::{ClassCount, Description, Encoding, Values, data_folders, own_data_folder};
pub use fully::Progress;
pub use proxy::Proxy;
pub use run::{Inference, run};

use config::Config;
use data::{Data, Kind};
use keep::Keep;
use train::Trainer;

/// What the data of these settings hold, which are those of the evaluator's parameters.
pub fn describe_data(settings: &Settings) -> Result<Description> {
    let config = Config::of(settings)?;
    data::describe(&config.data).map_err(|error| Error::new(error.to_string()))
}

/// Trains candidates with burn.
#[derive(Debug)]
pub struct BurnEvaluator {
    config: Config,
    data: Data,
    keep: Keep,
    device: Device,
}

/// Why a candidate has no metrics, or why nothing can be measured at all.
enum Trouble {
    /// The candidate's.
    Failed(String),
    /// The evaluator's.
    Broken(String),
}

impl EvaluatorPlugin for BurnEvaluator {
    fn info() -> EvaluatorInfo {
        EvaluatorInfo {
            name: "burn".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Trains each candidate on images, tables or text with burn, on the CPU.".into(),
            metrics: metrics::declared(),
            fidelity_unit: "epochs".into(),
            accepts_relaxed: false,
            resumes: true,
            graphs: true,
            parameters: config::parameters(),
        }
    }

    fn open(settings: &Settings, state: Option<&Path>) -> Result<Self> {
        let config = Config::of(settings)?;
        let data = Data::shared(&config.data).map_err(|error| Error::new(error.to_string()))?;
        Ok(Self { config, data, keep: Keep::new(state), device: Device::flex().autodiff() })
    }
}

impl Evaluator for BurnEvaluator {
    fn opened(&self) -> Opened {
        Opened {
            fidelities: (1..=self.config.epochs).map(f64::from).collect(),
            task: Some(Task {
                input_shape: self.data.train.shape.iter().map(|&size| size as i64).collect(),
                outputs: self.data.train.outputs() as u32,
                kind: match self.data.kind {
                    Kind::Classification => "classification".into(),
                    Kind::Regression => "regression".into(),
                    Kind::Language => "language".into(),
                },
                settings: Settings::default(),
            }),
            objectives: match self.data.kind {
                Kind::Language => vec![Objective { metric: "val_loss".into(), goal: Goal::Minimize }],
                Kind::Classification | Kind::Regression => Vec::new(),
            },
            ..Opened::default()
        }
    }

    fn evaluate(&self, request: &Request, stop: Stop<'_>) -> Result<Option<Measurement>> {
        match self.measure(request, stop) {
            Ok(metrics) => Ok(metrics.map(Measurement::new)),
            Err(Trouble::Failed(reason)) => Ok(Some(Measurement::failed(reason))),
            Err(Trouble::Broken(reason)) => Err(Error::new(reason)),
        }
    }
}

impl BurnEvaluator {
    /// The trial's metrics; `None` where `stop` said so.
    fn measure(&self, request: &Request, stop: Stop<'_>) -> Result<Option<Vec<Metric>>, Trouble> {
        if let Candidate::Relaxed(_) = request.candidate {
            return Err(Trouble::Failed("this evaluator trains single architectures, not relaxed ones".into()));
        }
        let epochs = self.epochs(request.fidelity)?;
        let mut trainer = self.trainer(request, epochs)?;
        let started = Instant::now();
        while trainer.epoch < epochs {
            let (training, train) = (&self.config.training, &self.data.train);
            let finished = trainer.epoch(training, train, self.config.epochs, stop);
            if !finished.map_err(|diverged| Trouble::Failed(diverged.to_string()))? {
                return Ok(None);
            }
        }
        let train_seconds = started.elapsed().as_secs_f64();

        let (validation, scale) = (&self.data.validation, &self.data.normalization);
        let measured = loss::measure(&trainer.network, validation, scale, self.config.training.loss, "val", stop);
        let Some(mut metrics) = measured.map_err(Trouble::Broken)? else {
            return Ok(None);
        };
        if let Some(metric) = metrics.iter().find(|metric| !metric.value.is_finite()) {
            let reason = format!("training diverged: {} is {} on the validation set", metric.name, metric.value);
            return Err(Trouble::Failed(reason));
        }
        if request.keep {
            let state = trainer.archive().map_err(Trouble::Broken)?;
            // A full disk, say: this trial is lost, and those that need no state go on.
            self.keep.put(request.trial, &state).map_err(|error| Trouble::Failed(error.to_string()))?;
        }
        metrics.push(Metric::new("train_loss", trainer.train_loss));
        metrics.push(Metric::new("train_seconds", train_seconds));
        Ok(Some(metrics))
    }

    /// A fidelity as whole epochs within the schedule's horizon.
    fn epochs(&self, fidelity: Option<f64>) -> Result<u32, Trouble> {
        let most = self.config.epochs;
        let epochs = fidelity.unwrap_or(f64::from(most));
        if epochs.fract() == 0.0 && (1.0..=f64::from(most)).contains(&epochs) {
            return Ok(epochs as u32);
        }
        Err(Trouble::Failed(format!("cannot train for {epochs} epochs: it takes a whole number from 1 to {most}")))
    }

    /// A fresh training, or the one to carry on.
    fn trainer(&self, request: &Request, epochs: u32) -> Result<Trainer, Trouble> {
        let train = &self.data.train;
        let plan = train::plan(&request.graph, train).map_err(|error| Trouble::Failed(error.to_string()))?;
        let training = &self.config.training;
        let Some(from) = request.resume else {
            return Ok(Trainer::new(plan, training, request.seed, &self.device));
        };
        let failed = |problem: String| Trouble::Failed(format!("cannot carry on from trial {from}: {problem}"));
        let state = self.keep.get(from).map_err(|error| failed(error.to_string()))?;
        let state = state.ok_or_else(|| failed("its state was not kept".into()))?;
        let trainer = Trainer::carry_on(state, plan, training, &self.device).map_err(failed)?;
        if trainer.epoch > epochs {
            return Err(failed(format!("it was trained for {} epochs already, more than {epochs}", trainer.epoch)));
        }
        Ok(trainer)
    }
}
