//! Parameters that a plugin declares, and the values that a user sets.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The value of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Truth(bool),
    /// Also whole numbers.
    Number(f64),
    /// Any text.
    Text(String),
    /// A list of numbers.
    Numbers(Vec<f64>),
    /// A list of texts.
    Texts(Vec<String>),
}

/// A value as people write it: `3`, `"text"`, `[1, 2]`.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Value", untagged)]
enum Plain {
    Truth(bool),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

/// A value in a format that does not describe itself.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Value")]
enum Tagged {
    Truth(bool),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            Plain::serialize(self, serializer)
        } else {
            Tagged::serialize(self, serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Plain::deserialize(deserializer)
        } else {
            Tagged::deserialize(deserializer)
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

/// One configured parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// The parameter's name.
    pub name: String,
    /// What it is set to.
    pub value: Value,
}

/// The bounds of a number, both included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The least value.
    pub min: f64,
    /// The greatest value.
    pub max: f64,
}

/// What values a parameter takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParameterKind {
    /// True or false.
    Truth,
    /// A whole number.
    Integer(Range),
    /// A finite number.
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

/// What a parameter is to the host and the command line, which know no parameter of a plugin by its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A value like any other.
    #[default]
    Plain,
    /// A text that is a name, or the path of a file: relative paths are made absolute when a study begins.
    Path,
    /// A text that names the data: a name, a file or a folder. `--data` is short for it, and what names no set of the plugin's
    /// own is made an absolute path when a study begins. At most one parameter has this role.
    Data,
    /// A text that says where networks are trained; `--device` is short for it, and `nas train` may choose another one.
    Device,
    /// A text that names a recipe: settings that hold where the user sets nothing. `--recipe` is short for it.
    Recipe,
    /// A whole number: how much is spent on one trial at most, in the evaluator's unit. `nas train --epochs` is short for it.
    Fidelity,
}

/// Declares one parameter of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Snake case.
    pub name: String,
    /// What values it takes.
    pub kind: ParameterKind,
    /// What holds where nothing is set.
    pub default: Value,
    /// What it is to the host.
    pub role: Role,
    /// One sentence: meaning, unit, the paper's symbol.
    pub description: String,
}

impl Parameter {
    /// A parameter of this kind, without a role.
    pub fn new(name: &str, kind: ParameterKind, default: Value, description: &str) -> Self {
        let role = Role::Plain;
        Self { name: name.to_owned(), kind, default, role, description: description.to_owned() }
    }

    /// The same with a role.
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// A whole number in `min..=max`.
    pub fn integer(name: &str, default: u32, min: u32, max: u32, description: &str) -> Self {
        let kind = ParameterKind::Integer(Range { min: f64::from(min), max: f64::from(max) });
        Self::new(name, kind, Value::Number(f64::from(default)), description)
    }

    /// A finite number in `min..=max`.
    pub fn number(name: &str, default: f64, min: f64, max: f64, description: &str) -> Self {
        Self::new(name, ParameterKind::Number(Range { min, max }), Value::Number(default), description)
    }

    /// True or false.
    pub fn truth(name: &str, default: bool, description: &str) -> Self {
        Self::new(name, ParameterKind::Truth, Value::Truth(default), description)
    }

    /// Any text.
    pub fn text(name: &str, default: &str, description: &str) -> Self {
        Self::new(name, ParameterKind::Text, Value::Text(default.to_owned()), description)
    }

    /// One of the names.
    pub fn one_of(name: &str, default: &str, names: &[&str], description: &str) -> Self {
        let kind = ParameterKind::OneOf(names.iter().map(|&name| name.to_owned()).collect());
        Self::new(name, kind, Value::Text(default.to_owned()), description)
    }

