//! Vision transformers: an image as a sequence of patches, and an encoder over them.
//!
//! A. Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", ICLR 2021.
//!
//! Heads and ratio can differ between layers as in M. Chen et al., "AutoFormer: Searching Transformers for Visual
//! Recognition", ICCV 2021. Like this space, AutoFormer fixes the size of a head and searches the number of heads.

mod network;
#[cfg(test)]
mod tests;

use nas_api::{Decision, Error, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

use crate::choices::{decision, numbers, parameter, whole_numbers};
use crate::layered::Layered;
use network::{Block, Network};

const POOLING: [&str; 2] = ["class", "mean"];

/// The space `vision-transformer`.
#[derive(Clone, Debug)]
pub struct VisionTransformer {
    decisions: Layered,
    patches: Vec<u32>,
    widths: Vec<u32>,
    heads: Vec<u32>,
    ratios: Vec<f64>,
    head_size: u32,
}

impl VisionTransformer {
    fn network(&self, genotype: &[u32], task: &Task) -> Result<Network> {
        self.validate(genotype)?;
        let chosen = self.decisions.chosen(genotype);
        let patch = self.patches[chosen.network[1] as usize];
        let &[channels, height, width] = &task.input_shape[..] else {
            let shape = &task.input_shape;
            return Err(Error::new(format!(
                "vision-transformer takes images [channels, height, width], not {shape:?}"
            )));
        };
        if channels < 1 || height < i64::from(patch) || width < i64::from(patch) {
            let shape = &task.input_shape;
            return Err(Error::new(format!("an image {shape:?} is smaller than a patch of {patch}x{patch} pixels")));
        }
        let block = |choices: &&[u32]| Block {
            heads: i64::from(self.heads[choices[0] as usize]),
            ratio: self.ratios[choices[1] as usize],
        };
        Ok(Network {
            sides: [height, width],
            patch: i64::from(patch),
            width: i64::from(self.widths[chosen.network[2] as usize]),
            class_token: chosen.network[3] == 0,
            head_size: i64::from(self.head_size),
            blocks: chosen.layers.iter().map(block).collect(),
            outputs: i64::from(task.outputs),
            dropout: task.settings.number("dropout")?,
        })
    }
}

impl SearchSpace for VisionTransformer {
    fn parameters() -> Vec<Parameter> {
        vec![
            Parameter::truth(
                "per_layer",
                false,
                "Whether every layer chooses its own heads and ratio, as in AutoFormer.",
            ),
            parameter("patches", &[4.0, 8.0, 14.0, 16.0, 32.0], "Choices of `patch`, the side of a patch in pixels."),
            parameter("widths", &[192.0, 256.0, 384.0, 512.0, 768.0, 1024.0], "Choices of `width`."),
            parameter("layers", &[2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0], "Choices of `layers`."),
            parameter("heads", &[3.0, 4.0, 6.0, 8.0, 12.0, 16.0], "Choices of `heads`."),
            parameter(
                "ratios",
                &[1.0, 2.0, 3.0, 3.5, 4.0],
                "Choices of `ratio`, the hidden width of a layer over `width`.",
            ),
            Parameter::integer("head_size", 64, 1, 1024, "Features of one attention head."),
        ]
    }

    fn open(settings: &Settings) -> Result<Self> {
        let patches = whole_numbers(settings, "patches", 1024)?;
        let widths = whole_numbers(settings, "widths", 1 << 16)?;
        let layers = whole_numbers(settings, "layers", 100)?;
        let heads = whole_numbers(settings, "heads", 1024)?;
        let ratios = numbers(settings, "ratios", 0.1, 64.0)?;
        let network = vec![decision("patch", &patches), decision("width", &widths), Decision::new("pooling", POOLING)];
        let layer = [decision("heads", &heads), decision("ratio", &ratios)];
        let decisions = Layered::new(layers, network, &layer, settings.truth("per_layer")?);
        Ok(Self { decisions, patches, widths, heads, ratios, head_size: settings.integer("head_size")? })
    }

    fn info(&self) -> SpaceInfo {
        self.decisions.info(
            "vision-transformer",
            "Transformer encoders over the patches of an image: depth, width, patch, pooling; heads and \
             hidden width for all layers or for each.",
            "Dosovitskiy et al., ICLR 2021, section 3.1; per layer: Chen et al., AutoFormer, ICCV 2021",
        )
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.next(prefix)
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        let dropout = "Dropout ratio after the positions, each attention and each feed-forward layer.";
        vec![Parameter::number("dropout", 0.0, 0.0, 0.9, dropout)]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        Ok(self.network(genotype, task)?.graph())
    }
}
