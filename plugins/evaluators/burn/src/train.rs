//! Training, epoch by epoch, such that stopping and carrying on changes no bit.
//!
//! Everything random is drawn from the trial's seed and from how far training has come, never from a generator that
//! lives on: weights by their name, the order of examples by the epoch, dropout by the step.

use burn::optim::{GradientsParams, ModuleOptimizer, OptimizerRecord};
use burn::tensor::{Bytes, Device};
use nas_api::Graph;
use nas_api::graph::GraphError;
use nas_api::rng::{derive, seeded};

use crate::data::{Examples, Targets, shuffled};
use crate::loss::{self, Loss, penalty};
use crate::model::{self, Network, Plan, Weights};
use crate::optimizer::OptimizerConfig;
use crate::store::Archive;

/// The network of a graph for these examples, or why it is none for them.
pub fn plan(graph: &Graph, examples: &Examples) -> Result<Plan, GraphError> {
    let plan = model::plan(graph, &examples.shape, examples.outputs())?;
    let (rows, wanted) = (plan.rows, examples.positions());
    match graph.outputs.first().and_then(|&output| graph.nodes.get(output as usize)) {
        Some(node) if rows != wanted => {
            let times = |count: usize| if count == 1 { "once".to_owned() } else { format!("{count} times") };
            let targets = if wanted == 1 { "one target".to_owned() } else { format!("{wanted} targets") };
            let problem = format!("returns {} numbers {}, but an example has {targets}", plan.outputs, times(rows));
            Err(GraphError::new(node, problem))
        }
        _ => Ok(plan),
    }
}

/// How networks are trained.
#[derive(Clone, Debug)]
pub struct Training {
    /// Examples in one step.
    pub batch_size: usize,
    /// What is minimised.
    pub loss: Loss,
    /// λ of the sum of absolute weights, added to the loss.
    pub l1: f64,
    /// λ of the sum of squared weights, added to the loss.
    pub l2: f64,
    /// How weights are changed.
    pub optimizer: OptimizerConfig,
}

/// The loss is not a finite number any more.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "training diverged: the loss became {loss} in epoch {epoch}, batch {batch} (learning rate {rate:.2e}); \
     a lower 'learning_rate' may help"
)]
pub struct Diverged {
    loss: f32,
    epoch: u32,
    batch: usize,
    rate: f64,
}

/// A network in training.
pub struct Trainer {
    /// What is trained.
    pub network: Network,
    optimizer: ModuleOptimizer,
    /// The seed that the training started from.
    seed: u32,
    /// Epochs behind it.
    pub epoch: u32,
    /// Mean loss over the last epoch's batches, penalties included.
    pub train_loss: f64,
}

impl Trainer {
    /// At its start.
    pub fn new(plan: Plan, training: &Training, seed: u32, device: &Device) -> Self {
        let network = Network::new(plan, seed, device);
        Self { network, optimizer: training.optimizer.build(), seed, epoch: 0, train_loss: f64::INFINITY }
    }

    /// One more epoch of a training that takes `horizon` epochs; false where `stop` said so, and then the trainer is of
    /// no further use.
    pub fn epoch(
        &mut self,
        training: &Training,
        examples: &Examples,
        horizon: u32,
        stop: &dyn Fn() -> bool,
    ) -> Result<bool, Diverged> {
        let order = shuffled(examples.len(), &mut seeded(derive(self.seed, "shuffle", self.epoch)));
        let steps = examples.len().div_ceil(training.batch_size) as u64;
        let first = u64::from(self.epoch) * steps;
        let mut total = 0.0;
        for (batch, rows) in order.chunks(training.batch_size).enumerate() {
            if stop() {
                return Ok(false);
            }
            let step = first + batch as u64;
            let rate = training.optimizer.rate(step, u64::from(horizon) * steps);
            let loss = self.step(training, examples, rows, rate, step);
            if !loss.is_finite() {
                return Err(Diverged { loss, epoch: self.epoch + 1, batch: batch + 1, rate });
            }
            total += f64::from(loss) * rows.len() as f64;
        }
        self.epoch += 1;
        self.train_loss = total / examples.len() as f64;
        Ok(true)
    }

    /// One step; the loss before it.
    fn step(&mut self, training: &Training, examples: &Examples, rows: &[usize], rate: f64, step: u64) -> f32 {
        // Steps of one training never reach 2^32.
        let output = self.network.forward_training(examples.inputs_of(rows), derive(self.seed, "step", step as u32));
        let mut loss = match &examples.targets {
            Targets::Tokens { .. } => loss::tokens(output, examples.tokens_of(rows)),
            Targets::Labels { .. } | Targets::Values(_) => {
                let target = self.network.tensor(examples.targets_of(rows), [rows.len(), examples.outputs()]);
                training.loss.batch(output, target)
            }
        };
        if let Some(penalty) = penalty(&self.network.weights, training.l1, training.l2) {
            loss = loss + penalty;
        }
        let value = loss.clone().into_scalar::<f32>();
        // A network without weights, or one that nothing flows through, has no gradient.
        if value.is_finite() && loss.is_tracked() {
            let gradients = loss.backward();
            let weights = std::mem::replace(&mut self.network.weights, Weights::empty());
            let gradients = GradientsParams::from_grads(gradients, &weights);
            self.network.weights = self.optimizer.step(rate, weights, gradients);
        }
        value
    }

    /// All that a later process needs to carry on.
    pub fn archive(&self) -> Result<Archive, String> {
        let optimizer = self.optimizer.into_bytes().map_err(|error| error.to_string())?;
        let mut archive =
            Archive { arrays: self.network.arrays().map_err(|error| error.to_string())?, ..Archive::default() };
        archive.bytes.insert("optimizer".into(), optimizer.to_vec());
        archive.texts.insert("seed".into(), self.seed.to_string());
        archive.texts.insert("epoch".into(), self.epoch.to_string());
        archive.texts.insert("train_loss".into(), self.train_loss.to_string());
        Ok(archive)
    }

    /// Where [`Trainer::archive`] left off.
    pub fn carry_on(mut archive: Archive, plan: Plan, training: &Training, device: &Device) -> Result<Self, String> {
        let number = |archive: &Archive, name| archive.number::<u32>(name, "the kept state").map_err(|e| e.to_string());
        let (seed, epoch) = (number(&archive, "seed")?, number(&archive, "epoch")?);
        let train_loss = archive.number("train_loss", "the kept state").map_err(|error| error.to_string())?;
        let network = Network::with_arrays(plan, &archive.arrays, device).map_err(|error| error.to_string())?;
        let bytes = archive.bytes.remove("optimizer").ok_or("the kept state has no state of the optimizer")?;
        let record = OptimizerRecord::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(|error| error.to_string())?;
        let optimizer = training.optimizer.build().load_record(record);
        Ok(Self { network, optimizer, seed, epoch, train_loss })
    }
}
