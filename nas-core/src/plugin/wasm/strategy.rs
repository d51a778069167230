//! Strategies as components. The host connects them with a space, which may be built in or a component itself.

use std::sync::OnceLock;

use nas_api::{Observation, OpenSpace, Proposal, StrategyInfo, Study};

use wasmtime::Trap;

use super::bindings::strategy::nas::plugin::{space, types};
use super::bindings::strategy::{SearchStrategy, SearchStrategyPre};
use super::convert::{FromWit, IntoWit};
use super::guest::{Guest, State};
use super::load::Component;
use crate::plugin::{Identity, PluginError, Search, StrategySource, search::check_limit};

/// A component that is a strategy.
pub struct WasmStrategy {
    component: Component,
    info: StrategyInfo,
    identity: Identity,
    pre: OnceLock<SearchStrategyPre<State>>,
}

impl WasmStrategy {
    /// Opens a component and has it describe itself.
    ///
    /// # Errors
    /// The component does not fit the contract, or its description fails.
    pub fn new(component: Component) -> Result<Self, PluginError> {
        let identity = component.identity.clone();
        let mut source = Self { component, info: StrategyInfo::default(), identity, pre: OnceLock::new() };
        let mut guest = source.instantiate(None)?;
        let describe = |world: &SearchStrategy, store: &mut _| world.nas_plugin_strategy().call_describe(store);
        source.info = FromWit::from_wit(guest.call("describe", describe)?);
        source.identity.name_itself(&source.info.name, &source.info.version)?;
        Ok(source)
    }

    fn instantiate(&self, space: Option<Box<dyn OpenSpace>>) -> Result<Guest<SearchStrategy>, PluginError> {
        let host = &self.component.host;
        let pre = match self.pre.get() {
            Some(pre) => pre,
            None => {
                let linked = host.strategies.instantiate_pre(&self.component.compiled);
                let pre = linked.and_then(SearchStrategyPre::new).map_err(|error| {
                    PluginError::new(&self.identity, "", format!("does not fit the contract: {}", error.root_cause()))
                        .remedy("rebuild it against this version's nas-api")
                })?;
                self.pre.get_or_init(|| pre)
            }
        };
        Guest::new(&host.runtime, &self.identity, space, |store| pre.instantiate(store))
    }
}

impl StrategySource for WasmStrategy {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn info(&self) -> Result<StrategyInfo, PluginError> {
        Ok(self.info.clone())
    }

    fn open(&self, study: &Study, space: Box<dyn OpenSpace>) -> Result<Box<dyn Search>, PluginError> {
        let mut guest = self.instantiate(Some(space))?;
        let study = study.clone().into_wit();
        guest
            .call("open", |world, store| world.nas_plugin_strategy().call_open(store, &study))?
            .map_err(|refusal| PluginError::refusal(&self.identity, "open", &refusal))?;
        Ok(Box::new(WasmSearch { guest, identity: self.identity.clone() }))
    }
}

struct WasmSearch {
    guest: Guest<SearchStrategy>,
    identity: Identity,
}

impl Search for WasmSearch {
    fn ask(&mut self, limit: u32) -> Result<Vec<Proposal>, PluginError> {
        let asked = self.guest.call("ask", |world, store| world.nas_plugin_strategy().call_ask(store, limit))?;
        let proposals = asked.map_err(|refusal| PluginError::refusal(&self.identity, "ask", &refusal))?;
        check_limit(&self.identity, limit, proposals.len())?;
        Ok(FromWit::from_wit(proposals))
    }

    fn tell(&mut self, observations: Vec<Observation>) -> Result<(), PluginError> {
        let observations: Vec<types::Observation> = observations.into_wit();
        let told =
            self.guest.call("tell", |world, store| world.nas_plugin_strategy().call_tell(store, &observations))?;
        told.map_err(|refusal| PluginError::refusal(&self.identity, "tell", &refusal))
    }

    fn finished(&mut self) -> Result<bool, PluginError> {
        self.guest.call("finished", |world, store| world.nas_plugin_strategy().call_finished(store))
    }

    fn space(&mut self) -> Result<&mut dyn OpenSpace, PluginError> {
        let identity = &self.identity;
        let space = self.guest.space().ok_or_else(|| PluginError::new(identity, "space", "no space is connected"))?;
        Ok(space.as_mut())
    }
}

impl State {
    /// Asks the connected space. An error of the space ends the strategy's call.
    fn ask_space<R>(&mut self, question: impl FnOnce(&mut dyn OpenSpace) -> nas_api::Result<R>) -> wasmtime::Result<R> {
        let Some(space) = self.space.as_mut() else {
            wasmtime::bail!("no space is connected while a plugin describes itself");
        };
        let answer = question(space.as_mut());
        answer.map_err(|error| match error {
            // The strategy used up its time in the space; the error is not the space's.
            _ if self.is_out_of_time() => Trap::Interrupt.into(),
            nas_api::Error::Host(inner) => {
                if let Ok(broken) = inner.downcast::<PluginError>() {
                    self.broken = Some(*broken);
                }
                wasmtime::Error::msg("the space broke down")
            }
            other => wasmtime::Error::msg(other.to_string()),
        })
    }
}

impl space::Host for State {
    fn describe(&mut self) -> wasmtime::Result<space::SpaceInfo> {
        self.ask_space(|space| Ok(space.info()?.into_wit()))
    }
    fn next(&mut self, prefix: Vec<u32>) -> wasmtime::Result<Option<types::Decision>> {
        self.ask_space(|space| Ok(space.next(&prefix)?.into_wit()))
    }
    fn sample(&mut self, seed: u32) -> wasmtime::Result<Vec<u32>> {
        self.ask_space(|space| space.sample(seed))
    }
    fn mutate(&mut self, parent: Vec<u32>, seed: u32) -> wasmtime::Result<Vec<u32>> {
        self.ask_space(|space| space.mutate(&parent, seed))
    }
    fn crossover(&mut self, a: Vec<u32>, b: Vec<u32>, seed: u32) -> wasmtime::Result<Vec<u32>> {
        self.ask_space(|space| space.crossover(&a, &b, seed))
    }
    fn neighbors(&mut self, of: Vec<u32>) -> wasmtime::Result<Vec<Vec<u32>>> {
        self.ask_space(|space| space.neighbors(&of))
    }
    fn validate(&mut self, genotype: Vec<u32>) -> wasmtime::Result<Result<(), String>> {
        self.ask_space(|space| space.validate(&genotype))
    }
    fn key(&mut self, genotype: Vec<u32>) -> wasmtime::Result<String> {
        self.ask_space(|space| space.key(&genotype))
    }
    fn features(&mut self, genotype: Vec<u32>) -> wasmtime::Result<Vec<f32>> {
        self.ask_space(|space| space.features(&genotype))
    }
    fn format(&mut self, genotype: Vec<u32>) -> wasmtime::Result<String> {
        self.ask_space(|space| space.format(&genotype))
    }
    fn parse(&mut self, text: String) -> wasmtime::Result<Result<Vec<u32>, String>> {
        self.ask_space(|space| space.parse(&text))
    }
}
