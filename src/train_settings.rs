//! How `nas train` trains: as the study did, or by another recipe.

use nas_api::{EvaluatorInfo, FullTraining, Setting, Settings, Value};
use nas_core::plugin::Registry;
use nas_core::study::{Given, GivenSettings, Header, Recipe, StudySpec, check_settings};

use crate::args::Train;
use crate::failure::Failure;
use crate::search::short_for;

/// The parameter that says where networks are trained.
const DEVICE: &str = "device";
/// Epochs of the full training for each epoch of a trial, where the user does not say.
const LONGER: f64 = 5.0;
/// The parameter that says for how long.
const EPOCHS: &str = "epochs";

/// The evaluator that trains, and what may be set for that.
pub struct Trainer<'a> {
    pub info: &'a EvaluatorInfo,
    pub full: &'a FullTraining,
}

/// The study as it is opened again: where it was searched there may be devices that are not here.
pub fn on_device(mut header: Header, changes: &GivenSettings) -> Header {
    let device = changes.get(DEVICE).and_then(Given::text).map(str::to_owned);
    let recorded = header.evaluator.settings.0.iter_mut().find(|setting| setting.name == DEVICE);
    if let (Some(device), Some(recorded)) = (device, recorded) {
        recorded.value = Value::Text(device);
    }
    header
}

/// Every parameter of the evaluator, and for how many epochs it trains. Parameters are those of the study, or with `--recipe` its
/// data and that recipe, and over them the [`changes`]. Epochs are those of `--epochs`, of the changes or the recipe, or else
/// five times those of a trial.
pub fn of(
    train: &Train,
    header: &Header,
    registry: &Registry,
    Trainer { info, full }: &Trainer<'_>,
    changes: GivenSettings,
) -> Result<(Settings, u32), Failure> {
    let epochs = (header.fidelities.last().copied().unwrap_or(1.0) * LONGER).round().max(1.0) as u32;
    let recorded = |setting: &Setting| (setting.name.clone(), Given::Recorded(setting.value.clone()));
    let mut given: GivenSettings = header.evaluator.settings.0.iter().map(recorded).collect();
    // One without that parameter is told its epochs all the same.
    let has_epochs = is_known(info, EPOCHS);
    let whole = |epochs: u32| Given::Recorded(Value::Number(f64::from(epochs)));
    if has_epochs {
        given.insert(EPOCHS.to_owned(), whole(epochs));
    }
    if let Some(reference) = &train.recipe {
        let recipe = Recipe::find(reference, registry, &info.parameters)?;
        // What a recipe leaves open is at its default, as in a new study, whatever the search was trained with; but a full
        // training is longer than a trial, so epochs are not.
        given.retain(|name, _| name == EPOCHS || !full.recipe.contains(name));
        let is_harmless = |name: &str| [EPOCHS, "validate_every", "checkpoint_seconds"].contains(&name);
        if let Some(name) = recipe.settings.keys().find(|name| !full.allows(name) && !is_harmless(name)) {
            return Err(refused(&format!("--recipe {reference}: {name}"), name, full));
        }
        if is_known(info, "recipe") {
            given.insert("recipe".to_owned(), Given::Raw(recipe.reference));
        }
        given.extend(recipe.settings);
    }
    given.extend(changes);
    if let Some(epochs) = train.epochs.filter(|_| has_epochs) {
        given.insert(EPOCHS.to_owned(), whole(epochs));
    }
    let settings = check_settings("evaluator", &info.parameters, &given)?;
    let epochs = if has_epochs { settings.integer(EPOCHS)? } else { train.epochs.unwrap_or(epochs) };
    Ok((settings, epochs))
}

/// What `--set` and `--device` say.
pub fn changes(train: &Train, Trainer { info, full }: &Trainer<'_>) -> Result<GivenSettings, Failure> {
    let mut spec = StudySpec::default();
    for assignment in &train.sets {
        spec.set(assignment)?;
    }
    short_for(&mut spec, DEVICE, train.device.as_deref())?;
    let evaluator = std::mem::take(&mut spec.evaluator.settings);
    if spec != StudySpec::default() {
        let help = "write evaluator.KEY=VALUE: space, strategy and task are those of the study";
        return Err(Failure::input(format!(
            "--set: `nas train` sets how the network is trained alone\n  help: {help}"
        )));
    }
    if let Some(name) = evaluator.keys().find(|name| !full.allows(name) && is_known(info, name)) {
        return Err(refused(&format!("--set evaluator.{name}"), name, full));
    }
    Ok(evaluator)
}

/// Why a parameter that full training does not let be set cannot be, where it stands, and what to do.
fn refused(place: &str, name: &str, full: &FullTraining) -> Failure {
    let leave = || "leave it out".to_owned();
    let (problem, remedy) = match name {
        "recipe" => ("a recipe has a flag of its own", "give --recipe NAME".to_owned()),
        "validate_every" => ("validation examples are trained on here, so that nothing is validated", leave()),
        "checkpoint_seconds" => ("full training keeps no state on its way", leave()),
        _ => {
            let problem = "the network is trained and tested on the data of the study";
            let others = full.others.join(", ");
            (problem, format!("leave it out: besides how networks are trained, this alone can be changed: {others}"))
        }
    };
    Failure::input(format!("{place}: {problem}\n  help: {remedy}"))
}

/// Others are refused with the nearest name.
fn is_known(info: &EvaluatorInfo, name: &str) -> bool {
    info.parameters.iter().any(|parameter| parameter.name == name)
}
