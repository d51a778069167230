//! The types that the bindings use for those of the contract: this crate's own types as far as possible.

/// The interface `types`.
pub mod types {
    pub use crate::config::{Parameter, ParameterKind, Range, Role, Setting, Value};
    pub use crate::types::{
        Candidate, Choice, Constraint, Decision, Failure, Genotype, Goal, Metric, Objective, Observation, Proposal,
        Weights,
    };
}

/// The interface `architecture`.
pub mod architecture {
    pub use crate::graph::Attribute;

    use crate::Setting;

    #[derive(Clone, Debug)]
    /// [`crate::Task`] with its settings as a plain list.
    pub struct Task {
        pub input_shape: Vec<i64>,
        pub outputs: u32,
        pub kind: String,
        pub settings: Vec<Setting>,
    }

    #[derive(Clone, Debug)]
    /// [`crate::Node`] with strings for names.
    pub struct Node {
        pub name: String,
        pub op: String,
        pub inputs: Vec<u32>,
        pub attributes: Vec<(String, Attribute)>,
    }

    #[derive(Clone, Debug)]
    /// [`crate::Graph`] with these nodes.
    pub struct Graph {
        pub nodes: Vec<Node>,
        pub outputs: Vec<u32>,
    }
}

impl crate::Role {
    /// Converts a number of the contract to this enum. The generated bindings call it.
    ///
    /// # Safety
    ///
    /// It is sound for every value, but the bindings expect an unsafe function.
    #[doc(hidden)]
    pub unsafe fn _lift(value: u8) -> Self {
        match value {
            1 => Self::Path,
            2 => Self::Data,
            3 => Self::Device,
            4 => Self::Recipe,
            5 => Self::Fidelity,
            _ => Self::Plain,
        }
    }
}

impl crate::Goal {
    /// Converts a number of the contract to this enum. The generated bindings call it.
    ///
    /// # Safety
    ///
    /// It is sound for every value, but the bindings expect an unsafe function.
    #[doc(hidden)]
    pub unsafe fn _lift(value: u8) -> Self {
        if value == 0 { Self::Minimize } else { Self::Maximize }
    }
}
