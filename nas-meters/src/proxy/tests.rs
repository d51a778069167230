//! Checks every proxy against [`reference`](super::reference) or a closed form, and checks which changes of a network
//! keep its value and which networks have none.

use nas_api::graph::builder::{int, ints};
use nas_api::graph::weights::{Initializer, TensorSpec};
use nas_api::{Attribute, Graph, GraphBuilder, NodeId, SearchSpace, Settings, Task, Window};
use nas_spaces::NasBench201;

use super::probe::{BATCH, ProbedNetwork, SEED, normal};
use super::reference::{Mlp, Rows, dot, linear, log_determinant_and_inverse_trace, rows, sum};
use super::{Proxy, jacobian, nwot};
use nas_network::reference::{Batch, Weights, run, weights};

const INPUTS: i64 = 70;
const HIDDEN: i64 = 96;
const CLASSES: u32 = 3;

fn task(input_shape: &[i64], kind: &str) -> Task {
    let settings = Settings::default();
    Task { input_shape: input_shape.to_vec(), outputs: CLASSES, kind: kind.into(), settings }
}

fn flat() -> Task {
    task(&[INPUTS], "classification")
}

/// A network of the layers `hidden` and `head` with `between` in the middle.
fn mlp(between: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let hidden = graph.gemm("hidden", input, HIDDEN);
    let between = between(&mut graph, hidden);
    let head = graph.gemm("head", between, i64::from(CLASSES));
    graph.finish(&[head])
}

fn relu_mlp() -> Graph {
    mlp(|graph, x| graph.op("relu", "Relu", &[x]))
}

fn reference() -> Mlp {
    Mlp::of(&ProbedNetwork::new(&relu_mlp(), &flat()).unwrap())
}

fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs(), "{found}, not {expected}");
}

fn squares(rows: &Rows) -> f64 {
    rows.iter().flatten().map(|x| x * x).sum()
}

#[test]
fn snip_and_the_norms_match_plain_loops() {
    let (graph, mlp) = (relu_mlp(), reference());
    let gradients = mlp.gradients();
    let snip = sum(&mlp.weights, &gradients, |w, g| (w * g).abs());
    near(Proxy::Snip.score(&graph, &flat()).unwrap(), snip, 1e-5);
    let norms = |layers: &[Rows; 2]| layers.iter().map(|layer| squares(layer).sqrt()).sum::<f64>();
    near(Proxy::GradNorm.score(&graph, &flat()).unwrap(), norms(&gradients), 1e-5);
    near(Proxy::L2Norm.score(&graph, &flat()).unwrap(), norms(&mlp.weights), 1e-6);
}

#[test]
fn grasp_matches_the_exact_hessian() {
    let mlp = reference();
    let expected = -sum(&mlp.weights, &mlp.hessian_times(&mlp.gradients()), |w, h| w * h);
    near(Proxy::Grasp.score(&relu_mlp(), &flat()).unwrap(), expected, 1e-6);
}

#[test]
fn fisher_matches_plain_loops() {
    let mlp = reference();
    let information = |activations: &Rows, errors: &Rows, weights: i64| {
        let products: Rows =
            activations.iter().zip(errors).map(|(a, g)| a.iter().zip(g).map(|(a, g)| a * g).collect()).collect();
        0.5 * squares(&products) / BATCH as f64 * weights as f64
    };
    let expected = information(&mlp.hidden, &mlp.errors[0], INPUTS) + information(&mlp.outputs, &mlp.errors[1], HIDDEN);
    near(Proxy::Fisher.score(&relu_mlp(), &flat()).unwrap(), expected, 1e-5);
}

#[test]
fn nwot_counts_relus_that_agree() {
    let mlp = reference();
    let agree = |a: &[f64], b: &[f64]| a.iter().zip(b).filter(|(a, b)| (**a > 0.0) == (**b > 0.0)).count() as f64;
    let kernel = mlp.hidden.iter().map(|a| mlp.hidden.iter().map(|b| agree(a, b)).collect()).collect();
    let (expected, _) = log_determinant_and_inverse_trace(kernel);
    near(Proxy::Nwot.score(&relu_mlp(), &flat()).unwrap(), expected, 1e-12);
}

