//! `synflow`: H. Tanaka, D. Kunin, D. L. K. Yamins and S. Ganguli, "Pruning neural networks without any data by
//! iteratively conserving synaptic flow", NeurIPS 2020, section 6, algorithm 1.
//!
//! As in the code of Abdelfattah et al. 2021, normalisations are bypassed, since they would not conserve the flow.
//! Without them the flow grows by orders of magnitude in every layer, so it is computed in doubles. The value is its
//! natural logarithm, as in published tables.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor};
use nas_api::{Error, Graph, Result, Task};

use super::probe::{SEED, layers, plan};
use super::saliency::snip;
use nas_network::{Network, Operator, Weights};

/// ln Σ |θ · ∂R/∂θ|.
///
/// # Errors
///
/// Fails if the network cannot be planned, or if its output does not depend on its input.
pub fn score(graph: &Graph, task: &Task) -> Result<f64> {
    let plan = plan(graph, task)?.bypass(|operator| {
        matches!(operator, Operator::BatchNormalization(_) | Operator::Layer(_) | Operator::Group(_))
    });
    let ones = vec![1.0; plan.input.iter().product()];
    let mut network = Network::new(plan, SEED, &Device::flex().autodiff()).in_doubles();
    let weights = std::mem::replace(&mut network.weights, Weights::empty());
    network.weights = weights.map(&mut Absolute);
    let flow = nas_network::first(network.forward_training(ones, SEED)).sum();
    let gradients = flow.is_tracked().then(|| flow.backward());
    let sum = snip(&layers(&network.weights, gradients.as_ref()));
    if sum == 0.0 {
        return Err(Error::new("nothing flows from its input to its output"));
    }
    Ok(libm::log(sum))
}

struct Absolute;

impl ModuleMapper for Absolute {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, weight) = (param.id, param.val().abs().detach());
        Param::initialized(id, weight.require_grad())
    }
}
