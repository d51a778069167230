//! Computes the outputs of a network.

use burn::tensor::{DType, Device, Tensor, TensorData, activation, module};
use nas_api::rng::{RngExt, derive, seeded};
use nas_kernels::{self as kernel, Seen};

use super::arithmetic::{Arithmetic, expanded, product};
use super::autocast::{Need, for_products, widened};
use super::operator::{Matrix, Operator};
use super::plan::{Output, Plan, Steps};
use super::sequence::{Tables, embedding, routing};
use super::value::{Value, each_rank};
use super::weights::{Running, Weights};
use super::window::of_images;

/// The purpose for which a network is run.
pub enum Mode<'a> {
    /// Inference, with these running statistics.
    Inference(&'a [Running]),
    /// Training with the statistics of the batch, which update `old` to `running`. Dropout draws from `seed`, and
    /// `drop_path` is the share of the examples for which a path is dropped.
    Training { seed: u32, drop_path: f64, old: &'a [Running], running: &'a mut Vec<Running> },
}

/// Receives the position and the value of each step, and returns the value that the network continues with.
pub type Watch<'a> = dyn FnMut(usize, Value) -> Value + 'a;

impl Plan {
    /// The network's outputs, `[batch · rows, numbers]` each, the rows of one example after those of the other.
    /// Auxiliary outputs follow in training only.
    pub fn forward(&self, weights: &Weights, input: Value, mode: &mut Mode<'_>) -> Vec<Tensor<2>> {
        let steps = if let Mode::Inference(_) = mode { &self.inference } else { &self.joined };
        self.run(steps, weights, input, mode, &mut |_, value| value)
    }

    /// Like [`Plan::forward`] with steps that are not fused, where `watch` sees every value.
    pub fn forward_watched(
        &self,
        weights: &Weights,
        input: Value,
        mode: &mut Mode<'_>,
        watch: &mut Watch<'_>,
    ) -> Vec<Tensor<2>> {
        self.run(&self.steps, weights, input, mode, watch)
    }

    fn run(
        &self,
        steps: &Steps,
        weights: &Weights,
        input: Value,
        mode: &mut Mode<'_>,
        watch: &mut Watch<'_>,
    ) -> Vec<Tensor<2>> {
        let mut values: Vec<Option<Value>> = Vec::with_capacity(steps.list.len());
        let mut tables = Tables::default();
        let for_products = self.narrow.map(|narrow| (narrow, for_products(steps)));
        for (at, step) in steps.list.iter().enumerate() {
            let mut operands = step.inputs.iter().filter_map(|&at| values[at].clone()).collect::<Vec<_>>();
            // Done before the step runs, so that burn can reuse the memory of a value that is referenced nowhere else.
            for &at in &step.last {
                values[at] = None;
            }
            let given = operands.first().and_then(Value::precision);
            if let Some(narrow) = self.narrow {
                operands = step.need.brought(operands, narrow);
            }
            let mut value = match step.operator {
                Operator::Input => input.clone(),
                _ => apply(&step.operator, operands, weights, &mut tables, mode),
            };
            if let Some((narrow, for_products)) = &for_products {
                value = match given {
                    _ if for_products[at] => value.cast(*narrow),
                    Some(given) if step.need == Need::WideInside => value.cast(given.into()),
                    _ => value,
                };
            }
            values.push(Some(watch(at, value)));
        }
        let outputs = steps.returned.iter().zip(&self.outputs);
        let outputs = outputs.filter_map(|(&at, output)| values[at].clone().map(|value| rows_of(value, *output)));
        // Losses are computed in 32 bits.
        outputs.map(widened).collect()
    }
}

/// The value of an output as a matrix `[batch · rows, numbers]`.
fn rows_of(value: Value, output: Output) -> Tensor<2> {
    match value {
        Value::Flat(value) => value,
        value => {
            let rows = value.batch() * output.rows;
            value.tensor([rows, output.numbers])
        }
    }
}

