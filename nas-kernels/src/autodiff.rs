//! Convolutions and batch normalisation as operators of burn.

use burn::backend::Flex;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::Tensor;
use pulp::Arch;

use super::conv_as_matrix::ConvMatrix;
use super::conv_direct::{self, Operands, Rectifier};
use super::moments::Moments;
use super::norm::{self, Channel, Planes, Sums};
use super::padded_layout::Window;
use super::tensor::{FlexTensor, Plain, contiguous, numbers, output, plain, sizes};
use super::{conv_strided, winograd};

/// The learnt parameters of a batch normalisation, its ε, and the rectifier after it.
pub struct Norm {
    /// The normalised numbers are multiplied by it, `[channels]`.
    pub scale: Tensor<1>,
    /// Added after the scale, `[channels]`.
    pub shift: Tensor<1>,
    /// Added to the variance.
    pub epsilon: f64,
    /// Applied to the result.
    pub rectifier: Option<Rectifier>,
}

/// The result of a batch normalisation.
pub struct Normalized<const D: usize> {
    /// The normalised input, in the input's shape.
    pub output: Tensor<D>,
    /// The mean over the batch, `[channels]`, without gradients.
    pub mean: Tensor<1>,
    /// The population variance over the batch, `[channels]`, without gradients.
    pub variance: Tensor<1>,
}

/// Convolves `[batch, in, height, width]` with `[out, in / groups, height, width]`, after the rectifier if there is
/// one, and adds the bias (`[out]`) if there is one. `None` if a tensor is not in single precision on the CPU.
pub fn convolve(
    input: &Tensor<4>,
    weight: &Tensor<4>,
    bias: Option<&Tensor<1>>,
    window: Window,
    rectifier: Option<Rectifier>,
) -> Option<Tensor<4>> {
    let (x, w, b) = (FlexTensor::of(input)?, FlexTensor::of(weight)?, FlexTensor::of_optional(bias)?);
    let plainly = x.is_plain() && w.is_plain() && b.is_plain();
    let (x, x_node) = x.tracked().into_parts();
    let (w, w_node) = w.tracked().into_parts();
    let (b, b_node) = b.tracked().into_parts();
    let (x, w, b) = (contiguous(x), contiguous(w), contiguous(b));
    let (y, _) = forward(&x, &w, bias.map(|_| &b), &window, rectifier, false);
    let seen = Seen { input: x, weight: w, window, rectifier };
    Some(output(Convolution, [x_node, w_node, b_node], plainly, seen, y))
}

/// The algorithms for a convolution and its gradients.
pub enum ConvAlgorithm<'o> {
    /// One product with a dense matrix, [`conv_as_matrix`](super::conv_as_matrix).
    ConvMatrix(ConvMatrix<'o>),
    /// Winograd's tiles, [`winograd`].
    Tiles,
    /// Unfolded windows and one product, [`conv_strided`].
    Unfolded,
    /// Shifted lines, [`conv_direct`].
    Lines,
}

impl<'o> ConvAlgorithm<'o> {
    /// The fastest algorithm that can compute this convolution.
    pub fn of(operands: Operands<'o>) -> Self {
        match ConvMatrix::of(operands) {
            Some(dense) => Self::ConvMatrix(dense),
            None if winograd::fits(&operands) => Self::Tiles,
            None if conv_strided::fits(&operands) => Self::Unfolded,
            None => Self::Lines,
        }
    }
}

fn forward(
    x: &Plain,
    w: &Plain,
    bias: Option<&Plain>,
    window: &Window,
    rectifier: Option<Rectifier>,
    moments: bool,
) -> (Plain, Vec<Moments>) {
    let [batch, ..] = sizes::<4>(x);
    let operands = Operands { window, batch, input: numbers(x), weight: numbers(w), rectifier };
    let bias = bias.map(numbers);
    let asked = conv_direct::Forward { operands, bias, moments };
    let (output, found) = match ConvAlgorithm::of(operands) {
        ConvAlgorithm::ConvMatrix(dense) => dense.forward(bias, moments),
        ConvAlgorithm::Tiles => Arch::new().dispatch(winograd::Forward(asked)),
        ConvAlgorithm::Unfolded => Arch::new().dispatch(conv_strided::Forward(asked)),
        ConvAlgorithm::Lines => Arch::new().dispatch(asked),
    };
    let [height, width] = window.out();
    (plain(output, &[batch, window.channels[1], height, width]), found)
}

/// What the backward pass of a convolution needs from the forward pass.
#[derive(Clone, Debug)]
struct Seen {
    input: Plain,
    weight: Plain,
    window: Window,
    rectifier: Option<Rectifier>,
}

