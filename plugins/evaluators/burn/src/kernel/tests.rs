//! Every kernel against burn's own operators in doubles.

#![allow(clippy::unwrap_used)]

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, FloatDType, Tensor, TensorData, module};
use nas_api::rng::{RngExt, seeded};

use super::{Norm, Window, convolve, convolve_normalized, normalize};

fn device() -> Device {
    Device::flex().autodiff()
}

fn random<const D: usize>(seed: u32, shape: [usize; D]) -> Tensor<D> {
    let mut rng = seeded(seed);
    let numbers = (0..shape.iter().product()).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect::<Vec<f32>>();
    Tensor::from_data(TensorData::new(numbers, shape), &device()).require_grad()
}

fn in_doubles<const D: usize>(x: &Tensor<D>) -> Tensor<D> {
    x.clone().cast(FloatDType::F64).detach().require_grad()
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.cast(FloatDType::F64).into_data().try_into_vec::<f64>().unwrap()
}

/// Within this part of the greatest number.
fn close<const D: usize>(what: &str, found: Tensor<D>, expected: Tensor<D>) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let (found, expected) = (values(found), values(expected));
    let most = expected.iter().copied().map(f64::abs).fold(1e-6, f64::max);
    for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!((found - expected).abs() <= 2e-5 * most, "{what}: {found} for {expected} at {at}, of up to {most}");
    }
}

fn windows() -> Vec<(usize, Window)> {
    let plain = Window {
        channels: [5, 11],
        size: [9, 7],
        kernel: [3, 3],
        strides: [1, 1],
        dilations: [1, 1],
        pads: [[1, 1], [1, 1]],
        groups: 1,
    };
    vec![
        (3, plain.clone()),
        (70, plain.clone()),
        (1, Window { channels: [16, 16], size: [32, 32], ..plain.clone() }),
        (5, Window { kernel: [1, 1], pads: [[0, 0]; 2], ..plain.clone() }),
        (5, Window { kernel: [1, 1], pads: [[2, 1], [0, 3]], ..plain.clone() }),
        (4, Window { kernel: [5, 3], pads: [[2, 2], [1, 1]], ..plain.clone() }),
        (4, Window { kernel: [5, 3], pads: [[0, 1], [2, 0]], ..plain.clone() }),
        (4, Window { dilations: [2, 3], pads: [[2, 2], [3, 3]], ..plain.clone() }),
        (33, Window { strides: [2, 2], ..plain.clone() }),
        (9, Window { strides: [2, 2], kernel: [1, 1], pads: [[0, 0]; 2], ..plain.clone() }),
        (9, Window { strides: [3, 2], kernel: [2, 2], pads: [[0, 1], [1, 0]], ..plain.clone() }),
        (3, Window { strides: [2, 2], kernel: [7, 7], pads: [[3, 3]; 2], ..plain.clone() }),
        (3, Window { strides: [1, 2], dilations: [2, 1], ..plain.clone() }),
        (6, Window { channels: [6, 6], groups: 6, ..plain.clone() }),
        (6, Window { channels: [6, 6], groups: 6, kernel: [5, 5], pads: [[2, 2]; 2], strides: [2, 2], ..plain.clone() }),
        (6, Window { channels: [6, 12], groups: 3, ..plain.clone() }),
        (6, Window { channels: [12, 6], groups: 2, strides: [2, 2], ..plain.clone() }),
        (2, Window { channels: [3, 1], size: [1, 40], kernel: [1, 5], pads: [[0, 0], [2, 2]], ..plain.clone() }),
        (64, Window { channels: [40, 24], size: [2, 2], ..plain.clone() }),
        (64, Window { channels: [8, 9], size: [1, 1], kernel: [1, 1], pads: [[0, 0]; 2], ..plain }),
    ]
}

fn options(window: &Window) -> ConvOptions<2> {
    let pads = window.pads.map(|[before, after]| (before, after));
    ConvOptions::new_with_padding(window.strides, pads, window.dilations, window.groups)
}

fn operands(batch: usize, window: &Window) -> (Tensor<4>, Tensor<4>) {
    let [inputs, outputs] = window.channels;
    let x = random(1, [batch, inputs, window.size[0], window.size[1]]);
    (x, random(2, [outputs, inputs / window.groups, window.kernel[0], window.kernel[1]]))
}

