//! The operators: what inputs and attributes each takes, and the shape it gives. The table is in [`super`].

use super::shape::{GraphError, MAX_ELEMENTS, Shape};
use super::{Attribute, Node};

/// Every operator, with the attributes it takes and how many inputs.
const OPERATORS: &[(&str, Inputs, &[&str])] = &[
    ("Input", Inputs::Exactly(0), &[]),
    ("Constant", Inputs::Exactly(0), &["value_float"]),
    ("Identity", Inputs::Exactly(1), &[]),
    ("Relu", Inputs::Exactly(1), &[]),
    ("Sigmoid", Inputs::Exactly(1), &[]),
    ("Tanh", Inputs::Exactly(1), &[]),
    ("Gelu", Inputs::Exactly(1), &["approximate"]),
    ("Elu", Inputs::Exactly(1), &["alpha"]),
    ("Selu", Inputs::Exactly(1), &[]),
    ("LeakyRelu", Inputs::Exactly(1), &["alpha"]),
    ("HardSigmoid", Inputs::Exactly(1), &["alpha", "beta"]),
    ("HardSwish", Inputs::Exactly(1), &[]),
    ("Mish", Inputs::Exactly(1), &[]),
    ("Softplus", Inputs::Exactly(1), &[]),
    ("Softmax", Inputs::Exactly(1), &["axis"]),
    ("Dropout", Inputs::Exactly(1), &["ratio"]),
    ("Flatten", Inputs::Exactly(1), &[]),
    ("Gemm", Inputs::Exactly(1), &["out_features", "bias"]),
    ("Conv", Inputs::Exactly(1), &["out_channels", "kernel_shape", "strides", "pads", "dilations", "group", "bias"]),
    ("BatchNormalization", Inputs::Exactly(1), &["epsilon", "momentum"]),
    ("MaxPool", Inputs::Exactly(1), &["kernel_shape", "strides", "pads"]),
    ("AveragePool", Inputs::Exactly(1), &["kernel_shape", "strides", "pads", "count_include_pad"]),
    ("GlobalAveragePool", Inputs::Exactly(1), &[]),
    ("Add", Inputs::Exactly(2), &[]),
    ("Mul", Inputs::Exactly(2), &[]),
    ("Sum", Inputs::Some, &[]),
    ("Concat", Inputs::Some, &["axis"]),
    ("Choice", Inputs::Some, &["decision"]),
];

#[derive(Clone, Copy)]
enum Inputs {
    Exactly(usize),
    /// One or more.
    Some,
}

/// Whether an operator is in the table of [`super`].
pub fn is_known(op: &str) -> bool {
    OPERATORS.iter().any(|(known, ..)| *known == op)
}

/// Whether an operator of the table takes exactly one input, so that it can stand in a chain.
pub fn is_unary(op: &str) -> bool {
    OPERATORS.iter().any(|(known, inputs, _)| *known == op && matches!(inputs, Inputs::Exactly(1)))
}

/// The attributes that an operator of the table takes; `None` where it is not in the table.
pub fn attributes(op: &str) -> Option<&'static [&'static str]> {
    OPERATORS.iter().find(|(known, ..)| *known == op).map(|(.., attributes)| *attributes)
}

/// What `Conv` reads off its attributes, checked.
pub(super) struct Convolution {
    pub out_channels: i64,
    pub kernel: Vec<i64>,
    pub group: i64,
    pub bias: bool,
}

