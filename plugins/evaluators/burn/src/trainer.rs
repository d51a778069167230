//! Trains networks epoch by epoch. Stopping and resuming changes no bit.
//!
//! All random numbers are drawn from the trial's seed and from the progress of the training, never from a generator
//! with a state. Weights depend on their name, the order of examples on the pass over them, augmentation on the epoch
//! and the example, and dropout, dropped paths and mixup on the batch.

use std::borrow::Cow;

use burn::optim::{GradientsAccumulator, GradientsParams, ModuleOptimizer, OptimizerRecord};
use burn::tensor::{Bytes, Device, Tensor};
use nas_api::Graph;
use nas_api::graph::GraphError;
use nas_api::graph::training::{AUXILIARY, with_auxiliaries};
use nas_api::rng::derive;
use nas_data::{Examples, Targets};
use nas_network::loss::{self, penalty};
use nas_network::weights_file::Archive;
use nas_network::{Network, Plan, Statistics, Weights};

use crate::detection::{self, Pyramid};
use crate::early_stopping::Patience;
use crate::gradients::{clip, divided};
use crate::hyperparameters::Training;
use crate::loss_scale::LossScale;

/// The plan of a graph's network for these examples.
///
/// # Errors
///
/// Fails if the graph is invalid or its outputs do not fit the targets.
pub fn plan(graph: &Graph, examples: &Examples) -> Result<Plan, GraphError> {
    if let Targets::Boxes(boxes) = &examples.targets {
        return plan_detector(graph, &examples.shape, boxes.classes as usize);
    }
    let plan = nas_network::plan(graph, &examples.shape, examples.outputs())?;
    let (rows, wanted) = (plan.first().rows, examples.positions());
    match graph.outputs.first().and_then(|&output| graph.nodes.get(output as usize)) {
        Some(node) if rows != wanted => {
            let times = |count: usize| if count == 1 { "once".to_owned() } else { format!("{count} times") };
            let targets = if wanted == 1 { "one target".to_owned() } else { format!("{wanted} targets") };
            let numbers = plan.first().numbers;
            let problem = format!("returns {numbers} numbers {}, but an example has {targets}", times(rows));
            Err(GraphError::new(node, problem))
        }
        _ => Ok(plan),
    }
}

/// The plan of a detector for images of this shape with this number of classes.
fn plan_detector(graph: &Graph, shape: &[usize], classes: usize) -> Result<Plan, GraphError> {
    if graph.outputs.len() != detection::widths(classes).len() {
        let problem = "this evaluator trains detectors with three: classes, boxes and centreness of every place";
        return Err(GraphError::whole(format!("has {} outputs; {problem}", graph.outputs.len())));
    }
    let mut plan = Plan::of(graph, shape, &detection::widths(classes))?;
    let rows = plan.first().rows;
    if plan.outputs.iter().any(|output| output.rows != rows) {
        let rows: Vec<_> = plan.outputs.iter().map(|output| output.rows).collect();
        return Err(GraphError::whole(format!(
            "returns classes, boxes and centreness for {rows:?} places, which must be equal numbers"
        )));
    }
    let &[_, height, width] = shape else { return Err(GraphError::whole(format!("cannot find objects in {shape:?}"))) };
    if Pyramid::of_plan(&plan).is_none() {
        let problem = format!("returns {rows} places for an image of {height}×{width} pixels");
        let remedy =
            "which fit no pyramid of one to five levels, or more than one; use larger images or smaller strides";
        return Err(GraphError::whole(format!("{problem}, {remedy}")));
    }
    detection::start(&mut plan, graph)?;
    Ok(plan)
}

/// The plan with what this training uses: auxiliary heads, dropped paths and the precision.
fn training_plan(graph: &Graph, examples: &Examples, training: &Training) -> Result<Plan, GraphError> {
    let mut plan = plan(graph, examples)?;
    let head = graph.nodes.iter().find(|node| node.op == AUXILIARY);
    if let Some(head) = head.filter(|_| training.auxiliary_weight > 0.0) {
        if matches!(examples.targets, Targets::Boxes(_)) {
            return Err(GraphError::new(head, "is not trained in a detector: set 'auxiliary_weight' to 0"));
        }
        plan = with_heads(graph, examples)?;
    }
    let plan = if training.drop_path > 0.0 { plan } else { plan.without_drop_path() };
    Ok(plan.in_precision(training.precision))
}

