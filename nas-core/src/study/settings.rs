//! Values that a user gives to parameters, before the parameters' declarations are known.

use std::collections::BTreeMap;

use nas_api::{Parameter, ParameterKind, Setting, Settings, Value};
use serde::{Deserialize, Deserializer};

use super::StudyError;
use crate::names::did_you_mean;

/// One value that a user has set, before its parameter's declaration is known.
#[derive(Clone, Debug, PartialEq)]
pub enum UnresolvedSetting {
    /// From a file, where values have types.
    Typed(Value),
    /// From the command line: what it means depends on the parameter's kind.
    Raw(String),
}

/// Values by the parameter's name.
pub type UnresolvedSettings = BTreeMap<String, UnresolvedSetting>;

impl UnresolvedSetting {
    /// The value, if it already has a type.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Typed(value) => Some(value),
            Self::Raw(_) => None,
        }
    }

    /// Whether it comes from a file, not from a flag.
    pub fn is_from_file(&self) -> bool {
        matches!(self, Self::Typed(_))
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Raw(text) | Self::Typed(Value::Text(text)) => Some(text),
            Self::Typed(_) => None,
        }
    }

    /// The value for this parameter. A raw text becomes what the parameter takes, so a text parameter takes `12` as it
    /// stands.
    fn value_for(&self, parameter: &Parameter) -> Result<Value, String> {
        let raw = match self {
            Self::Typed(value) => return Ok(value.clone()),
            Self::Raw(raw) => raw,
        };
        let number = |text: &str| {
            let wanted =
                if matches!(parameter.kind, ParameterKind::Integer(_)) { "a whole number" } else { "a number" };
            text.trim().parse::<f64>().map_err(|_| format!("'{}' takes {wanted}, not '{text}'", parameter.name))
        };
        match &parameter.kind {
            ParameterKind::Truth => match raw.trim() {
                "true" => Ok(Value::Truth(true)),
                "false" => Ok(Value::Truth(false)),
                other => Err(format!("'{}' takes true or false, not '{other}'", parameter.name)),
            },
            ParameterKind::Integer(_) | ParameterKind::Number(_) => number(raw).map(Value::Number),
            ParameterKind::Text | ParameterKind::OneOf(_) => Ok(Value::Text(raw.clone())),
            ParameterKind::Numbers => items(raw).map(number).collect::<Result<_, _>>().map(Value::Numbers),
            ParameterKind::Texts => Ok(Value::Texts(items(raw).map(str::to_owned).collect())),
        }
    }
}

/// The items of `1,2,3` or `[1, 2, 3]`; quotes around an item are taken off.
fn items(raw: &str) -> impl Iterator<Item = &str> {
    let raw = raw.trim();
    let inner = raw.strip_prefix('[').and_then(|raw| raw.strip_suffix(']')).unwrap_or(raw);
    inner.split(',').map(|item| item.trim().trim_matches('"')).filter(|item| !item.is_empty())
}

/// What a user gave, checked against the declarations, with defaults for the rest. `place` names the table in errors.
pub fn check_settings(
    place: &str,
    parameters: &[Parameter],
    given: &UnresolvedSettings,
) -> Result<Settings, StudyError> {
    let mut settings = Vec::with_capacity(given.len());
    for (name, value) in given {
        let place = format!("{place}.{name}");
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == *name) else {
            let known: Vec<&str> = parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            let near = did_you_mean(name, known.iter().copied());
            let known = if known.is_empty() { "there is none".to_owned() } else { known.join(", ") };
            return Err(StudyError::spec(place, "there is no such parameter", format!("{near}known: {known}")));
        };
        let remedy = || parameter.description.clone();
        let value = value.value_for(parameter).map_err(|problem| StudyError::spec(&place, problem, remedy()))?;
        parameter.check(&value).map_err(|problem| StudyError::spec(&place, problem.to_string(), remedy()))?;
        settings.push(Setting { name: name.clone(), value });
    }
    Settings::checked(parameters, &settings).map_err(|problem| StudyError::spec(place, problem.to_string(), ""))
}

