//! How `nas train` trains: as the study did, or by another recipe.

use nas_api::{EvaluatorPlugin, Setting, Settings, Value};
use nas_core::plugin::Registry;
use nas_core::study::{Given, GivenSettings, Header, Recipe, StudySpec, check_settings};
use nas_evaluator_burn::{BurnEvaluator, is_of_training};

use crate::args::Train;
use crate::failure::Failure;

/// What may be changed besides how networks are trained: neither lets test examples into training.
const LIMITS: [&str; 2] = ["train_limit", "validation_limit"];

/// Every parameter of the evaluator: those of the study, or with `--recipe` its data and that recipe, and over them what
/// `--set` says. Epochs are those of `--epochs`, of `--set` or the recipe, or else `epochs`.
pub fn of(train: &Train, header: &Header, registry: &Registry, epochs: u32) -> Result<Settings, Failure> {
    let parameters = BurnEvaluator::info().parameters;
    let recorded = |setting: &Setting| (setting.name.clone(), Given::Recorded(setting.value.clone()));
    let mut given: GivenSettings = header.evaluator.settings.0.iter().map(recorded).collect();
    let whole = |epochs: u32| Given::Recorded(Value::Number(f64::from(epochs)));
    given.insert("epochs".to_owned(), whole(epochs));
    if let Some(reference) = &train.recipe {
        let recipe = Recipe::find(reference, registry, &parameters)?;
        // What a recipe leaves open is at its default, as in a new study, whatever the search was trained with; but a full
        // training is longer than a trial, so epochs are not.
        given.retain(|name, _| name == "epochs" || !is_of_training(name));
        given.insert("recipe".to_owned(), Given::Raw(recipe.reference));
        given.extend(recipe.settings);
    }
    given.extend(sets(&train.sets)?);
    if let Some(epochs) = train.epochs {
        given.insert("epochs".to_owned(), whole(epochs));
    }
    Ok(check_settings("evaluator", &parameters, &given)?)
}

fn sets(assignments: &[String]) -> Result<GivenSettings, Failure> {
    let mut spec = StudySpec::default();
    for assignment in assignments {
        spec.set(assignment)?;
    }
    let evaluator = std::mem::take(&mut spec.evaluator.settings);
    if spec != StudySpec::default() {
        let help = "write evaluator.KEY=VALUE: space, strategy and task are those of the study";
        return Err(Failure::input(format!(
            "--set: `nas train` sets how the network is trained alone\n  help: {help}"
        )));
    }
    let allowed = |name: &str| is_of_training(name) || LIMITS.contains(&name);
    if let Some(name) = evaluator.keys().find(|name| !allowed(name) && is_known(name)) {
        let (problem, remedy) = refusal(name);
        return Err(Failure::input(format!("--set evaluator.{name}: {problem}\n  help: {remedy}")));
    }
    Ok(evaluator)
}

/// Why a parameter that is not of the training cannot be set, and what to do.
fn refusal(name: &str) -> (&'static str, String) {
    let leave = || "leave it out".to_owned();
    match name {
        "recipe" => ("a recipe has a flag of its own", "give --recipe NAME".to_owned()),
        "device" => ("full training runs on the CPU", leave()),
        "validate_every" => ("validation examples are trained on here, so that nothing is validated", leave()),
        "checkpoint_seconds" => ("full training keeps no state on its way", leave()),
        _ => {
            let problem = "the network is trained and tested on the data of the study";
            (problem, format!("leave it out: of the data, {} alone can be changed", LIMITS.join(" and ")))
        }
    }
}

/// Others are refused with the nearest name.
fn is_known(name: &str) -> bool {
    BurnEvaluator::info().parameters.iter().any(|parameter| parameter.name == name)
}
