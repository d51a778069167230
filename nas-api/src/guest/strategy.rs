//! The export of strategies as components.

use std::marker::PhantomData;

use super::convert::with_message;
use super::{Slot, log};
use crate::{
    Decision, FlatSpace, Genotype, Observation, Proposal, Result, Settings, Space, SpaceInfo, Strategy, StrategyPlugin,
};

#[allow(missing_docs, clippy::all, unused_qualifications)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit/0.1",
        world: "search-strategy",
        pub_export_macro: true,
        export_macro_name: "export_strategy_component",
        default_bindings_module: "nas_api::guest::strategy::bindings",
        with: {
            "nas:plugin/types@0.1.0": crate::guest::shared::types,
        },
    });
}
pub use bindings::export_strategy_component as export_component;

use bindings::exports::nas::plugin::strategy::{Guest, Needs, Serves, StrategyInfo, Study};
use bindings::nas::plugin::space;

static SEARCH: Slot<dyn Strategy> = Slot::empty();

/// The component that exports one strategy.
pub struct Component<T>(PhantomData<T>);

impl<T: StrategyPlugin> Guest for Component<T> {
    fn describe() -> StrategyInfo {
        log::report_panics();
        let crate::StrategyInfo { name, version, description, reference, needs, serves, parameters } = T::info();
        let (needs, serves) = (needs.into(), serves.into());
        StrategyInfo { name, version, description, reference, needs, serves, parameters }
    }

    fn open(study: Study) -> Result<(), String> {
        log::report_panics();
        let Study { objectives, constraints, metrics, seed, trials, total_fidelity, workers, fidelities, settings } =
            study;
        let settings = Settings(settings);
        let study = crate::Study {
            objectives,
            constraints,
            metrics,
            seed,
            trials,
            total_fidelity,
            workers,
            fidelities,
            settings,
        };
        if let Some(flat) = FlatSpace::from_info(with_message(Host.info())?) {
            FLAT.fill(Box::new(flat));
        }
        SEARCH.fill(Box::new(with_message(T::open(&study, &mut Host))?));
        Ok(())
    }

    fn ask(limit: u32) -> Result<Vec<Proposal>, String> {
        SEARCH.with(|search| with_message(search.ask(limit, &mut Host)))
    }

    fn tell(observations: Vec<Observation>) -> Result<(), String> {
        SEARCH.with(|search| with_message(search.tell(&observations, &mut Host)))
    }

    fn finished() -> bool {
        SEARCH.with(|search| search.finished())
    }
}

impl From<crate::Needs> for Needs {
    fn from(needs: crate::Needs) -> Self {
        let crate::Needs { fidelities, resume, gradients } = needs;
        let mut flags = Self::empty();
        flags.set(Self::FIDELITIES, fidelities);
        flags.set(Self::RESUME, resume);
        flags.set(Self::GRADIENTS, gradients);
        flags
    }
}

impl From<crate::Serves> for Serves {
    fn from(serves: crate::Serves) -> Self {
        let crate::Serves { several_objectives, resume, batched_asks } = serves;
        let mut flags = Self::empty();
        flags.set(Self::SEVERAL_OBJECTIVES, several_objectives);
        flags.set(Self::RESUME, resume);
        flags.set(Self::BATCHED_ASKS, batched_asks);
        flags
    }
}

/// The space, to which the host forwards the calls. If the space breaks down, the host ends the instance.
///
/// If the space is standard, the questions that its decisions alone answer are answered here, because a call of the
/// host costs more than most answers.
struct Host;

static FLAT: Slot<FlatSpace> = Slot::empty();

/// Asks the flat space if there is one, and the host otherwise.
fn answer<R>(flat: impl FnOnce(&mut FlatSpace) -> Result<R>, host: impl FnOnce() -> R) -> Result<R> {
    FLAT.try_with(flat).unwrap_or_else(|| Ok(host()))
}

impl Space for Host {
    fn info(&mut self) -> Result<SpaceInfo> {
        let space::SpaceInfo { name, version, log10_size, decisions, conditional, standard, description, reference } =
            space::describe();
        Ok(SpaceInfo { name, version, log10_size, decisions, conditional, standard, description, reference })
    }
    fn next(&mut self, prefix: &[u32]) -> Result<Option<Decision>> {
        answer(|flat| Space::next(flat, prefix), || space::next(prefix))
    }
    fn sample(&mut self, seed: u32) -> Result<Genotype> {
        answer(|flat| Space::sample(flat, seed), || space::sample(seed))
    }
    fn mutate(&mut self, parent: &[u32], seed: u32) -> Result<Genotype> {
        answer(|flat| Space::mutate(flat, parent, seed), || space::mutate(parent, seed))
    }
    fn crossover(&mut self, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype> {
        answer(|flat| Space::crossover(flat, a, b, seed), || space::crossover(a, b, seed))
    }
    fn neighbors(&mut self, of: &[u32]) -> Result<Vec<Genotype>> {
        answer(|flat| Space::neighbors(flat, of), || space::neighbors(of))
    }
    fn validate(&mut self, genotype: &[u32]) -> Result<Result<(), String>> {
        answer(|flat| Space::validate(flat, genotype), || space::validate(genotype))
    }
    fn key(&mut self, genotype: &[u32]) -> Result<String> {
        Ok(space::key(genotype))
    }
    fn features(&mut self, genotype: &[u32]) -> Result<Vec<f32>> {
        Ok(space::features(genotype))
    }
    fn format(&mut self, genotype: &[u32]) -> Result<String> {
        Ok(space::format(genotype))
    }
    fn parse(&mut self, text: &str) -> Result<Result<Genotype, String>> {
        Ok(space::parse(text))
    }
}