/// The plan of a training, and the training settings with the batch size that fits.
///
/// # Errors
///
/// Fails if this network cannot be trained on these examples with these settings, or does not fit the memory.
pub fn prepared<'t>(
    graph: &Graph,
    examples: &Examples,
    training: &'t Training,
) -> Result<(Plan, Cow<'t, Training>), String> {
    let plan = training_plan(graph, examples, training).map_err(|error| error.to_string())?;
    Ok((plan, training.fitted(graph, examples)?))
}

/// The plan with auxiliary heads, each of which must have as many outputs as the network.
fn with_heads(graph: &Graph, examples: &Examples) -> Result<Plan, GraphError> {
    let (own, open) = (graph.outputs.len(), with_auxiliaries(graph));
    let plan = Plan::of(&open, &examples.shape, &vec![examples.outputs(); open.outputs.len()])?;
    let first = plan.first();
    let other = open.outputs.iter().zip(&plan.outputs).find(|(_, output)| output.rows != first.rows);
    if let Some((&head, output)) = other {
        let (rows, wanted) = (output.rows, first.rows);
        let problem = format!("returns {rows} times {} numbers, and the network itself {wanted} times", output.numbers);
        return Err(GraphError::new(&graph.nodes[head as usize], problem));
    }
    Ok(plan.with_auxiliary(own))
}

/// The loss or a gradient is no longer finite.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum Diverged {
    #[error(
        "training diverged: the loss became {loss} in epoch {epoch}, batch {batch} (learning rate {rate:.2e}); \
         a lower 'learning_rate' may help"
    )]
    Loss { loss: f32, epoch: u32, batch: usize, rate: f64 },
    #[error(
        "training diverged: gradients overflow f16 although the loss is not scaled up, in epoch {epoch}, batch {batch} \
         (learning rate {rate:.2e}); a lower 'learning_rate', or the 'precision' bf16 or f32, may help"
    )]
    Gradients { epoch: u32, batch: usize, rate: f64 },
}

/// The result of one step.
struct Step {
    /// The loss before the step, over all of its batches.
    loss: f32,
    /// Whether the weights were changed, which they are not if something was infinite.
    taken: bool,
}

/// A network in training.
pub struct Trainer {
    /// The network whose weights the optimizer changes.
    pub network: Network,
    /// Its moving average, if there is one.
    average: Option<Network>,
    optimizer: ModuleOptimizer,
    /// The loss scale, in half precision.
    scale: Option<LossScale>,
    /// The number of examples that are run at once.
    pub batch_size: usize,
    /// The seed that the training started from.
    seed: u32,
    /// The number of finished epochs.
    pub epoch: u32,
    /// Mean loss over the last epoch's batches, penalties and auxiliary heads included.
    pub train_loss: f64,
    /// The validation results that early stopping looks at.
    pub patience: Patience,
}

impl Trainer {
    /// A training at its start. Its batch size must be known: see [`Training::fitted`].
    pub fn new(plan: Plan, training: &Training, seed: u32, device: &Device) -> Self {
        let network = Network::new(plan, seed, device);
        Self {
            average: (training.ema_decay > 0.0).then(|| network.copied()),
            network,
            optimizer: training.optimizer.build(),
            scale: LossScale::of(training.precision),
            batch_size: training.batch_size,
            seed,
            epoch: 0,
            train_loss: f64::INFINITY,
            patience: Patience::default(),
        }
    }

    /// The trained network: the average of the weights if there is one, otherwise the weights themselves.
    pub fn result(&self) -> &Network {
        self.average.as_ref().unwrap_or(&self.network)
    }

