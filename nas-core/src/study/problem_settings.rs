//! What a description means once names are looked up: the settings of every plugin, and the task.

use nas_api::{EvaluatorInfo, InstanceInfo, Parameter, ParameterKind, Role, Setting, Settings, Task, Value};

use super::settings::{UnresolvedSetting, UnresolvedSettings, check_settings};
use super::spec::{StudySpec, TaskSpec};
use super::{StudyError, paths, recipe};
use crate::plugin::{DEFINITION, Registry, TABLE_SPACE};

/// The reference to a plugin of this kind, which a description must give.
pub(super) fn named<'a>(kind: &str, reference: &'a Option<String>) -> Result<&'a str, StudyError> {
    let remedy = || format!("give --{kind} NAME, or {kind} = \"NAME\" in the study file; `nas plugin list` lists them");
    reference.as_deref().ok_or_else(|| StudyError::spec(kind, "is missing", remedy()))
}

/// The space that an evaluator's data are about, so that the user need not name it.
pub(super) fn known_space(opened: &InstanceInfo) -> Option<String> {
    let brings_space = opened.space_settings.iter().any(|setting| setting.name == DEFINITION);
    if brings_space { Some(TABLE_SPACE.to_owned()) } else { opened.space.clone() }
}

/// Every parameter of the evaluator: what the user set, with shorthands and the recipe worked in. Paths are
/// absolute, so that every later opening finds the same files from any folder.
pub(super) fn evaluator_settings(
    spec: &StudySpec,
    info: &EvaluatorInfo,
    registry: &Registry,
) -> Result<Settings, StudyError> {
    let mut settings = spec.evaluator.settings.clone();
    let shorthands = [
        ("data", Role::Data, &spec.data),
        ("recipe", Role::Recipe, &spec.recipe),
        ("device", Role::Device, &spec.device),
    ];
    for (key, role, given) in shorthands {
        let Some(given) = given else { continue };
        let Some(parameter) = Parameter::find(role, &info.parameters) else {
            let problem = format!("the evaluator '{}' takes no {key}", info.name);
            return Err(StudyError::spec(key, problem, "leave it out, or choose another evaluator"));
        };
        match settings.get(&parameter.name) {
            Some(other) if other.is_from_file() == given.is_from_file() && other != given => {
                let problem = format!("is given twice, here and as evaluator.{}", parameter.name);
                return Err(StudyError::spec(key, problem, "leave one of them out"));
            }
            // A flag takes precedence over the file.
            Some(_) if given.is_from_file() => {}
            _ => {
                settings.insert(parameter.name.clone(), given.clone());
            }
        }
    }
    for parameter in &info.parameters {
        let Some(given) = settings.get(&parameter.name) else { continue };
        let Some(text) = given.text().filter(|_| parameter.kind == ParameterKind::Text) else { continue };
        let folder = spec.folder.as_deref().filter(|_| given.is_from_file());
        let located = match parameter.role {
            // The default is a name that the evaluator gives, whatever files the current folder holds.
            Role::Data if parameter.default == Value::Text(text.to_owned()) => continue,
            Role::Data => paths::located(text, folder),
            Role::Path => paths::located_path(text, folder),
            Role::Recipe => paths::relocated(text, folder),
            Role::Plain | Role::Device | Role::Fidelity => continue,
        };
        settings.insert(parameter.name.clone(), UnresolvedSetting::Typed(Value::Text(located)));
    }
    recipe::apply(&mut settings, &info.parameters, registry)?;
    check_settings("evaluator", &info.parameters, &settings)
}

/// The settings that the user gives, completed by those that the evaluator dictates.
pub(super) fn space_settings(given: &UnresolvedSettings, fixed: &[Setting]) -> Result<UnresolvedSettings, StudyError> {
    let mut settings = given.clone();
    for Setting { name, value } in fixed {
        let place = format!("space.{name}");
        let wanted = UnresolvedSetting::Typed(value.clone());
        match settings.insert(name.clone(), wanted) {
            Some(UnresolvedSetting::Typed(other)) if other == *value => {}
            Some(_) => {
                let problem = "the evaluator's data determine it";
                return Err(StudyError::spec(place, problem, "leave it out"));
            }
            None => {}
        }
    }
    Ok(settings)
}

/// The task: what the evaluator's data determine, or else what the description says; its settings are still empty.
pub(super) fn choose_task(given: &TaskSpec, opened: Option<Task>, evaluator: &str) -> Result<Task, StudyError> {
    let settings = Settings::default();
    let Some(task) = opened else {
        let missing = |key: &str| {
            let problem = format!("the evaluator '{evaluator}' has no data that say what the networks are for");
            StudyError::spec(format!("task.{key}"), problem, "give task.input_shape, task.outputs and task.kind")
        };
        let input_shape = given.input_shape.clone().ok_or_else(|| missing("input_shape"))?;
        if input_shape.is_empty() || input_shape.iter().any(|&size| size < 1) {
            let problem = format!("sizes must be 1 or more, but are {input_shape:?}");
            return Err(StudyError::spec("task.input_shape", problem, "write channels, height, width; or features"));
        }
        let outputs = given.outputs.ok_or_else(|| missing("outputs"))?;
        if outputs == 0 {
            return Err(StudyError::spec("task.outputs", "must be 1 or more", "write the number of classes"));
        }
        let kind = given.kind.clone().ok_or_else(|| missing("kind"))?;
        return Ok(Task { input_shape, outputs, kind, settings });
    };
    let differs = |key: &str, data: String| {
        let problem = format!("the evaluator's data say {data}");
        Err(StudyError::spec(format!("task.{key}"), problem, "leave it out: the data determine it"))
    };
    if given.input_shape.as_ref().is_some_and(|shape| *shape != task.input_shape) {
        return differs("input_shape", format!("{:?}", task.input_shape));
    }
    if given.outputs.is_some_and(|outputs| outputs != task.outputs) {
        return differs("outputs", task.outputs.to_string());
    }
    if given.kind.as_ref().is_some_and(|kind| *kind != task.kind) {
        return differs("kind", format!("'{}'", task.kind));
    }
    Ok(Task { settings, ..task })
}
