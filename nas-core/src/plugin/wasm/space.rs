//! Spaces as components.

use nas_api::{
    Decision, Error, Genotype, Graph, Network, OpenSpace, Parameter, Result, Settings, Space, SpaceInfo, Task,
};
use wasmtime::Store;

use super::bindings::space::exports::nas::plugin::space::Guest as Questions;
use super::bindings::space::{SearchSpace, SearchSpacePre};
use super::convert::{FromWit, IntoWit};
use super::guest::{Guest, State};
use super::load::Component;
use crate::plugin::{Identity, PluginError, SpaceSource};

/// A component that is a space.
pub struct WasmSpaceSource {
    component: Component,
    pre: SearchSpacePre<State>,
    parameters: Vec<Parameter>,
    identity: Identity,
}

impl WasmSpaceSource {
    /// Opens a component and has it describe itself. Its name and version are those of the space at its default
    /// settings, or those of the file where the space cannot be opened without settings (a space read from a
    /// definition).
    ///
    /// # Errors
    /// The component does not fit the contract, or its description fails.
    pub fn new(component: Component) -> Result<Self, PluginError> {
        let identity = component.identity.clone();
        let linked = component.host.spaces.instantiate_pre(&component.compiled);
        let pre = linked.and_then(SearchSpacePre::new).map_err(|error| {
            PluginError::new(&identity, "", format!("does not fit the contract: {}", error.root_cause()))
                .remedy("rebuild it against this version's nas-api")
        })?;
        let mut source = Self { component, pre, parameters: Vec::new(), identity };
        let mut guest = source.instantiate()?;
        let parameters =
            |world: &SearchSpace, store: &mut Store<State>| world.nas_plugin_space_setup().call_parameters(store);
        source.parameters = FromWit::from_wit(guest.call("parameters", parameters)?);
        if let Ok(mut space) = source.open(&Settings::defaults(&source.parameters)) {
            let info = space.info().map_err(|error| PluginError::from_api(&source.identity, "describe", error))?;
            source.identity.name_itself(&info.name, &info.version)?;
        }
        Ok(source)
    }

    fn instantiate(&self) -> Result<Guest<SearchSpace>, PluginError> {
        Guest::new(&self.component.host.runtime, &self.identity, None, |store| self.pre.instantiate(store))
    }
}

impl SpaceSource for WasmSpaceSource {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn parameters(&self) -> Result<Vec<Parameter>, PluginError> {
        Ok(self.parameters.clone())
    }

    fn open(&self, settings: &Settings) -> Result<Box<dyn OpenSpace>, PluginError> {
        let mut guest = self.instantiate()?;
        let settings = settings.clone().into_wit();
        guest
            .call("open", |world, store| world.nas_plugin_space_setup().call_open(store, &settings))?
            .map_err(|refusal| PluginError::refusal(&self.identity, "open", &refusal))?;
        Ok(Box::new(WasmSpace { guest }))
    }
}

struct WasmSpace {
    guest: Guest<SearchSpace>,
}

impl WasmSpace {
    fn ask<R>(
        &mut self,
        call: &str,
        question: impl FnOnce(&Questions, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R> {
        Ok(self.guest.call(call, |world, store| question(world.nas_plugin_space(), store))?)
    }

    /// Checks a genotype: a strategy may pass anything, but a space is only asked about its own genotypes.
    fn check(&mut self, genotype: &[u32], call: &str) -> Result<()> {
        self.validate(genotype)?
            .map_err(|reason| Error::new(format!("the genotype {genotype:?} was passed to space.{call}, but {reason}")))
    }
}

impl Space for WasmSpace {
    fn info(&mut self) -> Result<SpaceInfo> {
        self.ask("describe", |space, store| Ok(FromWit::from_wit(space.call_describe(store)?)))
    }
    fn next(&mut self, prefix: &[u32]) -> Result<Option<Decision>> {
        self.ask("next", |space, store| Ok(FromWit::from_wit(space.call_next(store, &prefix.to_vec())?)))
    }
    fn sample(&mut self, seed: u32) -> Result<Genotype> {
        self.ask("sample", |space, store| space.call_sample(store, seed))
    }
    fn mutate(&mut self, parent: &[u32], seed: u32) -> Result<Genotype> {
        self.check(parent, "mutate")?;
        self.ask("mutate", |space, store| space.call_mutate(store, &parent.to_vec(), seed))
    }
    fn crossover(&mut self, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype> {
        self.check(a, "crossover")?;
        self.check(b, "crossover")?;
        self.ask("crossover", |space, store| space.call_crossover(store, &a.to_vec(), &b.to_vec(), seed))
    }
    fn neighbors(&mut self, of: &[u32]) -> Result<Vec<Genotype>> {
        self.check(of, "neighbors")?;
        self.ask("neighbors", |space, store| space.call_neighbors(store, &of.to_vec()))
    }
    fn validate(&mut self, genotype: &[u32]) -> Result<Result<(), String>> {
        self.ask("validate", |space, store| space.call_validate(store, &genotype.to_vec()))
    }
    fn key(&mut self, genotype: &[u32]) -> Result<String> {
        self.check(genotype, "key")?;
        self.ask("key", |space, store| space.call_key(store, &genotype.to_vec()))
    }
    fn features(&mut self, genotype: &[u32]) -> Result<Vec<f32>> {
        self.check(genotype, "features")?;
        self.ask("features", |space, store| space.call_features(store, &genotype.to_vec()))
    }
    fn format(&mut self, genotype: &[u32]) -> Result<String> {
        self.check(genotype, "format")?;
        self.ask("format", |space, store| space.call_format(store, &genotype.to_vec()))
    }
    fn parse(&mut self, text: &str) -> Result<Result<Genotype, String>> {
        self.ask("parse", |space, store| space.call_parse(store, text))
    }
}

impl Network for WasmSpace {
    fn task_parameters(&mut self) -> Result<Vec<Parameter>> {
        let asked = self
            .guest
            .call("task-parameters", |world, store| world.nas_plugin_network().call_task_parameters(store))?;
        Ok(FromWit::from_wit(asked))
    }

    fn build(&mut self, genotype: &[u32], task: &Task) -> Result<Result<Graph, String>> {
        self.check(genotype, "build")?;
        let task = task.clone().into_wit();
        let built = self
            .guest
            .call("build", |world, store| world.nas_plugin_network().call_build(store, &genotype.to_vec(), &task))?;
        Ok(built.map(FromWit::from_wit))
    }

    fn supernet(&mut self, task: &Task) -> Result<Result<Option<Graph>, String>> {
        let task = task.clone().into_wit();
        let built =
            self.guest.call("supernet", |world, store| world.nas_plugin_network().call_supernet(store, &task))?;
        Ok(built.map(FromWit::from_wit))
    }
}
