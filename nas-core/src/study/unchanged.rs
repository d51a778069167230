//! Whether a study that is continued finds what it was begun with: plugins, settings, data and task.

use nas_api::{Fingerprint, Parameter, ParameterKind, Role, Setting, Settings, Task, Value};

use super::header::Header;
use super::settings::{UnresolvedSetting, check_settings};
use super::{StudyError, paths};
use crate::plugin::{Identity, Registry};

/// The recorded settings; parameters that the plugin did not have then are at their defaults.
pub(super) fn recorded_settings(
    place: &str,
    parameters: &[Parameter],
    recorded: &Settings,
) -> Result<Settings, StudyError> {
    let typed = |setting: &Setting| (setting.name.clone(), UnresolvedSetting::Typed(setting.value.clone()));
    check_settings(place, parameters, &recorded.0.iter().map(typed).collect())
}

/// Refuses to mistake something in the current folder for data that were recorded by name.
pub(super) fn check_data_is_not_hidden(recorded: &Settings, parameters: &[Parameter]) -> Result<(), StudyError> {
    let Some(parameter) = Parameter::find(Role::Data, parameters) else { return Ok(()) };
    let Ok(name) = recorded.text(&parameter.name) else { return Ok(()) };
    // The default is a name that the evaluator gives, whatever files the current folder holds.
    let is_name = parameter.kind != ParameterKind::Text || parameter.default == Value::Text(name.to_owned());
    if is_name || !paths::is_hidden(name) {
        return Ok(());
    }
    let problem = format!("the study was begun with the data called '{name}', but here that name is something else");
    let remedy = format!("run it in a folder without a file or folder '{name}', or rename that one");
    Err(StudyError::spec(format!("evaluator.{}", parameter.name), problem, remedy))
}

/// Whether the task and the fidelities are those that the study was begun with.
pub(super) fn check_same(header: &Header, task: &Task, fidelities: &[f64]) -> Result<(), StudyError> {
    if completed(&header.task, task) != *task || header.fidelities != fidelities {
        let problem = "gives another task or other fidelities than when the study began: its data have changed";
        return Err(StudyError::spec("evaluator", problem, "bring back the data, or begin a new study"));
    }
    Ok(())
}

/// A recorded task with the settings that its space did not have then, as they are now: at their defaults.
fn completed(recorded: &Task, now: &Task) -> Task {
    let known = |settings: &Settings, name: &str| settings.0.iter().find(|setting| setting.name == name).cloned();
    let mut settings: Vec<Setting> = (now.settings.0.iter())
        .map(|setting| known(&recorded.settings, &setting.name).unwrap_or_else(|| setting.clone()))
        .collect();
    let gone = recorded.settings.0.iter().filter(|setting| known(&now.settings, &setting.name).is_none());
    settings.extend(gone.cloned());
    Task { settings: Settings(settings), ..recorded.clone() }
}

/// Checks that the space and the evaluator are those that a study recorded, before they are opened: a different plugin
/// would refuse the recorded settings with a message that says nothing about the cause.
///
/// # Errors
///
/// A plugin is missing or is another one than recorded, or it is a native library that is not allowed. None of its code
/// has run then.
pub fn check_plugins(header: &Header, registry: &Registry) -> Result<(), StudyError> {
    let remedy = |kind: &str| {
        format!(
            "bring back the {kind} that the study was begun with, or begin a new study: trials of a different one \
                 cannot be compared"
        )
    };
    let space = registry.space(&header.space.reference).map_err(StudyError::Open)?;
    same_plugin(&header.space.identity, space.identity(), || remedy("space"))?;
    // A library runs code as soon as it is loaded, so its bytes are compared first.
    let recorded = &header.evaluator.identity;
    if let Some(library) = registry.library(&header.evaluator.reference).map_err(StudyError::Open)? {
        let name = (recorded.name.clone(), recorded.version.clone());
        let found = Identity { name: name.0, version: name.1, ..library };
        same_plugin(recorded, &found, || remedy("evaluator"))?;
    }
    let evaluator = registry.evaluator(&header.evaluator.reference).map_err(StudyError::Open)?;
    same_plugin(&header.evaluator.identity, evaluator.identity(), || remedy("evaluator"))
}

/// Checks that a plugin is the one that was recorded.
pub(super) fn same_plugin(
    recorded: &Identity,
    found: &Identity,
    remedy: impl Fn() -> String,
) -> Result<(), StudyError> {
    if recorded.same_plugin(found) {
        return Ok(());
    }
    let (recorded, found) = (Box::new(recorded.clone()), Box::new(found.clone()));
    Err(StudyError::Differs { recorded, found, remedy: remedy() })
}

/// Checks that a study continues with its data. What is unknown of either is not checked.
pub(crate) fn check_data(recorded: Option<&Fingerprint>, found: Option<&Fingerprint>) -> Result<(), StudyError> {
    let (Some(recorded), Some(found)) = (recorded, found) else { return Ok(()) };
    if recorded.digest == found.digest {
        return Ok(());
    }
    let place = if recorded.source == found.source {
        format!("data '{}'", found.source)
    } else {
        format!("data '{}', which were '{}'", found.source, recorded.source)
    };
    let short = |digest: &str| digest.chars().take(12).collect::<String>();
    let problem = format!(
        "they have changed since the first trial was measured on them (fingerprint {} then, {} now)",
        short(&recorded.digest),
        short(&found.digest)
    );
    let remedy = "bring the data back as they were, or begin a new study: results on different data cannot be compared";
    Err(StudyError::spec(place, problem, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn studies_of_before_lack_settings_and_are_of_the_same_task() {
        let task = |settings: &[(&str, f64)]| {
            let setting = |&(name, value): &(&str, f64)| Setting { name: name.into(), value: Value::Number(value) };
            let settings = Settings(settings.iter().map(setting).collect());
            Task { input_shape: vec![3, 8, 8], outputs: 2, kind: "classification".into(), settings }
        };
        let now = task(&[("cells", 2.0), ("new", 0.0), ("width", 16.0)]);
        assert_eq!(completed(&task(&[("cells", 2.0), ("width", 16.0)]), &now), now);
        for other in [&[("cells", 3.0), ("width", 16.0)][..], &[("cells", 2.0), ("gone", 1.0), ("width", 16.0)]] {
            assert_ne!(completed(&task(other), &now), now);
        }
        let larger = Task { input_shape: vec![3, 9, 9], ..task(&[("cells", 2.0)]) };
        assert_ne!(completed(&larger, &now), now);
    }
}
