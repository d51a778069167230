//! Compares every kernel with burn's own operators in double precision.

#![allow(clippy::unwrap_used)]

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, FloatDType, Tensor, TensorData, activation, module};
use nas_api::rng::{RngExt, seeded};

use super::autodiff::ConvAlgorithm;
use super::conv_direct::Operands;
use super::{
    Curve, Norm, Rectifier, Seen, Window, convolve, convolve_normalized, linear, normalize, normalize_rows, products,
    softmax,
};

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

/// Checks that the difference is within 2e-5 of the largest expected number.
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
        (
            6,
            Window { channels: [6, 6], groups: 6, kernel: [5, 5], pads: [[2, 2]; 2], strides: [2, 2], ..plain.clone() },
        ),
        (6, Window { channels: [6, 12], groups: 3, ..plain.clone() }),
        (6, Window { channels: [12, 6], groups: 2, strides: [2, 2], ..plain.clone() }),
        (2, Window { channels: [3, 1], size: [1, 40], kernel: [1, 5], pads: [[0, 0], [2, 2]], ..plain.clone() }),
        (64, Window { channels: [40, 24], size: [2, 2], ..plain.clone() }),
        // Many channels: computed by tiles.
        (27, Window { channels: [24, 40], size: [14, 9], ..plain.clone() }),
        (64, Window { channels: [16, 17], size: [8, 8], ..plain.clone() }),
        (13, Window { channels: [33, 24], size: [4, 5], pads: [[0, 2], [3, 1]], ..plain.clone() }),
        (12, Window { channels: [24, 24], size: [5, 4], pads: [[0, 0]; 2], ..plain.clone() }),
        // Strided windows: computed as one product.
        (27, Window { strides: [2, 2], ..plain.clone() }),
        (13, Window { strides: [2, 3], kernel: [2, 3], pads: [[1, 0], [0, 2]], dilations: [2, 1], ..plain.clone() }),
        (64, Window { size: [8, 8], strides: [2, 2], kernel: [1, 1], pads: [[0, 0]; 2], ..plain.clone() }),
        (12, Window { size: [5, 5], kernel: [1, 1], pads: [[0, 0]; 2], ..plain.clone() }),
        (12, Window { size: [4, 5], kernel: [1, 1], pads: [[1, 0], [0, 2]], ..plain.clone() }),
        // The border is too large for one product.
        (16, Window { size: [16, 16], strides: [2, 2], dilations: [300, 300], pads: [[300, 300]; 2], ..plain.clone() }),
        (8, Window { size: [4, 4], strides: [2, 2], ..plain.clone() }),
        (8, Window { size: [4, 4], strides: [2, 2], kernel: [1, 1], pads: [[0, 0]; 2], ..plain.clone() }),
        (
            9,
            Window {
                size: [3, 4],
                strides: [1, 3],
                kernel: [2, 3],
                pads: [[1, 0], [0, 2]],
                dilations: [2, 1],
                ..plain.clone()
            },
        ),
        (8, Window { size: [8, 8], kernel: [8, 8], pads: [[0, 0]; 2], ..plain.clone() }),
        (64, Window { channels: [8, 9], size: [1, 1], kernel: [1, 1], pads: [[0, 0]; 2], ..plain.clone() }),
        (64, Window { channels: [8, 9], size: [1, 1], ..plain.clone() }),
        (64, Window { channels: [8, 9], size: [1, 2], kernel: [5, 7], pads: [[2, 2], [3, 3]], ..plain.clone() }),
        (9, Window { size: [2, 1], kernel: [7, 7], pads: [[4, 2], [7, 5]], dilations: [1, 2], ..plain.clone() }),
        (9, Window { size: [1, 1], strides: [2, 2], ..plain.clone() }),
        (9, Window { size: [2, 2], kernel: [7, 7], strides: [2, 2], pads: [[3, 3]; 2], ..plain }),
    ]
}

const RECTIFIERS: [Option<Rectifier>; 3] = [None, Some(Rectifier(f32::INFINITY)), Some(Rectifier(0.5))];