    /// Trains one more epoch of a training with `horizon` epochs. Returns false if `stop` returned true; the trainer
    /// cannot be used any more then.
    ///
    /// # Errors
    ///
    /// Fails if the training has diverged.
    pub fn epoch(
        &mut self,
        training: &Training,
        examples: &Examples,
        horizon: u32,
        stop: &dyn Fn() -> bool,
    ) -> Result<bool, Diverged> {
        let epoch = training.epoch(examples, self.batch_size);
        let steps = epoch.steps();
        let first = u64::from(self.epoch) * steps;
        // As in DARTS' train.py, no paths are dropped in the first epoch, and nearly the whole share in the last.
        self.network.drop_path = training.drop_path * f64::from(self.epoch) / f64::from(horizon.max(1));
        let (mut total, mut counted, mut infinite) = (0.0, 0, None);
        for (number, rows) in epoch.batches(self.epoch, self.seed).enumerate() {
            if stop() {
                return Ok(false);
            }
            let step = first + number as u64;
            let rate = training.schedule.rate(step, steps, horizon);
            let statistics = self.scale.is_some().then(|| self.network.statistics());
            let Step { loss, taken } = self.step(training, examples, &rows, rate, step);
            let (epoch, batch) = (self.epoch + 1, number + 1);
            if !taken && !self.left_out(statistics) {
                return Err(match loss.is_finite() {
                    true => Diverged::Gradients { epoch, batch, rate },
                    false => Diverged::Loss { loss, epoch, batch, rate },
                });
            }
            if loss.is_finite() {
                total += f64::from(loss) * rows.len() as f64;
                counted += rows.len();
            } else {
                infinite = Some(Diverged::Loss { loss, epoch, batch, rate });
            }
        }
        // All steps were skipped.
        if let Some(diverged) = infinite.filter(|_| counted == 0) {
            return Err(diverged);
        }
        self.epoch += 1;
        self.train_loss = total / counted as f64;
        Ok(true)
    }

    /// Handles a step that was not taken: restores the statistics and lowers the loss scale, so that training continues
    /// as if there had been no such batch. Returns false if that cannot help.
    fn left_out(&mut self, statistics: Option<Statistics>) -> bool {
        if let Some(statistics) = statistics {
            self.network.restore(statistics);
        }
        self.scale.as_mut().is_some_and(LossScale::overflowed)
    }

    /// Takes one step, unless something is not finite.
    fn step(&mut self, training: &Training, examples: &Examples, rows: &[usize], rate: f64, step: u64) -> Step {
        let mut sum = GradientsAccumulator::new();
        let mut total = 0.0;
        for (part, batch) in rows.chunks(self.batch_size).enumerate() {
            // The batches of one training never reach 2^32.
            let number = step * training.accumulate as u64 + part as u64;
            let mut loss = self.loss(training, examples, batch, number as u32);
            if batch.len() < rows.len() {
                loss = loss.mul_scalar(batch.len() as f64 / rows.len() as f64);
            }
            if part == 0
                && let Some(penalty) = penalty(&self.network.weights, training.l1, training.l2)
            {
                loss = loss + penalty;
            }
            let value = loss.clone().into_scalar::<f32>();
            total += value;
            if !value.is_finite() {
                return Step { loss: value, taken: false };
            }
            if let Some(scale) = self.scale {
                loss = loss.mul_scalar(scale.factor());
            }
            // A network without weights, or whose output does not depend on them, has no gradient.
            if loss.is_tracked() {
                let gradients = GradientsParams::from_grads(loss.backward(), &self.network.weights);
                sum.accumulate(&self.network.weights, gradients);
            }
        }
        let mut gradients = sum.grads();
        if let Some(scale) = &mut self.scale {
            match divided(gradients, &self.network.weights, scale.factor()) {
                Some(finite) => gradients = finite,
                None => return Step { loss: total, taken: false },
            }
            scale.held();
        }
        self.change(training, gradients, rate, step);
        Step { loss: total, taken: true }
    }

    /// The mean loss of a batch, without penalties.
    fn loss(&mut self, training: &Training, examples: &Examples, rows: &[usize], number: u32) -> Tensor<1> {
        let mut inputs = examples.inputs_of(rows);
        let epoch = derive(self.seed, "augment", self.epoch);
        let mirrored = training.augment.images(&mut inputs, &examples.shape, rows, epoch);
        let mixing = training.augment.mixing(rows.len(), derive(self.seed, "mixup", number));
        if let Some(mixing) = &mixing {
            mixing.apply(&mut inputs, examples.width());
        }
        let outputs = self.network.forward_training(inputs, derive(self.seed, "step", number));
        if let Targets::Boxes(boxes) = &examples.targets {
            let Some(pyramid) = Pyramid::of_plan(self.network.plan()) else {
                unreachable!("the plan has been checked")
            };
            let learnt = rows.iter().zip(mirrored).map(|(&row, mirrored)| {
                let objects = if mirrored { boxes.mirrored(row, examples.shape[2]) } else { boxes.of(row).to_vec() };
                detection::assign(&pyramid, &objects)
            });
            return detection::batch(outputs, &learnt.collect::<Vec<_>>());
        }
        let outputs = outputs.into_iter();
        if let Targets::Tokens { .. } = &examples.targets {
            let (tokens, smoothing) = (examples.tokens_of(rows), training.label_smoothing);
            let losses = outputs.map(|output| loss::tokens(output, tokens.clone(), smoothing));
            return loss::with_auxiliary(losses, training.auxiliary_weight);
        }
        let (mut targets, numbers) = (examples.targets_of(rows), examples.outputs());
        if let Some(mixing) = &mixing {
            mixing.apply(&mut targets, numbers);
        }
        if training.label_smoothing > 0.0 {
            loss::smooth(&mut targets, numbers, training.label_smoothing);
        }
        let targets = self.network.tensor(targets, [rows.len(), numbers]);
        let losses = outputs.map(|output| training.loss.batch(output, targets.clone()));
        loss::with_auxiliary(losses, training.auxiliary_weight)
    }