/// The shape of a node's value from those of its inputs.
pub(super) fn shape(node: &Node, inputs: &[&[i64]], input_shape: &[i64]) -> Result<Shape, GraphError> {
    signature(node, inputs)?;
    // `signature` has counted the inputs; operators without any do not look at this one.
    let first = inputs.first().copied().unwrap_or(&[]);
    let scalar = inputs.iter().any(|input| input.is_empty());
    if scalar && !(matches!(node.op.as_str(), "Add" | "Mul") && inputs.iter().any(|input| !input.is_empty())) {
        return Err(GraphError::new(node, "a constant can only be added to or multiplied with another value"));
    }
    match node.op.as_str() {
        "Input" => Ok(input_shape.to_vec()),
        "Constant" => {
            if node.attribute("value_float").is_none() {
                return Err(GraphError::attribute(node, "value_float", "is missing"));
            }
            number(node, "value_float", 0.0, f64::NEG_INFINITY, f64::INFINITY)?;
            Ok(Vec::new())
        }
        "Gelu" => match node.text("approximate", "none")? {
            "none" | "tanh" => Ok(first.to_vec()),
            _ => Err(GraphError::attribute(node, "approximate", "must be 'none' or 'tanh'")),
        },
        "Elu" | "LeakyRelu" | "HardSigmoid" => {
            number(node, "alpha", 0.0, f64::NEG_INFINITY, f64::INFINITY)?;
            number(node, "beta", 0.0, f64::NEG_INFINITY, f64::INFINITY)?;
            Ok(first.to_vec())
        }
        "Softmax" => axis(node, Some(-1), first.len()).map(|_| first.to_vec()),
        "Dropout" => {
            let ratio = number(node, "ratio", 0.5, 0.0, 1.0)?;
            if ratio == 1.0 {
                return Err(GraphError::attribute(node, "ratio", "must be below 1, else nothing passes"));
            }
            Ok(first.to_vec())
        }
        "Flatten" => {
            let elements = super::shape::elements(first).map_err(|problem| GraphError::new(node, problem))?;
            // At most MAX_ELEMENTS, so it fits.
            Ok(vec![elements as i64])
        }
        "Gemm" => {
            rank(node, first, &[1])?;
            let out = positive(node, "out_features", node.int("out_features", None)?)?;
            flag(node, "bias", 1)?;
            weights(node, &[first[0], out])?;
            Ok(vec![out])
        }
        "Conv" => convolve(node, first),
        "BatchNormalization" => {
            rank(node, first, &[1, 3])?;
            if number(node, "epsilon", 1e-5, 0.0, 1.0)? == 0.0 {
                return Err(GraphError::attribute(node, "epsilon", "must be above 0"));
            }
            number(node, "momentum", 0.9, 0.0, 1.0)?;
            Ok(first.to_vec())
        }
        "MaxPool" | "AveragePool" => pool(node, first),
        "GlobalAveragePool" => {
            rank(node, first, &[3])?;
            Ok(vec![first[0], 1, 1])
        }
        "Add" | "Mul" => broadcast(node, first, inputs[1]),
        "Sum" => alike(node, inputs),
        "Choice" => {
            if node.text("decision", "")?.is_empty() {
                return Err(GraphError::attribute(node, "decision", "must name a decision"));
            }
            alike(node, inputs)
        }
        "Concat" => concatenate(node, inputs),
        // What is left keeps its input's shape and takes no attributes.
        _ => Ok(first.to_vec()),
    }
}

fn signature(node: &Node, inputs: &[&[i64]]) -> Result<(), GraphError> {
    let Some((_, count, attributes)) = OPERATORS.iter().find(|(op, ..)| *op == node.op) else {
        let known: Vec<&str> = OPERATORS.iter().map(|(op, ..)| *op).collect();
        return Err(GraphError::new(node, format!("the operator is not known (known: {})", known.join(", "))));
    };
    let given = inputs.len();
    match count {
        Inputs::Exactly(count) if given != *count => {
            return Err(GraphError::new(node, format!("takes {count} inputs, not {given}")));
        }
        Inputs::Some if given == 0 => return Err(GraphError::new(node, "takes at least one input")),
        _ => {}
    }
    for (position, (name, _)) in node.attributes.iter().enumerate() {
        if !attributes.contains(&name.as_str()) {
            let known = if attributes.is_empty() { "none".to_owned() } else { attributes.join(", ") };
            return Err(GraphError::attribute(node, name, &format!("is not known (known: {known})")));
        }
        // Bounded: `position` is at most the number of known attributes, else the one before was refused.
        if node.attributes[..position].iter().any(|(earlier, _)| earlier == name) {
            return Err(GraphError::attribute(node, name, "is set twice"));
        }
    }
    Ok(())
}