impl Seen {
    fn operands(&self) -> Operands<'_> {
        let [batch, ..] = sizes::<4>(&self.input);
        let (input, weight) = (numbers(&self.input), numbers(&self.weight));
        Operands { window: &self.window, batch, input, weight, rectifier: self.rectifier }
    }

    /// The gradients of the input and of the weights, as far as they are wanted.
    fn backward(&self, gradient: impl conv_direct::Gradient, input: bool, weight: bool) -> [Option<Plain>; 2] {
        let operands = self.operands();
        let asked = conv_direct::Backward { operands, gradient, input, weight };
        let (of_input, of_weight) = match ConvAlgorithm::of(operands) {
            ConvAlgorithm::ConvMatrix(dense) => dense.backward(&asked.gradient, input, weight),
            ConvAlgorithm::Tiles => Arch::new().dispatch(winograd::Backward(asked)),
            ConvAlgorithm::Unfolded => Arch::new().dispatch(conv_strided::Backward(asked)),
            ConvAlgorithm::Lines => Arch::new().dispatch(asked),
        };
        let of = |wanted: bool, numbers: Vec<f32>, like: &Plain| wanted.then(|| plain(numbers, &sizes::<4>(like)));
        [of(input, of_input, &self.input), of(weight, of_weight, &self.weight)]
    }
}

#[derive(Debug)]
struct Convolution;

impl Backward<Flex, 3> for Convolution {
    type State = Seen;

    fn backward(self, ops: Ops<Seen, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [x, w, b] = ops.parents;
        let gradient = contiguous(grads.consume::<Flex>(&ops.node));
        let [_, channels, height, width] = sizes::<4>(&gradient);
        let planes = Planes { numbers: numbers(&gradient), channels, area: height * width };
        let [of_x, of_w] = ops.state.backward(planes, x.is_some(), w.is_some());
        if let (Some(node), Some(gradient)) = (x, of_x) {
            grads.register::<Flex>(node.id, gradient);
        }
        if let (Some(node), Some(gradient)) = (w, of_w) {
            grads.register::<Flex>(node.id, gradient);
        }
        if let Some(node) = b {
            let sums = Arch::new().dispatch(norm::Total(planes));
            let sums = sums.into_iter().map(|sum| sum as f32).collect();
            grads.register::<Flex>(node.id, plain(sums, &[channels]));
        }
    }
}

/// A convolution without a bias, followed by batch normalisation with the statistics of the batch. `None` if a tensor
/// is not in single precision on the CPU.
pub fn convolve_normalized(
    input: &Tensor<4>,
    weight: &Tensor<4>,
    window: Window,
    rectifier: Option<Rectifier>,
    norm: &Norm,
) -> Option<Normalized<4>> {
    let (x, w) = (FlexTensor::of(input)?.tracked(), FlexTensor::of(weight)?.tracked());
    let (scale, shift) = (FlexTensor::of(&norm.scale)?.tracked(), FlexTensor::of(&norm.shift)?.tracked());
    let (x, x_node) = x.into_parts();
    let (w, w_node) = w.into_parts();
    let (scale, scale_node) = scale.into_parts();
    let (shift, shift_node) = shift.into_parts();
    let (x, w) = (contiguous(x), contiguous(w));
    let (between, moments) = forward(&x, &w, None, &window, rectifier, true);
    let done = Done::new(between, moments, scale, shift, norm);
    let y = done.output();
    let [mean, variance] = done.statistics();
    let nodes = [x_node, w_node, scale_node, shift_node];
    let state = (Seen { input: x, weight: w, window, rectifier }, done);
    Some(Normalized { output: output(ConvolutionNorm, nodes, false, state, y), mean, variance })
}

/// Batch normalisation of `[batch, channels, ...]` with the statistics of the batch. `None` if a tensor is not in
/// single precision on the CPU.
pub fn normalize<const D: usize>(input: &Tensor<D>, norm: &Norm) -> Option<Normalized<D>> {
    let x = FlexTensor::of(input)?.tracked();
    let (scale, shift) = (FlexTensor::of(&norm.scale)?.tracked(), FlexTensor::of(&norm.shift)?.tracked());
    let (x, x_node) = x.into_parts();
    let (scale, scale_node) = scale.into_parts();
    let (shift, shift_node) = shift.into_parts();
    let x = contiguous(x);
    let moments = Arch::new().dispatch(norm::Measure(planes(&x)));
    let done = Done::new(x, moments, scale, shift, norm);
    let y = done.output();
    let [mean, variance] = done.statistics();
    let nodes = [x_node, scale_node, shift_node];
    Some(Normalized { output: output(Normalization, nodes, false, done, y), mean, variance })
}