/// Σ ln(λ + k) is the logarithm of a determinant, and Σ 1 / (λ + k) the trace of an inverse.
#[test]
fn jacob_cov_matches_the_exact_gradients() {
    let gradients = reference().input_gradients();
    let centred: Rows = gradients
        .iter()
        .map(|row| {
            let mean = row.iter().sum::<f64>() / row.len() as f64;
            row.iter().map(|x| x - mean).collect()
        })
        .collect();
    let correlation = |a: &Vec<f64>, b: &Vec<f64>| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let mut matrix: Rows = centred.iter().map(|a| centred.iter().map(|b| correlation(a, b)).collect()).collect();
    matrix.iter_mut().enumerate().for_each(|(at, row)| row[at] += 1e-5);
    let (log, trace) = log_determinant_and_inverse_trace(matrix);
    near(Proxy::JacobCov.score(&relu_mlp(), &flat()).unwrap(), -(log + trace), 1e-3);
}

/// Every layer carries the same flow, the output R, so the value is ln(layers · R).
#[test]
fn synflow_counts_the_output_once_per_layer() {
    let mlp = reference();
    let absolute = |rows: &Rows| -> Rows { rows.iter().map(|row| row.iter().map(|x| x.abs()).collect()).collect() };
    let hidden = linear(&vec![vec![1.0; INPUTS as usize]], &absolute(&mlp.weights[0]));
    let output: f64 = linear(&hidden, &absolute(&mlp.weights[1]))[0].iter().sum();
    near(Proxy::Synflow.score(&relu_mlp(), &flat()).unwrap(), (2.0 * output).ln(), 1e-12);
}

fn deep(layers: usize) -> Graph {
    mlp(|graph, mut x| {
        for layer in 0..layers {
            x = graph.gemm(format!("deep{layer}"), x, HIDDEN);
            x = graph.op(format!("relu{layer}"), "Relu", &[x]);
        }
        x
    })
}

#[test]
fn synflow_of_a_deep_network_does_not_overflow() {
    let layers = 60;
    let subject = ProbedNetwork::new(&deep(layers), &flat()).unwrap();
    let arrays = subject.network.arrays().unwrap();
    let (mut value, mut log) = (vec![1.0; INPUTS as usize], 0.0);
    for array in arrays.iter().filter(|array| array.name.ends_with("weight")) {
        let magnitudes: Vec<f64> = array.values.iter().map(|&w| f64::from(w.abs())).collect();
        value = linear(&vec![value], &rows(&magnitudes, array.shape[1])).remove(0);
        let greatest = value.iter().copied().fold(0.0, f64::max);
        log += greatest.ln();
        value.iter_mut().for_each(|x| *x /= greatest);
    }
    let expected = (layers as f64 + 2.0).ln() + log + value.iter().sum::<f64>().ln();
    assert!(expected > f64::from(f32::MAX).ln(), "{expected} is no test of doubles");
    near(Proxy::Synflow.score(&deep(layers), &flat()).unwrap(), expected, 1e-9);
}

#[test]
fn values_that_are_not_finite_are_errors_that_name_the_proxy() {
    let error = Proxy::Zen.score(&deep(60), &flat()).unwrap_err().to_string();
    assert!(error.starts_with("zen is") && error.contains("too great"), "{error}");
}

const IMAGE: [i64; 3] = [2, 5, 4];

