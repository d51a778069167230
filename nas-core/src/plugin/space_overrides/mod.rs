//! Parameters that every space has besides its own: `fix` leaves out choices, and `start` samples near known genotypes.
//! They work alike for built-in spaces, components and files, which need not support them.

mod restricted;
mod seeded;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use nas_api::{OpenSpace, Parameter, ParameterKind, Settings, Value};

use super::guarded_space::guarded_space;
use super::{Identity, PluginError, SpaceSource};
use restricted::Restricted;
use seeded::Seeded;

const FIX: &str = "fix";
const START: &str = "start";
const START_STEPS: &str = "start_steps";

/// A space with the additional parameters of this module.
pub(super) struct OverridableSpace {
    space: Arc<dyn SpaceSource>,
}

impl OverridableSpace {
    pub fn new(space: Arc<dyn SpaceSource>) -> Self {
        Self { space }
    }
}

/// The additional parameters.
fn parameters() -> [Parameter; 3] {
    [
        Parameter::new(
            FIX,
            ParameterKind::Texts,
            Value::Texts(Vec::new()),
            "Choices that are kept, as DECISION=CHOICE or DECISION=CHOICE|CHOICE; a decision with one choice is \
             made. DECISION* stands for all decisions whose names begin with DECISION.",
        ),
        Parameter::text(
            START,
            "",
            "Genotypes as the space writes them, separated by ';'. Samples are mutants of one of them. Empty: none.",
        ),
        Parameter::integer(START_STEPS, 3, 0, 1000, "Maximum number of mutations between a start and a sample."),
    ]
}

impl SpaceSource for OverridableSpace {
    fn identity(&self) -> &Identity {
        self.space.identity()
    }

    fn parameters(&self) -> Result<Vec<Parameter>, PluginError> {
        let mut all = self.space.parameters()?;
        // A space's own parameter takes precedence over one of this module with the same name.
        let additional: Vec<Parameter> =
            parameters().into_iter().filter(|ours| !all.iter().any(|theirs| theirs.name == ours.name)).collect();
        all.extend(additional);
        Ok(all)
    }

    fn open(&self, settings: &Settings) -> Result<Box<dyn OpenSpace>, PluginError> {
        let theirs = self.space.parameters()?;
        let is_theirs = |name: &str| theirs.iter().any(|parameter| parameter.name == name);
        let own = settings.0.iter().filter(|setting| is_theirs(&setting.name)).cloned();
        let mut space = self.space.open(&Settings(own.collect()))?;
        // Studies of earlier versions have not recorded these settings, so each may be missing.
        let ours =
            |name: &str| settings.0.iter().find(|set| set.name == name && !is_theirs(name)).map(|set| &set.value);
        let refused = |key: &str, error: nas_api::Error| match error {
            nas_api::Error::Message(problem) => PluginError::new(self.identity(), "open", format!("{key}: {problem}"))
                .remedy("`nas space show` lists decisions and choices, `nas space sample` lists genotypes"),
            broken => PluginError::from_api(self.identity(), "describe", broken),
        };
        let fixed = ours(FIX).filter(|rules| **rules != Value::Texts(Vec::new()));
        let started = ours(START).filter(|texts| **texts != Value::Text(String::new()));
        if fixed.is_none() && started.is_none() {
            return Ok(space);
        }
        if let Some(Value::Texts(rules)) = fixed {
            space = Box::new(Restricted::new(space, rules).map_err(|error| refused(FIX, error))?);
        }
        if let Some(Value::Text(texts)) = started {
            let steps = match ours(START_STEPS) {
                Some(Value::Number(steps)) => *steps as u32,
                _ => 0,
            };
            space = Box::new(Seeded::new(space, texts, steps).map_err(|error| refused(START, error))?);
        }
        guarded_space(self.identity(), space)
    }
}
