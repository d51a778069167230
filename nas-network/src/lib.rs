//! Architecture graphs as networks that burn runs and trains.
//!
//! [`plan`] checks a [`nas_api::Graph`] and puts its operators in order; [`Network`] adds weights and computes forward
//! and backward passes. The crate also has the losses ([`loss`]), weights files in the safetensors format
//! ([`weights_file`]), and the choice of the device and the precision in which a network computes ([`device`],
//! [`Precision`]). Training itself is in `nas-evaluator-burn`.
//!
//! A batch is a flat list of numbers, one example after the other, each in the graph's input shape. Every output is a
//! matrix `[batch · rows, numbers]`, where `rows` is 1 unless the network returns something at every position. Weights
//! have the names and the layout of ONNX and PyTorch. Equal graphs, seeds and inputs give equal bits on one machine.
//!
//! ```
//! use burn::tensor::Device;
//! use nas_api::GraphBuilder;
//! use nas_network::{Network, first, plan};
//!
//! let mut graph = GraphBuilder::new();
//! let input = graph.input();
//! let flat = graph.op("flatten", "Flatten", &[input]);
//! let head = graph.gemm("head", flat, 10);
//!
//! let plan = plan(&graph.finish(&[head]), &[1, 8, 8], 10)?;
//! let network = Network::new(plan, 7, &Device::flex().autodiff());
//! let outputs = first(network.inference()(vec![0.5; 3 * 64]));
//! assert_eq!(outputs.dims(), [3, 10]);
//! # Ok::<(), nas_api::graph::GraphError>(())
//! ```

mod activation;
mod arithmetic;
mod arrange;
mod array;
mod autocast;
pub mod device;
mod ema;
mod forward;
mod fusion;
mod inference;
pub mod loss;
mod norm;
mod operator;
mod parse_node;
mod plan;
mod precision;
#[doc(hidden)]
pub mod reference;
mod sequence;
#[cfg(test)]
mod tests;
mod value;
mod weights;
pub mod weights_file;
mod window;

use burn::module::Module;
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use nas_api::Graph;
use nas_api::graph::GraphError;

pub use arrange::{Arrange, Reduction};
pub use array::{Array, ArrayError};
pub use autocast::Need;
pub use forward::Watch;
pub use inference::{Inference, gradients, run};
pub use operator::{Activation, Matrix, Operator};
pub use plan::{Output, Plan, Step, Steps};
pub use precision::Precision;
pub use value::Value;
pub use weights::{Slot, SlotKind, Weights};

use weights::Running;

/// The version of this crate. What networks compute may change in the last bits from version to version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A network with its weights, which training changes.
#[derive(Debug)]
pub struct Network {
    plan: Plan,
    device: Device,
    /// The weights that the optimizer changes.
    pub weights: Weights,
    running: Vec<Running>,
    precision: FloatDType,
    /// The share of the examples for which training leaves out each `DropPath`.
    pub drop_path: f64,
}

impl Network {
    /// The network of a graph with initial weights drawn from `seed`, on a device with or without gradients.
    pub fn new(plan: Plan, seed: u32, device: &Device) -> Self {
        let (weights, running) = weights::initial(&plan.slots, seed, device);
        Self { plan, device: device.clone(), weights, running, precision: FloatDType::F32, drop_path: 0.0 }
    }

    /// The network of a graph with weights that [`Network::arrays`] returned.
    ///
    /// # Errors
    ///
    /// Fails if an array is missing or has another shape.
    pub fn with_arrays(plan: Plan, arrays: &[Array], device: &Device) -> Result<Self, ArrayError> {
        let (weights, running) = weights::from_arrays(&plan.slots, arrays, device)?;
        Ok(Self { plan, device: device.clone(), weights, running, precision: FloatDType::F32, drop_path: 0.0 })
    }

    /// The same network, computed in double precision.
    pub fn in_doubles(self) -> Self {
        let precision = FloatDType::F64;
        let weights = self.weights.map(&mut weights::Cast(precision));
        let running = self.running.into_iter().map(|running| running.cast(precision)).collect();
        Self { weights, running, precision, ..self }
    }

    /// The same network without gradients by its weights, which take time to compute.
    pub fn frozen(self) -> Self {
        Self { weights: self.weights.no_grad(), ..self }
    }

    /// The current running statistics.
    pub fn statistics(&self) -> Statistics {
        Statistics(self.running.clone())
    }

