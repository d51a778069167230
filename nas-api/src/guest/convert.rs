//! Conversions between the records of the contract and the types of this crate that differ from them.

use super::shared::architecture;
use crate::{Graph, Node, Settings, Task};

impl From<architecture::Task> for Task {
    fn from(task: architecture::Task) -> Self {
        let architecture::Task { input_shape, outputs, kind, settings } = task;
        Self { input_shape, outputs, kind, settings: Settings(settings) }
    }
}

impl From<Task> for architecture::Task {
    fn from(task: Task) -> Self {
        let Task { input_shape, outputs, kind, settings } = task;
        Self { input_shape, outputs, kind, settings: settings.0 }
    }
}

impl From<architecture::Graph> for Graph {
    fn from(graph: architecture::Graph) -> Self {
        let node = |node| {
            let architecture::Node { name, op, inputs, attributes } = node;
            let attributes = attributes.into_iter().map(|(name, value)| (name.into(), value)).collect();
            Node { name, op: op.into(), inputs, attributes }
        };
        Self { nodes: graph.nodes.into_iter().map(node).collect(), outputs: graph.outputs }
    }
}

impl From<Graph> for architecture::Graph {
    fn from(graph: Graph) -> Self {
        let node = |node| {
            let Node { name, op, inputs, attributes } = node;
            let attributes = attributes.into_iter().map(|(name, value)| (name.into(), value)).collect();
            architecture::Node { name, op: op.into(), inputs, attributes }
        };
        Self { nodes: graph.nodes.into_iter().map(node).collect(), outputs: graph.outputs }
    }
}

/// Converts an error to its message, because the contract's functions return errors as text.
pub fn with_message<T>(answer: crate::Result<T>) -> Result<T, String> {
    answer.map_err(|error| error.to_string())
}
