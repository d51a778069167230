//! The text of a choice space as TOML reads it, unchecked.

use nas_api::{Error, Result};
use serde::Deserialize;
use toml::{Table, Value};

/// The whole text.
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
    /// `op`, `name`, `when`, `repeat`, `block`; every other key is an attribute of the operator.
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
    /// `None` for lists, tables and dates. True and false are 1 and 0, as ONNX has them.
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

/// The choice's name.
impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value}"),
        }
    }
}

/// One or several scalars, as conditions list them.
pub fn scalars(value: &Value) -> Option<Vec<Scalar>> {
    match value {
        Value::Array(values) => values.iter().map(Scalar::read).collect(),
        value => Scalar::read(value).map(|scalar| vec![scalar]),
    }
}

impl Spec {
    /// The text as TOML, or where it is none (with the line).
    pub fn read(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            let remedy = "set its parameter 'definition' to the TOML text of a space (docs/spaces.md)";
            return Err(Error::new(format!("a choice space needs a definition: {remedy}")));
        }
        toml::from_str(text).map_err(|error| Error::new(format!("the definition of the choice space: {error}")))
    }
}
