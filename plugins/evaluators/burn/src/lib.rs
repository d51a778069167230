//! The evaluator `burn`: trains a candidate on real data, one thread per candidate, on the CPU or on another of the
//! [`Devices`] that a build brings.
//!
//! Any graph of the operators in [`nas_api::graph`] becomes a network. Equal requests give equal bits, whatever runs
//! beside them. Test examples are used by [`Burn::train_final`] and [`Burn::evaluate_weights`] alone.

mod augment;
mod checkpoint;
mod config;
mod detection;
mod early_stopping;
mod epoch_order;
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
mod trial_states;

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use nas_api::native::panic_words;
use nas_api::{
    Candidate, Error, Evaluator, EvaluatorInfo, EvaluatorPlugin, Fingerprint, Goal, Graph, Measurement, Metric,
    Monitor, Objective, Opened, Report, Request, Result, Settings, Stop, Task, TrainRequest, Trained, Verdict,
};

pub use final_training::Progress;
pub use nas_network::Precision;
pub use nas_network::device::{Cpu, Devices, Place};
pub use recipe::{RECIPES, Recipe};

use checkpoint::{Checkpoint, Course};
use config::Config;
use memory_estimate::Footprint;
use metrics::Scores;
use nas_data::{Data, Kind};
use trainer::Trainer;
use trial_states::Keep;

/// What the data of these settings hold, which are those of the evaluator's parameters.
pub fn describe_data(settings: &Settings) -> Result<nas_data::Description> {
    let config = Config::of(settings)?;
    nas_data::describe(&config.data).map_err(|error| Error::new(error.to_string()))
}

/// Trains candidates with burn on one of these devices.
#[derive(Debug)]
pub struct Burn<D> {
    config: Config,
    data: Data,
    keep: Keep,
    device: Device,
    devices: PhantomData<fn() -> D>,
}

/// The one that the command line has built in.
pub type BurnEvaluator = Burn<Cpu>;

/// Why a candidate has no metrics, or why nothing can be measured at all.
enum Trouble {
    /// The candidate's.
    Failed(String),
    /// The evaluator's.
    Broken(String),
}

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
            trains: Some(config::full_training()),
            parameters: config::parameters(D::DEFAULT),
        }
    }

    fn open(settings: &Settings, state: Option<&Path>) -> Result<Self> {
        let mut config = Config::of(settings)?;
        // Before the data are read, which may take longer.
        let device = D::open(config.device)?.autodiff();
        config.training.precision.check::<D>(config.device, &device)?;
        let data = Data::shared(&config.data).map_err(|error| Error::new(error.to_string()))?;
        config.training.augment = config.training.augment.fitted(&data)?;
        Ok(Self { config, data, keep: Keep::new(state), device, devices: PhantomData })
    }
}

impl<D: Devices> Evaluator for Burn<D> {
    fn opened(&self) -> Opened {
        Opened {
            fidelities: (1..=self.config.epochs).map(f64::from).collect(),
            task: Some(Task {
                input_shape: self.data.train.shape.iter().map(|&size| size as i64).collect(),
                outputs: self.data.train.outputs() as u32,
                kind: self.data.kind.name().into(),
                settings: Settings::default(),
            }),
            reports: metrics::reported(self.data.kind),
            data: Some(Fingerprint { source: self.config.data.source.clone(), digest: self.data.fingerprint.clone() }),
            objectives: match self.data.kind {
                Kind::Language => vec![Objective { metric: "val_loss".into(), goal: Goal::Minimize }],
                Kind::Regression => vec![Objective { metric: "val_mse".into(), goal: Goal::Minimize }],
                Kind::Detection => vec![Objective { metric: "val_map".into(), goal: Goal::Maximize }],
                Kind::Classification => Vec::new(),
            },
            ..Opened::default()
        }
    }

    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        let mut checkpoint = self.checkpoint(request);
        let ended = catch_unwind(AssertUnwindSafe(|| self.measure(request, checkpoint.as_mut(), monitor)));
        let ended = ended.unwrap_or_else(panic_again);
        // What was interrupted is carried on.
        if let Some(checkpoint) = checkpoint.filter(|_| !matches!(ended, Ok(Ended::Stopped))) {
            checkpoint.forget();
        }
        match ended {
            Ok(Ended::Measured(metrics)) => Ok(Some(Measurement::new(metrics))),
            Ok(Ended::Pruned | Ended::Stopped) => Ok(None),
            Err(Trouble::Failed(reason)) => Ok(Some(Measurement::failed(reason))),
            Err(Trouble::Broken(reason)) => Err(Error::new(reason)),
        }
    }

    fn train(&self, request: &TrainRequest, monitor: &dyn Monitor) -> Result<Option<Trained>> {
        catch_unwind(AssertUnwindSafe(|| self.train_into(request, monitor))).unwrap_or_else(panic_again)
    }
}

