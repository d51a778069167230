//! Decoder-only language models, from GPT-1 to mixtures of experts.
//!
//! A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (GPT-2); H. Touvron et al., "LLaMA:
//! Open and Efficient Foundation Language Models", 2023; A. Q. Jiang et al., "Mistral 7B", 2023, and "Mixtral of
//! Experts", 2024. Heads and ratio can differ between layers as in R. Sukthanker et al., "HW-GPT-Bench", NeurIPS 2024.

mod block;
mod network;
#[cfg(test)]
mod tests;

use nas_api::{Decision, Error, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

use crate::choices::{decision, numbers, parameter, whole_numbers};
use crate::layered::Layered;
use block::{Activation, Block, Experts};
use network::{Network, Style};

const ACTIVATIONS: [&str; 4] = ["relu", "squared-relu", "gelu", "silu"];
/// The choices of `queries_per_key`: how many heads of queries share one head of keys and values.
const SHARING: [&str; 4] = ["1", "2", "4", "all"];
/// The choices of `experts`: name, number of experts, and number that every position uses.
const EXPERTS: [(&str, i64, i64); 5] =
    [("1", 1, 1), ("4-top1", 4, 1), ("4-top2", 4, 2), ("8-top1", 8, 1), ("8-top2", 8, 2)];
/// The choices of `window`: name, and number of positions that an attention sees; 0 means all.
const WINDOWS: [(&str, i64); 5] = [("all", 0), ("128", 128), ("512", 512), ("1024", 1024), ("4096", 4096)];

/// The space `decoder-lm`.
#[derive(Clone, Debug)]
pub struct DecoderLm {
    decisions: Layered,
    widths: Vec<u32>,
    head_sizes: Vec<u32>,
    heads: Vec<u32>,
    ratios: Vec<f64>,
}

impl DecoderLm {
    fn network(&self, genotype: &[u32], task: &Task) -> Result<Network> {
        self.validate(genotype)?;
        let &[positions] = &task.input_shape[..] else {
            let shape = &task.input_shape;
            return Err(Error::new(format!("decoder-lm takes the indices of tokens, [positions], not {shape:?}")));
        };
        let chosen = self.decisions.chosen(genotype);
        let &[_, width, head_size, gated, activation, norm, norm_place, position_kind, tied, biased] =
            &chosen.network[..]
        else {
            return Err(Error::new(format!("{genotype:?} is not a genotype of decoder-lm")));
        };
        let style = Style {
            width: i64::from(self.widths[width as usize]),
            head_size: i64::from(self.head_sizes[head_size as usize]),
            gated: gated == 1,
            activation: [Activation::Relu, Activation::SquaredRelu, Activation::Gelu, Activation::Silu]
                [activation as usize],
            root_mean_square: norm == 1,
            norm_first: norm_place == 0,
            rotary: position_kind == 1,
            base: task.settings.number("rotary_base")?,
            bias: biased == 1,
            dropout: task.settings.number("dropout")?,
        };
        if style.rotary && style.head_size % 2 != 0 {
            let problem = format!("rotary positions rotate pairs of features, but a head has {}", style.head_size);
            return Err(Error::new(format!("{problem}; choose positions=learned or even 'head_sizes'")));
        }
        let block = |choices: &&[u32]| {
            let &[heads, sharing, ratio, window, experts] = *choices else { return Block::default() };
            let heads = i64::from(self.heads[heads as usize]);
            let (_, experts, used) = EXPERTS[experts as usize];
            Block {
                heads,
                key_value_heads: key_value_heads(heads, sharing),
                hidden: libm::round(style.width as f64 * self.ratios[ratio as usize]).max(1.0) as i64,
                window: WINDOWS[window as usize].1,
                experts: Experts { count: experts, used },
            }
        };
        let blocks = chosen.layers.iter().map(block).collect();
        Ok(Network { style, blocks, positions, vocabulary: i64::from(task.outputs), tied: tied == 1 })
    }
}

/// The heads of keys and values. Sharing is reduced until it divides the heads of the queries. `sharing` is an index
/// into [`SHARING`].
fn key_value_heads(heads: i64, sharing: u32) -> i64 {
    let wanted = [1, 2, 4, heads][sharing as usize];
    (1..=wanted).rev().find(|shared| heads % shared == 0).map_or(heads, |shared| heads / shared)
}

impl SearchSpace for DecoderLm {
    fn parameters() -> Vec<Parameter> {
        let layers = [1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0];
        let widths = [64.0, 128.0, 256.0, 384.0, 512.0, 768.0, 1024.0, 1600.0, 2048.0, 4096.0];
        let heads = [2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 25.0, 32.0];
        vec![
            Parameter::truth(
                "per_layer",
                false,
                "Whether every layer chooses its own heads, ratio, window and experts.",
            ),
            parameter("layers", &layers, "Choices of `layers`."),
            parameter("widths", &widths, "Choices of `width`."),
            parameter("head_sizes", &[32.0, 64.0, 128.0], "Choices of `head_size`, the features of one head."),
            parameter("heads", &heads, "Choices of `heads`, the heads of the queries."),
            parameter("ratios", &[1.0, 2.0, 2.6875, 3.5, 4.0], "Choices of `ratio`, the hidden width over `width`."),
        ]
    }

    fn open(settings: &Settings) -> Result<Self> {
        let layers = whole_numbers(settings, "layers", 100)?;
        let widths = whole_numbers(settings, "widths", 1 << 16)?;
        let head_sizes = whole_numbers(settings, "head_sizes", 1024)?;
        let heads = whole_numbers(settings, "heads", 1024)?;
        let ratios = numbers(settings, "ratios", 0.1, 64.0)?;
        let network = vec![
            decision("width", &widths),
            decision("head_size", &head_sizes),
            Decision::new("gated", ["no", "yes"]),
            Decision::new("activation", ACTIVATIONS),
            Decision::new("norm", ["layer", "rms"]),
            Decision::new("norm_place", ["pre", "post"]),
            Decision::new("positions", ["learned", "rotary"]),
            Decision::new("tied", ["no", "yes"]),
            Decision::new("bias", ["no", "yes"]),
        ];
        let layer = [
            decision("heads", &heads),
            Decision::new("queries_per_key", SHARING).ordered(),
            decision("ratio", &ratios),
            Decision::new("window", WINDOWS.map(|(name, _)| name)),
            Decision::new("experts", EXPERTS.map(|(name, ..)| name)),
        ];
        let decisions = Layered::new(layers, network, &layer, settings.truth("per_layer")?);
        Ok(Self { decisions, widths, head_sizes, heads, ratios })
    }

    fn info(&self) -> SpaceInfo {
        self.decisions.info(
            "decoder-lm",
            "Decoder-only language models: depth, width, heads and shared keys, feed-forward layers or \
             experts, normalisation, positions, window; for all layers or for each.",
            "GPT-2, LLaMA, Mistral and Mixtral are points of it (docs/spaces/decoder-lm.md)",
        )
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.next(prefix)
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        let dropout = "Dropout ratio after the embedding, each attention and each feed-forward layer.";
        vec![
            Parameter::number("dropout", 0.0, 0.0, 0.9, dropout),
            Parameter::number("rotary_base", 10_000.0, 1.0, 1e9, "The base of rotary positions."),
        ]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        Ok(self.network(genotype, task)?.graph())
    }

    /// The choices, with the heads of keys and values in place of `queries_per_key`, several of whose choices can mean
    /// the same number of heads.
    fn key(&self, genotype: &[u32]) -> String {
        let chosen = self.decisions.chosen(genotype);
        let layer = |choices: &&[u32]| {
            let heads = i64::from(self.heads[choices[0] as usize]);
            let keys = key_value_heads(heads, choices[1]);
            format!("{heads}/{keys}/{}/{}/{}", choices[2], choices[3], choices[4])
        };
        let layers: Vec<String> = chosen.layers.iter().map(layer).collect();
        format!("{};{}", nas_api::space_defaults::key(&chosen.network), layers.join(";"))
    }
}
