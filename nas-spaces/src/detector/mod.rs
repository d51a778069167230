//! Single-stage detectors: a residual backbone, a pyramid of maps, and a head, whose weights the levels can share.
//!
//! Z. Tian, C. Shen, H. Chen and T. He, "FCOS: Fully Convolutional One-Stage Object Detection", ICCV 2019; T.-Y. Lin,
//! P. Goyal, R. Girshick, K. He and P. Dollár, "Focal Loss for Dense Object Detection", ICCV 2017; T.-Y. Lin et al.,
//! "Feature Pyramid Networks for Object Detection", CVPR 2017; S. Liu, L. Qi, H. Qin, J. Shi and J. Jia, "Path
//! Aggregation Network for Instance Segmentation", CVPR 2018. Necks and heads were searched by G. Ghiasi, T.-Y. Lin and
//! Q. V. Le, "NAS-FPN", CVPR 2019, and N. Wang et al., "NAS-FCOS", CVPR 2020.

mod head;
mod kernel;
mod neck;
#[cfg(test)]
mod tests;

use nas_api::{
    Decision, Error, Genotype, Graph, GraphBuilder, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task,
};

use crate::blocks::image_shape;
use crate::choices::{decision, parameter, whole_numbers};
use crate::residual::{self, BackboneChoices, Stages};
use head::{GROUPS, Head};
use kernel::Kernel;
use neck::{MAPS, Map, Neck};

const NECKS: [&str; 2] = ["fpn", "pan"];
const KERNELS: [&str; 2] = ["full", "separable"];
const NECK_WIDTHS: [u32; 5] = [64, 96, 128, 192, 256];
const EXTRA_LEVELS: [&str; 3] = ["0", "1", "2"];
const HEAD_DEPTHS: [&str; 5] = ["0", "1", "2", "3", "4"];
const WEIGHTS: [&str; 2] = ["shared", "separate"];
const NORMS: [&str; 2] = ["group", "batch"];
/// The number of decisions of neck and head that are always made, which are all except the last one, `head_norm`.
const ALWAYS_MADE: usize = 7;
/// The index of the decision `head_depth`.
const HEAD_DEPTH: usize = residual::DECISIONS + 4;
/// The index of the decision `head_norm`.
const HEAD_NORM: usize = residual::DECISIONS + ALWAYS_MADE;

/// The FCOS of Tian et al. as in torchvision.
const FCOS: &str = "block=bottleneck,width=64,cardinality=1x64d,depth1=3,depth2=4,depth3=6,depth4=3,neck=fpn,\
                    neck_width=256,neck_conv=full,extra_levels=2,head_depth=4,head_conv=full,head_weights=shared,\
                    head_norm=group";
const FCOS_NAME: &str = "fcos_resnet50_fpn";

/// The space `detector`. Different genotypes build different networks, so that the choices are the key.
#[derive(Clone, Debug)]
pub struct Detector {
    /// The decisions of the backbone, then neck, its width and convolutions, extra levels, then depth, convolutions and
    /// weights of the head, and its normalisation if it has towers.
    decisions: Vec<Decision>,
    choices: BackboneChoices,
    neck_widths: Vec<u32>,
}

/// The parts that a genotype describes.
struct Design {
    backbone: Stages,
    neck: Neck,
    head: Head,
}

fn kernel(choice: u32) -> Kernel {
    if choice == 0 { Kernel::Full } else { Kernel::Separable }
}

impl Detector {
    /// The space with its default choices. The stem is a setting of the task.
    pub fn new() -> Self {
        Self::with_choices(BackboneChoices::default(), NECK_WIDTHS.to_vec())
    }

    fn with_choices(choices: BackboneChoices, neck_widths: Vec<u32>) -> Self {
        let mut decisions = choices.decisions();
        decisions.extend([
            Decision::new("neck", NECKS),
            decision("neck_width", &neck_widths),
            Decision::new("neck_conv", KERNELS),
            Decision::new("extra_levels", EXTRA_LEVELS).ordered(),
            Decision::new("head_depth", HEAD_DEPTHS).ordered(),
            Decision::new("head_conv", KERNELS),
            Decision::new("head_weights", WEIGHTS),
            Decision::new("head_norm", NORMS),
        ]);
        Self { decisions, choices, neck_widths }
    }

    fn read(&self, genotype: &[u32]) -> Option<Design> {
        let backbone = Stages::read(genotype, &self.choices)?;
        let rest = genotype.get(residual::DECISIONS - residual::skipped(genotype)..)?;
        let (&[neck, width, neck_conv, extra, depth, head_conv, weights], norm) =
            rest.split_first_chunk::<ALWAYS_MADE>()?;
        let width = i64::from(*self.neck_widths.get(width as usize)?);
        let neck = Neck { bottom_up: neck == 1, width, kernel: kernel(neck_conv), extra };
        let head = Head { depth, kernel: kernel(head_conv), batch: norm.first() == Some(&1), shared: weights == 0 };
        Some(Design { backbone, neck, head })
    }
}

