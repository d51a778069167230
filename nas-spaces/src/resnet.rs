//! Residual networks: ResNet, ResNeXt and Wide ResNet.
//!
//! K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016; S. Xie, R. Girshick,
//! P. Dollár, Z. Tu and K. He, "Aggregated Residual Transformations for Deep Neural Networks", CVPR 2017; S. Zagoruyko
//! and N. Komodakis, "Wide Residual Networks", BMVC 2016.

use nas_api::{
    Decision, Error, Genotype, Graph, GraphBuilder, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task,
};

use crate::blocks::{classifier, image_shape};
use crate::residual::{self, BackboneChoices, STAGES, Stages};

/// Published networks by name: block, width, cardinality and depths.
const NAMED: [(&str, &str); 10] = [
    ("resnet18", "block=basic,width=64,depth1=2,depth2=2,depth3=2,depth4=2"),
    ("resnet34", "block=basic,width=64,depth1=3,depth2=4,depth3=6,depth4=3"),
    ("resnet50", "block=bottleneck,width=64,cardinality=1x64d,depth1=3,depth2=4,depth3=6,depth4=3"),
    ("resnet101", "block=bottleneck,width=64,cardinality=1x64d,depth1=3,depth2=4,depth3=23,depth4=3"),
    ("resnet152", "block=bottleneck,width=64,cardinality=1x64d,depth1=3,depth2=8,depth3=36,depth4=3"),
    ("resnext50_32x4d", "block=bottleneck,width=64,cardinality=32x4d,depth1=3,depth2=4,depth3=6,depth4=3"),
    ("resnext101_32x8d", "block=bottleneck,width=64,cardinality=32x8d,depth1=3,depth2=4,depth3=23,depth4=3"),
    ("resnext101_64x4d", "block=bottleneck,width=64,cardinality=64x4d,depth1=3,depth2=4,depth3=23,depth4=3"),
    ("wide_resnet50_2", "block=bottleneck,width=64,cardinality=1x128d,depth1=3,depth2=4,depth3=6,depth4=3"),
    ("wide_resnet101_2", "block=bottleneck,width=64,cardinality=1x128d,depth1=3,depth2=4,depth3=23,depth4=3"),
];

/// The space `resnet`. Different genotypes build different networks, so that the choices are the key.
#[derive(Clone, Debug)]
pub struct ResNet {
    /// The decisions `block`, `width`, `cardinality` (made for bottlenecks only), and `depth1` to `depth4`.
    decisions: Vec<Decision>,
    choices: BackboneChoices,
}

impl ResNet {
    /// The space, which has no parameters. The stem is a setting of the task.
    pub fn new() -> Self {
        let choices = BackboneChoices::default();
        Self { decisions: choices.decisions(), choices }
    }
}

impl Default for ResNet {
    fn default() -> Self {
        Self::new()
    }
}

impl SearchSpace for ResNet {
    fn open(_settings: &Settings) -> Result<Self> {
        Ok(Self::new())
    }

    fn info(&self) -> SpaceInfo {
        SpaceInfo {
            name: "resnet".into(),
            version: "1".into(),
            log10_size: Some(libm::log10(self.choices.count() as f64)),
            decisions: self.decisions.clone(),
            conditional: true,
            standard: false,
            description: "Residual networks of four stages: basic or bottleneck blocks, width, groups, depth of each \
                          stage."
                .into(),
            reference: "He et al., Deep Residual Learning, CVPR 2016; Xie et al., ResNeXt, CVPR 2017".into(),
        }
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.get(prefix.len() + residual::skipped(prefix))
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        vec![residual::stem_parameter()]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        image_shape("resnet", &task.input_shape)?;
        let small = task.settings.text("stem")? == "small";
        self.validate(genotype)?;
        let broken = || Error::new(format!("{genotype:?} is not a genotype of resnet"));
        let stages = Stages::read(genotype, &self.choices).ok_or_else(broken)?;
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let values = stages.build(&mut graph, input, small);
        let logits = classifier(&mut graph, values[STAGES - 1], i64::from(task.outputs));
        Ok(graph.finish(&[logits]))
    }

    /// Also reads the names of published networks, `resnet50` or `resnext50_32x4d`.
    fn parse(&self, text: &str) -> Result<Genotype> {
        let named = NAMED.iter().find(|(name, _)| *name == text.trim());
        nas_api::space_defaults::parse(self, named.map_or(text, |(_, choices)| choices)).map_err(|error| {
            let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
            Error::new(format!("{error}; a genotype reads like {}, or is a name: {}", NAMED[2].1, names.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use nas_api::graph::{count, shape};

    /// Parameters, multiply-accumulates and bias additions of a named network for ImageNet.
    fn counts(name: &str) -> (u64, u64, u64) {
        let space = ResNet::new();
        let settings = Settings::defaults(&space.task_parameters());
        let kind = "classification".to_owned();
        let task = Task { input_shape: vec![3, 224, 224], outputs: 1000, kind, settings };
        let graph = space.build(&space.parse(name).unwrap(), &task).unwrap();
        let counts = count::count(&graph, &shape::infer(&graph, &task.input_shape).unwrap()).unwrap();
        (counts.params, counts.macs, counts.flops - counts.macs)
    }

    /// The counts are those of torchvision's networks, with the multiply-accumulates of convolutions and linear layers.
    #[test]
    fn published_networks_have_the_counts_of_torchvision() {
        let expected = [
            ("resnet18", 11_689_512, 1_814_073_344),
            ("resnet34", 21_797_672, 3_663_761_408),
            ("resnet50", 25_557_032, 4_089_184_256),
            ("resnet101", 44_549_160, 7_801_405_440),
            ("resnet152", 60_192_808, 11_513_626_624),
            ("resnext50_32x4d", 25_028_904, 4_230_479_872),
            ("resnext101_32x8d", 88_791_336, 16_414_015_488),
            ("resnext101_64x4d", 83_455_272, 15_460_270_080),
            ("wide_resnet50_2", 68_883_240, 11_398_021_120),
            ("wide_resnet101_2", 126_886_696, 22_753_050_624),
        ];
        for (name, params, macs) in expected {
            assert_eq!(counts(name), (params, macs, 1000), "{name}");
        }
    }

    #[test]
    fn basic_blocks_have_no_cardinality() {
        let space = ResNet::new();
        let basic = space.parse("resnet18").unwrap();
        assert_eq!(basic, [0, 3, 1, 1, 1, 1]);
        assert_eq!(space.format(&basic), NAMED[0].1);
        let error = space.parse("block=basic,width=64,cardinality=32x4d").unwrap_err().to_string();
        assert!(error.contains("'depth1' comes next, not 'cardinality'") && error.contains("resnet152"), "{error}");
    }

    #[test]
    fn every_cardinality_fits_every_width() {
        let space = ResNet::new();
        let settings = Settings::defaults(&space.task_parameters());
        let task = Task { input_shape: vec![3, 1, 1], outputs: 10, kind: String::new(), settings };
        let choices = |position: usize| space.decisions[position].len();
        for width in 0..choices(1) {
            for cardinality in 0..choices(2) {
                let graph = space.build(&[1, width, cardinality, 0, 0, 0, 0], &task).unwrap();
                assert!(shape::infer(&graph, &task.input_shape).is_ok(), "{width} {cardinality}");
            }
        }
    }
}
