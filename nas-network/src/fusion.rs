//! Fuses a rectifier, a convolution, a batch normalisation and another rectifier into one step, so that less goes
//! through memory between them.

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, module};
use nas_kernels::{self as kernel, Norm, Rectifier};

use super::activation::Activation;
use super::autocast::{Need, is_narrow};
use super::forward::Mode;
use super::norm::Batch;
use super::operator::Operator;
use super::plan::{Step, Steps, mark_last};
use super::value::Value;
use super::weights::Weights;
use super::window::{of_images, window};

/// A convolution with the neighbouring operators that are computed along with it.
#[derive(Clone, Debug)]
pub struct Block {
    /// Applied to the input first.
    pub rectifier: Option<Rectifier>,
    pub weight: usize,
    pub bias: Option<usize>,
    pub options: ConvOptions<2>,
    /// The batch normalisation of the result; there is no bias then.
    pub norm: Option<Normalized>,
}

/// A batch normalisation and the rectifier after it.
#[derive(Clone, Debug)]
pub struct Normalized {
    pub batch: Batch,
    pub rectifier: Option<Rectifier>,
}

impl Block {
    /// Computes the block for images or signals.
    pub fn apply(&self, value: Value, weights: &Weights, mode: &mut Mode<'_>) -> Value {
        of_images(value, |x| self.image(x, weights, mode))
    }

    fn image(&self, x: Tensor<4>, weights: &Weights, mode: &mut Mode<'_>) -> Tensor<4> {
        let weight = weights.kernels[self.weight].val().cast(x.dtype());
        let Some(Normalized { batch, rectifier }) = &self.norm else {
            let bias = self.bias.map(|bias| weights.vectors[bias].val().cast(x.dtype()));
            return self.convolve(x, weight, bias);
        };
        if let Mode::Inference(running) = mode
            && !is_narrow(&x)
        {
            // At inference, the normalisation is a factor and a shift for every channel, which can be folded into the
            // weights.
            let [factor, shift] = batch.line(weights, &running[batch.running]);
            let channels = factor.dims()[0];
            let y = self.convolve(x, weight * factor.reshape([channels, 1, 1, 1]), Some(shift));
            return rectified(y, *rectifier);
        }
        let norm = Norm { rectifier: *rectifier, ..batch.norm(weights) };
        let window = window(&x, &weight, &self.options);
        if let Some(found) = kernel::convolve_normalized(&x, &weight, window, self.rectifier, &norm) {
            batch.moved(found.mean, found.variance, mode);
            return found.output;
        }
        let y = batch.normalize(self.convolve(x, weight, None), weights, mode);
        rectified(y, *rectifier)
    }

    fn convolve(&self, x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
        let window = window(&x, &weight, &self.options);
        if let Some(y) = kernel::convolve(&x, &weight, bias.as_ref(), window, self.rectifier) {
            return y;
        }
        module::conv2d(rectified(x, self.rectifier), weight, bias, self.options.clone())
    }
}

fn rectified(x: Tensor<4>, rectifier: Option<Rectifier>) -> Tensor<4> {
    match rectifier {
        Some(Rectifier(f32::INFINITY)) => Activation::Relu.apply(x),
        Some(Rectifier(most)) => Activation::Clip { min: Some(0.0), max: Some(most.into()) }.apply(x),
        None => x,
    }
}

/// The rectifier that a step consists of, if it is one.
fn rectifier(step: &Step) -> Option<Rectifier> {
    match step.operator {
        Operator::Activation(Activation::Relu) => Some(Rectifier(f32::INFINITY)),
        Operator::Activation(Activation::Clip { min: Some(0.0), max: Some(most) }) if most > 0.0 => {
            Some(Rectifier(most as f32))
        }
        _ => None,
    }
}

/// The same steps with every convolution fused with its neighbours, where no other step or output reads the values in
/// between.
pub fn joined(plain: &Steps) -> Steps {
    let steps = &plain.list;
    let mut readers = vec![Vec::new(); steps.len()];
    for (at, step) in steps.iter().enumerate() {
        step.inputs.iter().for_each(|&input| readers[input].push(at));
    }
    // The only reader of a step whose value is not returned.
    let follower = |at: usize| match readers[at][..] {
        [reader] if !plain.returned.contains(&at) => Some(reader),
        _ => None,
    };
    let mut all: Vec<Step> = steps.clone();
    // The step whose value replaces that of each step.
    let mut stands: Vec<usize> = (0..steps.len()).collect();
    for (at, step) in steps.iter().enumerate() {
        let Operator::Conv { weight, bias, options } = &step.operator else { continue };
        let (weight, bias, options) = (*weight, *bias, options.clone());
        let mut block = Block { rectifier: None, weight, bias, options, norm: None };
        let mut place = at;
        if let Some(next) = follower(at).filter(|_| bias.is_none())
            && let Operator::BatchNormalization(batch) = &steps[next].operator
        {
            let after = follower(next).and_then(|after| Some((after, rectifier(&steps[after])?)));
            block.norm = Some(Normalized { batch: batch.clone(), rectifier: after.map(|(_, rectifier)| rectifier) });
            // The block takes the position of the normalisation, so that running statistics keep their order.
            place = next;
            stands[at] = next;
            after.into_iter().for_each(|(after, _)| stands[after] = next);
        }
        all[place] = Step {
            operator: Operator::Block(block),
            need: Need::Narrow,
            inputs: step.inputs.clone(),
            last: Vec::new(),
        };
    }
    for step in &mut all {
        // A rectifier that has become the end of another block cannot become the beginning of this one.
        let own = step.inputs.first().copied().filter(|&input| stands[input] == input);
        if let (Operator::Block(block), Some(input)) = (&mut step.operator, own)
            && let Some(rectifier) = rectifier(&steps[input])
        {
            block.rectifier = Some(rectifier);
            step.inputs.clone_from(&steps[input].inputs);
        }
    }
    compact(all, &stands, &plain.returned)
}

/// Removes the steps that nothing reads any more; `stands` has the step whose value replaces that of each step.
pub fn compact(steps: Vec<Step>, stands: &[usize], returned: &[usize]) -> Steps {
    let mut needed = vec![false; steps.len()];
    returned.iter().for_each(|&at| needed[stands[at]] = true);
    for at in (0..steps.len()).rev() {
        if needed[at] {
            steps[at].inputs.iter().for_each(|&input| needed[stands[input]] = true);
        }
    }
    let mut places = vec![usize::MAX; steps.len()];
    let mut kept = Vec::with_capacity(steps.len());
    for (at, mut step) in steps.into_iter().enumerate() {
        if needed[at] {
            places[at] = kept.len();
            step.inputs = step.inputs.iter().map(|&input| places[stands[input]]).collect();
            step.last.clear();
            kept.push(step);
        }
    }
    let mut joined = Steps { list: kept, returned: returned.iter().map(|&at| places[stands[at]]).collect() };
    mark_last(&mut joined);
    joined
}