fn rank(node: &Node, shape: &[i64], allowed: &[usize]) -> Result<(), GraphError> {
    if allowed.contains(&shape.len()) {
        return Ok(());
    }
    let allowed: Vec<String> = allowed.iter().map(usize::to_string).collect();
    let axes = allowed.join(" or ");
    Err(GraphError::new(node, format!("takes a value of {axes} axes, not one of shape {shape:?}")))
}

fn positive(node: &Node, name: &str, value: i64) -> Result<i64, GraphError> {
    if value > 0 && value as u64 <= MAX_ELEMENTS {
        return Ok(value);
    }
    Err(GraphError::attribute(node, name, &format!("is {value}, but must lie between 1 and {MAX_ELEMENTS}")))
}

fn flag(node: &Node, name: &str, default: i64) -> Result<bool, GraphError> {
    match node.int(name, Some(default))? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(GraphError::attribute(node, name, &format!("is {other}, but must be 0 or 1"))),
    }
}

fn number(node: &Node, name: &str, default: f64, min: f64, max: f64) -> Result<f64, GraphError> {
    let value = node.float(name, default)?;
    if !value.is_finite() {
        return Err(GraphError::attribute(node, name, &format!("is {value}, but must be finite")));
    }
    if value < min || value > max {
        return Err(GraphError::attribute(node, name, &format!("is {value}, but must lie between {min} and {max}")));
    }
    Ok(value)
}

/// An axis as ONNX counts it, the batch being 0, as a position in a shape of `rank` axes.
fn axis(node: &Node, default: Option<i64>, rank: usize) -> Result<usize, GraphError> {
    let given = node.int("axis", default)?;
    // At most MAX_RANK.
    let rank = rank as i64;
    let axis = if given < 0 { rank.checked_add(given) } else { given.checked_sub(1) };
    match axis {
        Some(axis) if (0..rank).contains(&axis) => Ok(axis as usize),
        _ => Err(GraphError::attribute(
            node,
            "axis",
            &format!("is {given}, but must lie in 1 to {rank} (0 is the batch) or -{rank} to -1"),
        )),
    }
}

fn weights(node: &Node, sizes: &[i64]) -> Result<(), GraphError> {
    let words = |problem| GraphError::new(node, format!("its weights are {problem}"));
    super::shape::elements(sizes).map(|_| ()).map_err(words)
}

/// Height and width after a window has moved over a padded input.
fn windows(
    node: &Node,
    input: &[i64],
    kernel: &[i64],
    dilations: &[i64],
    pads: &[i64],
) -> Result<[i64; 2], GraphError> {
    let strides = node.ints("strides", 2, Some(1))?;
    let mut out = [0; 2];
    for side in 0..2 {
        let stride = positive(node, "strides", strides[side])?;
        // Each factor is at most 2^31, so no product or sum can overflow.
        let padded = input[side + 1] + pads[side] + pads[side + 2];
        let window = dilations[side] * (kernel[side] - 1) + 1;
        if window > padded {
            let sides = ["high", "wide"][side];
            return Err(GraphError::new(
                node,
                format!("its window is {window} {sides}, larger than the padded input of {padded} (shape {input:?})"),
            ));
        }
        out[side] = (padded - window) / stride + 1;
    }
    Ok(out)
}

fn kernel_and_pads(node: &Node) -> Result<(Vec<i64>, Vec<i64>), GraphError> {
    let kernel = node.ints("kernel_shape", 2, None)?;
    for &size in &kernel {
        positive(node, "kernel_shape", size)?;
    }
    let pads = node.ints("pads", 4, Some(0))?;
    for &pad in &pads {
        if pad < 0 || pad as u64 > MAX_ELEMENTS {
            let range = format!("holds {pad}, but must lie between 0 and {MAX_ELEMENTS}");
            return Err(GraphError::attribute(node, "pads", &range));
        }
    }
    Ok((kernel, pads))
}

