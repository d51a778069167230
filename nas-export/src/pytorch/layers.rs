//! Writes PyTorch's modules, for nodes with weights and nodes that behave otherwise in training.

use nas_api::Node;
use nas_api::graph::GraphError;

use super::names::{sizes, tuple};
use nas_api::graph::weights::has_bias;

/// Returns `True` or `False`.
pub fn boolean(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// Returns the expression with which `__init__` creates the node's module or parameter; `None` if it has none.
///
/// # Errors
/// Fails if an attribute is missing or invalid.
pub fn layer(node: &Node, input: &[i64], output: &[i64]) -> Result<Option<String>, GraphError> {
    let epsilon = |default| node.float("epsilon", default);
    Ok(Some(match node.op.as_str() {
        "Gemm" if !node.text("tied", "")?.is_empty() => {
            if !has_bias(node)? {
                return Ok(None);
            }
            format!("nn.Parameter(torch.zeros({}))", output[output.len() - 1])
        }
        "Gemm" => {
            let (from, to) = (input[input.len() - 1], output[output.len() - 1]);
            format!("nn.Linear({from}, {to}{})", no_bias(node)?)
        }
        "Conv" | "ConvTranspose" => convolution(node, input, output)?,
        "BatchNormalization" => {
            let kind = if input.len() == 3 { "2d" } else { "1d" };
            // PyTorch's momentum is the share of the new statistics, ONNX's that of the old ones.
            let momentum = ((1.0 - node.float("momentum", 0.9)?) * 1e12).round() / 1e12;
            format!("nn.BatchNorm{kind}({}, eps={:?}, momentum={momentum:?})", input[0], epsilon(1e-5)?)
        }
        "LayerNormalization" => {
            let normalised = tuple(&input[node.axis("axis", Some(-1), input.len())?..]);
            format!("nn.LayerNorm({normalised}, eps={:?}{})", epsilon(1e-5)?, no_bias(node)?)
        }
        "RMSNormalization" => {
            let normalised = tuple(&input[node.axis("axis", Some(-1), input.len())?..]);
            format!("nn.RMSNorm({normalised}, eps={:?})", epsilon(1e-5)?)
        }
        "GroupNormalization" => {
            format!("nn.GroupNorm({}, {}, eps={:?})", node.int("num_groups", None)?, input[0], epsilon(1e-5)?)
        }
        "InstanceNormalization" => match input.len() {
            axes @ 2..=4 => {
                format!("nn.InstanceNorm{}d({}, eps={:?}, affine=True)", axes - 1, input[0], epsilon(1e-5)?)
            }
            _ => format!("nn.GroupNorm({0}, {0}, eps={1:?})", input[0], epsilon(1e-5)?),
        },
        "Gather" => {
            format!("nn.Embedding({}, {})", node.int("num_embeddings", None)?, node.int("embedding_dim", None)?)
        }
        "Weight" => format!("nn.Parameter(torch.zeros({}))", tuple(output)),
        "Dropout" => format!("nn.Dropout({:?})", node.float("ratio", 0.5)?),
        _ => return Ok(None),
    }))
}

/// Returns the keys of `state_dict` for a node's weights: the end of the key after the module's name, and the weight's
/// role.
///
/// # Errors
/// Fails if an attribute is invalid.
pub fn keys(node: &Node) -> Result<Vec<(&'static str, &'static str)>, GraphError> {
    Ok(match node.op.as_str() {
        "Weight" => vec![("", "weight")],
        "Gemm" if !node.text("tied", "")?.is_empty() => vec![("", "bias")],
        _ => ["weight", "bias", "running_mean", "running_var"].map(|what| (what, what)).to_vec(),
    })
}

fn no_bias(node: &Node) -> Result<&'static str, GraphError> {
    Ok(if has_bias(node)? { "" } else { ", bias=False" })
}

/// Whether the begin and the end of every axis have equal pads, which PyTorch's modules require.
pub fn symmetric(pads: &[i64]) -> bool {
    let (begin, end) = pads.split_at(pads.len() / 2);
    begin == end
}

fn convolution(node: &Node, input: &[i64], output: &[i64]) -> Result<String, GraphError> {
    let axes = input.len() - 1;
    let pads = node.ints("pads", 2 * axes, Some(0))?;
    let mut text = format!("nn.{}{axes}d({}, {}", node.op, input[0], output[0]);
    text.push_str(&format!(", {}", sizes(&node.ints("kernel_shape", axes, None)?)));
    let mut option = |name: &str, values: &[i64], usual: i64| {
        if values.iter().any(|&value| value != usual) {
            text.push_str(&format!(", {name}={}", sizes(values)));
        }
    };
    option("stride", &node.ints("strides", axes, Some(1))?, 1);
    if symmetric(&pads) {
        option("padding", &pads[..axes], 0);
    }
    if node.op == "ConvTranspose" {
        option("output_padding", &node.ints("output_padding", axes, Some(0))?, 0);
    }
    option("dilation", &node.ints("dilations", axes, Some(1))?, 1);
    option("groups", &[node.int("group", Some(1))?], 1);
    text.push_str(no_bias(node)?);
    Ok(text + ")")
}
