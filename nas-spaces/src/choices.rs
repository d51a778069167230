//! Decisions among numbers, whose choices the settings of a space can replace.

use nas_api::{Decision, Error, Parameter, ParameterKind, Result, Settings, Value};

/// The largest number of choices of one decision.
const MAX_CHOICES: usize = 64;

/// A parameter that lists the choices of a decision.
pub fn parameter(name: &str, default: &[f64], description: &str) -> Parameter {
    Parameter::new(name, ParameterKind::Numbers, Value::Numbers(default.to_vec()), description)
}

/// The whole numbers that such a setting lists, ascending and each in `1..=max`.
///
/// # Errors
/// If a number is not whole or out of range, or the list is empty, too long or not ascending.
pub fn whole_numbers(settings: &Settings, name: &str, max: u32) -> Result<Vec<u32>> {
    let numbers = numbers(settings, name, 1.0, f64::from(max))?;
    match numbers.iter().find(|number| number.fract() != 0.0) {
        Some(number) => Err(Error::new(format!("'{name}' takes whole numbers, not {number}"))),
        None => Ok(numbers.iter().map(|&number| number as u32).collect()),
    }
}

/// The numbers that such a setting lists, ascending and each in `min..=max`.
///
/// # Errors
/// If a number is out of range, or the list is empty, too long or not ascending.
pub fn numbers(settings: &Settings, name: &str, min: f64, max: f64) -> Result<Vec<f64>> {
    let numbers = settings.numbers(name)?;
    if numbers.is_empty() || numbers.len() > MAX_CHOICES {
        return Err(Error::new(format!("'{name}' takes 1 to {MAX_CHOICES} choices, not {}", numbers.len())));
    }
    if let Some(number) = numbers.iter().find(|number| !(min..=max).contains(*number)) {
        return Err(Error::new(format!(
            "the choices of '{name}' must lie between {min} and {max}, but one is {number}"
        )));
    }
    if !numbers.is_sorted_by(|a, b| a < b) {
        return Err(Error::new(format!("the choices of '{name}' must ascend without repetition, not {numbers:?}")));
    }
    Ok(numbers.to_vec())
}

/// An ordered decision among numbers.
pub fn decision<N: ToString>(name: &str, numbers: &[N]) -> Decision {
    Decision::new(name, numbers.iter().map(N::to_string)).ordered()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn invalid_lists_are_refused() {
        let set = |numbers: &[f64]| Settings::defaults(&[parameter("widths", numbers, "w")]);
        assert_eq!(whole_numbers(&set(&[8.0, 64.0]), "widths", 100).unwrap(), [8, 64]);
        assert_eq!(numbers(&set(&[0.5, 2.0]), "widths", 0.1, 9.0).unwrap(), [0.5, 2.0]);
        for (wrong, words) in [
            (&[][..], "1 to 64 choices"),
            (&[2.5], "whole numbers, not 2.5"),
            (&[0.0], "between 1 and 100"),
            (&[101.0], "between 1 and 100"),
            (&[8.0, 8.0], "must ascend"),
            (&[8.0, 4.0], "must ascend"),
            (&[f64::NAN], "between 1 and 100"),
        ] {
            let error = whole_numbers(&set(wrong), "widths", 100).unwrap_err().to_string();
            assert!(error.contains(words), "{wrong:?}: {error}");
        }
    }
}
