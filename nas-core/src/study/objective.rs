//! Objectives and constraints as people write them: `val_accuracy:maximize`, `params<=5000`.

use nas_api::{Constraint, Goal, Objective};

use super::StudyError;

/// An objective whose goal may be left to the metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aim {
    pub metric: String,
    pub goal: Option<Goal>,
}

/// Reads `METRIC:maximize`, `METRIC:minimize` or `METRIC`.
pub(crate) fn parse_objective(text: &str) -> Result<Aim, StudyError> {
    let wrong = |problem: &str| {
        let place = format!("objective '{text}'");
        Err(StudyError::spec(place, problem, "write METRIC:maximize or METRIC:minimize, as in val_accuracy:maximize"))
    };
    let (metric, goal) = match text.split_once(':') {
        None => (text.trim(), None),
        Some((metric, "maximize")) => (metric.trim(), Some(Goal::Maximize)),
        Some((metric, "minimize")) => (metric.trim(), Some(Goal::Minimize)),
        Some((_, goal)) => return wrong(&format!("'{goal}' is neither maximize nor minimize")),
    };
    if metric.is_empty() {
        return wrong("the metric's name is missing");
    }
    Ok(Aim { metric: metric.to_owned(), goal })
}

/// Reads `METRIC<=LIMIT` or `METRIC>=LIMIT`.
pub(crate) fn parse_constraint(text: &str) -> Result<Constraint, StudyError> {
    let wrong = |problem: &str| {
        let place = format!("constraint '{text}'");
        Err(StudyError::spec(place, problem, "write METRIC<=VALUE or METRIC>=VALUE, as in params<=5000"))
    };
    let (metric, goal, limit) = match (text.split_once("<="), text.split_once(">=")) {
        (Some((metric, limit)), None) => (metric, Goal::Minimize, limit),
        (None, Some((metric, limit))) => (metric, Goal::Maximize, limit),
        _ => return wrong("there must be exactly one <= or >="),
    };
    let metric = metric.trim();
    if metric.is_empty() {
        return wrong("the metric's name is missing");
    }
    match limit.trim().parse::<f64>() {
        Ok(limit) if limit.is_finite() => Ok(Constraint { metric: metric.to_owned(), goal, limit }),
        Ok(_) => wrong("the limit must be finite"),
        Err(_) => wrong(&format!("the limit '{}' is not a number", limit.trim())),
    }
}

/// As [`parse_objective`] reads it.
pub(crate) fn objective_text(objective: &Objective) -> String {
    let goal = match objective.goal {
        Goal::Minimize => "minimize",
        Goal::Maximize => "maximize",
    };
    format!("{}:{goal}", objective.metric)
}

/// As [`parse_constraint`] reads it: the shortest text that gives the same limit.
pub(crate) fn constraint_text(constraint: &Constraint) -> String {
    let sign = match constraint.goal {
        Goal::Minimize => "<=",
        Goal::Maximize => ">=",
    };
    format!("{}{sign}{}", constraint.metric, constraint.limit)
}

/// A number as people read it: whole numbers with separators.
pub(crate) fn readable(value: f64) -> String {
    if value.fract() != 0.0 || !value.is_finite() || value.abs() >= 1e15 {
        return value.to_string();
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_read_and_written_back() {
        for text in ["params<=5000", "val_accuracy>=0.1", "x<=-0.30000000000000004"] {
            assert_eq!(constraint_text(&parse_constraint(text).unwrap()), text);
        }
        assert_eq!(parse_constraint(" params <= 5e3 ").unwrap().limit, 5000.0);
        let aim = parse_objective("val_loss:minimize").unwrap();
        assert_eq!((aim.metric.as_str(), aim.goal), ("val_loss", Some(Goal::Minimize)));
        assert_eq!(parse_objective("val_loss").unwrap().goal, None);
    }

    #[test]
    fn wrong_terms_say_what_is_wrong() {
        let constraint = |text: &str| parse_constraint(text).unwrap_err().to_string();
        assert!(constraint("params<5000").contains("exactly one <= or >="));
        assert!(constraint("params<=many").contains("'many' is not a number"));
        assert!(constraint("params<=inf").contains("finite"));
        assert!(constraint("<=3").contains("name is missing"));
        let objective = |text: &str| parse_objective(text).unwrap_err().to_string();
        assert!(objective("val_loss:smaller").contains("'smaller' is neither"));
        assert!(objective(":maximize").contains("name is missing"));
    }

    #[test]
    fn whole_numbers_have_separators() {
        assert_eq!(readable(12345.0), "12,345");
        assert_eq!(readable(-100.0), "-100");
        assert_eq!(readable(1_000_000.0), "1,000,000");
        assert_eq!(readable(0.25), "0.25");
        assert_eq!(readable(f64::INFINITY), "inf");
    }
}