fn rectified(x: Tensor<4>, rectifier: Option<Rectifier>) -> Tensor<4> {
    match rectifier {
        Some(Rectifier(most)) => x.clamp(0.0, most),
        None => x,
    }
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

/// Without this check, moving a limit could leave a kernel untested.
#[test]
fn every_convolution_kernel_is_tested() {
    let mut served = [0; 4];
    for (batch, window) in windows() {
        let (x, w) = (vec![0.0; batch * window.channels[0] * window.size[0] * window.size[1]], Vec::new());
        let operands = Operands { window: &window, batch, input: &x, weight: &w, rectifier: None };
        let kernel = match ConvAlgorithm::of(operands) {
            ConvAlgorithm::ConvMatrix(_) => 0,
            ConvAlgorithm::Tiles => 1,
            ConvAlgorithm::Unfolded => 2,
            ConvAlgorithm::Lines => 3,
        };
        served[kernel] += 1;
        assert!(kernel == 3 || window.dilations[0] < 300, "{window:?}");
    }
    assert!(served.iter().zip([4, 4, 5, 10]).all(|(served, least)| *served >= least), "{served:?}");
}

#[test]
fn convolutions_and_their_gradients_agree_with_burn() {
    for (batch, window) in windows() {
        for rectifier in RECTIFIERS {
            let what = format!("{batch} x {window:?}, {rectifier:?}");
            let ((x, w), b) = (operands(batch, &window), random(3, [window.channels[1]]));
            let y = convolve(&x, &w, Some(&b), window.clone(), rectifier).unwrap();
            let (x2, w2, b2) = (in_doubles(&x), in_doubles(&w), in_doubles(&b));
            let input = rectified(x2.clone(), rectifier);
            let y2 = module::conv2d(input, w2.clone(), Some(b2.clone()), options(&window));
            close(&what, y.clone(), y2.clone());
            let before = y.clone().without_autodiff();
            let weights = random(4, y.dims());
            let gradients = (y * weights.clone()).sum().backward();
            let expected = (y2 * in_doubles(&weights)).sum().backward();
            close(&what, x.grad(&gradients).unwrap(), x2.grad(&expected).unwrap());
            close(&what, w.grad(&gradients).unwrap(), w2.grad(&expected).unwrap());
            close(&what, b.grad(&gradients).unwrap(), b2.grad(&expected).unwrap());
            // The result is the same without gradients and without a bias.
            let plain = [x.without_autodiff(), w.without_autodiff()];
            let again = convolve(&plain[0], &plain[1], None, window.clone(), rectifier).unwrap();
            let bias = b.without_autodiff().reshape([1, window.channels[1], 1, 1]);
            close(&what, again + bias, before);
        }
    }
}

/// Batch normalisation in burn's arithmetic: the output, mean and variance.
fn normalized(x: Tensor<4>, scale: &Tensor<1>, shift: &Tensor<1>, norm: (f64, Option<Rectifier>)) -> [Tensor<4>; 3] {
    let channels = x.dims()[1];
    let mean = |x: Tensor<4>| x.mean_dim(0).mean_dim(2).mean_dim(3);
    let learnt = |numbers: &Tensor<1>| numbers.clone().reshape([1, channels, 1, 1]);
    let average = mean(x.clone());
    let centred = x - average.clone();
    let variance = mean(centred.clone().square());
    let y = centred / variance.clone().add_scalar(norm.0).sqrt() * learnt(scale) + learnt(shift);
    [rectified(y, norm.1), average, variance]
}

#[test]
fn normalisations_and_their_gradients_agree_with_burn() {
    for (batch, window) in windows() {
        for rectifier in RECTIFIERS {
            let what = format!("{batch} x {window:?}, {rectifier:?}");
            let (x, w) = operands(batch, &window);
            let (scale, shift) = (random(5, [window.channels[1]]), random(6, [window.channels[1]]));
            let norm = || Norm { scale: scale.clone(), shift: shift.clone(), epsilon: 1e-3, rectifier };
            let found = convolve_normalized(&x, &w, window.clone(), rectifier, &norm()).unwrap();
            let [x2, w2] = [in_doubles(&x), in_doubles(&w)];
            let [scale2, shift2] = [in_doubles(&scale), in_doubles(&shift)];
            let input = rectified(x2.clone(), rectifier);
            let between = module::conv2d(input, w2.clone(), None, options(&window));
            let [y2, mean, variance] = normalized(between.clone(), &scale2, &shift2, (1e-3, rectifier));
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

            // The same normalisation without the convolution.
            let x: Tensor<4> = between.detach().cast(FloatDType::F32).detach().require_grad();
            let found = normalize(&x, &norm()).unwrap();
            let x2 = in_doubles(&x);
            let [y2, ..] = normalized(x2.clone(), &scale2, &shift2, (1e-3, rectifier));
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
    assert!(convolve(&in_doubles(&x), &in_doubles(&w), None, window, None).is_none());
}

/// Compares values and gradients of a function of one tensor.
fn same<const D: usize>(
    what: &str,
    x: &Tensor<D>,
    ours: impl Fn(&Tensor<D>) -> Option<Tensor<D>>,
    theirs: impl Fn(Tensor<D>) -> Tensor<D>,
) {
    let (y, x2) = (ours(x).unwrap(), in_doubles(x));
    let y2 = theirs(x2.clone());
    close(what, y.clone(), y2.clone());
    close(what, ours(&x.clone().without_autodiff()).unwrap(), y2.clone());
    let weights = random(4, y.dims());
    let gradients = (y * weights.clone()).sum().backward();
    let expected = (y2 * in_doubles(&weights)).sum().backward();
    close(what, x.grad(&gradients).unwrap(), x2.grad(&expected).unwrap());
}

#[test]
fn activations_and_their_derivatives_agree_with_burn() {
    let x = random(7, [33, 7]) * 6.0;
    let x = x.detach().require_grad();
    type Function = fn(Tensor<2>) -> Tensor<2>;
    let curves: [(Curve, Function); 7] = [
        (Curve::Clip { min: 0.0, max: f32::INFINITY }, |x| x.clamp_min(0.0)),
        (Curve::Clip { min: -1.5, max: 3.0 }, |x| x.clamp(-1.5, 3.0)),
        (Curve::Gelu, activation::gelu),
        (Curve::GeluTanh, activation::gelu_approximate),
        (Curve::Silu, activation::silu),
        (Curve::HardSwish, |x| x.clone() * (x.div_scalar(6.0).add_scalar(0.5)).clamp(0.0, 1.0)),
        (Curve::Sigmoid, activation::sigmoid),
    ];
    for (curve, theirs) in curves {
        same(&format!("{curve:?}"), &x, |x| curve.apply(x), theirs);
    }
}

#[test]
fn row_normalisations_and_their_gradients_agree_with_burn() {
    for (rows, width) in [(5, 3), (4, 128), (1, 1), (7, 33)] {
        for centred in [false, true] {
            let (x, scale, shift) = (random(1, [rows, width]), random(2, [width]), random(3, [width]));
            let ours = normalize_rows(&x, &scale, Some(&shift), 1e-4, centred).unwrap();
            let [x2, scale2, shift2] = [in_doubles(&x), in_doubles(&scale).unsqueeze(), in_doubles(&shift).unsqueeze()];
            let [scale2, shift2] = [scale2.detach().require_grad(), shift2.detach().require_grad()];
            let centre = if centred { x2.clone() - x2.clone().mean_dim(1) } else { x2.clone() };
            let spread = centre.clone().square().mean_dim(1).add_scalar(1e-4).sqrt();
            let theirs = centre / spread * scale2.clone() + shift2.clone();
            let what = format!("{rows} x {width}, centred: {centred}");
            close(&what, ours.clone(), theirs.clone());
            let weights = random(4, [rows, width]);
            let gradients = (ours * weights.clone()).sum().backward();
            let expected = (theirs * in_doubles(&weights)).sum().backward();
            if width > 1 {
                close(&what, x.grad(&gradients).unwrap(), x2.grad(&expected).unwrap());
            }
            close(&what, scale.grad(&gradients).unwrap().unsqueeze::<2>(), scale2.grad(&expected).unwrap());
            close(&what, shift.grad(&gradients).unwrap().unsqueeze::<2>(), shift2.grad(&expected).unwrap());
        }
    }
}

#[test]
fn softmax_sees_the_visible_columns_only() {
    let x = (random(1, [2, 3, 10, 5]) * 9.0).detach().require_grad();
    same("all", &x, |x| softmax(x, 0.7, Seen::All), |x| activation::softmax(x * 0.7, 3));
    for count in [1, 2, 5] {
        let unseen = (0..10).flat_map(|row| {
            (0..5).map(move |to| {
                let from = row % 5;
                if to <= from && from - to < count { 0.0_f32 } else { f32::NEG_INFINITY }
            })
        });
        let mask = TensorData::new(unseen.collect::<Vec<f32>>(), [1, 1, 10, 5]);
        let theirs = |x: Tensor<4>| {
            let mask: Tensor<4> = Tensor::from_data(mask.clone(), &device());
            activation::softmax(x * 0.7 + mask.cast(FloatDType::F64), 3)
        };
        same(&format!("{count} before"), &x, |x| softmax(x, 0.7, Seen::Before { rows: 5, count }), theirs);
    }
}

#[test]
fn matrix_products_work_in_any_memory_layout() {
    for (rows, inner, columns) in [(7, 5, 3), (1, 1, 1), (64, 33, 20)] {
        for turned in [false, true] {
            let (x, b) = (random(1, [rows, inner]), random(3, [columns]));
            let w = if turned { random(2, [columns, inner]) } else { random(2, [inner, columns]) };
            let straight = |w: &Tensor<2>| if turned { w.clone().transpose() } else { w.clone() };
            for bias in [None, Some(&b)] {
                let what = format!("{rows} x {inner} x {columns}, turned: {turned}, bias: {}", bias.is_some());
                let y = linear(&x, &straight(&w), bias).unwrap();
                let [x2, w2] = [in_doubles(&x), in_doubles(&w)];
                let b2 = in_doubles(&b);
                let y2 = module::linear(x2.clone(), straight(&w2), bias.map(|_| b2.clone()));
                close(&what, y.clone(), y2.clone());
                let weights = random(4, y.dims());
                let gradients = (y * weights.clone()).sum().backward();
                let expected = (y2 * in_doubles(&weights)).sum().backward();
                close(&what, x.grad(&gradients).unwrap(), x2.grad(&expected).unwrap());
                close(&what, w.grad(&gradients).unwrap(), w2.grad(&expected).unwrap());
                if bias.is_some() {
                    close(&what, b.grad(&gradients).unwrap(), b2.grad(&expected).unwrap());
                }
            }
        }
    }
    let (a, b) = (random(1, [2, 7, 3, 5]), random(2, [2, 4, 3, 5]));
    let turn = |x: &Tensor<4>| x.clone().permute([0, 2, 1, 3]);
    let flip = |x: &Tensor<4>| x.clone().permute([0, 2, 3, 1]);
    let y = products(&turn(&a), &flip(&b)).unwrap();
    let [a2, b2] = [in_doubles(&a), in_doubles(&b)];
    let y2 = turn(&a2).matmul(flip(&b2));
    close("batches", y.clone(), y2.clone());
    let weights = random(4, y.dims());
    let gradients = (y * weights.clone()).sum().backward();
    let expected = (y2 * in_doubles(&weights)).sum().backward();
    close("batches", a.grad(&gradients).unwrap(), a2.grad(&expected).unwrap());
    close("batches", b.grad(&gradients).unwrap(), b2.grad(&expected).unwrap());
    assert!(products(&turn(&a), &flip(&random(2, [1, 4, 3, 5]))).is_none());
}
