//! Networks outside a study: what they return, for comparing it with the same network elsewhere; how long they take.

use std::path::Path;

use burn::tensor::Device;
use nas_api::{Error, Graph, Result};

use crate::model::{self, Network};
use crate::store::{self, Archive};

/// The outputs for a batch of examples of this shape, one example after the other. The inputs are taken as they are:
/// `train_final` also saved how its inputs were normalised.
pub fn run(graph: &Graph, shape: &[usize], outputs: usize, weights: &Path, inputs: Vec<f32>) -> Result<Vec<f32>> {
    let failed = |error: &dyn std::fmt::Display| Error::new(error.to_string());
    let shown = weights.display().to_string();
    let bytes = store::read(weights).map_err(|error| failed(&error))?;
    let bytes = bytes.ok_or_else(|| Error::new(format!("there is no file '{shown}' with weights")))?;
    let archive = Archive::from_bytes(&bytes, &shown).map_err(|error| failed(&error))?;
    let plan = model::plan(graph, shape, outputs).map_err(|error| failed(&error))?;
    let network = Network::with_arrays(plan, &archive.arrays, &Device::flex().autodiff())
        .map_err(|error| Error::new(format!("'{shown}': {error}")))?;
    Inference(network).run(inputs)
}

/// A network as it runs once it is trained.
#[derive(Debug)]
pub struct Inference(Network);

impl Inference {
    /// The network of a graph for examples of this shape, with so many outputs.
    pub fn new(graph: &Graph, shape: &[usize], outputs: usize) -> Result<Self> {
        let plan = model::plan(graph, shape, outputs).map_err(|error| Error::new(error.to_string()))?;
        Ok(Self(Network::new(plan, 0, &Device::flex().autodiff())))
    }

    /// The outputs for a batch, one example after the other; computed when this returns.
    pub fn run(&self, inputs: Vec<f32>) -> Result<Vec<f32>> {
        let returned = model::first(self.0.inference()(inputs)).into_data();
        returned.try_into_vec::<f32>().map_err(|error| Error::new(format!("burn cannot give the outputs: {error:?}")))
    }
}
