//! The definition of a choice space as TOML, before it is checked.

use serde::Deserialize;
use toml::{Table, Value};

/// The whole definition.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    pub name: String,
    pub version: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub reference: String,
    #[serde(rename = "decision")]
    pub decisions: Vec<DecisionSpec>,
    /// The keys are `op`, `name`, `when`, `repeat` and `block`; every other key is an attribute of the operator.
    #[serde(rename = "layer", default)]
    pub layers: Vec<Table>,
}

/// One `[[decision]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionSpec {
    pub name: String,
    pub choices: Vec<Value>,
    #[serde(default)]
    pub ordered: bool,
    #[serde(default)]
    pub when: Table,
}

/// A choice, or a literal in a layer.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    Int(i64),
    Float(f64),
    Text(String),
}

impl Scalar {
    /// The scalar of a TOML value; `None` for lists, tables and dates. True and false become 1 and 0, as in ONNX.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(value) => Some(Self::Int(*value)),
            Value::Float(value) => Some(Self::Float(*value)),
            Value::String(value) => Some(Self::Text(value.clone())),
            Value::Boolean(value) => Some(Self::Int(i64::from(*value))),
            _ => None,
        }
    }
}

/// Writes the name of a choice.
impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value}"),
        }
    }
}

/// One scalar or a list of scalars, as in conditions.
pub fn scalars(value: &Value) -> Option<Vec<Scalar>> {
    match value {
        Value::Array(values) => values.iter().map(Scalar::read).collect(),
        value => Scalar::read(value).map(|scalar| vec![scalar]),
    }
}
