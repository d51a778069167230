//! NAS-Bench-Macro: eight layers, each an identity or one of two inverted bottlenecks.
//!
//! X. Su, T. Huang, Y. Li, S. You, F. Wang, C. Qian, C. Zhang and C. Xu, "Prioritized Architecture Sampling with
//! Monto-Carlo Tree Search", CVPR 2021.

use nas_api::{
    Attribute, Decision, Error, Genotype, Graph, GraphBuilder, NodeId, Parameter, Result, SearchSpace, Settings,
    SpaceInfo, Task,
};

use crate::blocks::{classifier, conv, conv_norm, conv_norm_relu, depthwise, image_shape};

/// The layers of each stage. The first layer of a stage halves the image and doubles the channels.
const STAGES: [usize; 3] = [2, 3, 3];
const LAYERS: usize = 8;
/// Name of each choice, with expansion and kernel of its inverted bottleneck.
const CHOICES: [(&str, Option<(i64, i64)>); 3] =
    [("identity", None), ("mb3_k3", Some((3, 3))), ("mb6_k5", Some((6, 5)))];
const HEAD: i64 = 1280;
const FORM: &str = "a genotype is eight digits, 0 identity, 1 mb3_k3, 2 mb6_k5, as in 12010212";

/// The space `nas-bench-macro`: 6,561 genotypes, 3,969 networks.
#[derive(Clone, Debug)]
pub struct NasBenchMacro {
    decisions: Vec<Decision>,
}

impl NasBenchMacro {
    /// The space, which has no parameters.
    pub fn new() -> Self {
        let names = CHOICES.map(|(name, _)| name);
        Self { decisions: (1..=LAYERS).map(|layer| Decision::new(format!("layer{layer}"), names)).collect() }
    }
}

impl Default for NasBenchMacro {
    fn default() -> Self {
        Self::new()
    }
}

/// The network around the layers. `layer` builds the layer at a position, given its input, [channels in, channels out]
/// and stride.
fn network(task: &Task, layer: impl Fn(&mut GraphBuilder, usize, NodeId, [i64; 2], i64) -> NodeId) -> Result<Graph> {
    image_shape("nas-bench-macro", &task.input_shape)?;
    let mut channels = i64::from(task.settings.integer("channels")?);
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let mut value = conv_norm_relu(&mut graph, "stem", input, conv(channels, 3, 1));
    let mut position = 0;
    for layers in STAGES {
        for within in 0..layers {
            let (out, stride) = if within == 0 { (2 * channels, 2) } else { (channels, 1) };
            value = layer(&mut graph, position, value, [channels, out], stride);
            channels = out;
            position += 1;
        }
    }
    let value = conv_norm_relu(&mut graph, "head", value, conv(HEAD, 1, 1));
    let logits = classifier(&mut graph, value, i64::from(task.outputs));
    Ok(graph.finish(&[logits]))
}

/// One choice of a layer. An identity that changes the shape is a 1×1 convolution with normalisation.
fn block(
    graph: &mut GraphBuilder,
    name: &str,
    from: NodeId,
    [channels, out]: [i64; 2],
    stride: i64,
    bottleneck: Option<(i64, i64)>,
) -> NodeId {
    let same = stride == 1 && channels == out;
    let Some((expansion, kernel)) = bottleneck else {
        return if same { from } else { conv_norm(graph, name, from, conv(out, 1, stride)) };
    };
    let inner = channels * expansion;
    let value = conv_norm_relu(graph, &format!("{name}.expand"), from, conv(inner, 1, 1));
    let value = conv_norm_relu(graph, &format!("{name}.depthwise"), value, depthwise(inner, kernel, stride));
    let value = conv_norm(graph, &format!("{name}.project"), value, conv(out, 1, 1));
    if same { graph.op(format!("{name}.sum"), "Add", &[value, from]) } else { value }
}

impl SearchSpace for NasBenchMacro {
    fn open(_settings: &Settings) -> Result<Self> {
        Ok(Self::new())
    }

    fn info(&self) -> SpaceInfo {
        SpaceInfo {
            name: "nas-bench-macro".into(),
            version: "1".into(),
            log10_size: Some(LAYERS as f64 * libm::log10(CHOICES.len() as f64)),
            decisions: self.decisions.clone(),
            conditional: false,
            standard: true,
            description: "Eight layers in three stages, each an identity or an inverted bottleneck of expansion 3 and \
                          kernel 3, or 6 and 5."
                .into(),
            reference:
                "Su et al., Prioritized Architecture Sampling with Monto-Carlo Tree Search, CVPR 2021, section 5.1"
                    .into(),
        }
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.get(prefix.len())
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        vec![Parameter::integer("channels", 32, 1, 1024, "Channels of the stem; each stage doubles them.")]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        self.validate(genotype)?;
        network(task, |graph, position, from, channels, stride| {
            let choice = genotype.get(position).and_then(|&choice| CHOICES.get(choice as usize));
            let bottleneck = choice.and_then(|(_, bottleneck)| *bottleneck);
            block(graph, &format!("layer{}", position + 1), from, channels, stride, bottleneck)
        })
    }

