//! One instance of a component, with its limits, and the translation of what goes wrong in it.

use std::sync::Arc;

use nas_api::OpenSpace;
use wasmtime::{Store, Trap};

use super::bindings::{architecture, log, types};
use super::engine::Host;
use super::limits::{MemoryExceeded, Meter};
use super::load::Level;
use crate::plugin::{Identity, PluginError};

/// What the host keeps for an instance.
pub struct State {
    identity: Identity,
    host: Arc<Host>,
    meter: Meter,
    log_left: usize,
    /// The last error line: a panic's message comes this way, just before the trap.
    last_words: Option<String>,
    /// The space that a strategy asks.
    pub space: Option<Box<dyn OpenSpace>>,
    /// A breakdown of the space, while the strategy's call is being unwound.
    pub broken: Option<PluginError>,
}

impl types::Host for State {}
impl architecture::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        if level == log::Level::Error {
            self.last_words = Some(message.clone());
        }
        if self.log_left == 0 {
            return Ok(());
        }
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.log_left = self.log_left.saturating_sub(message.len().max(1));
        (self.host.log)(level, &self.identity.to_string(), &message);
        if self.log_left == 0 {
            (self.host.log)(Level::Warn, &self.identity.to_string(), "has logged all that it may; the rest is dropped");
        }
        Ok(())
    }
}

/// An instance. After an error it is never entered again.
pub struct Guest<W> {
    store: Store<State>,
    world: W,
    dead: bool,
}

impl<W> Guest<W> {
    /// Instantiates, within the limits.
    pub fn new(
        host: &Arc<Host>,
        identity: &Identity,
        space: Option<Box<dyn OpenSpace>>,
        instantiate: impl FnOnce(&mut Store<State>) -> wasmtime::Result<W>,
    ) -> Result<Self, PluginError> {
        let state = State {
            identity: identity.clone(),
            host: host.clone(),
            meter: Meter::new(host.limits),
            log_left: host.limits.log_bytes,
            last_words: None,
            space,
            broken: None,
        };
        let mut store = Store::new(&host.engine, state);
        store.limiter(|state| &mut state.meter);
        store.set_hostcall_fuel(host.limits.transfer_bytes);
        prepare(&mut store, identity)?;
        match instantiate(&mut store) {
            Ok(world) => Ok(Self { store, world, dead: false }),
            Err(error) => Err(explain(&mut store, "instantiation", error)),
        }
    }

    /// Which plugin it is an instance of.
    pub fn identity(&self) -> &Identity {
        &self.store.data().identity
    }

    /// The space that was given to the instance.
    pub fn space(&mut self) -> Option<&mut Box<dyn OpenSpace>> {
        self.store.data_mut().space.as_mut()
    }

    /// One call into the instance: fuel and clock start anew, and whatever goes wrong becomes one message.
    pub fn call<R>(
        &mut self,
        name: &str,
        code: impl FnOnce(&W, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, PluginError> {
        if self.dead {
            let problem = "it was ended by an earlier error and cannot be called again";
            return Err(PluginError::new(self.identity(), name, problem));
        }
        let state = self.store.data_mut();
        state.last_words = None;
        let (host, limits) = (&state.host, state.host.limits);
        let deadline = host.deadline();
        // Cannot fail: the engine consumes fuel.
        let fuel = self.store.set_fuel(limits.call_fuel);
        self.store.set_epoch_deadline(deadline);
        match fuel.and_then(|()| code(&self.world, &mut self.store)) {
            Ok(result) => Ok(result),
            Err(error) => {
                self.dead = true;
                Err(explain(&mut self.store, name, error))
            }
        }
    }
}

fn prepare(store: &mut Store<State>, identity: &Identity) -> Result<(), PluginError> {
    let host = store.data().host.clone();
    store.set_epoch_deadline(host.deadline());
    store.set_fuel(host.limits.call_fuel).map_err(|error| PluginError::new(identity, "instantiation", error))
}

/// What a trap or a failed host function means to a user.
fn explain(store: &mut Store<State>, call: &str, error: wasmtime::Error) -> PluginError {
    let state = store.data_mut();
    if let Some(broken) = state.broken.take() {
        return broken;
    }
    let limits = state.host.limits;
    let words = state.last_words.take();
    let (problem, remedy) = if let Some(exceeded) = error.downcast_ref::<MemoryExceeded>() {
        (exceeded.to_string(), "lower what it keeps, or raise --plugin-memory".to_owned())
    } else {
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => (
                format!("it did not finish within {} million instructions", limits.call_fuel / 1_000_000),
                "it may loop for ever; if it is only slow, raise --plugin-fuel".to_owned(),
            ),
            Some(Trap::Interrupt) => (
                format!("it did not finish within {} seconds", limits.call_seconds),
                "it may loop for ever; if it is only slow, raise --plugin-seconds".to_owned(),
            ),
            Some(Trap::StackOverflow) => (
                "its recursion is too deep for the stack".to_owned(),
                "this is a defect of the plugin: report it to its author".to_owned(),
            ),
            // A guest keeps large values on a stack in its own memory, which ends at address 0.
            Some(Trap::MemoryOutOfBounds) => (
                "it reached outside its memory: its recursion is too deep, or it is broken".to_owned(),
                "this is a defect of the plugin: report it to its author".to_owned(),
            ),
            Some(trap) => {
                let what = match (trap, &words) {
                    (Trap::UnreachableCodeReached, Some(words)) => words.clone(),
                    (Trap::UnreachableCodeReached, None) => "it aborted without saying why".to_owned(),
                    (trap, Some(words)) => format!("{words} ({trap})"),
                    (trap, None) => format!("it trapped: {trap}"),
                };
                (what, "this is a defect of the plugin: report it to its author".to_owned())
            }
            None => {
                (error.root_cause().to_string(), "the plugin broke the contract: report it to its author".to_owned())
            }
        }
    };
    PluginError::new(&state.identity, call, problem).remedy(remedy)
}
