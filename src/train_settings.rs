//! The settings of `nas train`: those of the study, or those of another recipe.

use nas_api::{EvaluatorInfo, FinalTraining, Parameter, Role, Setting, Settings, Value};
use nas_core::plugin::Registry;
use nas_core::study::{Header, Recipe, StudySpec, UnresolvedSetting, UnresolvedSettings, check_settings};

use crate::args::Train;
use crate::failure::Failure;

/// The default length of the final training, as a multiple of the epochs of a trial.
const LONGER: f64 = 5.0;

/// The evaluator, and what may be set for its final training.
pub struct Trainer<'a> {
    pub info: &'a EvaluatorInfo,
    pub full: &'a FinalTraining,
}

impl Trainer<'_> {
    /// The name of the evaluator's parameter with this role.
    fn parameter(&self, role: Role) -> Option<&str> {
        Parameter::find(role, &self.info.parameters).map(|parameter| parameter.name.as_str())
    }

    /// Sets the device of `changes` in the header: the device of the search may not exist on this machine.
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

/// Returns the settings of the evaluator and the number of epochs. Settings come from the study, or with `--recipe`
/// from that recipe and the study's data; [`changes`] override them. Epochs come from `--epochs`, the changes or the
/// recipe; the default is five times those of a trial.
///
/// # Errors
/// The recipe cannot be read, or a setting is invalid or may not be changed.
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
    // An evaluator without a parameter for its epochs still receives them in the request.
    let fidelity = trainer.parameter(Role::Fidelity);
    let whole = |epochs: u32| UnresolvedSetting::Typed(Value::Number(f64::from(epochs)));
    if let Some(name) = fidelity {
        given.insert(name.to_owned(), whole(epochs));
    }
    if let Some(reference) = &train.recipe {
        let recipe = Recipe::find(reference, registry, &info.parameters)?;
        // Parameters that the recipe omits take their defaults, as in a new study. Epochs are the exception: the final
        // training is longer than a trial.
        given.retain(|name, _| Some(name.as_str()) == fidelity || !full.recipe.contains(name));
        let is_harmless = |name: &str| Some(name) == fidelity || full.no_effect(name).is_some();
        if let Some(name) = recipe.settings.keys().find(|name| !full.allows(name) && !is_harmless(name)) {
            return Err(fixed(&format!("--recipe {reference}: {name}"), name, trainer));
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

/// Returns the evaluator's settings that `--set` and `--device` give.
///
/// # Errors
/// A setting is not the evaluator's, may not be changed, or contradicts `--device`.
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
        return Err(Failure::input("--set: only the evaluator can be set here").help(help));
    }
    if let Some(name) = evaluator.keys().find(|name| !full.allows(name) && is_known(info, name)) {
        return Err(fixed(&format!("--set evaluator.{name}"), name, trainer));
    }
    Ok(evaluator)
}

/// The error for a parameter that cannot be changed for the final training. `place` names the flag or the recipe.
fn fixed(place: &str, name: &str, trainer: &Trainer<'_>) -> Failure {
    let full = trainer.full;
    if trainer.parameter(Role::Recipe) == Some(name) {
        return Failure::input(format!("{place}: the recipe has a flag of its own")).help("give --recipe NAME");
    }
    if let Some(reason) = full.no_effect(name) {
        return Failure::input(format!("{place}: {reason}")).help("leave it out");
    }
    let problem = "the network is trained and tested on the data of the study";
    let others = full.safe.join(", ");
    let help = format!("leave it out; besides the parameters of a recipe, only these can be changed: {others}");
    Failure::input(format!("{place}: {problem}")).help(help)
}

/// Whether the evaluator has this parameter. An unknown one is refused later, with the nearest name.
fn is_known(info: &EvaluatorInfo, name: &str) -> bool {
    info.parameters.iter().any(|parameter| parameter.name == name)
}
