//! Residual multilayer perceptrons for tabular data, with embeddings of the numbers.
//!
//! Y. Gorishniy et al., "Revisiting Deep Learning Models for Tabular Data", NeurIPS 2021 (the ResNet of section 3.2);
//! Y. Gorishniy, I. Rubachev, A. Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS
//! 2022.

mod embedding;
mod network;
#[cfg(test)]
mod tests;

use nas_api::{Decision, Error, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

use crate::choices::{decision, numbers, parameter, whole_numbers};
use crate::layered::Layered;
use embedding::{Embedding, Kind};
use network::{Block, Network, Norm};

/// The choices of `embedding`. [`ResidualMlp::network`] relies on their order.
const EMBEDDINGS: [&str; 5] = ["none", "linear", "linear-relu", "piecewise", "piecewise-relu"];
const NORMS: [(&str, Norm); 3] = [("batch", Norm::Batch), ("layer", Norm::Layer), ("none", Norm::None)];
const ACTIVATIONS: [(&str, &str); 4] = [("relu", "Relu"), ("gelu", "Gelu"), ("silu", "Swish"), ("selu", "Selu")];

/// The space `residual-mlp`.
#[derive(Clone, Debug)]
pub struct ResidualMlp {
    decisions: Layered,
    widths: Vec<u32>,
    embedding_widths: Vec<u32>,
    ratios: Vec<f64>,
    dropouts: Vec<f64>,
}

impl ResidualMlp {
    fn network(&self, genotype: &[u32], task: &Task) -> Result<Network> {
        self.validate(genotype)?;
        if task.input_shape.is_empty() || task.input_shape.iter().any(|&size| size < 1) {
            return Err(Error::new(format!("residual-mlp takes numbers [features], not {:?}", task.input_shape)));
        }
        let chosen = self.decisions.chosen(genotype);
        let &[_, width, embedding, embedding_width, norm, activation] = &chosen.network[..] else {
            return Err(Error::new(format!("{genotype:?} is not a genotype of residual-mlp")));
        };
        let width = i64::from(self.widths[width as usize]);
        let kind = if embedding > 2 { Kind::Piecewise } else { Kind::Linear };
        let embedding_width = i64::from(self.embedding_widths[embedding_width as usize]);
        let relu = embedding % 2 == 0;
        let block = |choices: &&[u32]| Block {
            hidden: libm::round(width as f64 * self.ratios[choices[0] as usize]).max(1.0) as i64,
            dropout: self.dropouts[choices[1] as usize],
        };
        Ok(Network {
            // The input is flattened first.
            features: task.input_shape.iter().product(),
            embedding: (embedding > 0).then_some(Embedding { kind, width: embedding_width, relu }),
            width,
            norm: NORMS[norm as usize].1,
            activation: ACTIVATIONS[activation as usize].1,
            blocks: chosen.layers.iter().map(block).collect(),
            outputs: i64::from(task.outputs),
            residual_dropout: task.settings.number("residual_dropout")?,
        })
    }
}

impl SearchSpace for ResidualMlp {
    fn parameters() -> Vec<Parameter> {
        let dropouts = "Choices of `dropout`, the ratio within a block; below 1.";
        vec![
            Parameter::truth("per_layer", false, "Whether every block chooses its own ratio and dropout."),
            parameter("layers", &[1.0, 2.0, 3.0, 4.0, 6.0, 8.0], "Choices of `layers`, the number of residual blocks."),
            parameter("widths", &[32.0, 64.0, 128.0, 192.0, 256.0, 384.0, 512.0], "Choices of `width`."),
            parameter(
                "embedding_widths",
                &[4.0, 8.0, 16.0, 32.0],
                "Choices of `embedding_width`, the length of a feature's vector.",
            ),
            parameter("ratios", &[1.0, 2.0, 4.0], "Choices of `ratio`, the hidden width of a block over `width`."),
            parameter("dropouts", &[0.0, 0.1, 0.25, 0.5], dropouts),
        ]
    }

    fn open(settings: &Settings) -> Result<Self> {
        let layers = whole_numbers(settings, "layers", 100)?;
        let widths = whole_numbers(settings, "widths", 1 << 16)?;
        let embedding_widths = whole_numbers(settings, "embedding_widths", 1024)?;
        let ratios = numbers(settings, "ratios", 0.1, 64.0)?;
        let dropouts = numbers(settings, "dropouts", 0.0, 0.99)?;
        let network = vec![
            decision("width", &widths),
            Decision::new("embedding", EMBEDDINGS),
            decision("embedding_width", &embedding_widths),
            Decision::new("norm", NORMS.map(|(name, _)| name)),
            Decision::new("activation", ACTIVATIONS.map(|(name, _)| name)),
        ];
        let layer = [decision("ratio", &ratios), decision("dropout", &dropouts)];
        let decisions = Layered::new(layers, network, &layer, settings.truth("per_layer")?)
            .only_with("embedding_width", "embedding");
        Ok(Self { decisions, widths, embedding_widths, ratios, dropouts })
    }

    fn info(&self) -> SpaceInfo {
        self.decisions.info(
            "residual-mlp",
            "Residual multilayer perceptrons for tables: depth, width, embeddings of the numbers, \
             normalisation, activation; hidden width and dropout for all blocks or for each.",
            "Gorishniy et al., NeurIPS 2021, section 3.2; embeddings: NeurIPS 2022, section 3",
        )
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.next(prefix)
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        vec![Parameter::number("residual_dropout", 0.0, 0.0, 0.9, "Dropout ratio at the end of every block.")]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        Ok(self.network(genotype, task)?.graph())
    }
}
