//! Writes what a node computes as an expression of Python.

use nas_api::graph::GraphError;
use nas_api::{Attribute, Node};

use super::layers::{boolean, symmetric};
use super::names::{list, sizes, tuple};

/// The value of a node in `forward`.
#[derive(Clone, Debug)]
pub struct Value {
    /// The name of a variable or parameter, or a number.
    pub text: String,
    /// The shape of one example.
    pub shape: Vec<i64>,
    /// Whether an axis for the batch comes before `shape`.
    pub batched: bool,
}

/// A node with what its expression needs.
pub struct Context<'c> {
    /// The node.
    pub node: &'c Node,
    /// The shape of its value for one example.
    pub shape: &'c [i64],
    /// The values that it reads.
    pub inputs: &'c [Value],
    /// Its module or parameter, such as `self.conv`; if the node reuses another in full, the other's.
    pub module: &'c str,
    /// The weight of the node that it is tied to; empty if there is none.
    pub tied: &'c str,
    /// The name of the network's input, whose first axis is the batch.
    pub input: &'c str,
}

impl Value {
    /// Returns the value with an axis for the batch, repeated for every example if it has none.
    pub fn with_batch(&self, input: &str) -> String {
        if self.batched {
            return self.text.clone();
        }
        format!("{0}.expand({input}.shape[0], *{0}.shape)", self.text)
    }

    /// Returns the value with axes of size 1 after the batch, so that `rank` axes follow the batch.
    fn aligned(&self, rank: usize) -> String {
        if !self.batched || self.shape.len() == rank {
            return self.text.clone();
        }
        format!("{}[:{}]", self.text, ", None".repeat(rank - self.shape.len()))
    }
}

/// Returns the expression, and whether its value has a batch.
///
/// # Errors
/// Fails if the operator is not known here, or an attribute is missing or invalid.
pub fn expression(context: &Context<'_>) -> Result<(String, bool), GraphError> {
    let node = context.node;
    let rank = context.inputs.iter().map(|value| value.shape.len()).max().unwrap_or(0);
    let operands: Vec<String> = context.inputs.iter().map(|value| value.aligned(rank)).collect();
    if let Some(text) = binary(node, &operands, context.inputs) {
        return Ok((text, context.inputs.iter().any(|value| value.batched)));
    }
    let every: Vec<String> = context.inputs.iter().map(|value| value.with_batch(context.input)).collect();
    let x = every.first().map_or("", String::as_str);
    let of_module = format!("{}({x})", context.module);
    let text = match node.op.as_str() {
        "Weight" => return Ok((context.module.to_owned(), false)),
        "Constant" => return Ok((number(node.float("value_float", 0.0)?), false)),
        "Identity" => x.to_owned(),
        "BatchNormalization"
        | "LayerNormalization"
        | "RMSNormalization"
        | "GroupNormalization"
        | "InstanceNormalization"
        | "Dropout" => of_module,
        "Gather" => format!("{}({x}.long())", context.module),
        "Gemm" if !context.tied.is_empty() => {
            let bias = if context.module.is_empty() { String::new() } else { format!(", {}", context.module) };
            format!("F.linear({x}, {}{bias})", context.tied)
        }
        "Gemm" => of_module,
        "Conv" | "ConvTranspose" => convolution(context, x)?,
        "MaxPool" | "AveragePool" => pool(context, x)?,
        "MatMul" => {
            let expanded = if context.inputs.iter().any(|value| value.batched) { &operands[0] } else { &every[0] };
            format!("{expanded} @ {}", operands[1])
        }
        "Sum" => every.join(" + "),
        "Concat" => format!("torch.cat(({},), dim={})", every.join(", "), node.int("axis", None)?),
        "Flatten" => format!("{x}.flatten(1)"),
        "Reshape" => format!("{x}.reshape(-1, {})", list(context.shape)),
        "Transpose" => format!("{x}.permute({})", list(&node.ints("perm", context.shape.len() + 1, None)?)),
        "Slice" => slice(node, x, context.shape.len())?,
        "Pad" => {
            let pads = node.ints("pads", 2 * context.shape.len(), None)?;
            format!("F.pad({x}, {}, value={})", torch_pads(&pads), number(node.float("value", 0.0)?))
        }
        "Resize" => {
            let scales = tuple(&node.ints("scales", 2, None)?);
            let mode = node.text("mode", "nearest")?;
            let mode = if mode == "linear" { "\"bilinear\", align_corners=False" } else { "\"nearest\"" };
            format!("F.interpolate({x}, scale_factor={scales}, mode={mode})")
        }
        "DepthToSpace" => format!("depth_to_space({x}, {})", node.int("blocksize", None)?),
        "SpaceToDepth" => format!("space_to_depth({x}, {})", node.int("blocksize", None)?),
        "GlobalAveragePool" | "GlobalMaxPool" => {
            let dims = if context.shape.len() == 3 { "(2, 3)" } else { "2" };
            let name = if node.op == "GlobalMaxPool" { "amax" } else { "mean" };
            format!("{x}.{name}(dim={dims}, keepdim=True)")
        }
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" => {
            let name = match node.op.as_str() {
                "ReduceMean" => "mean",
                "ReduceSum" => "sum",
                "ReduceMax" => "amax",
                _ => "amin",
            };
            let Some(Attribute::Ints(axes)) = node.attribute("axes") else {
                return Err(GraphError::attribute(node, "axes", "is missing"));
            };
            let keep = boolean(node.int("keepdims", Some(1))? != 0);
            format!("{x}.{name}(dim={}, keepdim={keep})", tuple(axes))
        }
        "Attention" => attention(context, &every)?,
        "RotaryEmbedding" => {
            let (heads, width) = (node.int("num_heads", None)?, node.int("rotary_embedding_dim", Some(0))?);
            let width = if width == 0 { context.shape.last().copied().unwrap_or(0) / heads } else { width };
            let interleaved = boolean(node.int("interleaved", Some(0))? != 0);
            format!("rotary({x}, {heads}, {}, {width}, {interleaved})", number(node.float("base", 10_000.0)?))
        }
        "Routing" => format!("routing({x}, {})", node.int("k", None)?),
        _ => return activation(node, x).map(|text| (text, true)),
    };
    Ok((text, true))
}

