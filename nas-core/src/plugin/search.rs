use std::panic::{AssertUnwindSafe, catch_unwind};

use nas_api::native::panic_words;
use nas_api::{Observation, OpenSpace, Proposal, Strategy};

use super::{Identity, PluginError};

/// A strategy connected with its space: one search in progress. After an error it must not be used again.
pub trait Search: Send {
    /// At most `limit` proposals; none while it waits for results.
    fn ask(&mut self, limit: u32) -> Result<Vec<Proposal>, PluginError>;
    /// Results in any order.
    fn tell(&mut self, observations: Vec<Observation>) -> Result<(), PluginError>;
    /// Nothing more to propose.
    fn finished(&mut self) -> Result<bool, PluginError>;
    /// The space, for the host's own questions.
    fn space(&mut self) -> Result<&mut dyn OpenSpace, PluginError>;
}

/// A built-in strategy with any space.
pub struct NativeSearch {
    identity: Identity,
    strategy: Box<dyn Strategy>,
    space: Box<dyn OpenSpace>,
}

impl NativeSearch {
    /// Connects the two.
    pub fn new(identity: Identity, strategy: Box<dyn Strategy>, space: Box<dyn OpenSpace>) -> Self {
        Self { identity, strategy, space }
    }
}

impl Search for NativeSearch {
    fn ask(&mut self, limit: u32) -> Result<Vec<Proposal>, PluginError> {
        let (strategy, space) = (&mut self.strategy, &mut self.space);
        let proposals = guarded(&self.identity, "ask", || strategy.ask(limit, space.as_mut()))?;
        check_limit(&self.identity, limit, proposals.len())?;
        Ok(proposals)
    }

    fn tell(&mut self, observations: Vec<Observation>) -> Result<(), PluginError> {
        let (strategy, space) = (&mut self.strategy, &mut self.space);
        guarded(&self.identity, "tell", || strategy.tell(&observations, space.as_mut()))
    }

    fn finished(&mut self) -> Result<bool, PluginError> {
        let strategy = &self.strategy;
        guarded(&self.identity, "finished", || Ok(strategy.finished()))
    }

    fn space(&mut self) -> Result<&mut dyn OpenSpace, PluginError> {
        Ok(self.space.as_mut())
    }
}

/// A strategy may propose less than it is asked for, never more.
pub(super) fn check_limit(identity: &Identity, limit: u32, proposed: usize) -> Result<(), PluginError> {
    if proposed <= limit as usize {
        return Ok(());
    }
    let problem = format!("it was asked for at most {limit} proposals and returned {proposed}");
    Err(PluginError::new(identity, "ask", problem).remedy("this is a defect of the plugin: report it to its author"))
}

/// Runs native plugin code: an error and a panic both become the plugin's error.
pub(super) fn guarded<T>(
    identity: &Identity,
    call: &str,
    code: impl FnOnce() -> nas_api::Result<T>,
) -> Result<T, PluginError> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(PluginError::from_api(identity, call, error)),
        Err(panic) => {
            let problem = format!("it panicked: {}", panic_words(panic.as_ref()));
            Err(PluginError::new(identity, call, problem)
                .remedy("this is a defect of the plugin; report it with the study file"))
        }
    }
}