/// A network of `conv`, `between`, `pool` and `head`.
fn image_network(between: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Graph {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let conv = graph.conv("conv", input, 6, Window::same(3, 1));
    let value = between(&mut graph, conv);
    let pool = graph.op("pool", "GlobalAveragePool", &[value]);
    let flat = graph.op("flat", "Flatten", &[pool]);
    let head = graph.gemm("head", flat, i64::from(CLASSES));
    graph.finish(&[head])
}

/// The value of a node of the network for a batch.
fn value_of(graph: &Graph, node: &str, inputs: &[f32], known: &Weights) -> Batch {
    let output = graph.nodes.iter().position(|found| found.name == node).unwrap();
    let part = Graph { outputs: vec![output as u32], ..graph.clone() };
    let shape = IMAGE.iter().map(|&size| size as usize).collect();
    run(&part, &Batch { shape, values: inputs.iter().map(|&x| f64::from(x)).collect() }, known, true)
}

#[test]
fn zen_matches_the_movement_of_features_plus_the_running_scale_of_normalisations() {
    let normalised = image_network(|graph, x| {
        let x = graph.op("norm", "BatchNormalization", &[x]);
        graph.op("relu", "Relu", &[x])
    });
    let (graph, task) = (normalised, task(&IMAGE, "classification"));
    let mut known = weights(&ProbedNetwork::new(&graph, &task).unwrap().network.arrays().unwrap());
    for (name, numbers) in known.iter_mut().filter(|(name, _)| ["conv.weight", "head.weight"].contains(&name.as_str()))
    {
        let (name, shape) = (name.clone(), vec![numbers.len()]);
        let gaussian = TensorSpec { node: 0, name, what: "weight", shape, initializer: Initializer::Normal(1.0) };
        *numbers = gaussian.initial(SEED).map(f64::from).collect();
    }
    let (inputs, shift) = (normal("inputs", BATCH * 40), normal("shift", BATCH * 40));
    let moved: Vec<f32> = inputs.iter().zip(&shift).map(|(x, by)| x + 0.01 * by).collect();

    let (here, there) = (value_of(&graph, "relu", &inputs, &known), value_of(&graph, "relu", &moved, &known));
    let example = here.values.len() / BATCH;
    let difference: Vec<f64> = here.values.iter().zip(&there.values).map(|(a, b)| a - b).collect();
    let distance: f64 =
        difference.chunks(example).map(|row| row.iter().map(|x| x.abs()).sum::<f64>()).sum::<f64>() / BATCH as f64;
    let mean_variance = |inputs: &[f32]| {
        let conv = value_of(&graph, "conv", inputs, &known).values;
        let channel = |channel: usize| conv.iter().enumerate().filter(move |(at, _)| at / 20 % 6 == channel);
        let variance = |of: usize| {
            let mean = channel(of).map(|(_, x)| x).sum::<f64>() / (BATCH * 20) as f64;
            channel(of).map(|(_, x)| (x - mean).powi(2)).sum::<f64>() / (BATCH * 20 - 1) as f64
        };
        (0..6).map(variance).sum::<f64>() / 6.0
    };
    // PyTorch's running variance begins at 1 and takes a tenth of each new one.
    let running = 0.9 * (0.9 + 0.1 * mean_variance(&inputs)) + 0.1 * mean_variance(&moved);
    near(Proxy::Zen.score(&graph, &task).unwrap(), distance.ln() + running.sqrt().ln(), 1e-4);
}

/// Pooling makes the gradient the same at all positions, so that only a channel's mean counts.
#[test]
fn fisher_sums_over_positions_before_squaring() {
    let (graph, task) = (image_network(|_, x| x), task(&IMAGE, "classification"));
    let subject = ProbedNetwork::new(&graph, &task).unwrap();
    let known = weights(&subject.network.arrays().unwrap());
    let means = rows(&value_of(&graph, "pool", &subject.inputs, &known).values, 6);
    let head = rows(&known["head.weight"], 6);
    let (outputs, targets) = (linear(&means, &head), rows(&subject.targets, CLASSES as usize));
    let (mut conv, mut last) = (0.0, 0.0);
    for ((mean, output), target) in means.iter().zip(&outputs).zip(&targets) {
        let sum: f64 = output.iter().map(|x| x.exp()).sum();
        let error: Vec<f64> =
            output.iter().zip(target).map(|(x, target)| (x.exp() / sum - target) / BATCH as f64).collect();
        last += output.iter().zip(&error).map(|(a, g)| (a * g).powi(2)).sum::<f64>();
        let through = |channel: usize| head.iter().zip(&error).map(|(row, error)| row[channel] * error).sum::<f64>();
        conv += mean.iter().enumerate().map(|(channel, mean)| (mean * through(channel)).powi(2)).sum::<f64>();
    }
    // A channel has 2 · 3 · 3 weights, and an output has 6.
    let expected = 0.5 * (conv * 18.0 + last * 6.0) / BATCH as f64;
    near(Proxy::Fisher.score(&graph, &task).unwrap(), expected, 1e-4);
}

/// The network is y = Wx, and the loss is the squared error.
#[test]
fn proxies_of_a_linear_regression_match_closed_forms() {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let head = graph.gemm("head", input, i64::from(CLASSES));
    let (graph, task) = (graph.finish(&[head]), task(&[INPUTS], "regression"));
    let subject = ProbedNetwork::new(&graph, &task).unwrap();
    let weight = rows(&subject.network.arrays().unwrap()[0].values, INPUTS as usize);
    let (inputs, targets) = (rows(&subject.inputs, INPUTS as usize), rows(&subject.targets, CLASSES as usize));
    // The derivative of the mean over examples and outputs, for errors that are linear in the weights.
    let derivative = |errors: &Rows| -> Rows {
        let by = |output: usize, input: usize| -> f64 {
            errors.iter().zip(&inputs).map(|(error, x)| error[output] * x[input]).sum()
        };
        let scale = 2.0 / (BATCH * CLASSES as usize) as f64;
        (0..CLASSES as usize)
            .map(|output| (0..INPUTS as usize).map(|input| scale * by(output, input)).collect())
            .collect()
    };
    let outputs = linear(&inputs, &weight);
    let errors: Rows =
        outputs.iter().zip(&targets).map(|(y, t)| y.iter().zip(t).map(|(y, t)| y - t).collect()).collect();
    let gradient = derivative(&errors);
    let against = |other: &Rows, f: fn(f64) -> f64| -> f64 {
        weight.iter().flatten().zip(other.iter().flatten()).map(|(w, other)| f(w * other)).sum()
    };
    near(Proxy::Snip.score(&graph, &task).unwrap(), against(&gradient, f64::abs), 1e-5);
    near(Proxy::GradNorm.score(&graph, &task).unwrap(), squares(&gradient).sqrt(), 1e-5);
    let hessian_times_gradient = derivative(&linear(&inputs, &gradient));
    near(Proxy::Grasp.score(&graph, &task).unwrap(), -against(&hessian_times_gradient, |x| x), 1e-6);
    let error = Proxy::Nwot.score(&graph, &task).unwrap_err().to_string();
    assert!(error.starts_with("nwot") && error.contains("no Relu"), "{error}");
}

#[test]
fn nwot_and_jacob_cov_do_not_depend_on_the_order_of_examples() {
    let (graph, task) = (relu_mlp(), flat());
    let subject = || ProbedNetwork::new(&graph, &task).unwrap();
    let reversed = || {
        let mut subject = subject();
        subject.inputs = subject.inputs.chunks(INPUTS as usize).rev().flatten().copied().collect();
        subject
    };
    near(nwot::score(&mut reversed()).unwrap(), nwot::score(&mut subject()).unwrap(), 1e-12);
    near(jacobian::score(&mut reversed()).unwrap(), jacobian::score(&mut subject()).unwrap(), 1e-9);
}

#[test]
fn nwot_is_an_error_if_two_examples_have_equal_codes() {
    let mut subject = ProbedNetwork::new(&relu_mlp(), &flat()).unwrap();
    let first = subject.inputs[..INPUTS as usize].to_vec();
    subject.inputs[INPUTS as usize..2 * INPUTS as usize].copy_from_slice(&first);
    assert!(nwot::score(&mut subject).is_err());
}

#[test]
fn normalisations_do_not_change_synflow_and_dropout_changes_no_proxy() {
    let normalised = mlp(|graph, x| {
        let x = graph.op("norm", "BatchNormalization", &[x]);
        graph.op("relu", "Relu", &[x])
    });
    let plain = Proxy::Synflow.score(&relu_mlp(), &flat()).unwrap();
    assert_eq!(Proxy::Synflow.score(&normalised, &flat()).unwrap(), plain);
    let dropped = mlp(|graph, x| {
        let x = graph.op("relu", "Relu", &[x]);
        graph.node("drop", "Dropout", &[x], vec![("ratio".into(), Attribute::Float(0.5))])
    });
    for proxy in Proxy::ALL {
        let of = |graph: &Graph| proxy.score(graph, &flat()).unwrap();
        // Zen's features are the values that the head reads, which dropout does not change here.
        assert_eq!(of(&dropped), of(&relu_mlp()), "{}", proxy.name());
    }
}

/// A small network of a cell of NAS-Bench-201.
fn cell(text: &str) -> (Graph, Task) {
    let space = NasBench201::new();
    let mut settings = Settings::defaults(&space.task_parameters());
    for (name, value) in [("channels", 4.0), ("cells", 1.0)] {
        settings.0.iter_mut().find(|setting| setting.name == name).unwrap().value = nas_api::Value::Number(value);
    }
    let task = Task { input_shape: vec![3, 8, 8], outputs: 10, kind: "classification".into(), settings };
    (space.build(&space.parse(text).unwrap(), &task).unwrap(), task)
}

#[test]
fn equal_networks_have_identical_values_and_different_networks_do_not() {
    let one = "|nor_conv_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_1x1~2|";
    let other = "|nor_conv_1x1~0|+|none~0|nor_conv_1x1~1|+|avg_pool_3x3~0|skip_connect~1|skip_connect~2|";
    for proxy in Proxy::ALL {
        let of = |text: &str| {
            let (graph, task) = cell(text);
            proxy.score(&graph, &task).unwrap().to_bits()
        };
        assert_eq!(of(one), of(one), "{}", proxy.name());
        assert_ne!(of(one), of(other), "{}", proxy.name());
    }
}

#[test]
fn a_network_without_a_path_to_its_output_scores_0_or_is_an_error() {
    let (graph, task) = cell("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|");
    for proxy in [Proxy::Synflow, Proxy::JacobCov, Proxy::Nwot, Proxy::Zen] {
        let error = proxy.score(&graph, &task).unwrap_err().to_string();
        assert!(error.starts_with(proxy.name()), "{error}");
    }
    for proxy in [Proxy::Snip, Proxy::Grasp, Proxy::Fisher] {
        assert_eq!(proxy.score(&graph, &task).unwrap(), 0.0, "{}", proxy.name());
    }
}

#[test]
fn networks_that_cannot_be_trained_are_refused() {
    let decision = || vec![("decision".into(), Attribute::Text("open".into()))];
    let supernet = mlp(|graph, x| graph.node("body", "Choice", &[x, x], decision()));
    let mut tokens = GraphBuilder::new();
    let input = tokens.input();
    let sizes = vec![int("num_embeddings", 7), int("embedding_dim", 3)];
    let embedded = tokens.node("table", "Gather", &[input], sizes);
    let flattened = tokens.op("flat", "Flatten", &[embedded]);
    let head = tokens.gemm("head", flattened, flat().outputs.into());
    let tokens = tokens.finish(&[head]);
    for proxy in Proxy::ALL {
        let error = |graph| proxy.score(graph, &flat()).unwrap_err().to_string();
        assert!(error(&supernet).contains("'body' (Choice)"), "{}: {}", proxy.name(), error(&supernet));
        assert!(error(&tokens).contains("reads tokens"), "{}: {}", proxy.name(), error(&tokens));
    }
}

/// Operators that compute with tables of their own must also do so in doubles.
#[test]
fn rotary_attention_and_resized_images_have_values() {
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let heads = || int("num_heads", 2);
    let turned = graph.node("turned", "RotaryEmbedding", &[input], vec![heads()]);
    let causal = vec![int("q_num_heads", 2), int("kv_num_heads", 2), int("is_causal", 1)];
    let attended = graph.node("attended", "Attention", &[turned, turned, input], causal);
    let wide = graph.gemm("wide", attended, 16);
    let relu = graph.op("relu", "Relu", &[wide]);
    let image = graph.node("image", "Reshape", &[relu], vec![ints("shape", &[4, 4, 4])]);
    let linear = vec![ints("scales", &[2, 2]), ("mode".into(), Attribute::Text("linear".into()))];
    let grown = graph.node("grown", "Resize", &[image], linear);
    let conv = graph.conv("conv", grown, 8, Window::same(3, 1));
    let norm = graph.op("norm", "BatchNormalization", &[conv]);
    let flat = graph.op("flat", "Flatten", &[norm]);
    let head = graph.gemm("head", flat, CLASSES.into());
    let graph = graph.finish(&[head]);
    for proxy in Proxy::ALL {
        let value = proxy.score(&graph, &task(&[4, 8], "classification"));
        assert!(value.as_ref().is_ok_and(|value| value.is_finite()), "{}: {value:?}", proxy.name());
    }
}
