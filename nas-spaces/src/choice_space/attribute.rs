//! Attributes of layers: which values each takes, and how a definition writes them.

use nas_api::graph::operators;
use nas_api::{Attribute, Result};

use super::spec::Scalar;

/// The values that one attribute takes. Ranges are those of the graph's operator table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A whole number of at least this.
    Int(i64),
    /// 0 or 1.
    Flag,
    /// This many whole numbers, each at least the second field; a single one stands for all.
    Ints(usize, i64),
    /// A number in this range.
    Float(f64, f64),
    /// A list of any length of whole numbers of at least this.
    List(i64),
    /// One of these texts.
    OneOf(&'static [&'static str]),
}

/// The kind of an attribute of an operator with one input; `None` for unknown names.
pub fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "out_channels" | "out_features" | "group" | "num_groups" | "num_embeddings" | "embedding_dim" | "num_heads"
        | "k" | "blocksize" => Kind::Int(1),
        "rotary_embedding_dim" => Kind::Int(0),
        "axis" => Kind::Int(-8),
        "start" | "end" => Kind::Int(i64::MIN),
        "bias" | "count_include_pad" | "keepdims" | "interleaved" => Kind::Flag,
        "kernel_shape" | "strides" | "dilations" | "scales" => Kind::Ints(2, 1),
        "output_padding" => Kind::Ints(2, 0),
        "pads" => Kind::Ints(4, 0),
        "axes" => Kind::List(-8),
        "perm" => Kind::List(0),
        "shape" => Kind::List(-1),
        "alpha" | "beta" | "min" | "max" | "value" => Kind::Float(f64::MIN, f64::MAX),
        "base" => Kind::Float(f64::MIN_POSITIVE, f64::MAX),
        "rate" => Kind::Float(0.0, 1.0),
        "mode" => Kind::OneOf(&["nearest", "linear"]),
        "epsilon" => Kind::Float(f64::MIN_POSITIVE, 1.0),
        "momentum" => Kind::Float(0.0, 1.0),
        // The ratio is below 1, because otherwise nothing would pass.
        "ratio" => Kind::Float(0.0, 1.0 - f64::EPSILON),
        "approximate" => Kind::OneOf(&["none", "tanh"]),
        _ => return None,
    })
}

/// The attributes that an operator must have.
pub fn required(op: &str) -> &'static [&'static str] {
    match op {
        "Conv" | "ConvTranspose" => &["out_channels", "kernel_shape"],
        "Gemm" => &["out_features"],
        "MaxPool" | "AveragePool" => &["kernel_shape"],
        "GroupNormalization" => &["num_groups"],
        "Gather" => &["num_embeddings", "embedding_dim"],
        "RotaryEmbedding" => &["num_heads"],
        "Routing" => &["k"],
        "Transpose" => &["perm"],
        "Reshape" => &["shape"],
        "Slice" => &["axis", "start", "end"],
        "Pad" => &["pads"],
        "Resize" => &["scales"],
        "DepthToSpace" | "SpaceToDepth" => &["blocksize"],
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" => &["axes"],
        _ => &[],
    }
}

/// An operator that can be a layer of a choice space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainOperator {
    /// Its name in ONNX.
    pub name: &'static str,
    /// The attributes that it must have.
    pub required: &'static [&'static str],
    /// The attributes that it may have.
    pub optional: Vec<&'static str>,
}

/// Every operator that can be a layer of a choice space, in alphabetical order.
pub fn chain_operators() -> impl Iterator<Item = ChainOperator> {
    operators::names().filter(|name| operators::is_unary(name)).map(|name| {
        let required = required(name);
        let known = operators::attributes(name).unwrap_or_default().iter().copied();
        let optional = known.filter(|attribute| !required.contains(attribute) && kind(attribute).is_some()).collect();
        ChainOperator { name, required, optional }
    })
}

impl Kind {
    /// Checks one value.
    ///
    /// # Errors
    /// If the value is not of this kind. The message says what is expected.
    pub fn check(self, value: &Scalar) -> Result<(), String> {
        let wanted = match (self, value) {
            (Self::Int(min) | Self::Ints(_, min) | Self::List(min), Scalar::Int(number)) if *number >= min => {
                return Ok(());
            }
            (Self::Int(i64::MIN), _) => "a whole number".into(),
            (Self::Int(min) | Self::Ints(_, min) | Self::List(min), _) => format!("a whole number of at least {min}"),
            (Self::Flag, Scalar::Int(0 | 1)) => return Ok(()),
            (Self::Flag, _) => "true or false".into(),
            (Self::Float(min, max), Scalar::Float(number)) if (min..=max).contains(number) => return Ok(()),
            (Self::Float(min, max), Scalar::Int(number)) if (min..=max).contains(&(*number as f64)) => return Ok(()),
            (Self::Float(min, max), _) if max == f64::MAX && min == f64::MIN => "a finite number".into(),
            (Self::Float(min, max), _) => format!("a number between {min} and {max}"),
            (Self::OneOf(names), Scalar::Text(text)) if names.contains(&text.as_str()) => return Ok(()),
            (Self::OneOf(names), _) => format!("'{}'", names.join("' or '")),
        };
        Err(format!("must be {wanted}, not '{value}'"))
    }

    /// The attribute with these values, each of which has been checked.
    ///
    /// # Errors
    /// If the number of values is wrong.
    pub fn attribute(self, values: &[Scalar]) -> Result<Attribute, String> {
        let ints: Vec<i64> =
            values.iter().filter_map(|value| if let Scalar::Int(int) = value { Some(*int) } else { None }).collect();
        match (self, values) {
            (Self::Int(_) | Self::Flag, [Scalar::Int(value)]) => Ok(Attribute::Int(*value)),
            (Self::Ints(count, _), _) if ints.len() == values.len() && (ints.len() == count || ints.len() == 1) => {
                Ok(Attribute::Ints(if ints.len() == 1 { vec![ints[0]; count] } else { ints }))
            }
            (Self::List(_), _) if ints.len() == values.len() => Ok(Attribute::Ints(ints)),
            (Self::Float(..), [Scalar::Float(value)]) => Ok(Attribute::Float(*value)),
            (Self::Float(..), [Scalar::Int(value)]) => Ok(Attribute::Float(*value as f64)),
            (Self::OneOf(_), [Scalar::Text(value)]) => Ok(Attribute::Text(value.clone())),
            _ => Err(format!("takes {}, not {} values", self.count(), values.len())),
        }
    }

    fn count(self) -> String {
        match self {
            Self::Ints(count, _) => format!("one whole number for all or {count}"),
            Self::List(_) => "1 to 9 whole numbers".into(),
            _ => "one value".into(),
        }
    }

    /// Checks how many values are written.
    ///
    /// # Errors
    /// If the attribute does not take that many values.
    pub fn check_count(self, count: usize) -> Result<(), String> {
        let fits = match self {
            Self::Ints(all, _) => count == 1 || count == all,
            // A value has at most nine axes, the batch included.
            Self::List(_) => (1..=9).contains(&count),
            _ => count == 1,
        };
        if fits { Ok(()) } else { Err(format!("takes {}, not {count} values", self.count())) }
    }
}
