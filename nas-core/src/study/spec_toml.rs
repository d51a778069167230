//! The tables of a study file whose keys are partly the plugins' own.

use std::fmt;

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