    /// Updates the weights, and then their average.
    fn change(&mut self, training: &Training, mut gradients: GradientsParams, rate: f64, step: u64) {
        if !gradients.is_empty() {
            if training.clip_norm > 0.0 {
                gradients = clip(gradients, &self.network.weights, training.clip_norm);
            }
            let weights = std::mem::replace(&mut self.network.weights, Weights::empty());
            self.network.weights = self.optimizer.step(rate, weights, gradients);
        }
        if let Some(average) = &mut self.average {
            // As in TensorFlow's ExponentialMovingAverage with `num_updates`, the initial weights count little.
            let known = (1.0 + step as f64) / (10.0 + step as f64);
            average.follow(&self.network, training.ema_decay.min(known));
        }
    }

    /// Everything that a later process needs to resume the training.
    ///
    /// # Errors
    ///
    /// Fails if burn cannot return the weights or the optimizer's state.
    pub fn archive(&self) -> Result<Archive, String> {
        let optimizer = self.optimizer.into_bytes().map_err(|error| error.to_string())?;
        let mut archive = arrays(&self.network)?;
        archive.bytes.insert("optimizer".into(), optimizer.to_vec());
        if let Some(average) = &self.average {
            let average = arrays(average)?.to_bytes().map_err(|error| error.to_string())?;
            archive.bytes.insert("average".into(), average);
        }
        if let Some(scale) = self.scale {
            scale.keep(&mut archive);
        }
        archive.texts.insert("seed".into(), self.seed.to_string());
        archive.texts.insert("epoch".into(), self.epoch.to_string());
        archive.texts.insert("train_loss".into(), self.train_loss.to_string());
        archive.texts.insert("patience".into(), self.patience.to_text());
        Ok(archive)
    }

    /// Resumes the training that [`Trainer::archive`] saved.
    ///
    /// # Errors
    ///
    /// Fails if the archive is incomplete or belongs to another network or other settings.
    pub fn carry_on(mut archive: Archive, plan: Plan, training: &Training, device: &Device) -> Result<Self, String> {
        let number =
            |archive: &Archive, name| archive.number::<u32>(name, "the saved state").map_err(|e| e.to_string());
        let (seed, epoch) = (number(&archive, "seed")?, number(&archive, "epoch")?);
        let train_loss = archive.number("train_loss", "the saved state").map_err(|error| error.to_string())?;
        let scale = LossScale::of(training.precision).map(|_| LossScale::kept(&archive, "the saved state")).transpose();
        let scale = scale.map_err(|error| error.to_string())?;
        let patience = archive.texts.get("patience").map(String::as_str).and_then(Patience::from_text);
        let average = match (training.ema_decay > 0.0, archive.bytes.remove("average")) {
            (false, _) => None,
            (true, None) => return Err("the saved state has no average of the weights".into()),
            (true, Some(bytes)) => {
                let average = Archive::from_bytes(&bytes, "the saved average").map_err(|error| error.to_string())?;
                let network = Network::with_arrays(plan.clone(), &average.arrays, device);
                Some(network.map_err(|error| error.to_string())?.copied())
            }
        };
        let network = Network::with_arrays(plan, &archive.arrays, device).map_err(|error| error.to_string())?;
        let bytes = archive.bytes.remove("optimizer").ok_or("the saved state has no optimizer state")?;
        let record = OptimizerRecord::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(|error| error.to_string())?;
        let optimizer = training.optimizer.build().load_record(record);
        let patience = patience.ok_or("the saved state has no validation results")?;
        let batch_size = training.batch_size;
        Ok(Self { network, average, optimizer, scale, batch_size, seed, epoch, train_loss, patience })
    }
}

fn arrays(network: &Network) -> Result<Archive, String> {
    Ok(Archive { arrays: network.arrays().map_err(|error| error.to_string())?, ..Archive::default() })
}
