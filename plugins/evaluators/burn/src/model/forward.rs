//! Computing what a network returns.

use burn::tensor::{Tensor, activation, module};
use nas_api::rng::{RngExt, derive, seeded};

use super::operator::{Activation, Operator};
use super::plan::Plan;
use super::weights::{Running, Weights};

/// The value of one step for a batch.
#[derive(Clone)]
pub enum Value {
    /// The same for every example.
    Scalar(f64),
    /// `[batch, features]`.
    Flat(Tensor<2>),
    /// `[batch, channels, height, width]`.
    Map(Tensor<4>),
}

/// What a network is run for.
pub enum Mode<'a> {
    /// With these running statistics.
    Inference(&'a [Running]),
    /// With the batch's statistics, which move `old` to `running`; dropout draws from `seed`.
    Training { seed: u32, old: &'a [Running], running: &'a mut Vec<Running> },
}

/// The same expression for a flat value and for a map. Scalars stay: nothing but `Add` and `Mul` takes them.
macro_rules! each_rank {
    ($value:expr, $x:ident => $result:expr) => {
        match $value {
            Value::Flat($x) => Value::Flat($result),
            Value::Map($x) => Value::Map($result),
            Value::Scalar(number) => Value::Scalar(number),
        }
    };
}

impl Value {
    /// Outside the graph of gradients.
    pub fn without_autodiff(self) -> Self {
        each_rank!(self, x => x.without_autodiff())
    }
}

/// Is shown the value of each step, by the step's position, and gives the value that the network goes on with.
pub type Watch<'a> = dyn FnMut(usize, Value) -> Value + 'a;

impl Plan {
    /// What the network returns, `[batch, outputs]`.
    pub fn forward(&self, weights: &Weights, input: Value, mode: &mut Mode<'_>) -> Tensor<2> {
        self.forward_watched(weights, input, mode, &mut |_, value| value)
    }

    /// The same, with somebody watching.
    pub fn forward_watched(
        &self,
        weights: &Weights,
        input: Value,
        mode: &mut Mode<'_>,
        watch: &mut Watch<'_>,
    ) -> Tensor<2> {
        let mut values: Vec<Option<Value>> = Vec::with_capacity(self.steps.len());
        for (at, step) in self.steps.iter().enumerate() {
            let operands = step.inputs.iter().filter_map(|&at| values[at].clone()).collect();
            // Before the step runs, so that burn can reuse the memory of a value that nobody else holds.
            for &at in &step.last {
                values[at] = None;
            }
            let value = match step.operator {
                Operator::Input => input.clone(),
                _ => apply(&step.operator, operands, weights, mode),
            };
            values.push(Some(watch(at, value)));
        }
        match values.pop().flatten() {
            Some(Value::Flat(output)) => output,
            Some(Value::Map(output)) => {
                let batch = output.dims()[0];
                output.reshape([batch, self.outputs])
            }
            // The plan has checked that the output is a value of one or three axes.
            Some(Value::Scalar(_)) | None => unreachable!("a network without an output"),
        }
    }
}

fn apply(operator: &Operator, operands: Vec<Value>, weights: &Weights, mode: &mut Mode<'_>) -> Value {
    let mut operands = operands.into_iter();
    let Some(first) = operands.next() else {
        return match operator {
            Operator::Constant(number) => Value::Scalar(*number),
            _ => unreachable!("only an input and a constant have no operands"),
        };
    };
    match (operator, first) {
        (Operator::Activation(function), value) => each_rank!(value, x => activate(*function, x)),
        (Operator::Softmax(axis), value) => each_rank!(value, x => activation::softmax(x, *axis)),
        (Operator::Dropout { ratio, node }, value) => match mode {
            Mode::Training { seed, .. } if *ratio > 0.0 => {
                let seed = derive(*seed, "dropout", *node);
                each_rank!(value, x => dropout(x, *ratio, seed))
            }
            Mode::Training { .. } | Mode::Inference(_) => value,
        },
        (Operator::Flatten, Value::Map(x)) => {
            let [batch, channels, height, width] = x.dims();
            Value::Flat(x.reshape([batch, channels * height * width]))
        }
        (Operator::Gemm { weight, bias }, Value::Flat(x)) => {
            let bias = bias.map(|bias| weights.vectors[bias].val());
            Value::Flat(module::linear(x, weights.matrices[*weight].val(), bias))
        }
        (Operator::Conv { weight, bias, options }, Value::Map(x)) => {
            let bias = bias.map(|bias| weights.vectors[bias].val());
            Value::Map(module::conv2d(x, weights.kernels[*weight].val(), bias, options.clone()))
        }
        (Operator::BatchNormalization { scale, shift, running, epsilon, momentum }, value) => {
            let normalization = Normalization {
                scale: weights.vectors[*scale].val(),
                shift: weights.vectors[*shift].val(),
                running: *running,
                epsilon: *epsilon,
                momentum: *momentum,
            };
            each_rank!(value, x => normalization.apply(x, mode))
        }
        (Operator::MaxPool(options), Value::Map(x)) => Value::Map(module::max_pool2d(x, options.clone())),
        (Operator::AveragePool(options), Value::Map(x)) => Value::Map(module::avg_pool2d(x, options.clone())),
        (Operator::GlobalAveragePool, Value::Map(x)) => Value::Map(x.mean_dim(3).mean_dim(2)),
        (Operator::Add, value) => operands.fold(value, add),
        (Operator::Mul, value) => operands.fold(value, multiply),
        (Operator::Sum, value) => operands.fold(value, add),
        (Operator::Concat(axis), Value::Flat(x)) => {
            let rest = operands.filter_map(|value| if let Value::Flat(x) = value { Some(x) } else { None });
            Value::Flat(Tensor::cat(std::iter::once(x).chain(rest).collect(), *axis))
        }
        (Operator::Concat(axis), Value::Map(x)) => {
            let rest = operands.filter_map(|value| if let Value::Map(x) = value { Some(x) } else { None });
            Value::Map(Tensor::cat(std::iter::once(x).chain(rest).collect(), *axis))
        }
        (Operator::Flatten, value @ Value::Flat(_)) => value,
        _ => unreachable!("shape inference refuses a value of the wrong rank"),
    }
}

