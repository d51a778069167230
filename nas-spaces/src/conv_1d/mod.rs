//! Residual convolutional networks for signals.
//!
//! Z. Wang, W. Yan, T. Oates, "Time Series Classification from Scratch with Deep Neural Networks: A Strong Baseline",
//! IJCNN 2017 (residual blocks); S. Bai, J. Z. Kolter, V. Koltun, "An Empirical Evaluation of Generic Convolutional and
//! Recurrent Networks for Sequence Modeling", 2018 (two dilated causal convolutions a block).

mod network;
#[cfg(test)]
mod tests;

use nas_api::{Decision, Error, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

use crate::choices::{decision, parameter, whole_numbers};
use crate::layered::Layered;
use network::{Block, Network, Norm, Pooling, Style};

const NORMS: [(&str, Norm); 4] =
    [("batch", Norm::Batch), ("group", Norm::Group), ("instance", Norm::Instance), ("none", Norm::None)];
const ACTIVATIONS: [(&str, &str); 4] =
    [("relu", "Relu"), ("leaky-relu", "LeakyRelu"), ("gelu", "Gelu"), ("silu", "Swish")];
const POOLINGS: [(&str, Pooling); 3] = [("mean", Pooling::Mean), ("max", Pooling::Max), ("last", Pooling::Last)];
/// The choice of a dilation that doubles from layer to layer. It exists only if one layer stands for all.
const DOUBLING: &str = "doubling";

/// The space `conv-1d`.
#[derive(Clone, Debug)]
pub struct Conv1d {
    decisions: Layered,
    widths: Vec<u32>,
    kernels: Vec<u32>,
    dilations: Vec<u32>,
    multiples: Vec<u32>,
}

impl Conv1d {
    fn network(&self, genotype: &[u32], task: &Task) -> Result<Network> {
        self.validate(genotype)?;
        let length = match task.input_shape[..] {
            [channels, length] if channels > 0 && length > 0 => length,
            ref shape => return Err(Error::new(format!("conv-1d takes signals [channels, length], not {shape:?}"))),
        };
        let chosen = self.decisions.chosen(genotype);
        let &[_, width, norm, activation, causal, pooling] = &chosen.network[..] else {
            return Err(Error::new(format!("{genotype:?} is not a genotype of conv-1d")));
        };
        let width = i64::from(self.widths[width as usize]);
        let block = |(number, choices): (u32, &&[u32])| Block {
            channels: width * i64::from(self.multiples[choices[0] as usize]),
            kernel: i64::from(self.kernels[choices[1] as usize]),
            // The choice after the last number is doubling, which cannot overflow in a network of at most 30 layers.
            dilation: self.dilations.get(choices[2] as usize).map_or(1 << number, |&dilation| i64::from(dilation)),
            stride: i64::from(choices[3]) + 1,
        };
        let style = Style {
            norm: NORMS[norm as usize].1,
            activation: ACTIVATIONS[activation as usize].1,
            causal: causal == 1,
            dropout: task.settings.number("dropout")?,
        };
        let blocks = (0..).zip(&chosen.layers).map(block).collect();
        let (pooling, outputs) = (POOLINGS[pooling as usize].1, i64::from(task.outputs));
        Ok(Network { style, length, width, blocks, pooling, outputs })
    }
}

impl SearchSpace for Conv1d {
    fn parameters() -> Vec<Parameter> {
        vec![
            Parameter::truth(
                "per_layer",
                true,
                "Whether every block chooses its own channels, kernel, dilation and stride.",
            ),
            parameter(
                "layers",
                &[1.0, 2.0, 3.0, 4.0, 6.0, 8.0],
                "Choices of `layers`, the number of residual blocks; at most 30.",
            ),
            parameter("widths", &[16.0, 32.0, 64.0, 128.0], "Choices of `width`, the channels of the stem."),
            parameter(
                "multiples",
                &[1.0, 2.0, 4.0, 8.0],
                "Choices of `multiple`, the channels of a block over `width`.",
            ),
            parameter("kernels", &[3.0, 5.0, 7.0, 9.0, 15.0], "Choices of `kernel`; odd."),
            parameter("dilations", &[1.0, 2.0, 4.0, 8.0], "Choices of `dilation`."),
        ]
    }

    fn open(settings: &Settings) -> Result<Self> {
        let layers = whole_numbers(settings, "layers", 30)?;
        let widths = whole_numbers(settings, "widths", 4096)?;
        let multiples = whole_numbers(settings, "multiples", 64)?;
        let kernels = whole_numbers(settings, "kernels", 1001)?;
        if let Some(even) = kernels.iter().find(|kernel| *kernel % 2 == 0) {
            return Err(Error::new(format!("the choices of 'kernels' must be odd, but one is {even}")));
        }
        let dilations = whole_numbers(settings, "dilations", 1 << 16)?;
        let per_layer = settings.truth("per_layer")?;
        let network = vec![
            decision("width", &widths),
            Decision::new("norm", NORMS.map(|(name, _)| name)),
            Decision::new("activation", ACTIVATIONS.map(|(name, _)| name)),
            Decision::new("causal", ["no", "yes"]),
            Decision::new("pooling", POOLINGS.map(|(name, _)| name)),
        ];
        let mut dilation = decision("dilation", &dilations);
        if !per_layer {
            dilation.choices.push(DOUBLING.into());
        }
        let stride = Decision::new("stride", ["1", "2"]).ordered();
        let layer = [decision("multiple", &multiples), decision("kernel", &kernels), dilation, stride];
        let decisions = Layered::new(layers, network, &layer, per_layer);
        Ok(Self { decisions, widths, kernels, dilations, multiples })
    }

    fn info(&self) -> SpaceInfo {
        self.decisions.info(
            "conv-1d",
            "Residual convolutional networks for signals: channels, kernel, dilation and stride of every \
             block; normalisation, activation, causal or not, pooling.",
            "Wang et al., IJCNN 2017, section 2.3; Bai et al. 2018, section 3",
        )
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.next(prefix)
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        vec![Parameter::number("dropout", 0.0, 0.0, 0.9, "Dropout ratio after each activation within a block.")]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        Ok(self.network(genotype, task)?.graph())
    }
}