#[test]
fn convolutions_and_their_gradients() {
    for (batch, window) in windows() {
        for rectified in [false, true] {
            let what = format!("{batch} x {window:?}, rectified: {rectified}");
            let ((x, w), b) = (operands(batch, &window), random(3, [window.channels[1]]));
            let y = convolve(&x, &w, Some(&b), window.clone(), rectified).unwrap();
            let (x2, w2, b2) = (in_doubles(&x), in_doubles(&w), in_doubles(&b));
            let input = if rectified { x2.clone().clamp_min(0.0) } else { x2.clone() };
            let y2 = module::conv2d(input, w2.clone(), Some(b2.clone()), options(&window));
            close(&what, y.clone(), y2.clone());
            let before = y.clone().without_autodiff();
            let weights = random(4, y.dims());
            let gradients = (y * weights.clone()).sum().backward();
            let expected = (y2 * in_doubles(&weights)).sum().backward();
            close(&what, x.grad(&gradients).unwrap(), x2.grad(&expected).unwrap());
            close(&what, w.grad(&gradients).unwrap(), w2.grad(&expected).unwrap());
            close(&what, b.grad(&gradients).unwrap(), b2.grad(&expected).unwrap());
            // Without gradients, and without a bias, the same.
            let plain = [x.without_autodiff(), w.without_autodiff()];
            let again = convolve(&plain[0], &plain[1], None, window.clone(), rectified).unwrap();
            let bias = b.without_autodiff().reshape([1, window.channels[1], 1, 1]);
            close(&what, again + bias, before);
        }
    }
}

/// Batch normalisation by burn's arithmetic.
fn normalized(x: Tensor<4>, scale: &Tensor<1>, shift: &Tensor<1>, norm: (f64, bool)) -> [Tensor<4>; 3] {
    let channels = x.dims()[1];
    let mean = |x: Tensor<4>| x.mean_dim(0).mean_dim(2).mean_dim(3);
    let learnt = |numbers: &Tensor<1>| numbers.clone().reshape([1, channels, 1, 1]);
    let average = mean(x.clone());
    let centred = x - average.clone();
    let variance = mean(centred.clone().square());
    let y = centred / variance.clone().add_scalar(norm.0).sqrt() * learnt(scale) + learnt(shift);
    [if norm.1 { y.clamp_min(0.0) } else { y }, average, variance]
}

#[test]
fn normalisations_and_their_gradients() {
    for (batch, window) in windows() {
        for rectified in [false, true] {
            let what = format!("{batch} x {window:?}, rectified: {rectified}");
            let (x, w) = operands(batch, &window);
            let (scale, shift) = (random(5, [window.channels[1]]), random(6, [window.channels[1]]));
            let norm = || Norm { scale: scale.clone(), shift: shift.clone(), epsilon: 1e-3, rectified };
            let found = convolve_normalized(&x, &w, window.clone(), rectified, &norm()).unwrap();
            let [x2, w2] = [in_doubles(&x), in_doubles(&w)];
            let [scale2, shift2] = [in_doubles(&scale), in_doubles(&shift)];
            let input = if rectified { x2.clone().clamp_min(0.0) } else { x2.clone() };
            let between = module::conv2d(input, w2.clone(), None, options(&window));
            let [y2, mean, variance] = normalized(between.clone(), &scale2, &shift2, (1e-3, rectified));
            close(&what, found.output.clone(), y2.clone());
            close(&what, found.mean, mean.without_autodiff().reshape([window.channels[1]]));
            close(&what, found.variance, variance.without_autodiff().reshape([window.channels[1]]));
            let weights = random(4, y2.dims());
            let gradients = (found.output * weights.clone()).sum().backward();
            let expected = (y2 * in_doubles(&weights)).sum().backward();
            close(&what, x.grad(&gradients).unwrap(), x2.grad(&expected).unwrap());
            close(&what, w.grad(&gradients).unwrap(), w2.grad(&expected).unwrap());
            close(&what, scale.grad(&gradients).unwrap(), scale2.grad(&expected).unwrap());
            close(&what, shift.grad(&gradients).unwrap(), shift2.grad(&expected).unwrap());

            // The normalisation alone.
            let x: Tensor<4> = between.detach().cast(FloatDType::F32).detach().require_grad();
            let found = normalize(&x, &norm()).unwrap();
            let x2 = in_doubles(&x);
            let [y2, ..] = normalized(x2.clone(), &scale2, &shift2, (1e-3, rectified));
            close(&what, found.output.clone(), y2.clone());
            let gradients = (found.output * weights.clone()).sum().backward();
            let expected = (y2 * in_doubles(&weights)).sum().backward();
            close(&what, x.grad(&gradients).unwrap(), x2.grad(&expected).unwrap());
            close(&what, scale.grad(&gradients).unwrap(), scale2.grad(&expected).unwrap());
        }
    }
}

#[test]
fn other_precisions_are_left_to_burn() {
    let (_, window) = windows().remove(0);
    let (x, w) = operands(1, &window);
    assert!(convolve(&in_doubles(&x), &in_doubles(&w), None, window, false).is_none());
}
