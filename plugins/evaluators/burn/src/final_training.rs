//! Final training, the only place where test examples are used.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nas_api::graph::training::training_only;
use nas_api::{
    Confusion, CurvePoint, Error, Graph, Metric, Monitor, Result, StopCheck, TrainRequest, Trained, Verdict,
    WEIGHTS_FILE,
};
use nas_data::{Data, TOKENIZER_FILE, Targets};
use nas_network::Network;
use nas_network::weights_file::{self, Archive};

use crate::metrics::Scores;
use crate::trainer::{self, Trainer};
use crate::{Burn, Devices, metrics};

/// The progress of a final training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The number of finished epochs.
    pub epoch: u32,
    /// The number of epochs in all.
    pub epochs: u32,
    /// The mean loss over the batches of the finished epoch, penalties included.
    pub train_loss: f64,
}

impl<D: Devices> Burn<D> {
    /// Like [`train_final`](Self::train_final), and writes everything that is needed to use the network to the
    /// request's folder.
    ///
    /// # Errors
    ///
    /// Fails if training fails or a file cannot be written.
    pub(crate) fn train_into(&self, request: &TrainRequest, monitor: &dyn Monitor) -> Result<Option<Trained>> {
        let TrainRequest { graph, epochs, seed, folder } = request;
        let ended = AtomicBool::new(false);
        let stop = || ended.load(Ordering::Relaxed) || monitor.stopped();
        let mut progress = |at: Progress| {
            let metrics = vec![Metric::new("train_loss", at.train_loss)];
            let verdict = monitor.report(CurvePoint { fidelity: f64::from(at.epoch), metrics });
            ended.store(verdict != Verdict::Continue, Ordering::Relaxed);
        };
        let weights = folder.join(WEIGHTS_FILE);
        let Some(mut trained) = self.train_final(graph, *epochs, *seed, Some(&weights), &stop, &mut progress)? else {
            return Ok(None);
        };
        if let Some(tokenizer) = &self.data.tokenizer {
            let written = weights_file::write(&folder.join(TOKENIZER_FILE), tokenizer.as_bytes());
            written.map_err(|error| Error::new(error.to_string()))?;
            trained.files.push(TOKENIZER_FILE.to_owned());
        }
        Ok(Some(trained))
    }

    /// Trains from scratch for `epochs` epochs (also the schedule's horizon) on the training and the validation
    /// examples together, and measures on the test examples. The metrics are those of validation with the prefix
    /// `test_`, and `train_loss` and `train_seconds`.
    ///
    /// The weights are saved to `weights` atomically, as safetensors. `progress` is called after each epoch. There are
    /// no validation metrics and no early stopping, since no examples are held back. `None` if `stop` returned true.
    ///
    /// # Errors
    ///
    /// Fails if this network cannot be trained, training diverges, or the weights cannot be saved.
    pub fn train_final(
        &self,
        graph: &Graph,
        epochs: u32,
        seed: u32,
        weights: Option<&Path>,
        stop: StopCheck<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Option<Trained>> {
        let (data, training) = (&self.data, &self.config.training);
        let examples = data.train.and(&data.validation);
        let (plan, fitted) = trainer::prepared(graph, &examples, training).map_err(Error::new)?;
        let mut trainer = Trainer::new(plan, &fitted, seed, &self.device);
        let started = Instant::now();
        while trainer.epoch < epochs {
            let finished = trainer.epoch(training, &examples, epochs, stop);
            if !finished.map_err(|diverged| Error::new(diverged.to_string()))? {
                return Ok(None);
            }
            progress(Progress { epoch: trainer.epoch, epochs, train_loss: trainer.train_loss });
        }
        let train_seconds = started.elapsed().as_secs_f64();
        let Some(scores) = self.test(trainer.result(), stop)? else {
            return Ok(None);
        };
        let mut files = Vec::new();
        if let Some(path) = weights {
            save(graph, trainer.result(), data, path)?;
            files.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
        let mut metrics = scores.metrics("test");
        metrics.push(Metric::new("train_loss", trainer.train_loss));
        metrics.extend(training.trained_tokens(&examples, trainer.batch_size, epochs));
        if training.batch_size == 0 {
            metrics.push(Metric::new("batch_size", trainer.batch_size as f64));
        }
        metrics.push(Metric::new("train_seconds", train_seconds));
        let confusion = match &data.test.targets {
            Targets::Labels { labels, classes } => {
                Confusion::from_predictions(labels, &scores.found, *classes as usize)
            }
            Targets::Values(_) | Targets::Tokens { .. } | Targets::Boxes(_) => None,
        };
        Ok(Some(Trained { metrics, confusion, files }))
    }

    /// The test metrics of saved weights, which are those that [`Burn::train_final`] measured.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or the weights do not fit the graph.
    pub fn evaluate_weights(&self, graph: &Graph, weights: &Path) -> Result<Vec<Metric>> {
        let failed = |error: &dyn std::fmt::Display| Error::new(error.to_string());
        let shown = weights.display().to_string();
        let bytes = weights_file::read(weights).map_err(|error| failed(&error))?;
        let bytes = bytes.ok_or_else(|| Error::new(format!("there is no file '{shown}' with weights")))?;
        let archive = Archive::from_bytes(&bytes, &shown).map_err(|error| failed(&error))?;
        let plan = trainer::plan(graph, &self.data.test).map_err(|error| failed(&error))?;
        let plan = plan.in_precision(self.config.training.precision);
        let network = Network::with_arrays(plan, &archive.arrays, &self.device)
            .map_err(|error| Error::new(format!("'{shown}': {error}")))?;
        let scores = self.test(&network, &|| false)?;
        let scores = scores.ok_or_else(|| Error::new("the measurement stopped although nothing asked it to"))?;
        Ok(scores.metrics("test"))
    }

    fn test(&self, network: &Network, stop: StopCheck<'_>) -> Result<Option<Scores>> {
        let (test, scale) = (&self.data.test, &self.data.normalization);
        Ok(metrics::measure(network, test, scale, self.config.training.loss, stop)?)
    }
}

/// Saves the weights of a trained network, without its auxiliary heads.
fn save(graph: &Graph, network: &Network, data: &Data, path: &Path) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| Error::new(format!("the weights cannot be saved: {error}"));
    let mut arrays = network.arrays().map_err(|error| failed(&error))?;
    if let Some(only) = training_only(graph) {
        let mut stays = network.plan().slots.iter().map(|slot| !only[slot.tensor.node]);
        arrays.retain(|_| stays.next().unwrap_or(true));
    }
    let mut archive = Archive { arrays, ..Archive::default() };
    archive.texts.insert("format".into(), "nas-burn-1".into());
    archive.texts.extend(data.legend().into_iter().map(|(name, text)| (name.to_owned(), text)));
    let bytes = archive.to_bytes().map_err(|error| failed(&error))?;
    weights_file::write(path, &bytes).map_err(|error| failed(&error))
}