    /// Why this value cannot be set, in words that say what can.
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

/// Every parameter of a plugin with its value: what was set, and defaults for the rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(pub Vec<Setting>);

impl Settings {
    /// What was set, checked against the declarations, with defaults for the rest, in the order of the declarations.
    pub fn checked(parameters: &[Parameter], given: &[Setting]) -> Result<Self> {
        if let Some(unknown) = given.iter().find(|setting| !parameters.iter().any(|p| p.name == setting.name)) {
            let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
            return Err(Error::new(format!("there is no parameter '{}' (known: {known})", unknown.name)));
        }
        let mut settings = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            // The last one wins, as flags override a file.
            let value = match given.iter().rfind(|setting| setting.name == parameter.name) {
                Some(setting) => {
                    parameter.check(&setting.value)?;
                    setting.value.clone()
                }
                None => parameter.default.clone(),
            };
            settings.push(Setting { name: parameter.name.clone(), value });
        }
        Ok(Self(settings))
    }

    /// Every parameter at its default.
    pub fn defaults(parameters: &[Parameter]) -> Self {
        let settings = parameters.iter().map(|p| Setting { name: p.name.clone(), value: p.default.clone() });
        Self(settings.collect())
    }

    fn get(&self, name: &str) -> Result<&Value> {
        let found = self.0.iter().find(|setting| setting.name == name);
        found.map(|setting| &setting.value).ok_or_else(|| Error::new(format!("the parameter '{name}' is missing")))
    }

    fn wrong<T>(name: &str, wanted: &str, value: &Value) -> Result<T> {
        Err(Error::new(format!("the parameter '{name}' should be {wanted}, but is {}", value.kind())))
    }

    /// A whole number that fits.
    pub fn integer(&self, name: &str) -> Result<u32> {
        match self.get(name)? {
            Value::Number(number) if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number) => {
                Ok(*number as u32)
            }
            value => Self::wrong(name, "a whole number", value),
        }
    }

    /// A number.
    pub fn number(&self, name: &str) -> Result<f64> {
        match self.get(name)? {
            Value::Number(number) => Ok(*number),
            value => Self::wrong(name, "a number", value),
        }
    }

    /// True or false.
    pub fn truth(&self, name: &str) -> Result<bool> {
        match self.get(name)? {
            Value::Truth(truth) => Ok(*truth),
            value => Self::wrong(name, "true or false", value),
        }
    }

    /// A text.
    pub fn text(&self, name: &str) -> Result<&str> {
        match self.get(name)? {
            Value::Text(text) => Ok(text),
            value => Self::wrong(name, "a text", value),
        }
    }

    /// A list of numbers.
    pub fn numbers(&self, name: &str) -> Result<&[f64]> {
        match self.get(name)? {
            Value::Numbers(numbers) => Ok(numbers),
            Value::Texts(texts) if texts.is_empty() => Ok(&[]),
            value => Self::wrong(name, "a list of numbers", value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Vec<Parameter> {
        vec![
            Parameter::integer("population", 50, 2, 1000, "P"),
            Parameter::number("rate", 0.1, 0.0, 1.0, "r"),
            Parameter::one_of("selection", "tournament", &["tournament", "roulette"], "s"),
        ]
    }

    fn set(name: &str, value: Value) -> Vec<Setting> {
        vec![Setting { name: name.to_owned(), value }]
    }

    #[test]
    fn defaults_fill_what_is_not_set() {
        let settings = Settings::checked(&parameters(), &set("rate", Value::Number(0.5))).unwrap();
        assert_eq!(settings.integer("population").unwrap(), 50);
        assert_eq!(settings.number("rate").unwrap(), 0.5);
        assert_eq!(settings.text("selection").unwrap(), "tournament");
    }

    #[test]
    fn what_cannot_be_set_is_refused_in_words() {
        let refused = |given: &[Setting]| Settings::checked(&parameters(), given).unwrap_err().to_string();
        assert!(refused(&set("populaton", Value::Number(3.0))).contains("no parameter 'populaton'"));
        assert!(refused(&set("population", Value::Number(1.0))).contains("between 2 and 1000"));
        assert!(refused(&set("population", Value::Number(2.5))).contains("whole number"));
        assert!(refused(&set("population", Value::Text("x".into()))).contains("whole number"));
        assert!(refused(&set("rate", Value::Number(f64::NAN))).contains("finite"));
        assert!(refused(&set("selection", Value::Text("rank".into()))).contains("tournament, roulette"));
    }
}
