//! Runs one trial: trains epoch by epoch, reports the learning curve, saves checkpoints, and measures the result.

use std::time::Instant;

use nas_api::{Candidate, CurvePoint, Metric, Monitor, Request, StopCheck, Verdict};
use nas_network::device::Devices;

use crate::Burn;
use crate::checkpoint::{Checkpoint, Course};
use crate::error::TrialError;
use crate::metrics::{self, Scores};
use crate::trainer::{self, Trainer};

/// How a measurement ended that had no error.
pub enum TrialEnd {
    /// The trial was measured, with these metrics.
    Measured(Vec<Metric>),
    /// A pruner ended it.
    Pruned,
    /// The study ended or was interrupted.
    Stopped,
}

impl<D: Devices> Burn<D> {
    /// The checkpoint file of a trial; `None` if the evaluator has no folder.
    pub(crate) fn checkpoint(&self, request: &Request) -> Option<Checkpoint> {
        let file = self.states.unfinished(request.trial)?;
        let Request { trial, key, graph, fidelity, resume, seed, .. } = request;
        // The data count as well, since files may have been edited since.
        let data = &self.data.fingerprint;
        let of = format!("{:?}", (trial, key, graph, fidelity, resume, seed, &self.config, data));
        Some(Checkpoint::new(file, self.config.checkpoint, &of))
    }

    /// The training as it was when it was interrupted, or a new one.
    ///
    /// # Errors
    ///
    /// Fails if the candidate cannot be trained with these settings.
    pub(crate) fn begin(
        &self,
        request: &Request,
        epochs: u32,
        checkpoint: Option<&Checkpoint>,
        monitor: &dyn Monitor,
    ) -> Result<(Trainer, Course), TrialError> {
        let kept = checkpoint.map_or(Ok(None), Checkpoint::read).and_then(|kept| {
            let Some((archive, course)) = kept else { return Ok(None) };
            let (plan, training) = trainer::prepared(&request.graph, &self.data.train, &self.config.training)?;
            let trainer = Trainer::carry_on(archive, plan, &training, &self.device)?;
            Ok(Some((trainer, course)))
        });
        match kept {
            Ok(Some((trainer, course))) if trainer.epoch < epochs => {
                monitor
                    .notice(&format!("continues after epoch {} of {epochs}, where it was interrupted", trainer.epoch));
                return Ok((trainer, course));
            }
            Ok(_) => {}
            Err(problem) => monitor.notice(&format!("its checkpoint cannot be used, so it starts again: {problem}")),
        }
        Ok((self.trainer(request, epochs)?, Course::default()))
    }