impl Default for Detector {
    fn default() -> Self {
        Self::new()
    }
}

impl Design {
    fn network(&self, outputs: i64, height: i64, width: i64, small: bool) -> Graph {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        // The neck does not read the first stage, whose stride is too small for boxes.
        let [_, values @ ..] = self.backbone.build(&mut graph, input, small);
        let ([_, heights @ ..], [_, widths @ ..]) =
            (residual::stage_sides(height, small), residual::stage_sides(width, small));
        let map = |at: usize| Map { value: values[at], sides: [heights[at], widths[at]] };
        let maps: [Map; MAPS] = std::array::from_fn(map);
        let levels = self.neck.build(&mut graph, maps);
        let outputs = self.head.build(&mut graph, &levels, self.neck.width, outputs);
        graph.finish(&outputs)
    }
}

impl SearchSpace for Detector {
    fn parameters() -> Vec<Parameter> {
        let numbers = |numbers: &[u32]| numbers.iter().copied().map(f64::from).collect::<Vec<_>>();
        vec![
            parameter(
                "widths",
                &numbers(&residual::WIDTHS),
                "Choices of `width`, the channels of the first stage; 16 or more.",
            ),
            Parameter::integer(
                "max_depth",
                36,
                1,
                36,
                "The largest number of blocks in a stage; deeper choices are left out.",
            ),
            parameter("neck_widths", &numbers(&NECK_WIDTHS), "Choices of `neck_width`; multiples of 32."),
        ]
    }

    fn open(settings: &Settings) -> Result<Self> {
        let neck_widths = whole_numbers(settings, "neck_widths", 1 << 12)?;
        if let Some(width) = neck_widths.iter().find(|&&width| i64::from(width) % GROUPS != 0) {
            let problem =
                format!("'neck_widths' takes multiples of {GROUPS}, the groups of a normalisation, not {width}");
            return Err(Error::new(problem));
        }
        let widths = whole_numbers(settings, "widths", 1 << 12)?;
        if let Some(width) = widths.iter().find(|&&width| width < residual::MIN_WIDTH) {
            let least = residual::MIN_WIDTH;
            let problem =
                format!("'widths' takes {least} or more, not {width}: a group of '32x4d' has width / 16 channels");
            return Err(Error::new(problem));
        }
        let choices = BackboneChoices::new(widths, settings.integer("max_depth")?);
        Ok(Self::with_choices(choices, neck_widths))
    }

    fn info(&self) -> SpaceInfo {
        let neck = NECKS.len() * self.neck_widths.len() * KERNELS.len() * EXTRA_LEVELS.len();
        // A head without towers has no normalisation.
        let head = (1 + (HEAD_DEPTHS.len() - 1) * NORMS.len()) * KERNELS.len() * WEIGHTS.len();
        SpaceInfo {
            name: "detector".into(),
            version: "1".into(),
            log10_size: Some(libm::log10((self.choices.count() * neck * head) as f64)),
            decisions: self.decisions.clone(),
            conditional: true,
            standard: false,
            description: "Single-stage detectors: residual backbone, pyramid of maps, head shared between levels or \
                          not; kinds, widths and depths of each."
                .into(),
            reference: "Tian et al., FCOS, ICCV 2019; Lin et al., FPN, CVPR 2017; Liu et al., PAN, CVPR 2018".into(),
        }
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        let skipped = residual::skipped(prefix);
        let at = prefix.len() + skipped;
        // A head without towers has no normalisation.
        let towers = prefix.get(HEAD_DEPTH - skipped) != Some(&0);
        self.decisions.get(at).filter(|_| at != HEAD_NORM || towers)
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        vec![residual::stem_parameter()]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        let [_, height, width] = image_shape("detector", &task.input_shape)?;
        let small = task.settings.text("stem")? == "small";
        self.validate(genotype)?;
        let broken = || Error::new(format!("{genotype:?} is not a genotype of detector"));
        let design = self.read(genotype).ok_or_else(broken)?;
        Ok(design.network(i64::from(task.outputs), height, width, small))
    }

    /// Also reads the name of a published network, `fcos_resnet50_fpn`.
    fn parse(&self, text: &str) -> Result<Genotype> {
        let text = if text.trim() == FCOS_NAME { FCOS } else { text };
        let like = |error| Error::new(format!("{error}; a genotype reads like {FCOS}, or is {FCOS_NAME}"));
        nas_api::space_defaults::parse(self, text).map_err(like)
    }
}
