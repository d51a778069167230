//! Networks with convolutions, pooling, normalisations and operators that rearrange images.

use nas_api::graph::builder::{float, int, ints, text};
use nas_api::{Attribute, Symbol, Window};

use super::{Attributes, Body, Zoo, flat_network, image_network, map_network, rows_network, signal_network};

/// The operators that image spaces use.
pub fn images(zoo: &mut Zoo) {
    let same = Window::same(3, 1);
    zoo.add("BatchNormalization of numbers", flat_network(|graph, x| graph.op("body", "BatchNormalization", &[x])));
    zoo.add("Conv", image_network(|graph, x| graph.conv("body", x, 4, same)));
    zoo.add(
        "Conv with everything set",
        image_network(|graph, x| {
            let attributes = vec![
                int("out_channels", 4),
                ints("kernel_shape", &[3, 2]),
                ints("strides", &[2, 1]),
                ints("pads", &[2, 0, 1, 1]),
                ints("dilations", &[1, 2]),
                int("group", 2),
            ];
            graph.node("body", "Conv", &[x], attributes)
        }),
    );
    zoo.add(
        "BatchNormalization of images",
        image_network(|graph, x| {
            let conv = graph.conv("conv", x, 3, same);
            graph.node("body", "BatchNormalization", &[conv], vec![float("epsilon", 1e-3)])
        }),
    );
    let window = vec![ints("kernel_shape", &[3, 2]), ints("strides", &[2, 1]), ints("pads", &[1, 0, 1, 1])];
    let all = [window.clone(), vec![int("count_include_pad", 1)]].concat();
    for (op, set) in [("MaxPool", &window), ("AveragePool", &window), ("AveragePool", &all)] {
        zoo.add(
            format!("{op} {set:?}"),
            image_network(|graph, x| {
                let conv = graph.conv("conv", x, 3, same);
                graph.node("body", op, &[conv], set.clone())
            }),
        );
    }
    for op in ["GlobalAveragePool", "GlobalMaxPool"] {
        zoo.add(
            op,
            image_network(|graph, x| {
                let conv = graph.conv("conv", x, 3, same);
                graph.op("body", op, &[conv])
            }),
        );
    }
    zoo.add(
        "Add, Mul, Sum and Concat of values used twice",
        image_network(|graph, x| {
            let a = graph.conv("a", x, 2, same);
            let b = graph.conv("b", a, 2, same);
            let sum = graph.op("add", "Add", &[a, b]);
            let product = graph.op("mul", "Mul", &[sum, b]);
            let all = graph.op("sum", "Sum", &[a, sum, product]);
            let concat = graph.node("concat", "Concat", &[all, x, all], vec![int("axis", 1)]);
            graph.op("body", "Tanh", &[concat])
        }),
    );
    zoo.add(
        "a constant and a zero",
        image_network(|graph, x| {
            let a = graph.conv("a", x, 2, same);
            let half = graph.node("half", "Constant", &[], vec![float("value_float", 0.5)]);
            let scaled = graph.op("scaled", "Mul", &[a, half]);
            let shifted = graph.op("shifted", "Add", &[scaled, half]);
            let zeros = graph.zeros("none", a);
            graph.op("body", "Add", &[shifted, zeros])
        }),
    );
}

fn window(kernel: &[i64], strides: &[i64], pads: &[i64]) -> Attributes {
    vec![ints("kernel_shape", kernel), ints("strides", strides), ints("pads", pads)]
}

