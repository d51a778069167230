//! A small feed-forward network of rectified linear units with one output, and its training with Adam.
//!
//! Every sum has a fixed order, and only + − × ÷ and the square root are used, so that the bits are the same on every
//! machine. The 32 members of a batch are computed side by side, each in its own lane.

use nas_api::rng::{Random, RngExt, seq::SliceRandom};

/// The number of members of a batch.
pub(crate) const BATCH: usize = 32;
type Lane = [f32; BATCH];
const ZEROS: Lane = [0.0; BATCH];

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// The loss per member of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// weight · |output − target|
    Absolute,
    /// weight · (output − target)² / 2
    Squared,
}

/// How a network is trained.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Training {
    pub(crate) loss: Loss,
    pub(crate) learning_rate: f32,
    /// The number of passes over the data.
    pub(crate) epochs: usize,
    /// The greatest number of steps of Adam.
    pub(crate) updates: usize,
}

/// A training example.
pub(crate) struct Example<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) target: f32,
    pub(crate) weight: f32,
}

/// Parameters that Adam trains (D. P. Kingma and J. Ba 2015, Algorithm 1), with their gradients and moments.
#[derive(Clone)]
struct Parameters {
    values: Vec<f32>,
    gradients: Vec<f32>,
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Parameters {
    fn new(values: Vec<f32>) -> Self {
        let zeros = vec![0.0; values.len()];
        Self { gradients: zeros.clone(), first: zeros.clone(), second: zeros, values }
    }

    fn step(&mut self, rate: f32, correction1: f32, correction2: f32) {
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((value, gradient), (first, second)) in self.values.iter_mut().zip(&self.gradients).zip(moments) {
            *first = BETA1 * *first + (1.0 - BETA1) * gradient;
            *second = BETA2 * *second + (1.0 - BETA2) * gradient * gradient;
            *value -= rate * (*first / correction1) / ((*second / correction2).sqrt() + EPSILON);
        }
    }
}

#[derive(Clone)]
struct Layer {
    inputs: usize,
    /// One row of weights for each output.
    weights: Parameters,
    biases: Parameters,
}

/// A network with one output.
#[derive(Clone)]
pub(crate) struct Network {
    layers: Vec<Layer>,
}

impl Network {
    /// A network with random weights, uniform with variance 2 / inputs (K. He et al. 2015, Section 2.2), and biases 0.
    pub(crate) fn new(inputs: usize, width: usize, hidden: usize, rng: &mut Random) -> Self {
        let mut layers = Vec::with_capacity(hidden + 1);
        let mut sizes = vec![inputs.max(1)];
        sizes.extend(std::iter::repeat_n(width, hidden));
        for (position, &inputs) in sizes.iter().enumerate() {
            let outputs = if position == hidden { 1 } else { width };
            let bound = (6.0 / inputs as f32).sqrt();
            let weights = (0..inputs * outputs).map(|_| bound * (2.0 * rng.random::<f32>() - 1.0)).collect();
            let biases = Parameters::new(vec![0.0; outputs]);
            layers.push(Layer { inputs, weights: Parameters::new(weights), biases });
        }
        Self { layers }
    }