fn activate<const D: usize>(function: Activation, x: Tensor<D>) -> Tensor<D> {
    match function {
        Activation::Identity => x,
        Activation::Relu => activation::relu(x),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::Tanh => activation::tanh(x),
        Activation::Gelu => activation::gelu(x),
        Activation::GeluTanh => activation::gelu_approximate(x),
        Activation::Elu(alpha) => activation::elu(x, alpha),
        Activation::Selu => activation::selu(x),
        Activation::LeakyRelu(slope) => activation::leaky_relu(x, slope),
        Activation::HardSigmoid { alpha, beta } => activation::hard_sigmoid(x, alpha, beta),
        Activation::HardSwish => activation::hard_swish(x),
        Activation::Mish => activation::mish(x),
        Activation::Softplus => activation::softplus(x, 1.0),
    }
}

fn add(a: Value, b: Value) -> Value {
    match (a, b) {
        (Value::Flat(a), Value::Flat(b)) => Value::Flat(a + b),
        (Value::Map(a), Value::Map(b)) => Value::Map(a + b),
        (Value::Scalar(number), value) | (value, Value::Scalar(number)) => each_rank!(value, x => x.add_scalar(number)),
        (Value::Flat(_), Value::Map(_)) | (Value::Map(_), Value::Flat(_)) => unreachable!("shape inference refuses it"),
    }
}

fn multiply(a: Value, b: Value) -> Value {
    match (a, b) {
        (Value::Flat(a), Value::Flat(b)) => Value::Flat(a * b),
        (Value::Map(a), Value::Map(b)) => Value::Map(a * b),
        // Spaces write "no connection" so: nothing flows through it, forward or backward.
        (Value::Scalar(0.0), value) | (value, Value::Scalar(0.0)) => each_rank!(value, x => x.zeros_like()),
        (Value::Scalar(number), value) | (value, Value::Scalar(number)) => each_rank!(value, x => x.mul_scalar(number)),
        (Value::Flat(_), Value::Map(_)) | (Value::Map(_), Value::Flat(_)) => unreachable!("shape inference refuses it"),
    }
}

/// Inverted dropout with a mask of this crate's generator: burn's is shared by all threads of a process, so that what
/// one candidate draws would change another's.
fn dropout<const D: usize>(x: Tensor<D>, ratio: f64, seed: u32) -> Tensor<D> {
    let mut rng = seeded(seed);
    let limit = (ratio * f64::from(u32::MAX)) as u32;
    let kept = (1.0 / (1.0 - ratio)) as f32;
    let dims = x.dims();
    let count = dims.iter().product();
    let mask = (0..count).map(|_| if rng.random::<u32>() < limit { 0.0 } else { kept }).collect();
    let mask = Tensor::<D>::from_data(burn::tensor::TensorData::new::<f32, _>(mask, dims), &x.device());
    x * mask
}

struct Normalization {
    scale: Tensor<1>,
    shift: Tensor<1>,
    running: usize,
    epsilon: f64,
    momentum: f64,
}

impl Normalization {
    /// Running statistics follow ONNX: `running * momentum + batch * (1 - momentum)`, with the batch's population
    /// variance (PyTorch would take the sample variance there).
    fn apply<const D: usize>(self, x: Tensor<D>, mode: &mut Mode<'_>) -> Tensor<D> {
        match mode {
            Mode::Inference(running) => {
                let Running { mean, variance } = running[self.running].clone();
                module::batch_norm(x, self.scale, self.shift, mean, variance, self.epsilon)
            }
            Mode::Training { old, running, .. } => {
                let normalized = module::batch_norm_train(x, self.scale, self.shift, self.epsilon);
                let moved = |old: &Tensor<1>, batch: Tensor<1>| {
                    old.clone().mul_scalar(self.momentum) + batch.without_autodiff().mul_scalar(1.0 - self.momentum)
                };
                let old = &old[self.running];
                // Steps run in the order in which running statistics are numbered.
                running.push(Running {
                    mean: moved(&old.mean, normalized.mean),
                    variance: moved(&old.variance, normalized.variance),
                });
                normalized.output
            }
        }
    }
}