    /// Sets the running statistics back to `statistics`, as if training had not changed them since.
    pub fn restore(&mut self, statistics: Statistics) {
        self.running = statistics.0;
    }

    /// The steps of the network, in order.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// All weights and running statistics with their names, in the layout of ONNX and PyTorch.
    ///
    /// # Errors
    ///
    /// Fails if burn cannot return the numbers of a tensor.
    pub fn arrays(&self) -> Result<Vec<Array>, ArrayError> {
        weights::to_arrays(&self.plan.slots, &self.weights, &self.running)
    }

    /// What the network returns for a batch in training, output by output, `[batch · rows, numbers]`. Dropout and
    /// dropped paths draw from `seed`. Batch normalisation uses the statistics of the batch and updates the running
    /// ones.
    pub fn forward_training(&mut self, inputs: Vec<f32>, seed: u32) -> Vec<Tensor<2>> {
        self.train(self.input(inputs), seed, |plan, weights, input, mode| plan.forward(weights, input, mode))
    }

    /// The first output of [`Network::forward_training`], where `watch` sees the value of every step.
    pub fn forward_watched(&mut self, inputs: Vec<f32>, seed: u32, watch: &mut Watch<'_>) -> Tensor<2> {
        let input = self.input(inputs);
        first(self.train(input, seed, |plan, weights, input, mode| plan.forward_watched(weights, input, mode, watch)))
    }

    fn train(
        &mut self,
        input: Value,
        seed: u32,
        forward: impl FnOnce(&Plan, &Weights, Value, &mut forward::Mode<'_>) -> Vec<Tensor<2>>,
    ) -> Vec<Tensor<2>> {
        let mut running = Vec::with_capacity(self.running.len());
        let drop_path = self.drop_path;
        let mut mode = forward::Mode::Training { seed, drop_path, running: &mut running, old: &self.running };
        let outputs = forward(&self.plan, &self.weights, input, &mut mode);
        self.running = running;
        outputs
    }

    /// The gradients of Σ output · direction in training with respect to every weight and to the inputs (the last
    /// array, `input`). `directions` has one number for each number of the first output.
    ///
    /// # Errors
    ///
    /// Fails if burn cannot return the numbers of a gradient.
    pub fn gradients(&mut self, inputs: Vec<f32>, directions: Vec<f32>) -> Result<Vec<Array>, ArrayError> {
        let input = each_rank!(self.input(inputs), x => x.require_grad());
        let output =
            first(self.train(input.clone(), 0, |plan, weights, input, mode| plan.forward(weights, input, mode)));
        let shape = output.dims();
        let sum = (output * self.tensor(directions, shape)).sum();
        // A network whose output does not depend on weights or inputs has no gradients.
        let gradients = sum.is_tracked().then(|| sum.backward());
        weights::gradients(&self.plan.slots, &self.weights, &input, gradients.as_ref())
    }

    /// A function that returns the network's outputs for a batch, output by output, `[batch · rows, numbers]`, without
    /// recording gradients.
    pub fn inference(&self) -> impl Fn(Vec<f32>) -> Vec<Tensor<2>> + '_ {
        let weights = self.weights.valid();
        move |inputs| {
            let input = self.input(inputs).without_autodiff();
            self.plan.forward(&weights, input, &mut forward::Mode::Inference(&self.running))
        }
    }

    /// A tensor on the network's device and in its precision.
    pub fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        let tensor: Tensor<D> = Tensor::from_data(TensorData::new(values, shape), &self.device);
        tensor.cast(self.precision)
    }

    fn input(&self, values: Vec<f32>) -> Value {
        let sizes = &self.plan.input;
        let (numbers, count) = (values.len(), sizes.iter().product::<usize>());
        Value::new(self.tensor(values, [numbers]), &[&[numbers / count], &sizes[..]].concat())
    }
}

/// The running statistics of a network's batch normalisations.
pub struct Statistics(Vec<Running>);

/// The first of a network's outputs; most networks have only one.
pub fn first(mut outputs: Vec<Tensor<2>>) -> Tensor<2> {
    outputs.swap_remove(0)
}

/// Checks a graph for examples of the shape `input` and makes a plan for one output of `numbers` numbers; [`Plan::of`]
/// takes several outputs.
///
/// # Errors
///
/// Fails as [`Plan::of`] does.
pub fn plan(graph: &Graph, input: &[usize], numbers: usize) -> Result<Plan, GraphError> {
    Plan::of(graph, input, &[numbers])
}