fn apply(
    operator: &Operator,
    operands: Vec<Value>,
    weights: &Weights,
    tables: &mut Tables,
    mode: &mut Mode<'_>,
) -> Value {
    let mut operands = operands.into_iter();
    let Some(value) = operands.next() else {
        return match operator {
            Operator::Constant(number) => Value::Scalar(*number),
            Operator::Weight { weight, sizes } => {
                Value::new(weights.vectors[*weight].val(), &[&[1], &sizes[..]].concat())
            }
            _ => unreachable!("only an input, a constant and a weight have no operands"),
        };
    };
    // Weights are cast to the precision of what they are multiplied with.
    let precision = value.precision().unwrap_or(DType::F32);
    let vector = |at: &Option<usize>| at.map(|at| weights.vectors[at].val().cast(precision));
    let kernel = |at: usize| weights.kernels[at].val().cast(precision);
    match operator {
        Operator::Input | Operator::Constant(_) | Operator::Weight { .. } => value,
        Operator::Activation(function) => each_rank!(value, x => function.apply(x)),
        Operator::Softmax(axis) => each_rank!(value, x => softmax(x, *axis)),
        Operator::LogSoftmax(axis) => each_rank!(value, x => activation::log_softmax(x, *axis)),
        Operator::Dropout { ratio, node } => match mode {
            Mode::Training { seed, .. } if *ratio > 0.0 => {
                let seed = derive(*seed, "dropout", *node);
                each_rank!(value, x => dropout(x, *ratio, seed))
            }
            Mode::Training { .. } | Mode::Inference(_) => value,
        },
        Operator::DropPath { node } => match mode {
            Mode::Training { seed, drop_path, .. } if *drop_path > 0.0 => {
                let (rate, seed) = (*drop_path, derive(*seed, "drop_path", *node));
                each_rank!(value, x => drop_path_of(x, rate, seed))
            }
            Mode::Training { .. } | Mode::Inference(_) => value,
        },
        Operator::Arithmetic(function) => operands.fold(value, |a, b| function.apply(a, b)),
        Operator::Sum => operands.fold(value, |a, b| Arithmetic::Add.apply(a, b)),
        Operator::Concat(axis) => concatenate(value, operands.collect(), *axis),
        Operator::Gemm { weight, bias } => {
            let weight = match *weight {
                Matrix::Plain(at) => weights.matrices[at].val(),
                Matrix::Table(at) => weights.tables[at].val().transpose(),
            };
            linear(value, weight.cast(precision), vector(bias))
        }
        Operator::MatMul => operands.fold(value, product),
        Operator::Gather(table) => embedding(value, weights.tables[*table].val()),
        Operator::Conv { weight, bias, options } => {
            of_images(value, |x| module::conv2d(x, kernel(*weight), vector(bias), options.clone()))
        }
        Operator::Block(block) => block.apply(value, weights, mode),
        Operator::ConvTranspose { weight, bias, moves } => {
            of_images(value, |x| moves.apply(x, kernel(*weight), vector(bias)))
        }
        Operator::MaxPool(options) => of_images(value, |x| module::max_pool2d(x, options.clone())),
        Operator::AveragePool(options) => of_images(value, |x| module::avg_pool2d(x, options.clone())),
        Operator::BatchNormalization(batch) => batch.apply(value, weights, mode),
        Operator::Layer(layer) => layer.apply(value, weights),
        Operator::Group(group) => group.apply(value, weights),
        Operator::Attention(attention) => match (operands.next(), operands.next()) {
            (Some(key), Some(values)) => attention.apply(value, key, values, tables),
            _ => unreachable!("shape inference refuses an attention without keys and values"),
        },
        Operator::Rotary(rotary) => rotary.apply(value, tables),
        Operator::Routing(k) => routing(value, *k),
        Operator::Arrange(arrange) => arrange.apply(value),
    }
}

/// A linear layer along the last axis.
fn linear(value: Value, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Value {
    let mut dims = value.dims();
    let [inputs, outputs] = weight.dims();
    if let Some(last) = dims.last_mut() {
        *last = outputs;
    }
    let rows = dims.iter().product::<usize>() / outputs;
    let x = value.clone().tensor([rows, inputs]);
    match kernel::linear(&x, &weight, bias.as_ref()) {
        Some(y) => Value::new(y, &dims),
        None => each_rank!(value, x => module::linear(x, weight, bias)),
    }
}

fn softmax<const D: usize>(x: Tensor<D>, axis: usize) -> Tensor<D> {
    let own = if axis == D - 1 { kernel::softmax(&x, 1.0, Seen::All) } else { None };
    own.unwrap_or_else(|| activation::softmax(x, axis))
}

/// Joins values along an axis. A `Weight` is repeated for every example.
fn concatenate(first: Value, rest: Vec<Value>, axis: usize) -> Value {
    let batch = rest.iter().map(Value::batch).fold(first.batch(), usize::max);
    let repeated = |value: Value| {
        each_rank!(value, x => {
            let mut dims = x.dims();
            dims[0] = batch;
            expanded(x, dims)
        })
    };
    // Joining pairs would copy the first of many values again and again.
    macro_rules! all {
        ($($case:ident),*) => {
            match repeated(first) {
                $(Value::$case(x) => {
                    let rest = rest.into_iter().map(repeated);
                    let rest = rest.filter_map(|value| if let Value::$case(x) = value { Some(x) } else { None });
                    Value::$case(Tensor::cat(std::iter::once(x).chain(rest).collect(), axis))
                })*
                Value::Scalar(_) => unreachable!("shape inference refuses to join constants"),
            }
        };
    }
    all!(Flat, Rows, Map, Four, Five, Six, Seven, Eight)
}

/// Inverted dropout with a mask from this crate's generator. All threads of a process share burn's generator, so one
/// candidate's draws would change another's.
fn dropout<const D: usize>(x: Tensor<D>, ratio: f64, seed: u32) -> Tensor<D> {
    let dims = x.dims();
    let mask = mask(dims, ratio, seed, &x.device()).cast(x.dtype());
    x * mask
}

/// Sets whole examples to 0 and scales the others so that the mean is kept, as in `drop_path` of DARTS' utils.py.
fn drop_path_of<const D: usize>(x: Tensor<D>, rate: f64, seed: u32) -> Tensor<D> {
    let mut sizes = [1; D];
    sizes[0] = x.dims()[0];
    let mask = mask(sizes, rate, seed, &x.device()).cast(x.dtype());
    x * mask
}

/// A mask that is 0 with probability `ratio`, and otherwise the factor that keeps the mean.
fn mask<const D: usize>(sizes: [usize; D], ratio: f64, seed: u32, device: &Device) -> Tensor<D> {
    let mut rng = seeded(seed);
    let limit = (ratio * f64::from(u32::MAX)) as u32;
    let kept = (1.0 / (1.0 - ratio)) as f32;
    let count = sizes.iter().product();
    let mask = (0..count).map(|_| if rng.random::<u32>() < limit { 0.0 } else { kept }).collect();
    Tensor::from_data(TensorData::new::<f32, _>(mask, sizes), device)
}
