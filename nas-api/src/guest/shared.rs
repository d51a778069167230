//! Where the bindings find the types of the contract: as far as they can they are the own types of this crate.

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
    /// As [`crate::Task`], with its settings as a plain list.
    pub struct Task {
        pub input_shape: Vec<i64>,
        pub outputs: u32,
        pub kind: String,
        pub settings: Vec<Setting>,
    }

    #[derive(Clone, Debug)]
    /// As [`crate::Node`], with its words as texts.
    pub struct Node {
        pub name: String,
        pub op: String,
        pub inputs: Vec<u32>,
        pub attributes: Vec<(String, Attribute)>,
    }

    #[derive(Clone, Debug)]
    /// As [`crate::Graph`].
    pub struct Graph {
        pub nodes: Vec<Node>,
        pub outputs: Vec<u32>,
    }
}

impl crate::Role {
    /// What the generated bindings call to read an enum.
    ///
    /// # Safety
    ///
    /// Sound for every value; the bindings expect an unsafe function.
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
    /// What the generated bindings call to read an enum.
    ///
    /// # Safety
    ///
    /// Sound for every value; the bindings expect an unsafe function.
    #[doc(hidden)]
    pub unsafe fn _lift(value: u8) -> Self {
        if value == 0 { Self::Minimize } else { Self::Maximize }
    }
}
