//! Architecture graphs as networks that burn runs and trains.
//!
//! [`plan`] checks a [`nas_api::Graph`] and puts its operators in order; [`Network`] adds weights, and computes
//! forward and backward. Beside it: the losses ([`loss`]), the files of weights ([`weights_file`], safetensors), and
//! where and in which precision a network computes ([`device`], [`Precision`]). What trains a network is not here: see
//! `nas-evaluator-burn`.
//!
//! A batch is a flat list of numbers, one example after the other, each in the graph's input shape, and every output
//! is a matrix `[batch · rows, numbers]`; `rows` is 1 unless the network answers at every position. Weights have the
//! names and the layout of ONNX and PyTorch. Equal graphs, seeds and inputs give equal bits on one machine.
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
#[cfg(any(test, feature = "reference"))]
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

/// The version of this crate: what burn computes may change with it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A network with its weights: what is trained.
#[derive(Debug)]
pub struct Network {
    plan: Plan,
    device: Device,
    /// What the optimizer changes.
    pub weights: Weights,
    running: Vec<Running>,
    precision: FloatDType,
    /// For how large a part of the examples training leaves each `DropPath` out.
    pub drop_path: f64,
}

impl Network {
    /// The network of a graph with fresh weights drawn from `seed`, on a device with or without gradients.
    pub fn new(plan: Plan, seed: u32, device: &Device) -> Self {
        let (weights, running) = weights::initial(&plan.slots, seed, device);
        Self { plan, device: device.clone(), weights, running, precision: FloatDType::F32, drop_path: 0.0 }
    }

    /// The network of a graph with weights that [`Network::arrays`] gave.
    pub fn with_arrays(plan: Plan, arrays: &[Array], device: &Device) -> Result<Self, ArrayError> {
        let (weights, running) = weights::from_arrays(&plan.slots, arrays, device)?;
        Ok(Self { plan, device: device.clone(), weights, running, precision: FloatDType::F32, drop_path: 0.0 })
    }

    /// The same network, computed in doubles.
    pub fn in_doubles(self) -> Self {
        let precision = FloatDType::F64;
        let weights = self.weights.map(&mut weights::Cast(precision));
        let running = self.running.into_iter().map(|running| running.cast(precision)).collect();
        Self { weights, running, precision, ..self }
    }

    /// The same network without gradients by its weights, which take time.
    pub fn frozen(self) -> Self {
        Self { weights: self.weights.no_grad(), ..self }
    }

    /// The running statistics as they are now.
    pub fn statistics(&self) -> Statistics {
        Statistics(self.running.clone())
    }

    /// As if training had not moved them since.
    pub fn restore(&mut self, statistics: Statistics) {
        self.running = statistics.0;
    }

    /// What is computed, in order.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// All weights and running statistics by name, in the layout of ONNX and PyTorch.
    pub fn arrays(&self) -> Result<Vec<Array>, ArrayError> {
        weights::to_arrays(&self.plan.slots, &self.weights, &self.running)
    }

    /// What the network returns for a batch while it is trained, output by output, `[batch · rows, numbers]`: dropout and
    /// left-out paths draw from `seed`, batch normalisation uses the batch's statistics and moves the running ones.
    pub fn forward_training(&mut self, inputs: Vec<f32>, seed: u32) -> Vec<Tensor<2>> {
        self.train(self.input(inputs), seed, |plan, weights, input, mode| plan.forward(weights, input, mode))
    }

    /// The first of what [`Network::forward_training`] returns, with somebody watching.
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

    /// The gradient of Σ output · direction in training, by every weight and by the inputs (the last array, `input`). There
    /// is a direction for each number of the first output.
    pub fn gradients(&mut self, inputs: Vec<f32>, directions: Vec<f32>) -> Result<Vec<Array>, ArrayError> {
        let input = each_rank!(self.input(inputs), x => x.require_grad());
        let output =
            first(self.train(input.clone(), 0, |plan, weights, input, mode| plan.forward(weights, input, mode)));
        let shape = output.dims();
        let sum = (output * self.tensor(directions, shape)).sum();
        // Nothing flows through a network whose output is the same whatever goes in.
        let gradients = sum.is_tracked().then(|| sum.backward());
        weights::gradients(&self.plan.slots, &self.weights, &input, gradients.as_ref())
    }

    /// What the network returns for each batch, output by output, `[batch · rows, numbers]`, without recording gradients.
    pub fn inference(&self) -> impl Fn(Vec<f32>) -> Vec<Tensor<2>> + '_ {
        let weights = self.weights.valid();
        move |inputs| {
            let input = self.input(inputs).without_autodiff();
            self.plan.forward(&weights, input, &mut forward::Mode::Inference(&self.running))
        }
    }

    /// A tensor on the network's device, in its precision.
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

/// Of the values that a network returns the first, which most networks have alone.
pub fn first(mut outputs: Vec<Tensor<2>>) -> Tensor<2> {
    outputs.swap_remove(0)
}

/// Reads a graph for examples of this shape and networks with one output of so many numbers; [`Plan::of`] takes several.
pub fn plan(graph: &Graph, input: &[usize], numbers: usize) -> Result<Plan, GraphError> {
    Plan::of(graph, input, &[numbers])
}
