//! What every space takes besides its own parameters: `fix` leaves out choices, `start` begins near known genotypes.
//! Built-in spaces, components and tables are treated alike, and none of them knows of it.

mod restricted;
mod seeded;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use nas_api::{OpenSpace, Parameter, ParameterKind, Settings, Value};

use super::{Identity, PluginError, SpaceSource};
use restricted::Restricted;
use seeded::Seeded;

const FIX: &str = "fix";
const START: &str = "start";
const START_STEPS: &str = "start_steps";

/// A space with the parameters of this module.
pub(super) struct Adjustable {
    space: Arc<dyn SpaceSource>,
}

impl Adjustable {
    pub fn new(space: Arc<dyn SpaceSource>) -> Self {
        Self { space }
    }
}

fn parameters() -> [Parameter; 3] {
    [
        Parameter::new(
            FIX,
            ParameterKind::Texts,
            Value::Texts(Vec::new()),
            "Choices that are left, DECISION=CHOICE or DECISION=CHOICE|CHOICE; a decision with one is made. DECISION* \
             means all that begin so.",
        ),
        Parameter::text(
            START,
            "",
            "Genotypes as the space writes them, joined by ';': samples are mutants of one of them. Empty: none.",
        ),
        Parameter::integer(START_STEPS, 3, 0, 1000, "Mutations between a start and a sample, at most."),
    ]
}

impl SpaceSource for Adjustable {
    fn identity(&self) -> &Identity {
        self.space.identity()
    }

    fn parameters(&self) -> Result<Vec<Parameter>, PluginError> {
        let mut all = self.space.parameters()?;
        // A space's own parameter of this name means what the space says.
        let free: Vec<Parameter> =
            parameters().into_iter().filter(|ours| !all.iter().any(|theirs| theirs.name == ours.name)).collect();
        all.extend(free);
        Ok(all)
    }

    fn open(&self, settings: &Settings) -> Result<Box<dyn OpenSpace>, PluginError> {
        let theirs = self.space.parameters()?;
        let is_theirs = |name: &str| theirs.iter().any(|parameter| parameter.name == name);
        let own = settings.0.iter().filter(|setting| is_theirs(&setting.name)).cloned();
        let mut space = self.space.open(&Settings(own.collect()))?;
        // Studies of earlier versions recorded none of these.
        let ours =
            |name: &str| settings.0.iter().find(|set| set.name == name && !is_theirs(name)).map(|set| &set.value);
        let refused = |key: &str, error: nas_api::Error| match error {
            nas_api::Error::Message(problem) => PluginError::new(self.identity(), "open", format!("{key}: {problem}"))
                .remedy("`nas space show` lists decisions and choices, `nas space sample` texts"),
            broken => PluginError::from_api(self.identity(), "describe", broken),
        };
        if let Some(Value::Texts(rules)) = ours(FIX).filter(|rules| **rules != Value::Texts(Vec::new())) {
            space = Box::new(Restricted::new(space, rules).map_err(|error| refused(FIX, error))?);
        }
        if let Some(Value::Text(texts)) = ours(START).filter(|texts| **texts != Value::Text(String::new())) {
            let steps = match ours(START_STEPS) {
                Some(Value::Number(steps)) => *steps as u32,
                _ => 0,
            };
            space = Box::new(Seeded::new(space, texts, steps).map_err(|error| refused(START, error))?);
        }
        Ok(space)
    }
}
