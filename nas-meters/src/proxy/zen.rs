//! `zen`: M. Lin et al., "Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition", ICCV 2021, algorithm 1,
//! as its authors compute it (`compute_zen_score.py` of idstcv/ZenNAS), and NASLib after them: distances of features are
//! sums of absolute values, where the paper writes a norm, and the variances of normalisations are the running ones after
//! both passes. There is one draw, as in NASLib, where the authors average 32. The paper removes residual connections;
//! here all stay, since a graph does not mark residual ones.

use burn::tensor::Device;
use nas_api::graph::weights::Initializer;
use nas_api::{Error, Graph, Result, Task};

use super::probe::{BATCH, SEED, normal, numbers, plan};
use nas_network::{Arrange, Network, Operator, Plan, Reduction, SlotKind, each_tensor};

/// How far examples move: the paper's α.
const ALPHA: f32 = 0.01;

/// The weight of a new variance in a running one, which begins at 1: PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// ln mean ‖f(x) − f(x + αε)‖₁ + Σ ln σ, where σ² is the mean running variance of the channels of a normalisation's
/// input.
///
/// # Errors
///
/// Fails if the network cannot be planned, or if its features do not depend on its input.
pub fn score(graph: &Graph, task: &Task) -> Result<f64> {
    let mut plan = plan(graph, task)?;
    for slot in plan.slots.iter_mut().filter(|slot| matches!(slot.place, SlotKind::Matrix | SlotKind::Kernel)) {
        slot.tensor.initializer = Initializer::Normal(1.0);
    }
    let count = BATCH * plan.input.iter().product::<usize>();
    let (inputs, shift) = (normal("inputs", count), normal("shift", count));
    let shifted = inputs.iter().zip(shift).map(|(x, shift)| x + ALPHA * shift).collect();
    let mut network = Network::new(plan, SEED, &Device::flex().autodiff()).frozen();
    let here = features(&mut network, inputs);
    let there = features(&mut network, shifted);

    let size = here.map.len() / BATCH;
    let moved: Vec<f64> = here.map.iter().zip(&there.map).map(|(a, b)| a - b).collect();
    let absolute = |row: &[f64]| row.iter().map(|value| value.abs()).sum::<f64>();
    let distance = moved.chunks(size.max(1)).map(absolute).sum::<f64>() / BATCH as f64;
    if distance == 0.0 {
        return Err(Error::new("its features do not depend on its input"));
    }
    let running = |(first, second): (&f64, &f64)| {
        let after_one = (1.0 - MOMENTUM) + MOMENTUM * first;
        (1.0 - MOMENTUM) * after_one + MOMENTUM * second
    };
    let variances = here.variances.iter().zip(&there.variances).map(running);
    Ok(libm::log(distance) + variances.map(|variance| 0.5 * libm::log(variance)).sum::<f64>())
}

/// The network's features for a batch.
struct Features {
    /// The value that the head reads.
    map: Vec<f64>,
    /// The mean variance of the channels of each normalisation's input.
    variances: Vec<f64>,
}

fn features(network: &mut Network, inputs: Vec<f32>) -> Features {
    let (head, normalised) = (before_head(network.plan()), normalised(network.plan()));
    let mut features = Features { map: Vec::new(), variances: Vec::new() };
    network.forward_watched(inputs, SEED, &mut |at, value| {
        if at == head || normalised[at] > 0 {
            let (values, channels) =
                each_tensor!(&value, x => (numbers(x.clone()), x.dims()[1]), _number => (Vec::new(), 1));
            if normalised[at] > 0 {
                let variance = mean_variance(&values, channels);
                features.variances.extend(std::iter::repeat_n(variance, normalised[at]));
            }
            if at == head {
                features.map = values;
            }
        }
        value
    });
    features
}

/// The step whose value the head reads: the input of the last global pooling or, if there is none, of the last linear
/// layer.
fn before_head(plan: &Plan) -> usize {
    let is_pooling =
        |operator: &Operator| matches!(operator, Operator::Arrange(Arrange::Reduce { how: Reduction::Mean, .. }));
    let is_linear = |operator: &Operator| matches!(operator, Operator::Gemm { .. });
    let last = plan.steps.list.iter().rfind(|step| is_pooling(&step.operator));
    let last = last.or_else(|| plan.steps.list.iter().rfind(|step| is_linear(&step.operator)));
    last.map_or(plan.steps.list.len() - 1, |step| step.inputs[0])
}

/// The number of normalisations that read the value of each step.
fn normalised(plan: &Plan) -> Vec<usize> {
    let mut counts = vec![0; plan.steps.list.len()];
    for step in plan.steps.list.iter().filter(|step| matches!(step.operator, Operator::BatchNormalization { .. })) {
        counts[step.inputs[0]] += 1;
    }
    counts
}

/// The variance of a channel over the batch and its positions, not biased by their number, averaged over channels.
fn mean_variance(values: &[f64], channels: usize) -> f64 {
    // The area is at least 1, even for a value that is the same for all examples.
    let area = (values.len() / BATCH / channels).max(1);
    let variance = |channel: usize| {
        let planes = || values.chunks(area).skip(channel).step_by(channels).flatten();
        let count = (BATCH * area) as f64;
        let mean = planes().sum::<f64>() / count;
        planes().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0)
    };
    (0..channels).map(variance).sum::<f64>() / channels as f64
}
