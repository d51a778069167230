//! Zero-cost proxies: scores of untrained networks that correlate with trained accuracy.
//!
//! Unless the file of a proxy says otherwise, all are as in M. S. Abdelfattah, A. Mehrotra, Ł. Dudziak and N. D. Lane,
//! "Zero-Cost Proxies for Lightweight NAS", ICLR 2021, section 3.2, and in the code published with it. Meters do not
//! know the data, so a random batch is drawn instead ([`ProbedNetwork`]). Weights are those of `Conv` and `Gemm`; biases, and
//! scales and shifts of normalisations do not count.

mod fisher;
mod grasp;
mod jacobian;
mod meter;
mod nwot;
mod probe;
mod probe_images;
#[cfg(test)]
mod reference;
mod saliency;
mod synflow;
#[cfg(test)]
mod tests;
mod zen;

pub use meter::proxy_meter;

use nas_api::{Error, Graph, Result, Task};

use probe::ProbedNetwork;

/// A zero-cost proxy. Networks with greater values are expected to be better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// ln Σ |θ · ∂R/∂θ|, where R is the sum of the outputs for an input of ones and absolute weights, without
    /// normalisations.
    Synflow,
    /// How little the gradients of the outputs with respect to different examples correlate.
    JacobCov,
    /// ln |K|, where K counts the ReLUs that are on for both or off for both of two examples.
    Nwot,
    /// Σ |θ · ∂L/∂θ|.
    Snip,
    /// −Σ θ · (H ∂L/∂θ), where H is the Hessian of the loss.
    Grasp,
    /// The estimated change of the loss if a channel were removed, squared and summed over channels.
    Fisher,
    /// Σ ‖∂L/∂θ‖ over layers.
    GradNorm,
    /// Σ ‖θ‖ over layers.
    L2Norm,
    /// How far the last feature map moves if the input moves a little, with the scale that normalisations removed.
    Zen,
}

impl Proxy {
    /// All proxies.
    pub const ALL: [Self; 9] = [
        Self::Synflow,
        Self::JacobCov,
        Self::Nwot,
        Self::Snip,
        Self::Grasp,
        Self::Fisher,
        Self::GradNorm,
        Self::L2Norm,
        Self::Zen,
    ];

    /// The name in studies and on the command line, such as `jacob_cov`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Synflow => "synflow",
            Self::JacobCov => "jacob_cov",
            Self::Nwot => "nwot",
            Self::Snip => "snip",
            Self::Grasp => "grasp",
            Self::Fisher => "fisher",
            Self::GradNorm => "grad_norm",
            Self::L2Norm => "l2_norm",
            Self::Zen => "zen",
        }
    }

    /// One sentence that says what it is and what it is computed from.
    pub fn description(self) -> &'static str {
        match self {
            Self::Synflow => {
                "ln of the synaptic flow: an input of ones, absolute weights, no normalisations (Tanaka et al. 2020)."
            }
            Self::JacobCov => {
                "Eigenvalues of the correlations of 64 random examples' input gradients (Mellor et al. 2020, \
                 version 1)."
            }
            Self::Nwot => {
                "ln of the determinant of the Hamming kernel of 64 random examples' ReLU codes (Mellor et al. 2021)."
            }
            Self::Snip => "Sum of |weight x gradient|, 64 random examples, random labels (Lee et al. 2019).",
            Self::Grasp => {
                "-Sum of weight x (Hessian x gradient), 64 random examples and labels (Wang et al. 2020); does not \
                 reproduce the published correlation with accuracy."
            }
            Self::Fisher => "Fisher information of channels, 64 random examples and labels (Turner et al. 2020).",
            Self::GradNorm => {
                "Sum over layers of the gradient's norm, 64 random examples and labels (Abdelfattah et al. 2021)."
            }
            Self::L2Norm => "Sum over layers of the norm of the initial weights.",
            Self::Zen => "Zen-score: Gaussian weights, 64 random examples moved by 0.01 (Lin et al. 2021).",
        }
    }

    /// The version of the definition. Values of different versions cannot be compared.
    pub fn version(self) -> u32 {
        match self {
            // 2: sums of absolute values and running variances, as in the authors' code.
            Self::Zen => 2,
            _ => 1,
        }
    }

    /// The value of a network before training. Equal graphs and tasks have equal values.
    ///
    /// # Errors
    ///
    /// Fails if the network cannot be trained by [`nas_network`], or if the value is undefined or not finite.
    pub fn score(self, graph: &Graph, task: &Task) -> Result<f64> {
        let value = match self {
            Self::Synflow => synflow::score(graph, task),
            Self::JacobCov => jacobian::score(&mut ProbedNetwork::new(graph, task)?.frozen()),
            Self::Nwot => nwot::score(&mut ProbedNetwork::new(graph, task)?.frozen()),
            Self::Snip => Ok(saliency::snip(&ProbedNetwork::new(graph, task)?.layers())),
            Self::Grasp => Ok(grasp::score(ProbedNetwork::new(graph, task)?)),
            Self::Fisher => Ok(fisher::score(&mut ProbedNetwork::new(graph, task)?)),
            Self::GradNorm => Ok(saliency::grad_norm(&ProbedNetwork::new(graph, task)?.layers())),
            Self::L2Norm => Ok(saliency::l2_norm(&ProbedNetwork::new(graph, task)?.network.weights)),
            Self::Zen => zen::score(graph, task),
        };
        let name = self.name();
        match value {
            Ok(value) if value.is_finite() => Ok(value),
            Ok(value) => Err(Error::new(format!(
                "{name} is {value} for this network: its activations or gradients are too great, or all the same"
            ))),
            Err(problem) => Err(Error::new(format!("{name} has no value for this network: {problem}"))),
        }
    }
}