/// Still a panic, so that the host knows that its process may be of no further use, but in better words.
fn panic_again<T>(panic: Box<dyn Any + Send>) -> T {
    resume_unwind(Box::new(nas_network::device::explained(panic_words(&*panic))))
}

/// How a measurement that was not troubled ended.
enum Ended {
    Measured(Vec<Metric>),
    Pruned,
    Stopped,
}

impl<D: Devices> Burn<D> {
    /// Bytes that a process takes which trains this network at this batch size, as far as can be said ahead of it.
    pub fn expected_memory(&self, graph: &Graph, batch_size: usize) -> Result<u64> {
        let footprint = Footprint::of(graph, &self.data.train, &self.config.training);
        footprint.map(|footprint| footprint.at(batch_size)).map_err(|error| Error::new(error.to_string()))
    }

    fn measure(
        &self,
        request: &Request,
        mut checkpoint: Option<&mut Checkpoint>,
        monitor: &dyn Monitor,
    ) -> Result<Ended, Trouble> {
        if let Candidate::Relaxed(_) = request.candidate {
            return Err(Trouble::Failed("this evaluator trains single architectures, not relaxed ones".into()));
        }
        let epochs = self.epochs(request.fidelity)?;
        let (mut trainer, mut course) = self.begin(request, epochs, checkpoint.as_deref(), monitor)?;
        for report in &course.curve {
            if let Some(ended) = ended(monitor.report(report.clone())) {
                return Ok(ended);
            }
        }
        let stop = || monitor.stopped();
        while trainer.epoch < epochs && !trainer.patience.is_exhausted(self.config.training.early_stopping) {
            let next = trainer.epoch + 1;
            let validate = next == epochs || self.validates(request, next);
            let Some(report) = self.train_epoch(&mut trainer, &mut course, validate, &stop)? else {
                return Ok(Ended::Stopped);
            };
            if let Some(ended) = ended(monitor.report(report.clone())) {
                return Ok(ended);
            }
            course.curve.push(report);
            if let Some(checkpoint) = checkpoint.as_mut().filter(|kept| next < epochs && kept.due())
                && let Err(problem) = checkpoint.write(&trainer, &course)
            {
                monitor.notice(&format!("its state after epoch {next} could not be kept: {problem}"));
            }
        }
        let last = course.curve.pop().map(|report| report.metrics);
        let Some(mut metrics) = self.outcome(&trainer, last, &stop)? else { return Ok(Ended::Stopped) };
        check_finite(&metrics)?;
        if request.keep {
            let state = trainer.archive().map_err(Trouble::Broken)?;
            // A full disk, say: this trial is lost, and those that need no state go on.
            self.keep.put(request.trial, &state).map_err(|error| Trouble::Failed(error.to_string()))?;
        }
        if self.config.training.batch_size == 0 {
            metrics.push(Metric::new("batch_size", trainer.batch_size as f64));
        }
        metrics.push(Metric::new("train_seconds", course.seconds));
        Ok(Ended::Measured(metrics))
    }

