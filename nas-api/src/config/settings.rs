//! The settings of an opened plugin.

use serde::{Deserialize, Serialize};

use super::{Parameter, Setting, Value};
use crate::{Error, Result};

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
