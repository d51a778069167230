//! One instance of a component within its limits; traps and failed host functions become one error message.

use std::cell::Cell;
use std::sync::Arc;

use nas_api::OpenSpace;
use wasmtime::{Store, Trap};

use super::bindings::{architecture, log, types};
use super::engine::Runtime;
use super::limits::{MemoryExceeded, MemoryMeter};
use super::log::Level;
use crate::plugin::{Identity, PluginError};
use crate::shown::{cut, quoted};

/// The bytes that are kept of a guest's last words.
const LAST_WORDS: usize = 4 << 10;

thread_local! {
    /// The tick at which the call of a component that this thread is in must have ended. A space that a strategy asks has
    /// no more time than the strategy has left.
    static UNTIL: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// Restores the outer call's deadline when a call ends.
struct OuterDeadline(u64);

impl Drop for OuterDeadline {
    fn drop(&mut self) {
        UNTIL.set(self.0);
    }
}

/// The host's state for one instance.
pub struct State {
    identity: Identity,
    runtime: Arc<Runtime>,
    memory: MemoryMeter,
    /// The last error line of the current call. A panic logs its message just before the trap.
    last_error: Option<String>,
    /// The space that a strategy may ask.
    pub space: Option<Box<dyn OpenSpace>>,
    /// The space's error, kept while the strategy's call unwinds.
    pub broken: Option<PluginError>,
}

impl State {
    /// Whether the call that this thread is in has used up its time.
    pub fn is_out_of_time(&self) -> bool {
        self.runtime.now() >= UNTIL.get()
    }
}

impl types::Host for State {}
impl architecture::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        if level == log::Level::Error {
            self.last_error = Some(cut(&message, LAST_WORDS).to_owned());
        }
        let plugin = self.identity.to_string();
        let Some((written, last)) = self.runtime.log_budget.take(&plugin, &message) else { return Ok(()) };
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        (self.runtime.log)(level, &plugin, written);
        if last {
            (self.runtime.log)(Level::Warn, &plugin, "has reached its log limit; further lines are dropped");
        }
        Ok(())
    }
}

/// An instance of a component. After an error it cannot be called again.
pub struct Guest<W> {
    store: Store<State>,
    world: W,
    failed: bool,
}

impl<W> Guest<W> {
    /// Instantiates a component within the limits.
    ///
    /// # Errors
    /// The component cannot be instantiated, or exceeds a limit while it is.
    pub fn new(
        runtime: &Arc<Runtime>,
        identity: &Identity,
        space: Option<Box<dyn OpenSpace>>,
        instantiate: impl FnOnce(&mut Store<State>) -> wasmtime::Result<W>,
    ) -> Result<Self, PluginError> {
        let state = State {
            identity: identity.clone(),
            runtime: runtime.clone(),
            memory: MemoryMeter::new(runtime.limits),
            last_error: None,
            space,
            broken: None,
        };
        let mut store = Store::new(&runtime.engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(runtime.limits.transfer_bytes);
        prepare(&mut store, identity)?;
        match instantiate(&mut store) {
            Ok(world) => Ok(Self { store, world, failed: false }),
            Err(error) => Err(explain(&mut store, "instantiation", error)),
        }
    }

    /// The plugin that this is an instance of.
    pub fn identity(&self) -> &Identity {
        &self.store.data().identity
    }

    /// The space that was given to the instance.
    pub fn space(&mut self) -> Option<&mut Box<dyn OpenSpace>> {
        self.store.data_mut().space.as_mut()
    }

    /// Calls a function of the instance with fresh fuel and a fresh time limit.
    ///
    /// # Errors
    /// The call trapped, exceeded a limit or broke the contract, or an earlier call did.
    pub fn call<R>(
        &mut self,
        name: &str,
        code: impl FnOnce(&W, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, PluginError> {
        if self.failed {
            let problem = "it was ended by an earlier error and cannot be called again";
            return Err(PluginError::new(self.identity(), name, problem));
        }
        let state = self.store.data_mut();
        state.last_error = None;
        let runtime = state.runtime.clone();
        let (now, outer) = (runtime.now(), OuterDeadline(UNTIL.get()));
        let until = outer.0.min(now + runtime.call_ticks());
        UNTIL.set(until);
        // Cannot fail: the engine consumes fuel.
        let fuel = self.store.set_fuel(runtime.limits.call_fuel);
        self.store.set_epoch_deadline(until.saturating_sub(now));
        match fuel.and_then(|()| code(&self.world, &mut self.store)) {
            Ok(result) => Ok(result),
            Err(error) => {
                self.failed = true;
                Err(explain(&mut self.store, name, error))
            }
        }
    }
}

/// Sets the limits of the instantiation.
fn prepare(store: &mut Store<State>, identity: &Identity) -> Result<(), PluginError> {
    let runtime = store.data().runtime.clone();
    store.set_epoch_deadline(runtime.call_ticks());
    store.set_fuel(runtime.limits.call_fuel).map_err(|error| PluginError::new(identity, "instantiation", error))
}

/// Explains a trap or a failed host function to the user.
fn explain(store: &mut Store<State>, call: &str, error: wasmtime::Error) -> PluginError {
    let state = store.data_mut();
    if let Some(broken) = state.broken.take() {
        return broken;
    }
    let limits = state.runtime.limits;
    let message = state.last_error.take().map(|words| quoted(&words));
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
            // A guest keeps large values on a stack in its own memory, which grows down to address 0.
            Some(Trap::MemoryOutOfBounds) => (
                "it reached outside its memory: its recursion is too deep, or it is broken".to_owned(),
                "this is a defect of the plugin: report it to its author".to_owned(),
            ),
            Some(trap) => {
                let what = match (trap, &message) {
                    (Trap::UnreachableCodeReached, Some(message)) => message.clone(),
                    (Trap::UnreachableCodeReached, None) => {
                        "it trapped without a message (-v shows what it logged)".to_owned()
                    }
                    (trap, Some(message)) => format!("{message} ({trap})"),
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