pub fn windows(zoo: &mut Zoo) {
    let signal = |body: &Body<'_>| signal_network(body);
    let map = |body: &Body<'_>| map_network(body);
    let with = |window: Attributes, more: &[(Symbol, Attribute)]| [window, more.to_vec()].concat();
    let six = int("out_channels", 6);
    let grouped = [six.clone(), int("group", 2), int("bias", 0)];
    zoo.one(signal, "Conv", with(window(&[3], &[2], &[1, 1]), std::slice::from_ref(&six)));
    zoo.one(signal, "Conv", with(window(&[3], &[1], &[4, 0]), &[&grouped[..], &[ints("dilations", &[2])]].concat()));
    for op in ["MaxPool", "AveragePool"] {
        zoo.one(signal, op, window(&[3], &[2], &[1, 1]));
        zoo.one(signal, op, window(&[3], &[2], &[2, 0]));
        zoo.one(map, op, window(&[3, 3], &[2, 2], &[2, 0, 1, 2]));
    }
    zoo.one(signal, "AveragePool", with(window(&[3], &[2], &[2, 0]), &[int("count_include_pad", 1)]));
    zoo.one(signal, "GlobalAveragePool", vec![]);
    zoo.one(signal, "GlobalMaxPool", vec![]);
    zoo.one(signal, "BatchNormalization", vec![]);
    zoo.one(signal, "ConvTranspose", with(window(&[4], &[2], &[1, 1]), std::slice::from_ref(&six)));
    zoo.one(map, "ConvTranspose", with(window(&[3, 3], &[2, 2], &[1, 1, 1, 1]), &[int("out_channels", 2)]));
    let more = [&grouped[..], &[ints("output_padding", &[1, 2])]].concat();
    zoo.one(map, "ConvTranspose", with(window(&[3, 2], &[2, 3], &[1, 0, 1, 0]), &more));
    let dilated = [int("out_channels", 2), ints("dilations", &[1, 2])];
    zoo.one(map, "ConvTranspose", with(window(&[3, 3], &[2, 1], &[1, 0, 0, 2]), &dilated));
    zoo.add(
        "a tied Conv",
        image_network(|graph, x| {
            let a = graph.conv("a", x, 2, Window::same(3, 1));
            let half = graph.pool("half", "MaxPool", a, Window { kernel: 2, stride: 2, padding: 0 });
            graph.reuse("body", a, half)
        }),
    );
    zoo.one(map, "Resize", vec![ints("scales", &[2, 1])]);
    zoo.one(map, "Resize", vec![ints("scales", &[1, 3]), text("mode", "linear")]);
    zoo.one(map, "DepthToSpace", vec![int("blocksize", 2)]);
    zoo.add(
        "SpaceToDepth",
        image_network(|graph, x| {
            let x = graph.node("x", "Pad", &[x], vec![ints("pads", &[0, 0, 0, 0, 0, 1])]);
            let x = graph.conv("conv", x, 2, Window::same(3, 1));
            graph.node("body", "SpaceToDepth", &[x], vec![int("blocksize", 2)])
        }),
    );
}

pub fn norms(zoo: &mut Zoo) {
    let rows = |body: &Body<'_>| rows_network(body);
    let signal = |body: &Body<'_>| signal_network(body);
    let map = |body: &Body<'_>| map_network(body);
    zoo.one(rows, "LayerNormalization", vec![]);
    zoo.one(map, "LayerNormalization", vec![int("axis", 2), int("bias", 0), float("epsilon", 0.1)]);
    zoo.one(rows, "RMSNormalization", vec![]);
    zoo.one(map, "RMSNormalization", vec![int("axis", 1), float("epsilon", 0.1)]);
    zoo.one(map, "GroupNormalization", vec![int("num_groups", 2)]);
    zoo.one(signal, "GroupNormalization", vec![int("num_groups", 2), float("epsilon", 0.1)]);
    zoo.one(map, "InstanceNormalization", vec![]);
    zoo.one(signal, "InstanceNormalization", vec![float("epsilon", 0.1)]);
    zoo.add(
        "a tied GroupNormalization",
        map_network(|graph, x| {
            let a = graph.node("a", "GroupNormalization", &[x], vec![int("num_groups", 2)]);
            let positive = graph.op("positive", "Softplus", &[a]);
            graph.reuse("body", a, positive)
        }),
    );
}
