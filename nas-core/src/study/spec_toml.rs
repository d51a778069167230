//! The tables of a study file whose keys are partly the plugins' own.

use std::fmt;

use nas_api::Value;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::settings::{self, UnresolvedSetting};
use super::spec::{PluginSpec, TaskSpec};

impl<'de> Deserialize<'de> for PluginSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PluginVisitor)
    }
}

struct PluginVisitor;

impl<'de> Visitor<'de> for PluginVisitor {
    type Value = PluginSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name, a path, or a table with the key 'use' and settings")
    }

    fn visit_str<E: Error>(self, reference: &str) -> Result<PluginSpec, E> {
        Ok(PluginSpec::named(reference))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PluginSpec, A::Error> {
        let mut spec = PluginSpec::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "use" {
                spec.reference = Some(map.next_value()?);
            } else {
                let value = setting(&key, map.next_value()?)?;
                spec.settings.insert(key, value);
            }
        }
        Ok(spec)
    }
}

impl<'de> Deserialize<'de> for TaskSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TaskVisitor)
    }
}

struct TaskVisitor;

impl<'de> Visitor<'de> for TaskVisitor {
    type Value = TaskSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table with input_shape, outputs, kind and the space's task settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TaskSpec, A::Error> {
        let mut spec = TaskSpec::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "input_shape" => spec.input_shape = Some(map.next_value()?),
                "outputs" => spec.outputs = Some(map.next_value()?),
                "kind" => spec.kind = Some(map.next_value()?),
                _ => {
                    let value = setting(&key, map.next_value()?)?;
                    spec.settings.insert(key, value);
                }
            }
        }
        Ok(spec)
    }
}

fn setting<E: Error>(key: &str, value: toml::Value) -> Result<UnresolvedSetting, E> {
    settings::from_toml(value).map(UnresolvedSetting::Typed).map_err(|problem| E::custom(format!("'{key}': {problem}")))
}

/// A text of a study file that stands for a setting.
pub(crate) fn typed_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UnresolvedSetting>, D::Error> {
    String::deserialize(deserializer).map(|text| Some(UnresolvedSetting::Typed(Value::Text(text))))
}

/// Sets one of the task's own keys from a flag; `None`: the key is a setting of the space.
pub(super) fn set_task(task: &mut TaskSpec, key: &str, value: &str) -> Option<Result<(), String>> {
    match key {
        "input_shape" => {
            let inner = value.trim().trim_start_matches('[').trim_end_matches(']');
            let sizes: Result<Vec<i64>, _> = inner.split([',', 'x']).map(|size| size.trim().parse()).collect();
            Some(sizes.map(|sizes| task.input_shape = Some(sizes)).map_err(|_| "sizes are written 3,32,32".to_owned()))
        }
        "outputs" => {
            let outputs = value.trim().parse().map(|outputs| task.outputs = Some(outputs));
            Some(outputs.map_err(|_| format!("'{value}' is not a whole number")))
        }
        "kind" => {
            task.kind = Some(value.to_owned());
            Some(Ok(()))
        }
        _ => None,
    }
}
