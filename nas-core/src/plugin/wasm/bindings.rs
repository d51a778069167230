//! The host's side of the contract, generated from `wit/`.

#![allow(missing_docs, unused_qualifications, clippy::all, clippy::pedantic)]

pub mod strategy {
    wasmtime::component::bindgen!({
        path: "../wit/0.1",
        world: "search-strategy",
        imports: { default: trappable },
    });
}

pub mod space {
    wasmtime::component::bindgen!({
        path: "../wit/0.1",
        world: "search-space",
        imports: { default: trappable },
        with: {
            "nas:plugin/types@0.1.0": super::strategy::nas::plugin::types,
            "nas:plugin/log@0.1.0": super::strategy::nas::plugin::log,
        },
    });
}

pub mod evaluator {
    wasmtime::component::bindgen!({
        path: "../wit/0.1",
        world: "candidate-evaluator",
        imports: { default: trappable },
        with: {
            "nas:plugin/types@0.1.0": super::strategy::nas::plugin::types,
            "nas:plugin/log@0.1.0": super::strategy::nas::plugin::log,
            "nas:plugin/architecture@0.1.0": super::space::nas::plugin::architecture,
        },
    });
}

pub use space::nas::plugin::architecture;
pub use strategy::nas::plugin::{log, types};
