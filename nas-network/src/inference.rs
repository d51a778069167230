//! Networks outside a study: what they return, for comparing it with the same network elsewhere; how long they take.

use std::path::Path;

use burn::tensor::Device;
use nas_api::{Error, Graph, Result};

use crate::weights_file::{self, Archive};
use crate::{Network, first, plan};

/// The outputs for a batch of examples of this shape, one example after the other. The inputs are taken as they are:
/// `train_final` also saved how its inputs were normalised.
pub fn run(graph: &Graph, shape: &[usize], outputs: usize, weights: &Path, inputs: Vec<f32>) -> Result<Vec<f32>> {
    Inference(open(graph, shape, outputs, weights)?).run(inputs)
}

/// The gradient of Σ output · direction in training, by every weight (their names and layout are those of the file) and,
/// last and named `input`, by the inputs. There is a direction for each number of the first output of the batch.
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

/// A network as it runs once it is trained.
#[derive(Debug)]
pub struct Inference(Network);

impl Inference {
    /// The network of a graph for examples of this shape, with so many outputs.
    pub fn new(graph: &Graph, shape: &[usize], outputs: usize) -> Result<Self> {
        let plan = plan(graph, shape, outputs).map_err(|error| Error::new(error.to_string()))?;
        Ok(Self(Network::new(plan, 0, &Device::flex().autodiff())))
    }

    /// The outputs for a batch, one example after the other; computed when this returns.
    pub fn run(&self, inputs: Vec<f32>) -> Result<Vec<f32>> {
        let returned = first(self.0.inference()(inputs)).into_data();
        returned.try_into_vec::<f32>().map_err(|error| Error::new(format!("burn cannot give the outputs: {error:?}")))
    }
}