/// The planes of a tensor `[batch, channels, ...]`.
fn planes(tensor: &Plain) -> Planes<'_> {
    let shape = burn::backend::TensorMetadata::shape(tensor);
    Planes { numbers: numbers(tensor), channels: shape[1], area: shape[2..].iter().product() }
}

/// A normalisation that was computed, with what its backward pass needs.
#[derive(Clone, Debug)]
struct Done {
    before: Plain,
    channels: Vec<Channel>,
    moments: Vec<Moments>,
    rectifier: Option<Rectifier>,
}

impl Done {
    fn new(before: Plain, moments: Vec<Moments>, scale: Plain, shift: Plain, norm: &Norm) -> Self {
        let (scale, shift) = (contiguous(scale), contiguous(shift));
        let learnt = numbers(&scale).iter().zip(numbers(&shift));
        let channel = |(moments, (&scale, &shift))| Channel::new(moments, norm.epsilon, scale, shift);
        let channels = moments.iter().zip(learnt).map(channel).collect();
        Self { before, channels, moments, rectifier: norm.rectifier }
    }

    fn output(&self) -> Plain {
        let planes = planes(&self.before);
        let apply = norm::Apply { planes, channels: &self.channels, rectifier: self.rectifier };
        let shape = burn::backend::TensorMetadata::shape(&self.before);
        plain(Arch::new().dispatch(apply), &shape)
    }

    fn statistics(&self) -> [Tensor<1>; 2] {
        let of = |number: fn(&Moments) -> f64| {
            let numbers: Vec<f32> = self.moments.iter().map(|moments| number(moments) as f32).collect();
            let shape = [numbers.len()];
            Tensor::from_primitive::<Flex>(plain(numbers, &shape))
        };
        [of(|moments| moments.mean), of(Moments::variance)]
    }

    fn sums(&self, gradient: &Plain) -> Vec<Sums> {
        let (before, channels, rectifier) = (planes(&self.before), &self.channels, self.rectifier);
        Arch::new().dispatch(norm::Collect { before, gradient: numbers(gradient), channels, rectifier })
    }

    fn gradient<'g>(&'g self, gradient: &'g Plain, sums: &'g [Sums]) -> norm::Normalized<'g> {
        norm::Normalized {
            before: planes(&self.before),
            gradient: planes(gradient),
            channels: &self.channels,
            sums,
            rectifier: self.rectifier,
            count: self.moments.first().map_or(1.0, |moments| moments.count),
        }
    }
}

/// The gradients of the scale and of the shift.
fn learnt(sums: &[Sums]) -> [Plain; 2] {
    let of = |number: fn(&Sums) -> f64| plain(sums.iter().map(|sums| number(sums) as f32).collect(), &[sums.len()]);
    [of(|sums| sums.products), of(|sums| sums.gradients)]
}

#[derive(Debug)]
struct ConvolutionNorm;

impl Backward<Flex, 4> for ConvolutionNorm {
    type State = (Seen, Done);

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [x, w, scale, shift] = ops.parents;
        let (seen, done) = ops.state;
        let gradient = contiguous(grads.consume::<Flex>(&ops.node));
        let sums = done.sums(&gradient);
        let [of_x, of_w] = seen.backward(done.gradient(&gradient, &sums), x.is_some(), w.is_some());
        let [of_scale, of_shift] = learnt(&sums);
        for (node, gradient) in [(x, of_x), (w, of_w), (scale, Some(of_scale)), (shift, Some(of_shift))] {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}

#[derive(Debug)]
struct Normalization;

impl Backward<Flex, 3> for Normalization {
    type State = Done;

    fn backward(self, ops: Ops<Done, 3>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let [x, scale, shift] = ops.parents;
        let done = ops.state;
        let gradient = contiguous(grads.consume::<Flex>(&ops.node));
        let sums = done.sums(&gradient);
        let of_x = x.is_some().then(|| {
            let Planes { channels, area, numbers } = planes(&done.before);
            let images = numbers.len() / (channels * area);
            let whole = norm::Whole { gradient: done.gradient(&gradient, &sums), images, channels, area };
            plain(Arch::new().dispatch(whole), &burn::backend::TensorMetadata::shape(&done.before))
        });
        let [of_scale, of_shift] = learnt(&sums);
        for (node, gradient) in [(x, of_x), (scale, Some(of_scale)), (shift, Some(of_shift))] {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}
