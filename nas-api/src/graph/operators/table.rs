//! The operators and their rules, in alphabetical order.

use super::Inputs::{Exactly, Some as Many};
use super::{Operator, Takes, activation, arrange, attention, check, combine, matrix, norm, reduce, window};

/// An operator with one input and no attributes, parameters and products.
const PLAIN: Operator = Operator {
    name: "",
    inputs: Exactly(1),
    attributes: &[],
    takes: Takes::Values,
    layer: false,
    shape: check::same,
    cost: None,
};

/// The operators, sorted by name. There are fewer than 255, so that an index fits into a byte.
#[rustfmt::skip]
pub const OPERATORS: &[Operator] = &[
    Operator { name: "Abs", ..PLAIN },
    Operator { name: "Add", inputs: Exactly(2), takes: Takes::Constants, shape: combine::elementwise, ..PLAIN },
    Operator {
        name: "Attention",
        inputs: Exactly(3),
        attributes: &["q_num_heads", "kv_num_heads", "is_causal", "scale", "softcap", "window"],
        layer: true,
        shape: attention::attention,
        cost: Some(attention::attention_cost),
        ..PLAIN
    },
    Operator { name: "Auxiliary", ..PLAIN },
    Operator {
        name: "AveragePool",
        attributes: &["kernel_shape", "strides", "pads", "count_include_pad"],
        shape: window::pool,
        ..PLAIN
    },
    Operator {
        name: "BatchNormalization",
        attributes: &["epsilon", "momentum"],
        shape: norm::batch,
        cost: Some(norm::channels_cost),
        ..PLAIN
    },
    Operator { name: "Choice", inputs: Many, attributes: &["decision"], shape: combine::choice, ..PLAIN },
    Operator { name: "Clip", attributes: &["min", "max"], shape: activation::clip, ..PLAIN },
    Operator {
        name: "Concat",
        inputs: Many,
        attributes: &["axis"],
        takes: Takes::Weights,
        shape: combine::concatenate,
        ..PLAIN
    },
    Operator {
        name: "Constant",
        inputs: Exactly(0),
        attributes: &["value_float"],
        shape: activation::constant,
        ..PLAIN
    },
    Operator {
        name: "Conv",
        attributes: &["out_channels", "kernel_shape", "strides", "pads", "dilations", "group", "bias", "tied"],
        layer: true,
        shape: window::conv,
        cost: Some(window::conv_cost),
        ..PLAIN
    },
    Operator {
        name: "ConvTranspose",
        attributes: &["out_channels", "kernel_shape", "strides", "pads", "output_padding", "dilations", "group", "bias"],
        layer: true,
        shape: window::conv_transpose,
        cost: Some(window::conv_transpose_cost),
        ..PLAIN
    },
    Operator { name: "DepthToSpace", attributes: &["blocksize"], shape: window::depth_to_space, ..PLAIN },
    Operator { name: "Div", inputs: Exactly(2), takes: Takes::Constants, shape: combine::elementwise, ..PLAIN },
    Operator { name: "DropPath", ..PLAIN },
    Operator { name: "Dropout", attributes: &["ratio"], shape: activation::dropout, ..PLAIN },
    Operator { name: "Elu", attributes: &["alpha"], shape: activation::sloped, ..PLAIN },
    Operator { name: "Erf", ..PLAIN },
    Operator { name: "Exp", ..PLAIN },
    Operator { name: "Flatten", shape: arrange::flatten, ..PLAIN },
    Operator {
        name: "Gather",
        attributes: &["num_embeddings", "embedding_dim"],
        shape: matrix::gather,
        cost: Some(matrix::gather_cost),
        ..PLAIN
    },
    Operator { name: "Gelu", attributes: &["approximate"], shape: activation::gelu, ..PLAIN },
    Operator {
        name: "Gemm",
        attributes: &["out_features", "bias", "tied", "rate"],
        layer: true,
        shape: matrix::gemm,
        cost: Some(matrix::gemm_cost),
        ..PLAIN
    },
    Operator { name: "GlobalAveragePool", shape: window::global_pool, ..PLAIN },
    Operator { name: "GlobalMaxPool", shape: window::global_pool, ..PLAIN },
    Operator {
        name: "GroupNormalization",
        attributes: &["num_groups", "epsilon", "tied"],
        shape: norm::group,
        cost: Some(norm::channels_cost),
        ..PLAIN
    },
    Operator { name: "HardSigmoid", attributes: &["alpha", "beta"], shape: activation::sloped, ..PLAIN },
    Operator { name: "HardSwish", ..PLAIN },
    Operator { name: "Identity", ..PLAIN },
    Operator { name: "Input", inputs: Exactly(0), ..PLAIN },
    Operator {
        name: "InstanceNormalization",
        attributes: &["epsilon"],
        shape: norm::instance,
        cost: Some(norm::channels_cost),
        ..PLAIN
    },
    Operator {
        name: "LayerNormalization",
        attributes: &["axis", "epsilon", "bias"],
        shape: norm::layer,
        cost: Some(norm::layer_cost),
        ..PLAIN
    },
    Operator { name: "LeakyRelu", attributes: &["alpha"], shape: activation::sloped, ..PLAIN },
    Operator { name: "Log", ..PLAIN },
    Operator { name: "LogSoftmax", attributes: &["axis"], shape: activation::softmax, ..PLAIN },
    Operator {
        name: "MatMul",
        inputs: Exactly(2),
        takes: Takes::Weights,
        layer: true,
        shape: matrix::product_of_two,
        cost: Some(matrix::product_of_two_cost),
        ..PLAIN
    },
    Operator { name: "Max", inputs: Exactly(2), takes: Takes::Constants, shape: combine::elementwise, ..PLAIN },
    Operator { name: "MaxPool", attributes: &["kernel_shape", "strides", "pads"], shape: window::pool, ..PLAIN },
    Operator { name: "Min", inputs: Exactly(2), takes: Takes::Constants, shape: combine::elementwise, ..PLAIN },
    Operator { name: "Mish", ..PLAIN },
    Operator { name: "Mul", inputs: Exactly(2), takes: Takes::Constants, shape: combine::elementwise, ..PLAIN },
    Operator { name: "Neg", ..PLAIN },
    Operator { name: "Pad", attributes: &["pads", "value"], shape: arrange::pad, ..PLAIN },
    Operator { name: "Pow", inputs: Exactly(2), takes: Takes::Constants, shape: combine::elementwise, ..PLAIN },
    Operator {
        name: "RMSNormalization",
        attributes: &["axis", "epsilon"],
        shape: norm::layer,
        cost: Some(norm::layer_cost),
        ..PLAIN
    },
    Operator { name: "Reciprocal", ..PLAIN },
    Operator { name: "ReduceMax", attributes: &["axes", "keepdims"], shape: reduce::reduce, ..PLAIN },
    Operator { name: "ReduceMean", attributes: &["axes", "keepdims"], shape: reduce::reduce, ..PLAIN },
    Operator { name: "ReduceMin", attributes: &["axes", "keepdims"], shape: reduce::reduce, ..PLAIN },
    Operator { name: "ReduceSum", attributes: &["axes", "keepdims"], shape: reduce::reduce, ..PLAIN },
    Operator { name: "Relu", ..PLAIN },
    Operator { name: "Reshape", attributes: &["shape"], shape: arrange::reshape, ..PLAIN },
    Operator { name: "Resize", attributes: &["scales", "mode"], shape: window::resize, ..PLAIN },
    Operator {
        name: "RotaryEmbedding",
        attributes: &["num_heads", "base", "rotary_embedding_dim", "interleaved"],
        shape: attention::rotary,
        ..PLAIN
    },
    Operator { name: "Routing", attributes: &["k"], shape: attention::routing, ..PLAIN },
    Operator { name: "Selu", ..PLAIN },
    Operator { name: "Sigmoid", ..PLAIN },
    Operator { name: "Slice", attributes: &["axis", "start", "end"], shape: arrange::slice, ..PLAIN },
    Operator { name: "Softmax", attributes: &["axis"], shape: activation::softmax, ..PLAIN },
    Operator { name: "Softplus", ..PLAIN },
    Operator { name: "SpaceToDepth", attributes: &["blocksize"], shape: window::space_to_depth, ..PLAIN },
    Operator { name: "Sqrt", ..PLAIN },
    Operator { name: "Sub", inputs: Exactly(2), takes: Takes::Constants, shape: combine::elementwise, ..PLAIN },
    Operator { name: "Sum", inputs: Many, shape: combine::alike, ..PLAIN },
    Operator { name: "Swish", attributes: &["alpha"], shape: activation::swish, ..PLAIN },
    Operator { name: "Tanh", ..PLAIN },
    Operator { name: "Transpose", attributes: &["perm"], shape: arrange::transpose, ..PLAIN },
    Operator {
        name: "Weight",
        inputs: Exactly(0),
        attributes: &["shape", "init"],
        shape: matrix::weight,
        cost: Some(matrix::weight_cost),
        ..PLAIN
    },
];

