//! Evaluators as components.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use nas_api::{Evaluator, EvaluatorInfo, InstanceInfo, Measurement, Monitor, Request, Result, Settings};

use super::bindings::evaluator::{CandidateEvaluator, CandidateEvaluatorPre};
use super::convert::{FromWit, IntoWit};
use super::guest::{Guest, State};
use super::load::Component;
use crate::plugin::{EvaluatorSource, Identity, PluginError};

/// A component that is an evaluator.
pub struct WasmEvaluatorSource {
    component: Component,
    pre: CandidateEvaluatorPre<State>,
    info: EvaluatorInfo,
    identity: Identity,
}

impl WasmEvaluatorSource {
    /// Opens a component and has it describe itself.
    ///
    /// # Errors
    /// The component does not fit the contract, or its description fails.
    pub fn new(component: Component) -> Result<Self, PluginError> {
        let mut identity = component.identity.clone();
        let linked = component.host.evaluators.instantiate_pre(&component.compiled);
        let pre = linked.and_then(CandidateEvaluatorPre::new).map_err(|error| {
            PluginError::new(&identity, "", format!("does not fit the contract: {}", error.root_cause()))
                .remedy("rebuild it against this version's nas-api")
        })?;
        let mut guest = Guest::new(&component.host.runtime, &identity, None, |store| pre.instantiate(store))?;
        let described = guest
            .call("describe", |world: &CandidateEvaluator, store| world.nas_plugin_evaluator().call_describe(store))?;
        let info = EvaluatorInfo::from_wit(described);
        identity.name_itself(&info.name, &info.version)?;
        Ok(Self { component, pre, info, identity })
    }
}

impl EvaluatorSource for WasmEvaluatorSource {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn info(&self) -> Result<EvaluatorInfo, PluginError> {
        Ok(self.info.clone())
    }

    fn open(&self, settings: &Settings, _state: Option<&Path>) -> Result<Arc<dyn Evaluator>, PluginError> {
        let mut guest =
            Guest::new(&self.component.host.runtime, &self.identity, None, |store| self.pre.instantiate(store))?;
        let settings = settings.clone().into_wit();
        let opened = guest
            .call("open", |world, store| world.nas_plugin_evaluator().call_open(store, &settings))?
            .map_err(|refusal| PluginError::refusal(&self.identity, "open", &refusal))?;
        let (guest, identity) = (Mutex::new(guest), self.identity.clone());
        Ok(Arc::new(WasmEvaluator { guest, identity, opened: FromWit::from_wit(opened) }))
    }
}

/// An evaluator in a component. An instance runs one call at a time, so threads take turns.
struct WasmEvaluator {
    guest: Mutex<Guest<CandidateEvaluator>>,
    identity: Identity,
    opened: InstanceInfo,
}

impl Evaluator for WasmEvaluator {
    fn instance_info(&self) -> InstanceInfo {
        self.opened.clone()
    }

    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        let request = request.clone().into_wit();
        let mut guest = self.guest.lock().unwrap_or_else(PoisonError::into_inner);
        // The turn may come long after the study was stopped.
        if monitor.stopped() {
            return Ok(None);
        }
        let evaluated = guest.call("evaluate", |world, store| {
            world.nas_plugin_evaluator().call_evaluate(store, std::slice::from_ref(&request))
        })?;
        let mut measured = evaluated.map_err(|refusal| PluginError::refusal(&self.identity, "evaluate", &refusal))?;
        match (measured.pop(), measured.is_empty()) {
            (Some(measurement), true) => Ok(Some(FromWit::from_wit(measurement))),
            (last, _) => {
                let count = measured.len() + usize::from(last.is_some());
                let problem = format!("it returned {count} measurements for 1 request");
                Err(PluginError::new(&self.identity, "evaluate", problem).into())
            }
        }
    }
}
