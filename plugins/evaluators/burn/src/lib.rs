//! The evaluator `burn`: trains a candidate on real data, one thread per candidate, on the CPU or on another of the
//! [`Devices`] of a build.
//!
//! Any graph of the operators in [`nas_api::graph`] becomes a network. Equal requests give equal bits, whatever else
//! runs at the same time. Only [`Burn::train_final`] and [`Burn::evaluate_weights`] use test examples.

mod augment;
mod checkpoint;
mod config;
mod detection;
mod early_stopping;
mod epoch_order;
mod error;
mod final_training;
mod gradients;
mod hyperparameters;
mod loss_scale;
mod memory_estimate;
mod metrics;
mod optimizer;
mod recipe;
mod schedule;
#[cfg(test)]
mod tests;
mod trainer;
mod trial;
mod trial_states;

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use burn::tensor::Device;
use nas_api::native::panic_message;
use nas_api::{
    Error, Evaluator, EvaluatorInfo, EvaluatorPlugin, Fingerprint, Goal, Graph, InstanceInfo, Measurement, Monitor,
    Objective, Request, Result, Settings, Task, TrainRequest, Trained,
};

pub use final_training::Progress;
pub use nas_network::Precision;
pub use nas_network::device::{Cpu, Devices, Place};
pub use recipe::{RECIPES, Recipe};

use config::Config;
use error::TrialError;
use memory_estimate::Footprint;
use nas_data::{Data, Kind};
use trial::TrialEnd;
use trial_states::TrialCheckpoints;

/// Describes the data that these settings of the evaluator select.
///
/// # Errors
///
/// Fails if the settings contradict each other or the data cannot be read.
pub fn describe_data(settings: &Settings) -> Result<nas_data::Description> {
    let config = Config::of(settings)?;
    nas_data::describe(&config.data).map_err(|error| Error::new(error.to_string()))
}

/// Trains candidates with burn on one of the devices `D`.
#[derive(Debug)]
pub struct Burn<D> {
    config: Config,
    data: Data,
    states: TrialCheckpoints,
    device: Device,
    devices: PhantomData<fn() -> D>,
}

/// The evaluator that is built into the command line.
pub type BurnEvaluator = Burn<Cpu>;

impl<D: Devices> EvaluatorPlugin for Burn<D> {
    fn info() -> EvaluatorInfo {
        EvaluatorInfo {
            name: D::NAME.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: D::DESCRIPTION.into(),
            metrics: metrics::declared(),
            fidelity_unit: "epochs".into(),
            accepts_relaxed: false,
            resumes: true,
            graphs: true,
            trains: Some(config::final_training()),
            parameters: config::parameters(D::DEFAULT),
        }
    }

    fn open(settings: &Settings, checkpoints: Option<&Path>) -> Result<Self> {
        let mut config = Config::of(settings)?;
        // The device is opened before the data are read, which may take longer.
        let device = D::open(config.device)?.autodiff();
        config.training.precision.check::<D>(config.device, &device)?;
        let data = Data::shared(&config.data).map_err(|error| Error::new(error.to_string()))?;
        config.training.augment = config.training.augment.fitted(&data)?;
        Ok(Self { config, data, states: TrialCheckpoints::new(checkpoints), device, devices: PhantomData })
    }
}

impl<D: Devices> Evaluator for Burn<D> {
    fn instance_info(&self) -> InstanceInfo {
        InstanceInfo {
            fidelities: (1..=self.config.epochs).map(f64::from).collect(),
            task: Some(Task {
                input_shape: self.data.train.shape.iter().map(|&size| size as i64).collect(),
                outputs: self.data.train.outputs() as u32,
                kind: self.data.kind.name().into(),
                settings: Settings::default(),
            }),
            intermediate_metrics: metrics::reported(self.data.kind),
            data: Some(Fingerprint { source: self.config.data.source.clone(), digest: self.data.fingerprint.clone() }),
            objectives: match self.data.kind {
                Kind::Language => vec![Objective { metric: "val_loss".into(), goal: Goal::Minimize }],
                Kind::Regression => vec![Objective { metric: "val_mse".into(), goal: Goal::Minimize }],
                Kind::Detection => vec![Objective { metric: "val_map".into(), goal: Goal::Maximize }],
                Kind::Classification => Vec::new(),
            },
            ..InstanceInfo::default()
        }
    }

    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        let mut checkpoint = self.checkpoint(request);
        let ended = catch_unwind(AssertUnwindSafe(|| self.measure(request, checkpoint.as_mut(), monitor)));
        match ended.unwrap_or_else(panic_again) {
            Ok(TrialEnd::Measured(metrics)) => Ok(Some(Measurement::new(metrics))),
            Ok(TrialEnd::Pruned | TrialEnd::Stopped) => Ok(None),
            Err(TrialError::Failed(reason)) => Ok(Some(Measurement::failed(reason))),
            Err(TrialError::Broken(reason)) => Err(Error::new(reason)),
        }
    }

    fn train(&self, request: &TrainRequest, monitor: &dyn Monitor) -> Result<Option<Trained>> {
        catch_unwind(AssertUnwindSafe(|| self.train_into(request, monitor))).unwrap_or_else(panic_again)
    }
}

/// Resumes the panic with a clearer message. It stays a panic so that the host knows that its process may be unusable.
fn panic_again<T>(panic: Box<dyn Any + Send>) -> T {
    resume_unwind(Box::new(nas_network::device::explained(panic_message(&*panic))))
}

impl<D: Devices> Burn<D> {
    /// The estimated memory, in bytes, of a process that trains this network with this batch size.
    ///
    /// # Errors
    ///
    /// Fails if the graph is invalid for the shape of the examples.
    pub fn expected_memory(&self, graph: &Graph, batch_size: usize) -> Result<u64> {
        let footprint = Footprint::of(graph, &self.data.train, &self.config.training);
        footprint.map(|footprint| footprint.at(batch_size)).map_err(|error| Error::new(error.to_string()))
    }
}