    /// Trains the network. Batches are drawn without replacement within an epoch.
    pub(crate) fn train(&mut self, examples: &[Example<'_>], training: Training, rng: &mut Random) {
        let mut order: Vec<usize> = (0..examples.len()).collect();
        let (mut decay1, mut decay2) = (1.0, 1.0);
        let mut updates = 0;
        for _ in 0..training.epochs {
            order.shuffle(rng);
            for batch in order.chunks(BATCH) {
                if updates == training.updates {
                    return;
                }
                updates += 1;
                decay1 *= BETA1;
                decay2 *= BETA2;
                self.backward(examples, batch, training.loss);
                for layer in &mut self.layers {
                    for parameters in [&mut layer.weights, &mut layer.biases] {
                        parameters.step(training.learning_rate, 1.0 - decay1, 1.0 - decay2);
                    }
                }
            }
        }
    }

    /// One output for each input.
    pub(crate) fn predict(&self, inputs: &[&[f32]]) -> Vec<f32> {
        let mut outputs = Vec::with_capacity(inputs.len());
        for batch in inputs.chunks(BATCH) {
            let values = self.forward(batch);
            let lane = values.last().and_then(|last| last.first()).unwrap_or(&ZEROS);
            outputs.extend_from_slice(&lane[..batch.len()]);
        }
        outputs
    }

    /// The inputs of every layer, followed by the output.
    fn forward(&self, batch: &[&[f32]]) -> Vec<Vec<Lane>> {
        let first = self.layers.first().map_or(0, |layer| layer.inputs);
        let mut lanes = vec![ZEROS; first];
        for (member, input) in batch.iter().enumerate() {
            for (lane, value) in lanes.iter_mut().zip(*input) {
                lane[member] = *value;
            }
        }
        let mut values = vec![lanes];
        for (position, layer) in self.layers.iter().enumerate() {
            let hidden = position + 1 < self.layers.len();
            let inputs = &values[position];
            let rows = layer.weights.values.chunks_exact(layer.inputs).zip(&layer.biases.values);
            let outputs = rows.map(|(row, bias)| {
                let mut sums = [*bias; BATCH];
                for (weight, input) in row.iter().zip(inputs) {
                    add(&mut sums, *weight, input);
                }
                if hidden {
                    for sum in &mut sums {
                        *sum = if *sum > 0.0 { *sum } else { 0.0 };
                    }
                }
                sums
            });
            let outputs = outputs.collect();
            values.push(outputs);
        }
        values
    }

    /// Sets the gradients of the mean loss over the batch.
    fn backward(&mut self, examples: &[Example<'_>], batch: &[usize], loss: Loss) {
        let inputs: Vec<&[f32]> = batch.iter().map(|&example| examples[example].input).collect();
        let values = self.forward(&inputs);
        let mut errors = vec![ZEROS];
        for (member, &example) in batch.iter().enumerate() {
            let output = values.last().and_then(|last| last.first()).map_or(0.0, |lane| lane[member]);
            let (miss, weight) = (output - examples[example].target, examples[example].weight / batch.len() as f32);
            errors[0][member] = match loss {
                Loss::Squared => weight * miss,
                Loss::Absolute if miss > 0.0 => weight,
                Loss::Absolute if miss < 0.0 => -weight,
                Loss::Absolute => 0.0,
            };
        }
        for (position, layer) in self.layers.iter_mut().enumerate().rev() {
            let inputs = &values[position];
            let mut before = vec![ZEROS; layer.inputs];
            let rows = layer.weights.gradients.chunks_exact_mut(layer.inputs);
            let rows = rows.zip(layer.weights.values.chunks_exact(layer.inputs)).zip(&mut layer.biases.gradients);
            for (((gradients, row), bias), error) in rows.zip(&errors) {
                *bias = dot(error, &[1.0; BATCH]);
                for (((gradient, weight), input), before) in gradients.iter_mut().zip(row).zip(inputs).zip(&mut before)
                {
                    *gradient = dot(error, input);
                    add(before, *weight, error);
                }
            }
            // The rectifier passes no error back where its output was 0.
            for (before, input) in before.iter_mut().zip(inputs) {
                for (error, value) in before.iter_mut().zip(input) {
                    *error = if *value > 0.0 { *error } else { 0.0 };
                }
            }
            errors = before;
        }
    }
}

/// sums += weight · lane
fn add(sums: &mut Lane, weight: f32, lane: &Lane) {
    for (sum, value) in sums.iter_mut().zip(lane) {
        *sum += weight * value;
    }
}

/// The dot product, in eight partial sums.
fn dot(a: &Lane, b: &Lane) -> f32 {
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

#[cfg(test)]
mod tests {
    use nas_api::rng::seeded;

    use super::*;

    fn loss(network: &Network, examples: &[Example<'_>], loss: Loss) -> f64 {
        let inputs: Vec<&[f32]> = examples.iter().map(|example| example.input).collect();
        let outputs = network.predict(&inputs);
        let member = |(output, example): (&f32, &Example<'_>)| {
            let (miss, weight) = (f64::from(output - example.target), f64::from(example.weight));
            weight * if loss == Loss::Squared { miss * miss / 2.0 } else { miss.abs() }
        };
        outputs.iter().zip(examples).map(member).sum::<f64>() / examples.len() as f64
    }

    fn data() -> Vec<[f32; 3]> {
        let mut rng = seeded(3);
        (0..20).map(|_| [rng.random(), rng.random(), rng.random()]).collect()
    }

    fn examples(data: &[[f32; 3]]) -> Vec<Example<'_>> {
        let target = |x: &[f32; 3]| 2.0 * x[0] - x[1] + if x[2] > 0.5 { 1.0 } else { 0.0 };
        data.iter().map(|x| Example { input: x, target: target(x), weight: 0.5 + x[1] }).collect()
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let data = data();
        let examples = examples(&data);
        for kind in [Loss::Absolute, Loss::Squared] {
            let mut network = Network::new(3, 5, 2, &mut seeded(8));
            let batch: Vec<usize> = (0..examples.len()).collect();
            network.backward(&examples, &batch, kind);
            for layer in 0..3 {
                for weight in [0, 2, 4] {
                    let moved = |by: f32| {
                        let mut other = network.clone();
                        other.layers[layer].weights.values[weight] += by;
                        loss(&other, &examples, kind)
                    };
                    let estimate = (moved(1e-3) - moved(-1e-3)) / 2e-3;
                    let exact = f64::from(network.layers[layer].weights.gradients[weight]);
                    assert!((exact - estimate).abs() < 2e-2, "{kind:?} {layer} {weight}: {exact} is not {estimate}");
                }
            }
        }
    }

    #[test]
    fn training_lowers_the_loss_and_stops_at_the_update_limit() {
        let data = data();
        let examples = examples(&data);
        for kind in [Loss::Absolute, Loss::Squared] {
            let mut network = Network::new(3, 16, 2, &mut seeded(8));
            let before = loss(&network, &examples, kind);
            let training = Training { loss: kind, learning_rate: 0.01, epochs: 300, updates: 300 };
            network.train(&examples, training, &mut seeded(1));
            let after = loss(&network, &examples, kind);
            assert!(after < 0.1 * before, "{kind:?}: {before} to {after}");
        }
        let mut network = Network::new(3, 4, 1, &mut seeded(8));
        let start = network.predict(&[&data[0]]);
        let none = Training { loss: Loss::Squared, learning_rate: 0.01, epochs: 10, updates: 0 };
        network.train(&examples, none, &mut seeded(1));
        assert_eq!(network.predict(&[&data[0]]), start);
    }
}
