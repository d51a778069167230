//! Searches in progress, and guards around native code of plugins.

use std::panic::{AssertUnwindSafe, catch_unwind};

use nas_api::native::panic_message;
use nas_api::{Observation, OpenSpace, Proposal, Strategy};

use super::{Identity, PluginError};

/// A search in progress, which is a strategy connected with its space. It must not be used after an error.
pub trait Search: Send {
    /// Asks for at most `limit` proposals. There are none while the strategy waits for results.
    ///
    /// # Errors
    /// The strategy or its space broke down, or it proposed more than `limit`.
    fn ask(&mut self, limit: u32) -> Result<Vec<Proposal>, PluginError>;
    /// Tells results, in any order.
    ///
    /// # Errors
    /// The strategy or its space broke down.
    fn tell(&mut self, observations: Vec<Observation>) -> Result<(), PluginError>;
    /// Whether the strategy has nothing more to propose.
    ///
    /// # Errors
    /// The strategy broke down.
    fn finished(&mut self) -> Result<bool, PluginError>;
    /// The space, for the host's own questions.
    ///
    /// # Errors
    /// No space is connected.
    fn space(&mut self) -> Result<&mut dyn OpenSpace, PluginError>;
}

/// A search with a built-in strategy and any space.
pub struct NativeSearch {
    identity: Identity,
    strategy: Box<dyn Strategy>,
    space: Box<dyn OpenSpace>,
}

impl NativeSearch {
    /// Connects a strategy with a space.
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

/// Checks that a strategy proposed at most `limit` candidates.
pub(super) fn check_limit(identity: &Identity, limit: u32, proposed: usize) -> Result<(), PluginError> {
    if proposed <= limit as usize {
        return Ok(());
    }
    let problem = format!("it was asked for at most {limit} proposals and returned {proposed}");
    Err(PluginError::new(identity, "ask", problem).remedy("this is a defect of the plugin: report it to its author"))
}

/// Runs native code of a plugin and turns both an error and a panic into a [`PluginError`].
pub(super) fn guarded<T>(
    identity: &Identity,
    call: &str,
    code: impl FnOnce() -> nas_api::Result<T>,
) -> Result<T, PluginError> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(PluginError::from_api(identity, call, error)),
        Err(panic) => {
            let problem = format!("it panicked: {}", panic_message(panic.as_ref()));
            Err(PluginError::new(identity, call, problem)
                .remedy("this is a defect of the plugin; report it with the study file"))
        }
    }
}
