//! The parameters that a plugin declares, and the settings of a user.

mod settings;

use serde::{Deserialize, Serialize};

pub use settings::Settings;

use crate::{Error, Result};

/// The value of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Truth(bool),
    /// A number, also for whole numbers: not every guest language has 64-bit integers.
    Number(f64),
    /// Any text.
    Text(String),
    /// A list of numbers.
    Numbers(Vec<f64>),
    /// A list of texts.
    Texts(Vec<String>),
}

/// The form of a value in JSON and TOML: `3`, `"text"`, `[1, 2]`.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Value", untagged)]
enum UntaggedValue {
    Truth(bool),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

/// The form of a value in a binary format that does not describe itself.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Value")]
enum TaggedValue {
    Truth(bool),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            UntaggedValue::serialize(self, serializer)
        } else {
            TaggedValue::serialize(self, serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            UntaggedValue::deserialize(deserializer)
        } else {
            TaggedValue::deserialize(deserializer)
        }
    }
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Truth(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::Numbers(_) => "a list of numbers",
            Self::Texts(_) => "a list of texts",
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Truth(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value}"),
            Self::Numbers(values) => write!(f, "{values:?}"),
            Self::Texts(values) => write!(f, "{values:?}"),
        }
    }
}

/// A parameter that is set to a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The parameter's name.
    pub name: String,
    /// The value.
    pub value: Value,
}

/// The range of a number, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The minimum.
    pub min: f64,
    /// The maximum.
    pub max: f64,
}

/// The values that a parameter accepts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterKind {
    /// True or false.
    Truth,
    /// A whole number in a range.
    Integer(Range),
    /// A finite number in a range.
    Number(Range),
    /// Any text.
    Text,
    /// One of these names.
    OneOf(Vec<String>),
    /// A list of numbers.
    Numbers,
    /// A list of texts.
    Texts,
}

/// What a parameter means to the host and the command line, which do not know a plugin's parameters by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// No special meaning.
    #[default]
    Plain,
    /// A text that is a name or the path of a file. A relative path is made absolute when a study begins.
    Path,
    /// A text that names the data: a name, a file or a folder. `--data` sets it. If such a file or folder exists, the
    /// value becomes its absolute path when a study begins. At most one parameter has this role.
    Data,
    /// A text that says on which device networks are trained. `--device` sets it, and `nas train` may use another
    /// device.
    Device,
    /// A text that names a recipe: settings that hold unless the user overrides them. `--recipe` sets it.
    Recipe,
    /// A whole number: the highest fidelity of a trial, in the evaluator's unit. `nas train --epochs` sets it.
    Fidelity,
}

/// The declaration of one parameter of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// The name, in snake case.
    pub name: String,
    /// The values that it accepts.
    pub kind: ParameterKind,
    /// The value if the user sets none.
    pub default: Value,
    /// Its meaning to the host.
    pub role: Role,
    /// One sentence for people: the meaning, the unit, the paper's symbol.
    pub description: String,
}

impl Parameter {
    /// Returns a parameter of this kind, without a role.
    pub fn new(name: &str, kind: ParameterKind, default: Value, description: &str) -> Self {
        let role = Role::Plain;
        Self { name: name.to_owned(), kind, default, role, description: description.to_owned() }
    }

    /// Returns the first of these parameters that has a role.
    pub fn find(role: Role, parameters: &[Self]) -> Option<&Self> {
        parameters.iter().find(|parameter| parameter.role == role)
    }

    /// Returns this parameter with a role.
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// Returns a parameter that accepts a whole number in `min..=max`.
    pub fn integer(name: &str, default: u32, min: u32, max: u32, description: &str) -> Self {
        let kind = ParameterKind::Integer(Range { min: f64::from(min), max: f64::from(max) });
        Self::new(name, kind, Value::Number(f64::from(default)), description)
    }

    /// Returns a parameter that accepts a finite number in `min..=max`.
    pub fn number(name: &str, default: f64, min: f64, max: f64, description: &str) -> Self {
        Self::new(name, ParameterKind::Number(Range { min, max }), Value::Number(default), description)
    }

    /// Returns a parameter that is true or false.
    pub fn truth(name: &str, default: bool, description: &str) -> Self {
        Self::new(name, ParameterKind::Truth, Value::Truth(default), description)
    }

    /// Returns a parameter that accepts any text.
    pub fn text(name: &str, default: &str, description: &str) -> Self {
        Self::new(name, ParameterKind::Text, Value::Text(default.to_owned()), description)
    }

    /// Returns a parameter that accepts one of these names.
    pub fn one_of(name: &str, default: &str, names: &[&str], description: &str) -> Self {
        let kind = ParameterKind::OneOf(names.iter().map(|&name| name.to_owned()).collect());
        Self::new(name, kind, Value::Text(default.to_owned()), description)
    }

    /// Checks a value against this declaration.
    ///
    /// # Errors
    ///
    /// Returns an error that says which values are accepted if this one is not.
    pub fn check(&self, value: &Value) -> Result<()> {
        let wrong =
            |wanted: &str| Err(Error::new(format!("'{}' takes {wanted}, not {} ({value})", self.name, value.kind())));
        let in_range = |number: f64, min: f64, max: f64| {
            if number < min || number > max {
                Err(Error::new(format!("'{}' must lie between {min} and {max}, but is {number}", self.name)))
            } else {
                Ok(())
            }
        };
        match (&self.kind, value) {
            (ParameterKind::Truth, Value::Truth(_))
            | (ParameterKind::Text, Value::Text(_))
            | (ParameterKind::Texts, Value::Texts(_)) => Ok(()),
            (ParameterKind::Integer(Range { min, max }), Value::Number(number)) => {
                if number.fract() != 0.0 || !number.is_finite() {
                    return Err(Error::new(format!("'{}' takes a whole number, not {number}", self.name)));
                }
                in_range(*number, *min, *max)
            }
            (ParameterKind::Number(Range { min, max }), Value::Number(number)) => {
                if !number.is_finite() {
                    return Err(Error::new(format!("'{}' takes a finite number, not {number}", self.name)));
                }
                in_range(*number, *min, *max)
            }
            (ParameterKind::OneOf(names), Value::Text(text)) => {
                if names.iter().any(|name| name == text) {
                    return Ok(());
                }
                Err(Error::new(format!("'{}' is one of {}, not '{text}'", self.name, names.join(", "))))
            }
            (ParameterKind::Numbers, Value::Numbers(numbers)) => match numbers.iter().find(|n| !n.is_finite()) {
                Some(number) => Err(Error::new(format!("'{}' takes finite numbers, not {number}", self.name))),
                None => Ok(()),
            },
            // An empty list has no type of its own.
            (ParameterKind::Numbers, Value::Texts(texts)) if texts.is_empty() => Ok(()),
            (ParameterKind::Texts, Value::Numbers(numbers)) if numbers.is_empty() => Ok(()),
            (ParameterKind::Truth, _) => wrong("true or false"),
            (ParameterKind::Integer(_), _) => wrong("a whole number"),
            (ParameterKind::Number(_), _) => wrong("a number"),
            (ParameterKind::Text, _) => wrong("a text"),
            (ParameterKind::OneOf(names), _) => wrong(&format!("one of {}", names.join(", "))),
            (ParameterKind::Numbers, _) => wrong("a list of numbers"),
            (ParameterKind::Texts, _) => wrong("a list of texts"),
        }
    }
}
