//! The export of spaces as components.

use std::marker::PhantomData;

use super::convert::with_message;
use super::shared::architecture::{Graph, Task};
use super::{Slot, log};
use crate::{Decision, Genotype, Parameter, SearchSpace, Setting, Settings};

#[allow(missing_docs, clippy::all, unused_qualifications)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit/0.1",
        world: "search-space",
        pub_export_macro: true,
        export_macro_name: "export_space_component",
        default_bindings_module: "nas_api::guest::space::bindings",
        with: {
            "nas:plugin/types@0.1.0": crate::guest::shared::types,
            "nas:plugin/architecture@0.1.0": crate::guest::shared::architecture,
        },
    });
}
pub use bindings::export_space_component as export_component;

use bindings::exports::nas::plugin::space::SpaceInfo;
use bindings::exports::nas::plugin::{network, space, space_setup};

static SPACE: Slot<dyn SearchSpace> = Slot::empty();

/// The component that exports one space.
pub struct Component<S>(PhantomData<S>);

impl<S: SearchSpace> space_setup::Guest for Component<S> {
    fn parameters() -> Vec<Parameter> {
        log::report_panics();
        S::parameters()
    }

    fn open(settings: Vec<Setting>) -> Result<(), String> {
        log::report_panics();
        SPACE.fill(Box::new(with_message(S::open(&Settings(settings)))?));
        Ok(())
    }
}

impl<S: SearchSpace> space::Guest for Component<S> {
    fn describe() -> SpaceInfo {
        let crate::SpaceInfo { name, version, log10_size, decisions, conditional, standard, description, reference } =
            SPACE.with(|space| space.info());
        SpaceInfo { name, version, log10_size, decisions, conditional, standard, description, reference }
    }
    fn next(prefix: Genotype) -> Option<Decision> {
        SPACE.with(|space| space.next(&prefix).cloned())
    }
    fn sample(seed: u32) -> Genotype {
        SPACE.with(|space| space.sample(seed))
    }
    fn mutate(parent: Genotype, seed: u32) -> Genotype {
        SPACE.with(|space| space.mutate(&parent, seed))
    }
    fn crossover(a: Genotype, b: Genotype, seed: u32) -> Genotype {
        SPACE.with(|space| space.crossover(&a, &b, seed))
    }
    fn neighbors(of: Genotype) -> Vec<Genotype> {
        SPACE.with(|space| space.neighbors(&of))
    }
    fn validate(genotype: Genotype) -> Result<(), String> {
        SPACE.with(|space| with_message(space.validate(&genotype)))
    }
    fn key(genotype: Genotype) -> String {
        SPACE.with(|space| space.key(&genotype))
    }
    fn features(genotype: Genotype) -> Vec<f32> {
        SPACE.with(|space| space.features(&genotype))
    }
    fn format(genotype: Genotype) -> String {
        SPACE.with(|space| space.format(&genotype))
    }
    fn parse(text: String) -> Result<Genotype, String> {
        SPACE.with(|space| with_message(space.parse(&text)))
    }
}

impl<S: SearchSpace> network::Guest for Component<S> {
    fn task_parameters() -> Vec<Parameter> {
        SPACE.with(|space| space.task_parameters())
    }
    fn build(genotype: Genotype, task: Task) -> Result<Graph, String> {
        SPACE.with(|space| with_message(space.build(&genotype, &task.into())).map(Into::into))
    }
    fn supernet(task: Task) -> Result<Option<Graph>, String> {
        SPACE.with(|space| with_message(space.supernet(&task.into())).map(|graph| graph.map(Into::into)))
    }
}
