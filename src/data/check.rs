//! `nas data check`: describes data and reports what is wrong with them.

use std::process::ExitCode;

use nas_api::EvaluatorPlugin;
use nas_core::study::{StudySpec, UnresolvedSetting, check_settings};
use nas_data::{Description, Values};
use nas_evaluator_burn::{BurnEvaluator, describe_data};

use crate::args::DataCheck;
use crate::failure::Failure;
use crate::print;

/// The number of classes that are listed at most.
const SHOWN: usize = 30;

/// Describes data as the evaluator `burn` would use them.
///
/// # Errors
/// A setting is invalid, or the data cannot be read or are invalid.
pub fn check(check: &DataCheck) -> Result<ExitCode, Failure> {
    let mut spec = StudySpec::default();
    for assignment in &check.sets {
        spec.set(assignment)?;
    }
    let others = [&spec.space.settings, &spec.strategy.settings, &spec.task.settings];
    if others.iter().any(|settings| !settings.is_empty()) {
        return Err(Failure::input("--set: only evaluator.KEY=VALUE can be set here"));
    }
    let mut given = spec.evaluator.settings;
    given.insert("data".to_owned(), UnresolvedSetting::Raw(check.data.clone()));
    let settings = check_settings("evaluator", &BurnEvaluator::info().parameters, &given)?;
    let description = describe_data(&settings)?;
    if check.json {
        print::json(&serde_json::to_value(&description).map_err(|error| Failure::broken(error.to_string()))?)?;
    } else {
        print(&description);
    }
    Ok(ExitCode::SUCCESS)
}

fn print(description: &Description) {
    let shape = description.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
    let [train, validation, test] = description.examples.map(count);
    out!("{}: {}", description.source, description.task);
    out!("  inputs {shape}, outputs {}", count(description.outputs));
    out!("  examples: {train} for training, {validation} for validation, {test} for test");
    if let Some(vocabulary) = description.vocabulary {
        out!("  vocabulary: {} tokens", count(vocabulary));
    }
    if !description.values.is_empty() {
        let rows = description.values.iter().chain(&description.target).map(row).collect();
        out!("\n{}", print::table(&["values", "kind", "missing", "min", "mean", "max", "names"], rows));
    }
    if !description.classes.is_empty() {
        let rows = description.classes.iter().take(SHOWN).map(|class| {
            let [train, validation, test] = class.examples.map(count);
            vec![class.name.clone(), train, validation, test]
        });
        out!("\n{}", print::table(&["class", "training", "validation", "test"], rows.collect()));
        if description.classes.len() > SHOWN {
            out!("and {} more classes", description.classes.len() - SHOWN);
        }
    }
    for warning in &description.warnings {
        out!("\nwarning: {warning}");
    }
}

fn row(values: &Values) -> Vec<String> {
    let number = |value: Option<f64>| value.map_or_else(String::new, print::number);
    vec![
        values.name.clone(),
        values.kind.clone(),
        count(values.missing),
        number(values.min),
        number(values.mean),
        number(values.max),
        values.names.map_or_else(String::new, count),
    ]
}

fn count(value: usize) -> String {
    print::number(value as f64)
}
