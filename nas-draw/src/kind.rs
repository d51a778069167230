//! Kinds of operators with their colours, and the text for a node.

use nas_api::{Attribute, Node};

/// Kinds of operators that differ in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Convolution,
    Linear,
    Attention,
    Weights,
    Pooling,
    Normalisation,
    Activation,
    Join,
    Shape,
    Choice,
    Border,
    Block,
    Other,
}

impl Kind {
    /// All kinds in the order of the legend. The first of these that occurs in a chain of nodes is the kind of its box.
    pub const ALL: [Self; 13] = [
        Self::Attention,
        Self::Convolution,
        Self::Linear,
        Self::Pooling,
        Self::Weights,
        Self::Choice,
        Self::Normalisation,
        Self::Activation,
        Self::Join,
        Self::Shape,
        Self::Other,
        Self::Border,
        Self::Block,
    ];

    /// Returns the kind of an operator.
    pub fn of(op: &str) -> Self {
        match op {
            "Conv" | "ConvTranspose" => Self::Convolution,
            "Gemm" | "MatMul" => Self::Linear,
            "Attention" | "Routing" => Self::Attention,
            "Weight" | "Constant" | "Gather" | "RotaryEmbedding" => Self::Weights,
            "Sum" | "Add" | "Sub" | "Mul" | "Div" | "Concat" | "Max" | "Min" | "Pow" => Self::Join,
            "Choice" => Self::Choice,
            "Input" => Self::Border,
            "Flatten" | "Reshape" | "Transpose" | "Slice" | "Pad" | "Resize" | "DepthToSpace" | "SpaceToDepth"
            | "Identity" | "Dropout" => Self::Shape,
            _ if op.contains("Pool") || op.starts_with("Reduce") => Self::Pooling,
            _ if op.ends_with("Normalization") => Self::Normalisation,
            "Relu" | "Sigmoid" | "Tanh" | "Gelu" | "Elu" | "Selu" | "LeakyRelu" | "HardSigmoid" | "HardSwish"
            | "Mish" | "Softplus" | "Softmax" | "LogSoftmax" | "Clip" | "Swish" | "Neg" | "Abs" | "Exp" | "Log"
            | "Sqrt" | "Reciprocal" | "Erf" => Self::Activation,
            _ => Self::Other,
        }
    }

    /// Returns the full and the light colour, after Okabe & Ito (2008), which colour-blind people can distinguish.
    pub fn colours(self) -> [&'static str; 2] {
        match self {
            Self::Convolution => ["#0072B2", "#D6E9F5"],
            Self::Linear => ["#D55E00", "#FBE3D3"],
            Self::Attention => ["#CC79A7", "#F8E6EF"],
            Self::Weights => ["#56B4E9", "#E4F4FD"],
            Self::Pooling => ["#009E73", "#D3F0E7"],
            Self::Normalisation => ["#8A8A8A", "#EDEDED"],
            Self::Activation => ["#E69F00", "#FDF1D6"],
            Self::Join => ["#333333", "#FFFFFF"],
            Self::Shape => ["#B5B5B5", "#F7F7F7"],
            Self::Choice => ["#F0E442", "#FDFBD9"],
            Self::Border => ["#111111", "#FFFFFF"],
            Self::Block => ["#444466", "#EDEDF6"],
            Self::Other => ["#6A3D9A", "#EFE8F5"],
        }
    }

    /// Returns the text in the legend.
    pub fn words(self) -> &'static str {
        match self {
            Self::Convolution => "convolution",
            Self::Linear => "linear, matrix product",
            Self::Attention => "attention, routing",
            Self::Weights => "weights, constants",
            Self::Pooling => "pooling, reduction",
            Self::Normalisation => "normalisation",
            Self::Activation => "activation",
            Self::Join => "sum, product, concatenation",
            Self::Shape => "shape, dropout",
            Self::Choice => "open choice",
            Self::Border => "input, output",
            Self::Block => "block, drawn by itself",
            Self::Other => "other",
        }
    }
}