/// Returns the operator with this name.
pub fn find(name: &str) -> Option<&'static Operator> {
    let mut slot = hash(name.as_bytes());
    while let Some(&at) = SLOTS.get(slot).filter(|&&at| at != EMPTY) {
        let operator = &OPERATORS[usize::from(at)];
        if operator.name == name {
            return Some(operator);
        }
        slot = (slot + 1) % SLOTS.len();
    }
    None
}

const EMPTY: u8 = u8::MAX;

/// A hash table of indices into [`OPERATORS`], because every node of every graph is looked up twice.
static SLOTS: [u8; 512] = slots();

/// Hashes a name. If two names collide, the later one takes the next free slot.
const fn hash(name: &[u8]) -> usize {
    let count = name.len();
    if count == 0 {
        return 0;
    }
    let (first, middle, last) = (name[0] as usize, name[count / 2] as usize, name[count - 1] as usize);
    (count * 61 + first * 7 + middle * 31 + last * 127) % 512
}

const fn slots() -> [u8; 512] {
    let mut slots = [EMPTY; 512];
    let mut at = 0;
    while at < OPERATORS.len() {
        let mut slot = hash(OPERATORS[at].name.as_bytes());
        while slots[slot] != EMPTY {
            slot = (slot + 1) % slots.len();
        }
        slots[slot] = at as u8;
        at += 1;
    }
    slots
}