fn binary(node: &Node, operands: &[String], inputs: &[Value]) -> Option<String> {
    let [a, b] = operands else { return None };
    Some(match node.op.as_str() {
        "Add" => format!("{a} + {b}"),
        "Sub" => format!("{a} - {b}"),
        "Mul" => format!("{a} * {b}"),
        "Div" => format!("{a} / {b}"),
        "Pow" => format!("{a} ** {b}"),
        "Max" | "Min" => {
            let (function, limit) = if node.op == "Max" { ("maximum", "min") } else { ("minimum", "max") };
            // `torch.maximum` takes no numbers.
            match inputs.iter().position(|value| value.shape.is_empty()) {
                Some(0) => format!("{b}.clamp({limit}={a})"),
                Some(_) => format!("{a}.clamp({limit}={b})"),
                None => format!("torch.{function}({a}, {b})"),
            }
        }
        _ => return None,
    })
}

/// Returns a number in Python. A negative one is in parentheses, because `-2 ** x` is `-(2 ** x)`.
fn number(value: f64) -> String {
    if value < 0.0 { format!("({value:?})") } else { format!("{value:?}") }
}

fn activation(node: &Node, x: &str) -> Result<String, GraphError> {
    Ok(match node.op.as_str() {
        "Relu" => format!("F.relu({x})"),
        "Sigmoid" => format!("torch.sigmoid({x})"),
        "Tanh" => format!("torch.tanh({x})"),
        "Gelu" if node.text("approximate", "none")? == "tanh" => format!("F.gelu({x}, approximate=\"tanh\")"),
        "Gelu" => format!("F.gelu({x})"),
        "Elu" => format!("F.elu({x}, alpha={:?})", node.float("alpha", 1.0)?),
        "Selu" => format!("F.selu({x})"),
        "LeakyRelu" => format!("F.leaky_relu({x}, negative_slope={:?})", node.float("alpha", 0.01)?),
        "HardSigmoid" => {
            let (alpha, beta) = (number(node.float("alpha", 0.2)?), number(node.float("beta", 0.5)?));
            format!("torch.clamp({alpha} * {x} + {beta}, 0.0, 1.0)")
        }
        "HardSwish" => format!("F.hardswish({x})"),
        "Mish" => format!("F.mish({x})"),
        "Softplus" => format!("F.softplus({x})"),
        "Swish" => match node.float("alpha", 1.0)? {
            1.0 => format!("F.silu({x})"),
            alpha => format!("{x} * torch.sigmoid({} * {x})", number(alpha)),
        },
        "Clip" => {
            let mut limits = Vec::new();
            for name in ["min", "max"] {
                if node.attribute(name).is_some() {
                    limits.push(format!("{name}={:?}", node.float(name, 0.0)?));
                }
            }
            if limits.is_empty() { x.to_owned() } else { format!("{x}.clamp({})", limits.join(", ")) }
        }
        "Softmax" => format!("F.softmax({x}, dim={})", node.int("axis", Some(-1))?),
        "LogSoftmax" => format!("F.log_softmax({x}, dim={})", node.int("axis", Some(-1))?),
        "Neg" => format!("-{x}"),
        "Abs" | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Erf" => format!("torch.{}({x})", node.op.to_lowercase()),
        _ => return Err(GraphError::new(node, "the PyTorch export does not know this operator")),
    })
}