/// A text of a study file that stands for a setting.
pub(crate) fn typed_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnresolvedSetting>, D::Error> {
    String::deserialize(deserializer).map(|text| Some(UnresolvedSetting::Typed(Value::Text(text))))
}

/// A value of a TOML file, or what is wrong with it.
pub(crate) fn from_toml(value: toml::Value) -> Result<Value, String> {
    // Beyond this, a double no longer tells neighbouring whole numbers apart.
    const EXACT: i64 = 1 << 53;
    let number = |value: &toml::Value| match value {
        toml::Value::Integer(number) if number.abs() <= EXACT => Some(*number as f64),
        toml::Value::Float(number) => Some(*number),
        _ => None,
    };
    match value {
        toml::Value::Boolean(truth) => Ok(Value::Truth(truth)),
        toml::Value::String(text) => Ok(Value::Text(text)),
        toml::Value::Array(items) => {
            let numbers: Option<Vec<f64>> = items.iter().map(number).collect();
            let texts = || items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>();
            let list = numbers.map(Value::Numbers).or_else(|| texts().map(Value::Texts));
            list.ok_or_else(|| "a list holds either numbers or texts".to_owned())
        }
        toml::Value::Integer(_) | toml::Value::Float(_) => {
            number(&value).map(Value::Number).ok_or_else(|| format!("whole numbers beyond ±{EXACT} are not exact"))
        }
        toml::Value::Table(_) | toml::Value::Datetime(_) => {
            Err("takes true or false, a number, a text or a list".to_owned())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parameters() -> Vec<Parameter> {
        vec![
            Parameter::text("label", "", "l"),
            Parameter::integer("population", 50, 2, 1000, "P"),
            Parameter::truth("elitism", true, "e"),
            Parameter::new("ops", ParameterKind::Texts, Value::Texts(Vec::new()), "o"),
            Parameter::new("rates", ParameterKind::Numbers, Value::Numbers(Vec::new()), "r"),
        ]
    }

    fn check(name: &str, raw: &str) -> Result<Value, StudyError> {
        let given = UnresolvedSettings::from([(name.to_owned(), UnresolvedSetting::Raw(raw.to_owned()))]);
        let settings = check_settings("strategy", &parameters(), &given)?;
        Ok(settings.0.into_iter().find(|setting| setting.name == name).unwrap().value)
    }

    #[test]
    fn raw_texts_become_what_the_parameter_takes() {
        assert_eq!(check("label", "12").unwrap(), Value::Text("12".into()));
        assert_eq!(check("population", "12").unwrap(), Value::Number(12.0));
        assert_eq!(check("elitism", "false").unwrap(), Value::Truth(false));
        assert_eq!(check("ops", "[\"a\", b]").unwrap(), Value::Texts(vec!["a".into(), "b".into()]));
        assert_eq!(check("rates", "0.1,2").unwrap(), Value::Numbers(vec![0.1, 2.0]));
    }

    #[test]
    fn what_cannot_be_set_says_where_and_what() {
        let refused = |name: &str, raw: &str| check(name, raw).unwrap_err().to_string();
        assert!(refused("popluation", "3").contains("did you mean 'population'"));
        assert!(refused("population", "many").starts_with("strategy.population: 'population' takes a whole number"));
        assert!(refused("population", "1").contains("between 2 and 1000"));
        assert!(refused("elitism", "yes").contains("true or false"));
        assert!(refused("rates", "1,x").contains("takes a number"));
        let text = UnresolvedSettings::from([("label".to_owned(), UnresolvedSetting::Typed(Value::Number(12.0)))]);
        assert!(check_settings("strategy", &parameters(), &text).unwrap_err().to_string().contains("takes a text"));
    }
}
