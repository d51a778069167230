//! The parameters that a plugin declares, and the settings of a user.

use serde::{Deserialize, Serialize};

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
    /// A text that names the data: a name, a file or a folder. `--data` sets it. If such a file or folder exists, the value
    /// becomes its absolute path when a study begins. At most one parameter has this role.
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

/// The value of every parameter of a plugin, in the order of the declarations.
///
/// # Examples
///
/// ```
/// use nas_api::{Parameter, Setting, Settings, Value};
///
/// let parameters = [
///     Parameter::integer("population", 50, 2, 1000, "P of the paper"),
///     Parameter::number("rate", 0.1, 0.0, 1.0, "mutation rate"),
/// ];
/// let given = [Setting { name: "rate".into(), value: Value::Number(0.5) }];
/// let settings = Settings::checked(&parameters, &given)?;
/// assert_eq!(settings.integer("population")?, 50);
/// assert_eq!(settings.number("rate")?, 0.5);
/// # Ok::<(), nas_api::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(pub Vec<Setting>);

impl Settings {
    /// Checks the given settings against the declarations and fills in the defaults. The last of several settings of
    /// one parameter counts.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting names no declared parameter, or if its value is not accepted.
    pub fn checked(parameters: &[Parameter], given: &[Setting]) -> Result<Self> {
        if let Some(unknown) = given.iter().find(|setting| !parameters.iter().any(|p| p.name == setting.name)) {
            let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
            return Err(Error::new(format!("there is no parameter '{}' (known: {known})", unknown.name)));
        }
        let mut settings = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            // Flags come after the file that they override.
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

    /// Returns every parameter at its default.
    pub fn defaults(parameters: &[Parameter]) -> Self {
        let settings = parameters.iter().map(|p| Setting { name: p.name.clone(), value: p.default.clone() });
        Self(settings.collect())
    }

    fn get(&self, name: &str) -> Result<&Value> {
        let found = self.0.iter().find(|setting| setting.name == name);
        found.map(|setting| &setting.value).ok_or_else(|| Error::new(format!("the parameter '{name}' is missing")))
    }

    fn wrong_kind<T>(name: &str, wanted: &str, value: &Value) -> Result<T> {
        Err(Error::new(format!("the parameter '{name}' should be {wanted}, but is {}", value.kind())))
    }

    /// Returns the value of a parameter that is a whole number.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such parameter, or if its value is not a whole number in the range of `u32`.
    pub fn integer(&self, name: &str) -> Result<u32> {
        match self.get(name)? {
            Value::Number(number) if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number) => {
                Ok(*number as u32)
            }
            value => Self::wrong_kind(name, "a whole number", value),
        }
    }

    /// Returns the value of a parameter that is a number.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such parameter, or if its value is not a number.
    pub fn number(&self, name: &str) -> Result<f64> {
        match self.get(name)? {
            Value::Number(number) => Ok(*number),
            value => Self::wrong_kind(name, "a number", value),
        }
    }

    /// Returns the value of a parameter that is true or false.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such parameter, or if its value is not true or false.
    pub fn truth(&self, name: &str) -> Result<bool> {
        match self.get(name)? {
            Value::Truth(truth) => Ok(*truth),
            value => Self::wrong_kind(name, "true or false", value),
        }
    }

    /// Returns the value of a parameter that is a text.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such parameter, or if its value is not a text.
    pub fn text(&self, name: &str) -> Result<&str> {
        match self.get(name)? {
            Value::Text(text) => Ok(text),
            value => Self::wrong_kind(name, "a text", value),
        }
    }

    /// Returns the value of a parameter that is a list of numbers.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such parameter, or if its value is not a list of numbers.
    pub fn numbers(&self, name: &str) -> Result<&[f64]> {
        match self.get(name)? {
            Value::Numbers(numbers) => Ok(numbers),
            Value::Texts(texts) if texts.is_empty() => Ok(&[]),
            value => Self::wrong_kind(name, "a list of numbers", value),
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
    fn parameters_that_are_not_set_take_their_defaults() {
        let settings = Settings::checked(&parameters(), &set("rate", Value::Number(0.5))).unwrap();
        assert_eq!(settings.integer("population").unwrap(), 50);
        assert_eq!(settings.number("rate").unwrap(), 0.5);
        assert_eq!(settings.text("selection").unwrap(), "tournament");
    }

    #[test]
    fn invalid_settings_are_refused_with_a_reason() {
        let refused = |given: &[Setting]| Settings::checked(&parameters(), given).unwrap_err().to_string();
        assert!(refused(&set("populaton", Value::Number(3.0))).contains("no parameter 'populaton'"));
        assert!(refused(&set("population", Value::Number(1.0))).contains("between 2 and 1000"));
        assert!(refused(&set("population", Value::Number(2.5))).contains("whole number"));
        assert!(refused(&set("population", Value::Text("x".into()))).contains("whole number"));
        assert!(refused(&set("rate", Value::Number(f64::NAN))).contains("finite"));
        assert!(refused(&set("selection", Value::Text("rank".into()))).contains("tournament, roulette"));
    }
}