/// Returns pads in the order of `F.pad`: the last axis first, begin and end together.
fn torch_pads(pads: &[i64]) -> String {
    let axes = pads.len() / 2;
    let pairs: Vec<i64> = (0..axes).rev().flat_map(|axis| [pads[axis], pads[axis + axes]]).collect();
    tuple(&pairs)
}

fn convolution(context: &Context<'_>, x: &str) -> Result<String, GraphError> {
    let axes = context.shape.len() - 1;
    let pads = context.node.ints("pads", 2 * axes, Some(0))?;
    if symmetric(&pads) {
        return Ok(format!("{}({x})", context.module));
    }
    if context.node.op == "Conv" {
        return Ok(format!("{}(F.pad({x}, {}))", context.module, torch_pads(&pads)));
    }
    // A transposed convolution's pads shorten its value.
    let cuts: Vec<String> =
        (0..axes).map(|axis| format!("{}:{}", pads[axis], pads[axis] + context.shape[axis + 1])).collect();
    Ok(format!("{}({x})[:, :, {}]", context.module, cuts.join(", ")))
}

fn pool(context: &Context<'_>, x: &str) -> Result<String, GraphError> {
    let node = context.node;
    let axes = context.shape.len() - 1;
    let (kernel, pads) = (node.ints("kernel_shape", axes, None)?, node.ints("pads", 2 * axes, Some(0))?);
    let (kernel_text, strides) = (sizes(&kernel), sizes(&node.ints("strides", axes, Some(1))?));
    // PyTorch pads both sides by the same number, which is at most half a window.
    let plain = symmetric(&pads) && (0..axes).all(|axis| 2 * pads[axis] <= kernel[axis]);
    let padding = sizes(&pads[..axes]);
    if node.op == "MaxPool" {
        return Ok(if plain {
            format!("F.max_pool{axes}d({x}, {kernel_text}, {strides}, {padding})")
        } else {
            let padded = format!("F.pad({x}, {}, value=float(\"-inf\"))", torch_pads(&pads));
            format!("F.max_pool{axes}d({padded}, {kernel_text}, {strides})")
        });
    }
    let include = node.int("count_include_pad", Some(0))? != 0;
    Ok(match (plain, include) {
        (true, _) => {
            let include = boolean(include);
            format!("F.avg_pool{axes}d({x}, {kernel_text}, {strides}, {padding}, count_include_pad={include})")
        }
        (false, true) => format!("F.avg_pool{axes}d(F.pad({x}, {}), {kernel_text}, {strides})", torch_pads(&pads)),
        (false, false) => format!("average_pool({x}, {kernel_text}, {strides}, {})", torch_pads(&pads)),
    })
}

fn slice(node: &Node, x: &str, rank: usize) -> Result<String, GraphError> {
    let axis = node.axis("axis", Some(1), rank)? + 1;
    let (start, end) = (node.int("start", None)?, node.int("end", None)?);
    let before = ":, ".repeat(axis);
    Ok(format!("{x}[{before}{start}:{end}]"))
}

fn attention(context: &Context<'_>, inputs: &[String]) -> Result<String, GraphError> {
    let node = context.node;
    let mut text = format!("attention({}", inputs.join(", "));
    text.push_str(&format!(", {}, {}", node.int("q_num_heads", None)?, node.int("kv_num_heads", None)?));
    if node.int("is_causal", Some(0))? != 0 {
        text.push_str(", causal=True");
    }
    match node.int("window", Some(0))? {
        0 => {}
        window => text.push_str(&format!(", window={window}")),
    }
    if node.attribute("scale").is_some() {
        text.push_str(&format!(", scale={:?}", node.float("scale", 0.0)?));
    }
    match node.float("softcap", 0.0)? {
        0.0 => {}
        softcap => text.push_str(&format!(", softcap={softcap:?}")),
    }
    Ok(text + ")")
}