    fn supernet(&self, task: &Task) -> Result<Option<Graph>> {
        let network = network(task, |graph, position, from, channels, stride| {
            let name = format!("layer{}", position + 1);
            let choices = CHOICES.map(|(choice, bottleneck)| {
                block(graph, &format!("{name}.{choice}"), from, channels, stride, bottleneck)
            });
            let decision = vec![("decision".into(), Attribute::Text(name.clone()))];
            graph.node(name, "Choice", &choices, decision)
        });
        network.map(Some)
    }

    /// The published rule, which is exact: within a stage, identities after the first layer change nothing, so that
    /// they move to its end.
    fn key(&self, genotype: &[u32]) -> String {
        let mut key = Genotype::with_capacity(genotype.len());
        let mut rest = genotype;
        for layers in STAGES {
            let (stage, later) = rest.split_at(layers.min(rest.len()));
            key.extend(stage.iter().take(1));
            key.extend(stage.iter().skip(1).filter(|choice| **choice != 0));
            key.extend(stage.iter().skip(1).filter(|choice| **choice == 0));
            rest = later;
        }
        self.format(&key)
    }

    fn format(&self, genotype: &[u32]) -> String {
        genotype.iter().map(u32::to_string).collect()
    }

    fn parse(&self, text: &str) -> Result<Genotype> {
        let digit = |letter: char| letter.to_digit(CHOICES.len() as u32);
        let genotype: Option<Genotype> = text.trim().chars().map(digit).collect();
        let genotype = genotype.filter(|genotype| genotype.len() == LAYERS);
        genotype.ok_or_else(|| Error::new(format!("'{text}' is not a genotype: {FORM}")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashMap;

    use super::*;
    use nas_api::graph::{Counts, count, shape};

    fn counts(space: &NasBenchMacro, genotype: &[u32]) -> Counts {
        let settings = Settings::defaults(&space.task_parameters());
        let task = Task { input_shape: vec![3, 32, 32], outputs: 10, kind: "classification".into(), settings };
        let graph = space.build(genotype, &task).unwrap();
        count::count(&graph, &shape::infer(&graph, &task.input_shape).unwrap()).unwrap()
    }

    /// The counts are those of a PyTorch network written from the paper.
    #[test]
    fn networks_have_the_counts_of_pytorch() {
        let space = NasBenchMacro::new();
        let expected = [
            ("00000000", 387_882, 7_713_280),
            ("11111111", 1_588_874, 53_246_464),
            ("22222222", 2_932_586, 105_660_928),
            ("12010212", 2_079_882, 62_501_376),
        ];
        for (text, params, macs) in expected {
            let counts = counts(&space, &space.parse(text).unwrap());
            assert_eq!((counts.params, counts.macs), (params, macs), "{text}");
        }
    }

    /// According to the paper, the 6,561 genotypes are 3,969 networks.
    #[test]
    fn there_are_as_many_keys_as_published_networks() {
        let space = NasBenchMacro::new();
        let mut keys: HashMap<String, (u64, u64)> = HashMap::new();
        for number in 0..3_u32.pow(8) {
            let genotype: Genotype = (0..8).map(|layer| number / 3_u32.pow(layer) % 3).collect();
            let Counts { params, macs, .. } = counts(&space, &genotype);
            assert_eq!(*keys.entry(space.key(&genotype)).or_insert((params, macs)), (params, macs), "{genotype:?}");
        }
        assert_eq!(keys.len(), 3969);
        assert_eq!(space.key(&space.parse("00000102").unwrap()), "00000120");
    }

    #[test]
    fn texts_are_eight_digits() {
        let space = NasBenchMacro::new();
        let genotype = space.parse(" 12010212\n").unwrap();
        assert_eq!(genotype, [1, 2, 0, 1, 0, 2, 1, 2]);
        assert_eq!(space.format(&genotype), "12010212");
        for wrong in ["1201021", "120102120", "12010213", "1201021x"] {
            assert!(space.parse(wrong).unwrap_err().to_string().contains(FORM), "{wrong}");
        }
    }
}