    /// Trains and measures one candidate, epoch by epoch.
    ///
    /// # Errors
    ///
    /// Fails if the candidate cannot be trained, if training diverges, or if a state cannot be saved.
    pub(crate) fn measure(
        &self,
        request: &Request,
        mut checkpoint: Option<&mut Checkpoint>,
        monitor: &dyn Monitor,
    ) -> Result<TrialEnd, TrialError> {
        if let Candidate::Relaxed(_) = request.candidate {
            return Err(TrialError::Failed("this evaluator trains single architectures, not relaxed ones".into()));
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
                return Ok(TrialEnd::Stopped);
            };
            if let Some(ended) = ended(monitor.report(report.clone())) {
                return Ok(ended);
            }
            course.curve.push(report);
            if let Some(checkpoint) = checkpoint.as_mut().filter(|kept| next < epochs && kept.due())
                && let Err(problem) = checkpoint.write(&trainer, &course)
            {
                monitor.notice(&format!("its checkpoint after epoch {next} could not be saved: {problem}"));
            }
        }
        let last = course.curve.pop().map(|report| report.metrics);
        let Some(mut metrics) = self.outcome(&trainer, last, &stop)? else { return Ok(TrialEnd::Stopped) };
        check_finite(&metrics)?;
        if request.keep_checkpoint {
            let state = trainer.archive().map_err(TrialError::Broken)?;
            // If the disk is full, for example, the candidate is not at fault: a strategy that were told so would avoid it
            // for good. The study ends, and continues once there is room.
            self.states.put(request.trial, &state).map_err(|error| TrialError::Broken(error.to_string()))?;
        }
        if self.config.training.batch_size == 0 {
            metrics.push(Metric::new("batch_size", trainer.batch_size as f64));
        }
        metrics.push(Metric::new("train_seconds", course.seconds));
        Ok(TrialEnd::Measured(metrics))
    }

    /// The metrics of a finished training; `last` are those that were reported for its last epoch. `None` if `stop`
    /// returned true.
    fn outcome(
        &self,
        trainer: &Trainer,
        last: Option<Vec<Metric>>,
        stop: StopCheck<'_>,
    ) -> Result<Option<Vec<Metric>>, TrialError> {
        if let Some(best) = trainer.patience.best() {
            let best_metrics = best.metrics.iter().cloned();
            let epochs = [("trained_epochs", trainer.epoch), ("best_epoch", best.epoch)];
            let epochs = epochs.map(|(name, epochs)| Metric::new(name, f64::from(epochs)));
            return Ok(Some(self.of_training(best_metrics.chain(epochs).collect(), trainer)));
        }
        if last.is_some() {
            return Ok(last);
        }
        // The trial resumes one that was already trained for all of its epochs.
        let scores = self.validate(trainer, stop)?;
        Ok(scores.map(|scores| self.of_training(scores.metrics("val"), trainer)))
    }

    /// Trains one more epoch and returns its point of the learning curve. `None` if `stop` returned true.
    fn train_epoch(
        &self,
        trainer: &mut Trainer,
        course: &mut Course,
        validate: bool,
        stop: StopCheck<'_>,
    ) -> Result<Option<CurvePoint>, TrialError> {
        let started = Instant::now();
        let finished = trainer.epoch(&self.config.training, &self.data.train, self.config.epochs, stop);
        if !finished.map_err(|diverged| TrialError::Failed(diverged.to_string()))? {
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
        Ok(Some(CurvePoint { fidelity: f64::from(trainer.epoch), metrics: self.of_training(metrics, trainer) }))
    }

    /// Adds the metrics of the training itself.
    fn of_training(&self, mut metrics: Vec<Metric>, trainer: &Trainer) -> Vec<Metric> {
        metrics.push(Metric::new("train_loss", trainer.train_loss));
        metrics.extend(self.config.training.trained_tokens(&self.data.train, trainer.batch_size, trainer.epoch));
        metrics
    }

    /// Measures the current network on the validation examples. `None` if `stop` returned true.
    fn validate(&self, trainer: &Trainer, stop: StopCheck<'_>) -> Result<Option<Scores>, TrialError> {
        let (validation, scale) = (&self.data.validation, &self.data.normalization);
        let scores = metrics::measure(trainer.result(), validation, scale, self.config.training.loss, stop);
        scores.map_err(TrialError::Broken)
    }

    /// Whether to validate after this epoch, which is not the last one.
    fn validates(&self, request: &Request, epoch: u32) -> bool {
        match self.config.validate_every {
            _ if self.config.training.early_stopping > 0 => true,
            0 => request.prunable,
            every => epoch.is_multiple_of(every),
        }
    }

    /// Checks that a fidelity is a whole number of epochs within the schedule's horizon.
    fn epochs(&self, fidelity: Option<f64>) -> Result<u32, TrialError> {
        let most = self.config.epochs;
        let epochs = fidelity.unwrap_or(f64::from(most));
        if epochs.fract() == 0.0 && (1.0..=f64::from(most)).contains(&epochs) {
            return Ok(epochs as u32);
        }
        Err(TrialError::Failed(format!(
            "cannot train for {epochs} epochs: the fidelity must be a whole number from 1 to {most}"
        )))
    }

    /// A new training, or the one that the request resumes.
    fn trainer(&self, request: &Request, epochs: u32) -> Result<Trainer, TrialError> {
        let prepared = trainer::prepared(&request.graph, &self.data.train, &self.config.training);
        let (plan, training) = prepared.map_err(TrialError::Failed)?;
        let Some(from) = request.resume else {
            return Ok(Trainer::new(plan, &training, request.seed, &self.device));
        };
        let failed = |problem: String| TrialError::Failed(format!("cannot continue from trial {from}: {problem}"));
        let state = self.states.get(from).map_err(|error| failed(error.to_string()))?;
        let state = state.ok_or_else(|| failed("its state was not saved".into()))?;
        let trainer = Trainer::carry_on(state, plan, &training, &self.device).map_err(failed)?;
        if trainer.epoch > epochs {
            return Err(failed(format!("it was already trained for {} epochs, more than {epochs}", trainer.epoch)));
        }
        Ok(trainer)
    }
}

/// How a measurement ends after this verdict; `None` if it goes on.
fn ended(verdict: Verdict) -> Option<TrialEnd> {
    match verdict {
        Verdict::Continue => None,
        Verdict::Pruned => Some(TrialEnd::Pruned),
        Verdict::Stopped => Some(TrialEnd::Stopped),
    }
}

/// Fails if a metric is not finite: training may have diverged without an infinite loss in any batch.
fn check_finite(metrics: &[Metric]) -> Result<(), TrialError> {
    metrics.iter().find(|metric| !metric.value.is_finite()).map_or(Ok(()), |metric| {
        let reason = format!("training diverged: {} is {} on the validation set", metric.name, metric.value);
        Err(TrialError::Failed(reason))
    })
}