/// The attributes of a `Conv` that say how many weights it has.
pub(super) fn convolution(node: &Node, input: &[i64]) -> Result<Convolution, GraphError> {
    rank(node, input, &[3])?;
    let (kernel, _) = kernel_and_pads(node)?;
    let out_channels = positive(node, "out_channels", node.int("out_channels", None)?)?;
    let group = positive(node, "group", node.int("group", Some(1))?)?;
    for (channels, which) in [(input[0], "input"), (out_channels, "output")] {
        if channels % group != 0 {
            let problem = format!("is {group}, which does not divide the {channels} {which} channels");
            return Err(GraphError::attribute(node, "group", &problem));
        }
    }
    weights(node, &[out_channels, input[0] / group, kernel[0], kernel[1]])?;
    Ok(Convolution { out_channels, kernel, group, bias: flag(node, "bias", 1)? })
}

fn convolve(node: &Node, input: &[i64]) -> Result<Shape, GraphError> {
    let Convolution { out_channels, kernel, .. } = convolution(node, input)?;
    let (_, pads) = kernel_and_pads(node)?;
    let dilations = node.ints("dilations", 2, Some(1))?;
    for &dilation in &dilations {
        positive(node, "dilations", dilation)?;
    }
    let [height, width] = windows(node, input, &kernel, &dilations, &pads)?;
    Ok(vec![out_channels, height, width])
}

fn pool(node: &Node, input: &[i64]) -> Result<Shape, GraphError> {
    rank(node, input, &[3])?;
    let (kernel, pads) = kernel_and_pads(node)?;
    flag(node, "count_include_pad", 0)?;
    if (0..4).any(|side| pads[side] >= kernel[side % 2]) {
        let problem = format!("are {pads:?}: a window of {kernel:?} could lie in the padding alone");
        return Err(GraphError::attribute(node, "pads", &problem));
    }
    let [height, width] = windows(node, input, &kernel, &[1, 1], &pads)?;
    Ok(vec![input[0], height, width])
}

/// As in ONNX, the batch being there: ranks are equal, or one value is a constant.
fn broadcast(node: &Node, a: &[i64], b: &[i64]) -> Result<Shape, GraphError> {
    if a.is_empty() || b.is_empty() {
        return Ok(if a.is_empty() { b } else { a }.to_vec());
    }
    let joined = || a.iter().zip(b).map(|(&a, &b)| (a == b || a == 1 || b == 1).then_some(a.max(b)));
    let shape: Option<Shape> = if a.len() == b.len() { joined().collect() } else { None };
    shape.ok_or_else(|| GraphError::new(node, format!("the shapes {a:?} and {b:?} cannot be broadcast together")))
}

fn alike(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    match inputs.iter().find(|input| **input != inputs[0]) {
        Some(other) => {
            let problem = format!("its inputs have the shapes {:?} and {other:?}, but must all be alike", inputs[0]);
            Err(GraphError::new(node, problem))
        }
        None => Ok(inputs[0].to_vec()),
    }
}

fn concatenate(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let first = inputs[0];
    let axis = axis(node, None, first.len())?;
    let mut joined = first.to_vec();
    for input in &inputs[1..] {
        let fits = input.len() == first.len() && (0..first.len()).all(|at| at == axis || input[at] == first[at]);
        if !fits {
            let problem = format!("the shapes {first:?} and {input:?} differ in more than axis {}", axis + 1);
            return Err(GraphError::new(node, problem));
        }
        let total = joined[axis].checked_add(input[axis]);
        joined[axis] = total.ok_or_else(|| GraphError::new(node, "the joined axis is too long"))?;
    }
    Ok(joined)
}

impl Attribute {
    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Int(_) => "a whole number",
            Self::Ints(_) => "whole numbers",
            Self::Float(_) => "a number",
            Self::Floats(_) => "numbers",
            Self::Text(_) => "a text",
        }
    }
}
