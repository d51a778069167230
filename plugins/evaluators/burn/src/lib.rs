//! The evaluator `burn`: trains a candidate on real data, on the CPU, one thread per candidate.
//!
//! Any graph of the operators in [`nas_api::graph`] becomes a network. Equal requests give equal bits, whatever runs
//! beside them. Test examples are used by [`BurnEvaluator::train_final`] and [`BurnEvaluator::evaluate_weights`] alone.

mod checkpoint;
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
    Candidate, Error, Evaluator, EvaluatorInfo, EvaluatorPlugin, Goal, Measurement, Metric, Monitor, Objective, Opened,
    Report, Request, Result, Settings, Stop, Task, Verdict,
};

pub use fully::Progress;
pub use proxy::Proxy;
pub use run::{Inference, run};

use checkpoint::{Checkpoint, Course};
use config::Config;
use data::{Data, Kind};
use keep::Keep;
use train::Trainer;

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
        let data = Data::open(&config.data).map_err(|error| Error::new(error.to_string()))?;
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
            reports: metrics::reported(self.data.kind),
            objectives: match self.data.kind {
                Kind::Language => vec![Objective { metric: "val_loss".into(), goal: Goal::Minimize }],
                Kind::Classification | Kind::Regression => Vec::new(),
            },
            ..Opened::default()
        }
    }

    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        let mut checkpoint = self.checkpoint(request);
        let ended = self.measure(request, checkpoint.as_mut(), monitor);
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
}

/// How a measurement that was not troubled ended.
enum Ended {
    Measured(Vec<Metric>),
    Pruned,
    Stopped,
}

impl BurnEvaluator {
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
        while trainer.epoch < epochs {
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
        let mut metrics = match course.curve.pop() {
            Some(last) => last.metrics,
            // It carries on from a trial that was trained for as long.
            None => match self.results(&trainer, true, &stop)? {
                Some(metrics) => metrics,
                None => return Ok(Ended::Stopped),
            },
        };
        check_finite(&metrics)?;
        if request.keep {
            let state = trainer.archive().map_err(Trouble::Broken)?;
            // A full disk, say: this trial is lost, and those that need no state go on.
            self.keep.put(request.trial, &state).map_err(|error| Trouble::Failed(error.to_string()))?;
        }
        metrics.push(Metric::new("train_seconds", course.seconds));
        Ok(Ended::Measured(metrics))
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
        let metrics = self.results(trainer, validate, stop)?;
        Ok(metrics.map(|metrics| Report { fidelity: f64::from(trainer.epoch), metrics }))
    }

    /// What is known of the network as it is now; `None` where `stop` said so.
    fn results(&self, trainer: &Trainer, validate: bool, stop: Stop<'_>) -> Result<Option<Vec<Metric>>, Trouble> {
        let mut metrics = Vec::new();
        if validate {
            let (validation, scale) = (&self.data.validation, &self.data.normalization);
            let measured = loss::measure(&trainer.network, validation, scale, self.config.training.loss, "val", stop);
            let Some(measured) = measured.map_err(Trouble::Broken)? else { return Ok(None) };
            metrics = measured;
        }
        metrics.push(Metric::new("train_loss", trainer.train_loss));
        Ok(Some(metrics))
    }

    /// Whether there is a validation after this epoch, which is not the last.
    fn validates(&self, request: &Request, epoch: u32) -> bool {
        match self.config.validate_every {
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