/// Returns the operator with its main attributes: `Conv 3×3, 16`.
pub(crate) fn label(node: &Node) -> String {
    let int = |name: &str| match node.attribute(name) {
        Some(Attribute::Int(value)) => Some(*value),
        _ => None,
    };
    let window = |name: &str| match node.attribute(name) {
        Some(Attribute::Ints(values)) if !values.is_empty() => Some(values.as_slice()),
        _ => None,
    };
    let sides = |values: &[i64]| values.iter().map(i64::to_string).collect::<Vec<_>>().join("×");
    let more_than_one = |values: &&[i64]| values.iter().any(|value| *value != 1);
    let mut words = match node.op.as_str() {
        "BatchNormalization" => "BatchNorm".to_owned(),
        "LayerNormalization" => "LayerNorm".to_owned(),
        "RMSNormalization" => "RMSNorm".to_owned(),
        "GroupNormalization" => "GroupNorm".to_owned(),
        "InstanceNormalization" => "InstanceNorm".to_owned(),
        "GlobalAveragePool" => "GlobalAvgPool".to_owned(),
        "AveragePool" => "AvgPool".to_owned(),
        "Relu" => "ReLU".to_owned(),
        "Gelu" => "GELU".to_owned(),
        "Gemm" => "Linear".to_owned(),
        "Gather" => "Embedding".to_owned(),
        "RotaryEmbedding" => "Rotary".to_owned(),
        "Conv" if int("group").is_some_and(|group| group > 1 && Some(group) == int("out_channels")) => {
            "Depthwise Conv".to_owned()
        }
        "Conv" if int("group").is_some_and(|group| group > 1) => "Grouped Conv".to_owned(),
        "Clip" if node.float("min", 1.0) == Ok(0.0) && node.float("max", 0.0) == Ok(6.0) => "ReLU6".to_owned(),
        op => crate::text::shortened(op, 24),
    };
    if let Some(kernel) = window("kernel_shape") {
        words.push_str(&format!(" {}", sides(kernel)));
    }
    if let Some(strides) = window("strides").filter(more_than_one) {
        let same = strides.iter().all(|stride| *stride == strides[0]);
        let by = if same { strides[0].to_string() } else { sides(strides) };
        words.push_str(&format!(" stride {by}"));
    }
    if let Some(dilations) = window("dilations").filter(more_than_one) {
        words.push_str(&format!(" dilated {}", dilations[0]));
    }
    if let Some(size) = ["out_channels", "out_features", "embedding_dim"].into_iter().find_map(int) {
        words.push_str(&format!(", {size}"));
    }
    match node.op.as_str() {
        "Constant" => words = format!("{}", node.float("value_float", 0.0).unwrap_or(0.0)),
        "Choice" => words = crate::text::shortened(node.text("decision", "").unwrap_or(""), 24),
        "Attention" => {
            let heads = (int("q_num_heads").unwrap_or(1), int("kv_num_heads"));
            words.push_str(&match heads {
                (queries, Some(keys)) if keys != queries => format!(", {queries}/{keys} heads"),
                (queries, _) => format!(", {queries} {}", if queries == 1 { "head" } else { "heads" }),
            });
            if int("is_causal") == Some(1) {
                words.push_str(", causal");
            }
            if let Some(window) = int("window").filter(|window| *window > 0) {
                words.push_str(&format!(", window {window}"));
            }
        }
        "Routing" => words.push_str(&int("k").map(|k| format!(", top {k}")).unwrap_or_default()),
        "Dropout" => words.push_str(&format!(" {}", node.float("ratio", 0.5).unwrap_or(0.5))),
        "DepthToSpace" | "SpaceToDepth" => {
            words.push_str(&int("blocksize").map(|size| format!(" {size}")).unwrap_or_default());
        }
        "Slice" => {
            if let (Some(start), Some(end)) = (int("start"), int("end")) {
                words.push_str(&format!(" {start} to {end}"));
            }
        }
        "Gemm" | "Conv" | "GroupNormalization" => {
            if let Some(Attribute::Text(other)) = node.attribute("tied") {
                words.push_str(&format!(", tied to {}", crate::text::shortened(other, 24)));
            }
        }
        _ => {}
    }
    words
}

/// Returns the sign in the round box of an arithmetic operator.
pub(crate) fn sign(op: &str) -> Option<&'static str> {
    match op {
        "Sum" | "Add" => Some("+"),
        "Mul" => Some("×"),
        "Sub" => Some("−"),
        "Div" => Some("÷"),
        _ => None,
    }
}

/// Whether an operator joins the box of the one that it follows.
pub(crate) fn follows(op: &str) -> bool {
    matches!(Kind::of(op), Kind::Normalisation | Kind::Activation) || op == "Dropout"
}

/// Whether other operators join the box of this one.
pub(crate) fn leads(op: &str) -> bool {
    matches!(Kind::of(op), Kind::Convolution | Kind::Linear | Kind::Pooling | Kind::Attention)
}
