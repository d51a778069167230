//! From a graph to a network that burn can train.

mod activation;
mod arithmetic;
mod arrange;
mod forward;
mod norm;
mod operator;
mod plan;
mod read;
#[cfg(test)]
mod reference;
mod sequence;
#[cfg(test)]
mod tests;
mod value;
mod weights;
mod window;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use nas_api::Graph;
use nas_api::graph::GraphError;

pub use plan::Plan;
pub use weights::{Array, ArrayError, Weights};

use value::Value;
use weights::Running;

/// A network with its weights: what is trained.
#[derive(Debug)]
pub struct Network {
    plan: Plan,
    device: Device,
    /// What the optimizer changes.
    pub weights: Weights,
    running: Vec<Running>,
}

impl Network {
    /// The network of a graph with fresh weights drawn from `seed`, on a device with or without gradients.
    pub fn new(plan: Plan, seed: u32, device: &Device) -> Self {
        let (weights, running) = weights::initial(&plan.slots, seed, device);
        Self { plan, device: device.clone(), weights, running }
    }

    /// The network of a graph with weights that [`Network::arrays`] gave.
    pub fn with_arrays(plan: Plan, arrays: &[Array], device: &Device) -> Result<Self, ArrayError> {
        let (weights, running) = weights::from_arrays(&plan.slots, arrays, device)?;
        Ok(Self { plan, device: device.clone(), weights, running })
    }

    /// All weights and running statistics by name, in the layout of ONNX and PyTorch.
    pub fn arrays(&self) -> Result<Vec<Array>, ArrayError> {
        weights::to_arrays(&self.plan.slots, &self.weights, &self.running)
    }

    /// What the network returns for a batch while it is trained, `[batch · rows, outputs]`: dropout draws from `seed`,
    /// batch normalisation uses the batch's statistics and moves the running ones.
    pub fn forward_training(&mut self, inputs: Vec<f32>, seed: u32) -> Tensor<2> {
        let input = self.input(inputs);
        let mut running = Vec::with_capacity(self.running.len());
        let output = self.plan.forward(
            &self.weights,
            input,
            &mut forward::Mode::Training { seed, running: &mut running, old: &self.running },
        );
        self.running = running;
        output
    }

    /// What the network returns for each batch, `[batch · rows, outputs]`, without recording gradients.
    pub fn inference(&self) -> impl Fn(Vec<f32>) -> Tensor<2> + '_ {
        let weights = self.weights.valid();
        move |inputs| {
            let input = self.input(inputs).without_autodiff();
            self.plan.forward(&weights, input, &mut forward::Mode::Inference(&self.running))
        }
    }

    /// A tensor on the network's device.
    pub fn tensor<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    fn input(&self, values: Vec<f32>) -> Value {
        let sizes = &self.plan.input;
        let (numbers, count) = (values.len(), sizes.iter().product::<usize>());
        Value::new(self.tensor(values, [numbers]), &[&[numbers / count], &sizes[..]].concat())
    }
}

/// Reads a graph for examples of this shape and networks of so many outputs.
pub fn plan(graph: &Graph, input: &[usize], outputs: usize) -> Result<Plan, GraphError> {
    Plan::of(graph, input, outputs)
}
