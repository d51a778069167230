//! Runtimes: libraries that run networks.

use std::time::Duration;

use nas_export::Model;

use super::timing::time;
use crate::{Latency, LatencyError};

/// Runs networks on this machine, one example at a time.
pub trait Runtime {
    /// The runtime's name in kebab case, such as `onnxruntime`.
    fn name(&self) -> &'static str;
    /// The version of the library.
    fn version(&self) -> String;
    /// Loads a network with fresh weights and a random example.
    ///
    /// # Errors
    ///
    /// Fails if the network cannot be written for the runtime, or if the runtime refuses it.
    fn load(&self, model: &Model) -> Result<Box<dyn Loaded>, LatencyError>;
}

/// Measures how long a network takes in a runtime. The timing takes about as long as `about`.
///
/// # Errors
///
/// Fails if the runtime does not load or run the network.
pub fn measure(runtime: &dyn Runtime, model: &Model, about: Duration) -> Result<Latency, LatencyError> {
    time(&mut *runtime.load(model)?, about)
}

/// A network that is ready to run.
pub trait Loaded {
    /// Computes the outputs for the example once.
    ///
    /// # Errors
    ///
    /// Fails if the runtime does not run the network.
    fn run(&mut self) -> Result<(), LatencyError>;
}

/// One random example: numbers from −1 to 1, or tokens if the network has an embedding.
pub(crate) fn example(model: &Model) -> Vec<f32> {
    use nas_api::rng::{RngExt, seeded};
    let mut rng = seeded(1);
    let count: i64 = model.task.input_shape.iter().product();
    let tokens = model.graph.nodes.iter().find(|node| node.op == "Gather");
    let tokens = tokens.and_then(|node| node.int("num_embeddings", None).ok());
    let draw = |_| match tokens {
        Some(tokens) => rng.random_range(0..tokens.clamp(1, 1 << 24) as u32) as f32,
        None => rng.random_range(-1.0..1.0),
    };
    (0..count).map(draw).collect()
}
