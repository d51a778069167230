//! How `nas train` trains: as the study did, or by another recipe.

use nas_api::{EvaluatorInfo, FinalTraining, Role, Setting, Settings, Value};
use nas_core::plugin::Registry;
use nas_core::study::{Header, Recipe, StudySpec, UnresolvedSetting, UnresolvedSettings, check_settings};

use crate::args::Train;
use crate::failure::Failure;

/// Epochs of the final training for each epoch of a trial, where the user does not say.
const LONGER: f64 = 5.0;

/// The evaluator that trains, and what may be set for that.
pub struct Trainer<'a> {
    pub info: &'a EvaluatorInfo,
    pub full: &'a FinalTraining,
}

impl Trainer<'_> {
    /// The name of the evaluator's parameter with this role.
    fn parameter(&self, role: Role) -> Option<&str> {
        self.info.parameters.iter().find(|parameter| parameter.role == role).map(|parameter| parameter.name.as_str())
    }

    /// The study as it is opened again: the device that it was searched on may not exist here.
    pub fn on_device(&self, mut header: Header, changes: &UnresolvedSettings) -> Header {
        let Some(name) = self.parameter(Role::Device) else { return header };
        let device = changes.get(name).and_then(UnresolvedSetting::text).map(str::to_owned);
        let recorded = header.evaluator.settings.0.iter_mut().find(|setting| setting.name == name);
        if let (Some(device), Some(recorded)) = (device, recorded) {
            recorded.value = Value::Text(device);
        }
        header
    }
}

/// Every parameter of the evaluator, and for how many epochs it trains. Parameters are those of the study, or with `--recipe` its
/// data and that recipe, and over them the [`changes`]. Epochs are those of `--epochs`, of the changes or the recipe, or else
/// five times those of a trial.
pub fn of(
    train: &Train,
    header: &Header,
    registry: &Registry,
    trainer: &Trainer<'_>,
    changes: UnresolvedSettings,
) -> Result<(Settings, u32), Failure> {
    let Trainer { info, full } = trainer;
    let epochs = (header.fidelities.last().copied().unwrap_or(1.0) * LONGER).round().max(1.0) as u32;
    let recorded = |setting: &Setting| (setting.name.clone(), UnresolvedSetting::Typed(setting.value.clone()));
    let mut given: UnresolvedSettings = header.evaluator.settings.0.iter().map(recorded).collect();
    // An evaluator without that parameter is told its epochs all the same.
    let fidelity = trainer.parameter(Role::Fidelity);
    let whole = |epochs: u32| UnresolvedSetting::Typed(Value::Number(f64::from(epochs)));
    if let Some(name) = fidelity {
        given.insert(name.to_owned(), whole(epochs));
    }
    if let Some(reference) = &train.recipe {
        let recipe = Recipe::find(reference, registry, &info.parameters)?;
        // What a recipe leaves open is at its default, as in a new study, whatever the search was trained with; but a full
        // training is longer than a trial, so epochs are not.
        given.retain(|name, _| Some(name.as_str()) == fidelity || !full.recipe.contains(name));
        let is_harmless = |name: &str| Some(name) == fidelity || full.no_effect(name).is_some();
        if let Some(name) = recipe.settings.keys().find(|name| !full.allows(name) && !is_harmless(name)) {
            return Err(refused(&format!("--recipe {reference}: {name}"), name, trainer));
        }
        if let Some(name) = trainer.parameter(Role::Recipe) {
            given.insert(name.to_owned(), UnresolvedSetting::Raw(recipe.reference));
        }
        given.extend(recipe.settings);
    }
    given.extend(changes);
    if let (Some(epochs), Some(name)) = (train.epochs, fidelity) {
        given.insert(name.to_owned(), whole(epochs));
    }
    let settings = check_settings("evaluator", &info.parameters, &given)?;
    let epochs = fidelity.map_or(Ok(train.epochs.unwrap_or(epochs)), |name| settings.integer(name))?;
    Ok((settings, epochs))
}

/// What `--set` and `--device` say.
pub fn changes(train: &Train, trainer: &Trainer<'_>) -> Result<UnresolvedSettings, Failure> {
    let mut spec = StudySpec::default();
    for assignment in &train.sets {
        spec.set(assignment)?;
    }
    if let Some(device) = &train.device {
        let name = trainer.parameter(Role::Device).ok_or_else(|| {
            let problem = format!("--device {device}: the evaluator '{}' takes no device", trainer.info.name);
            Failure::input(problem).help("leave it out")
        })?;
        let given = UnresolvedSetting::Raw(device.clone());
        if spec.evaluator.settings.insert(name.to_owned(), given.clone()).is_some_and(|other| other != given) {
            let problem = format!("--device {device}: evaluator.{name} is given, too");
            return Err(Failure::input(problem).help("leave one of them out"));
        }
    }
    let Trainer { info, full } = trainer;
    let evaluator = std::mem::take(&mut spec.evaluator.settings);
    if spec != StudySpec::default() {
        let help = "write evaluator.KEY=VALUE: space, strategy and task are those of the study";
        return Err(Failure::input("--set: `nas train` sets how the network is trained alone").help(help));
    }
    if let Some(name) = evaluator.keys().find(|name| !full.allows(name) && is_known(info, name)) {
        return Err(refused(&format!("--set evaluator.{name}"), name, trainer));
    }
    Ok(evaluator)
}

/// Why a parameter that the final training fixes cannot be set: where it stands, and what to do.
fn refused(place: &str, name: &str, trainer: &Trainer<'_>) -> Failure {
    let full = trainer.full;
    if trainer.parameter(Role::Recipe) == Some(name) {
        return Failure::input(format!("{place}: a recipe has a flag of its own")).help("give --recipe NAME");
    }
    if let Some(reason) = full.no_effect(name) {
        return Failure::input(format!("{place}: {reason}")).help("leave it out");
    }
    let problem = "the network is trained and tested on the data of the study";
    let others = full.others.join(", ");
    let help = format!("leave it out: besides how networks are trained, this alone can be changed: {others}");
    Failure::input(format!("{place}: {problem}")).help(help)
}

/// Others are refused with the nearest name.
fn is_known(info: &EvaluatorInfo, name: &str) -> bool {
    info.parameters.iter().any(|parameter| parameter.name == name)
}
