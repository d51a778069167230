//! The evaluator `cost`: the memory that a network needs at inference, computed from its graph.
//!
//! It is a cost model for searches that train nothing, and the example of an evaluator that is a component and a native
//! library from one source.

use std::path::Path;

use nas_api::graph::memory::memory;
use nas_api::graph::shape::infer;
use nas_api::graph::{GraphError, count};
use nas_api::{
    Evaluator, EvaluatorInfo, EvaluatorPlugin, Goal, Graph, InstanceInfo, Measurement, Metric, MetricInfo, Monitor,
    Parameter, Request, Result, Settings, Task,
};

/// The opened evaluator.
pub struct Cost {
    /// The number of bytes of one number.
    bytes: f64,
    /// The shape of one example, without the batch.
    input_shape: Vec<i64>,
    /// The number of classes.
    outputs: u32,
}

impl EvaluatorPlugin for Cost {
    fn info() -> EvaluatorInfo {
        let metric = |name: &str, description: &str| MetricInfo {
            name: name.into(),
            unit: "bytes".into(),
            better: Some(Goal::Minimize),
            hidden: false,
            description: description.into(),
        };
        EvaluatorInfo {
            name: "cost".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "The memory of a network at inference, computed from its graph; nothing is trained.".into(),
            metrics: vec![
                metric("weight_bytes", "The size of all weights."),
                metric("activation_bytes", "The peak memory of the values of one example, in the graph's order."),
            ],
            fidelity_unit: String::new(),
            accepts_relaxed: false,
            resumes: false,
            graphs: true,
            trains: None,
            parameters: vec![
                Parameter::integer("bytes", 4, 1, 8, "Bytes of one number: 4 for f32, 2 for f16, 1 for int8."),
                Parameter::new(
                    "input_shape",
                    nas_api::ParameterKind::Numbers,
                    nas_api::Value::Numbers(vec![3.0, 32.0, 32.0]),
                    "Shape of one example, without the batch.",
                ),
                Parameter::integer("outputs", 10, 1, 1_000_000, "Number of classes."),
            ],
        }
    }

    fn open(settings: &Settings, _state: Option<&Path>) -> Result<Self> {
        let sizes = settings.numbers("input_shape")?;
        if sizes.is_empty() || sizes.iter().any(|size| size.fract() != 0.0 || !(1.0..=1e6).contains(size)) {
            return Err(format!("'input_shape' must be whole numbers from 1 to a million, not {sizes:?}").into());
        }
        let input_shape = sizes.iter().map(|&size| size as i64).collect();
        Ok(Self { bytes: settings.number("bytes")?, input_shape, outputs: settings.integer("outputs")? })
    }
}

impl Evaluator for Cost {
    fn instance_info(&self) -> InstanceInfo {
        let task = Task {
            input_shape: self.input_shape.clone(),
            outputs: self.outputs,
            kind: "classification".into(),
            settings: Settings::default(),
        };
        InstanceInfo { task: Some(task), simulated: true, ..InstanceInfo::default() }
    }

    fn evaluate(&self, request: &Request, _monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        let measured = match self.measure(&request.graph) {
            Ok(metrics) => Measurement::new(metrics),
            Err(error) => Measurement::failed(error.to_string()),
        };
        Ok(Some(Measurement { cost: Some(0.0), ..measured }))
    }
}

impl Cost {
    fn measure(&self, graph: &Graph) -> Result<Vec<Metric>, GraphError> {
        let shapes = infer(graph, &self.input_shape)?;
        let counts = count::count(graph, &shapes)?;
        let activations = memory(graph, &shapes, 1, 1)?.inference as f64 * self.bytes;
        Ok(vec![
            Metric::new("weight_bytes", counts.params as f64 * self.bytes),
            Metric::new("activation_bytes", activations),
        ])
    }
}

nas_api::export_evaluator!(Cost);

#[cfg(not(target_arch = "wasm32"))]
nas_api::export_native_evaluator!(Cost);

#[cfg(test)]
mod tests {
    use super::*;
    use nas_api::GraphBuilder;

    #[test]
    fn a_chain_of_layers_needs_two_values_at_once() {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let flat = graph.op("flatten", "Flatten", &[input]);
        let hidden = graph.gemm("hidden", flat, 100);
        let head = graph.gemm("head", hidden, 10);
        let graph = graph.finish(&[head]);
        let settings = Settings::defaults(&Cost::info().parameters);
        let cost = Cost { input_shape: vec![1, 8, 8], ..Cost::open(&settings, None).unwrap() };
        let metrics = cost.measure(&graph).unwrap();
        // There are 64 + 100 values while the hidden layer is computed, and 64 · 100 + 100 + 100 · 10 + 10 weights.
        assert_eq!(Metric::find(&metrics, "activation_bytes"), Some(4.0 * 164.0));
        assert_eq!(Metric::find(&metrics, "weight_bytes"), Some(4.0 * 7_510.0));
    }
}
