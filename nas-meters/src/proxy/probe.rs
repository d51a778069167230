//! The input of proxies: the network with its initial weights, a batch of random examples, and the loss.

use burn::module::Param;
use burn::tensor::{Device, Gradients, Tensor};
use nas_api::graph::weights::{Initializer, TensorSpec};
use nas_api::rng::{RngExt, derive, seeded};
use nas_api::{Error, Graph, Result, Task};

use super::probe_images::images;
use nas_network::loss::Loss;
use nas_network::{Network, Operator, Plan, Watch, Weights};

/// The seed of weights and batches. It is fixed, so that a network has one value.
pub const SEED: u32 = 0;
/// Number of examples in a batch, as for the published tables (Abdelfattah et al. 2021, section 4).
pub const BATCH: usize = 64;

/// An untrained network without dropout, and its batch.
pub struct ProbedNetwork {
    /// The network, whose batch normalisations use the batch's statistics.
    pub network: Network,
    /// The inputs: random [`images`], or standard-normal numbers if examples have another shape.
    pub inputs: Vec<f32>,
    /// The targets `[BATCH, outputs]`: one-hot labels, all equally likely; for regression, standard-normal numbers.
    pub targets: Vec<f32>,
    loss: Loss,
}

/// The weight of a `Conv` or a `Gemm`, with its gradient.
pub struct Layer {
    /// The weight's numbers.
    pub weight: Vec<f64>,
    /// The derivatives of the loss by them; zeros if the loss does not depend on them.
    pub gradient: Vec<f64>,
}

impl ProbedNetwork {
    /// The network of a graph, and its batch.
    ///
    /// # Errors
    ///
    /// Fails as [`plan`] does.
    pub fn new(graph: &Graph, task: &Task) -> Result<Self> {
        let network = Network::new(plan(graph, task)?, SEED, &Device::flex().autodiff());
        let outputs = task.outputs as usize;
        let (loss, targets) = match task.kind.as_str() {
            "regression" => (Loss::MeanSquaredError, normal("targets", BATCH * outputs)),
            _ => (Loss::CrossEntropy, labels(outputs)),
        };
        let inputs = match network.plan().input[..] {
            [channels, height, width] => images(BATCH, [channels, height, width]),
            ref sizes => normal("inputs", BATCH * sizes.iter().product::<usize>()),
        };
        Ok(Self { network, inputs, targets, loss })
    }

    /// The same subject, computed in doubles.
    pub fn in_doubles(self) -> Self {
        Self { network: self.network.in_doubles(), ..self }
    }

    /// The same subject without gradients of weights.
    pub fn frozen(self) -> Self {
        Self { network: self.network.frozen(), ..self }
    }

    /// The network's outputs for the batch.
    pub fn forward(&mut self, watch: &mut Watch<'_>) -> Tensor<2> {
        self.network.forward_watched(self.inputs.clone(), SEED, watch)
    }

    /// The gradients of the mean loss; `None` if it depends on no weight.
    pub fn gradients(&mut self, watch: &mut Watch<'_>) -> Option<Gradients> {
        let output = self.forward(watch);
        let target = self.network.tensor(self.targets.clone(), output.dims());
        let loss = self.loss.batch(output, target);
        loss.is_tracked().then(|| loss.backward())
    }

    /// The weights with the gradients of the mean loss.
    pub fn layers(mut self) -> Vec<Layer> {
        let gradients = self.gradients(&mut |_, value| value);
        layers(&self.network.weights, gradients.as_ref())
    }
}

/// The plan of a graph for a task, without dropout.
///
/// # Errors
///
/// Fails if the network cannot be trained, if it reads tokens, or if it has an output at every position.
pub fn plan(graph: &Graph, task: &Task) -> Result<Plan> {
    let shape: Vec<usize> = task.input_shape.iter().map(|&size| size as usize).collect();
    let plan =
        nas_network::plan(graph, &shape, task.outputs as usize).map_err(|error| Error::new(error.to_string()))?;
    if plan.first().rows > 1 || plan.steps.list.iter().any(|step| matches!(step.operator, Operator::Gather(_))) {
        return Err(Error::new(
            "it reads tokens, or has an output at every position, but the batch of a proxy holds random numbers",
        ));
    }
    Ok(plan.bypass(|operator| matches!(operator, Operator::Dropout { .. } | Operator::DropPath { .. })))
}

/// Standard-normal numbers from the random stream of this name.
pub fn normal(name: &str, count: usize) -> Vec<f32> {
    stream(name, count).collect()
}

/// The numbers of [`normal`] as an iterator.
pub fn stream(name: &str, count: usize) -> impl Iterator<Item = f32> {
    let slot =
        TensorSpec { node: 0, name: name.into(), what: "", shape: vec![count], initializer: Initializer::Normal(1.0) };
    slot.initial(SEED)
}

fn labels(classes: usize) -> Vec<f32> {
    let mut rng = seeded(derive(SEED, "labels", 0));
    let mut targets = vec![0.0; BATCH * classes];
    for row in targets.chunks_mut(classes) {
        row[rng.random_range(0..classes as u32) as usize] = 1.0;
    }
    targets
}

/// All weights with their gradients.
pub fn layers(weights: &Weights, gradients: Option<&Gradients>) -> Vec<Layer> {
    let matrices = weights.matrices.iter().map(|weight| layer(weight, gradients));
    matrices.chain(weights.kernels.iter().map(|weight| layer(weight, gradients))).collect()
}

fn layer<const D: usize>(weight: &Param<Tensor<D>>, gradients: Option<&Gradients>) -> Layer {
    let weight = weight.val();
    let gradient = gradients.and_then(|gradients| weight.grad(gradients));
    let weight = numbers(weight);
    let gradient = gradient.map_or_else(|| vec![0.0; weight.len()], numbers);
    Layer { weight, gradient }
}

/// The numbers of a tensor, in row-major order.
pub fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}
