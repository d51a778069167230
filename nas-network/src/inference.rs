//! Networks outside a study: their outputs, for comparison with the same network elsewhere, and their running time.

use std::path::Path;

use burn::tensor::Device;
use nas_api::{Error, Graph, Result};

use crate::weights_file::{self, Archive};
use crate::{Network, first, plan};

/// The outputs of a network with the weights of a file for a batch of examples of this shape, one example after the
/// other. The inputs are used as they are; `train_final` also saved how its inputs were normalised.
///
/// # Errors
///
/// Fails if the weights file cannot be read, or if graph, shape and weights do not fit together.
pub fn run(graph: &Graph, shape: &[usize], outputs: usize, weights: &Path, inputs: Vec<f32>) -> Result<Vec<f32>> {
    Inference(open(graph, shape, outputs, weights)?).run(inputs)
}

/// The gradients of Σ output · direction in training with respect to every weight, with the names and the layout of the
/// file, and to the inputs, which come last and are named `input`. `directions` has one number for each number of the
/// first output of the batch.
///
/// # Errors
///
/// Fails if the weights file cannot be read, or if graph, shape and weights do not fit together.
pub fn gradients(
    graph: &Graph,
    shape: &[usize],
    outputs: usize,
    weights: &Path,
    inputs: Vec<f32>,
    directions: Vec<f32>,
) -> Result<Vec<(String, Vec<f32>)>> {
    let mut network = open(graph, shape, outputs, weights)?;
    let found = network.gradients(inputs, directions).map_err(|error| Error::new(error.to_string()))?;
    Ok(found.into_iter().map(|array| (array.name, array.values)).collect())
}

/// The network of a graph with the weights of a file.
fn open(graph: &Graph, shape: &[usize], outputs: usize, weights: &Path) -> Result<Network> {
    let failed = |error: &dyn std::fmt::Display| Error::new(error.to_string());
    let shown = weights.display().to_string();
    let bytes = weights_file::read(weights).map_err(|error| failed(&error))?;
    let bytes = bytes.ok_or_else(|| Error::new(format!("there is no file '{shown}' with weights")))?;
    let archive = Archive::from_bytes(&bytes, &shown).map_err(|error| failed(&error))?;
    let plan = plan(graph, shape, outputs).map_err(|error| failed(&error))?;
    Network::with_arrays(plan, &archive.arrays, &Device::flex().autodiff())
        .map_err(|error| Error::new(format!("'{shown}': {error}")))
}

/// A network that runs inference on the CPU.
#[derive(Debug)]
pub struct Inference(Network);

impl Inference {
    /// The network of a graph for examples of this shape, with one output of `outputs` numbers and random weights.
    ///
    /// # Errors
    ///
    /// Fails if the graph is not valid for this shape and output.
    pub fn new(graph: &Graph, shape: &[usize], outputs: usize) -> Result<Self> {
        let plan = plan(graph, shape, outputs).map_err(|error| Error::new(error.to_string()))?;
        Ok(Self(Network::new(plan, 0, &Device::flex().autodiff())))
    }

    /// The outputs for a batch, one example after the other. The computation is complete when this returns.
    ///
    /// # Errors
    ///
    /// Fails if burn cannot return the outputs.
    pub fn run(&self, inputs: Vec<f32>) -> Result<Vec<f32>> {
        let returned = first(self.0.inference()(inputs)).into_data();
        returned.try_into_vec::<f32>().map_err(|error| Error::new(format!("burn cannot return the outputs: {error:?}")))
    }
}