    /// What a finished training has come to; `last` is what was reported of its last epoch. `None` where `stop` said so.
    fn outcome(
        &self,
        trainer: &Trainer,
        last: Option<Vec<Metric>>,
        stop: Stop<'_>,
    ) -> Result<Option<Vec<Metric>>, Trouble> {
        if let Some(best) = trainer.patience.best() {
            let best_metrics = best.metrics.iter().cloned();
            let epochs = [("trained_epochs", trainer.epoch), ("best_epoch", best.epoch)];
            let epochs = epochs.map(|(name, epochs)| Metric::new(name, f64::from(epochs)));
            return Ok(Some(self.of_training(best_metrics.chain(epochs).collect(), trainer)));
        }
        if last.is_some() {
            return Ok(last);
        }
        // It carries on from a trial that was trained for as long.
        let scores = self.validate(trainer, stop)?;
        Ok(scores.map(|scores| self.of_training(scores.metrics("val"), trainer)))
    }

    /// One more epoch, and what is to be reported of it; `None` where `stop` said so.
    fn train_epoch(
        &self,
        trainer: &mut Trainer,
        course: &mut Course,
        validate: bool,
        stop: Stop<'_>,
    ) -> Result<Option<Report>, Trouble> {
        let started = Instant::now();
        let finished = trainer.epoch(&self.config.training, &self.data.train, self.config.epochs, stop);
        if !finished.map_err(|diverged| Trouble::Failed(diverged.to_string()))? {
            return Ok(None);
        }
        course.seconds += started.elapsed().as_secs_f64();
        let mut metrics = Vec::new();
        if validate {
            let Some(scores) = self.validate(trainer, stop)? else { return Ok(None) };
            metrics = scores.metrics("val");
            if self.config.training.early_stopping > 0 {
                check_finite(&metrics)?;
                trainer.patience.see(trainer.epoch, &scores, self.data.kind);
            }
        }
        Ok(Some(Report { fidelity: f64::from(trainer.epoch), metrics: self.of_training(metrics, trainer) }))
    }

    /// With what is known of the training itself.
    fn of_training(&self, mut metrics: Vec<Metric>, trainer: &Trainer) -> Vec<Metric> {
        metrics.push(Metric::new("train_loss", trainer.train_loss));
        metrics.extend(self.config.training.trained_tokens(&self.data.train, trainer.batch_size, trainer.epoch));
        metrics
    }

    /// The network as it is now on the validation examples; `None` where `stop` said so.
    fn validate(&self, trainer: &Trainer, stop: Stop<'_>) -> Result<Option<Scores>, Trouble> {
        let (validation, scale) = (&self.data.validation, &self.data.normalization);
        let scores = metrics::measure(trainer.result(), validation, scale, self.config.training.loss, stop);
        scores.map_err(Trouble::Broken)
    }

    /// Whether there is a validation after this epoch, which is not the last.
    fn validates(&self, request: &Request, epoch: u32) -> bool {
        match self.config.validate_every {
            _ if self.config.training.early_stopping > 0 => true,
            0 => request.judged,
            every => epoch.is_multiple_of(every),
        }
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
        let prepared = trainer::prepared(&request.graph, &self.data.train, &self.config.training);
        let (plan, training) = prepared.map_err(Trouble::Failed)?;
        let Some(from) = request.resume else {
            return Ok(Trainer::new(plan, &training, request.seed, &self.device));
        };
        let failed = |problem: String| Trouble::Failed(format!("cannot carry on from trial {from}: {problem}"));
        let state = self.keep.get(from).map_err(|error| failed(error.to_string()))?;
        let state = state.ok_or_else(|| failed("its state was not kept".into()))?;
        let trainer = Trainer::carry_on(state, plan, &training, &self.device).map_err(failed)?;
        if trainer.epoch > epochs {
            return Err(failed(format!("it was trained for {} epochs already, more than {epochs}", trainer.epoch)));
        }
        Ok(trainer)
    }
}

/// How a measurement ends after this verdict; `None`: it goes on.
fn ended(verdict: Verdict) -> Option<Ended> {
    match verdict {
        Verdict::GoOn => None,
        Verdict::Pruned => Some(Ended::Pruned),
        Verdict::Stopped => Some(Ended::Stopped),
    }
}

/// Training may have diverged where no loss of a batch shows it.
fn check_finite(metrics: &[Metric]) -> Result<(), Trouble> {
    metrics.iter().find(|metric| !metric.value.is_finite()).map_or(Ok(()), |metric| {
        let reason = format!("training diverged: {} is {} on the validation set", metric.name, metric.value);
        Err(Trouble::Failed(reason))
    })
}
