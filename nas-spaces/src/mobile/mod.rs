//! Mobile networks: seven stages of inverted bottlenecks, as in MobileNetV2, MnasNet, ProxylessNAS and EfficientNet.
//!
//! M. Sandler, A. Howard, M. Zhu, A. Zhmoginov and L.-C. Chen, "MobileNetV2: Inverted Residuals and Linear
//! Bottlenecks", CVPR 2018; M. Tan, B. Chen, R. Pang, V. Vasudevan, M. Sandler, A. Howard and Q. V. Le, "MnasNet:
//! Platform-Aware Neural Architecture Search for Mobile", CVPR 2019; H. Cai, L. Zhu and S. Han, "ProxylessNAS", ICLR
//! 2019.

mod design;
mod named;
#[cfg(test)]
mod tests;

use nas_api::{Decision, Error, Genotype, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

use design::{ACTIVATIONS, Block, Design, STAGES, Stage};

/// The width multipliers in hundredths.
const MULTIPLIERS: [i64; 6] = [35, 50, 75, 100, 130, 140];
const WIDTHS: [&[i64]; STAGES] =
    [&[16, 24], &[24, 32], &[32, 40, 48], &[64, 80, 96], &[96, 112, 128], &[160, 192, 224], &[320, 384]];
/// The largest number of blocks of each stage; the smallest is 1.
const MAX_DEPTHS: [u32; STAGES] = [2, 4, 4, 4, 4, 4, 2];
const KERNELS: [i64; 3] = [3, 5, 7];
const EXPANSIONS: [i64; 4] = [1, 3, 4, 6];
const NO_YES: [&str; 2] = ["no", "yes"];

/// The space `mobile`.
#[derive(Clone, Debug)]
pub struct Mobile {
    /// Activation and multiplier, then depth, width, squeeze and skip of each stage, with kernel and expansion for the
    /// stage or for each block.
    decisions: Vec<Decision>,
    per_block: bool,
}

impl Mobile {
    /// The space that decides kernel and expansion once for each stage, as in MnasNet. The stem is a setting of the
    /// task.
    pub fn per_stage() -> Self {
        Self::new(false)
    }

    /// The space that decides kernel and expansion for every block, as in ProxylessNAS.
    pub fn per_block() -> Self {
        Self::new(true)
    }

    fn new(per_block: bool) -> Self {
        let hundredths = |multiplier: i64| format!("{}.{:02}", multiplier / 100, multiplier % 100);
        let mut decisions = vec![
            Decision::new("activation", ACTIVATIONS.map(|(name, _)| name)),
            Decision::new("multiplier", MULTIPLIERS.map(hundredths)).ordered(),
        ];
        for (stage, (widths, depth)) in (1..).zip(WIDTHS.into_iter().zip(MAX_DEPTHS)) {
            decisions
                .push(Decision::new(format!("depth{stage}"), (1..=depth).map(|depth| depth.to_string())).ordered());
            decisions.push(Decision::new(format!("width{stage}"), widths.iter().map(i64::to_string)).ordered());
            decisions.push(Decision::new(format!("squeeze{stage}"), NO_YES));
            decisions.push(Decision::new(format!("skip{stage}"), NO_YES));
            for block in 1..=if per_block { depth } else { 1 } {
                let which = if per_block { format!("{stage}_{block}") } else { stage.to_string() };
                let kernel = Decision::new(format!("kernel{which}"), KERNELS.map(|kernel| kernel.to_string()));
                decisions.push(kernel.ordered());
                let times = EXPANSIONS.map(|expansion| expansion.to_string());
                decisions.push(Decision::new(format!("expansion{which}"), times).ordered());
            }
        }
        Self { decisions, per_block }
    }

    /// The number of blocks of a stage that have their own decisions.
    fn decided_blocks(&self, depth: u32) -> usize {
        if self.per_block { depth as usize } else { 1 }
    }

    /// The index of the decision after a prefix; `None` if the prefix is complete.
    fn next_index(&self, prefix: &[u32]) -> Option<usize> {
        if prefix.len() < 2 {
            return Some(prefix.len());
        }
        // A stage begins at `at` in the prefix and at `slot` among the decisions.
        let (mut at, mut slot) = (2, 2);
        for deepest in MAX_DEPTHS {
            let Some(choice) = prefix.get(at) else { return Some(slot) };
            let depth = choice + 1;
            // A stage of one block has no decision about skips.
            let skip = usize::from(depth > 1);
            let made = 3 + skip + 2 * self.decided_blocks(depth);
            let within = prefix.len() - at;
            if within < made {
                return Some(slot + within + if within >= 3 { 1 - skip } else { 0 });
            }
            at += made;
            slot += 4 + 2 * self.decided_blocks(deepest);
        }
        None
    }

    /// The network that a genotype describes.
    fn design(&self, genotype: &[u32]) -> Result<Design> {
        self.validate(genotype)?;
        self.read(genotype).ok_or_else(|| Error::new(format!("{genotype:?} is not a genotype of mobile")))
    }

    fn read(&self, genotype: &[u32]) -> Option<Design> {
        let mut choices = genotype.iter().map(|&choice| choice as usize);
        let (_, activation) = *ACTIVATIONS.get(choices.next()?)?;
        let multiplier = *MULTIPLIERS.get(choices.next()?)?;
        let mut stages = Vec::with_capacity(STAGES);
        for widths in WIDTHS {
            let depth = choices.next()? as u32 + 1;
            let width = *widths.get(choices.next()?)?;
            let squeeze = choices.next()? == 1;
            let skip = depth == 1 || choices.next()? == 1;
            let mut blocks = Vec::with_capacity(depth as usize);
            for _ in 0..self.decided_blocks(depth) {
                blocks.push(Block {
                    kernel: *KERNELS.get(choices.next()?)?,
                    expansion: *EXPANSIONS.get(choices.next()?)?,
                });
            }
            blocks.resize(depth as usize, *blocks.first()?);
            stages.push(Stage { width, squeeze, skip, blocks });
        }
        Some(Design { activation, multiplier, stages })
    }

    /// The genotype of a design; `None` if the design is not in the space.
    fn write(&self, design: &Design) -> Option<Genotype> {
        let mut genotype = Genotype::new();
        genotype.push(ACTIVATIONS.iter().position(|(_, known)| *known == design.activation)? as u32);
        genotype.push(index_of(&MULTIPLIERS, design.multiplier)?);
        for (stage, widths) in design.stages.iter().zip(WIDTHS) {
            let depth = u32::try_from(stage.blocks.len()).ok()?;
            genotype.extend([depth.checked_sub(1)?, index_of(widths, stage.width)?, u32::from(stage.squeeze)]);
            if depth > 1 {
                genotype.push(u32::from(stage.skip));
            }
            for block in &stage.blocks[..self.decided_blocks(depth)] {
                genotype.extend([index_of(&KERNELS, block.kernel)?, index_of(&EXPANSIONS, block.expansion)?]);
            }
        }
        Some(genotype)
    }
}

fn index_of(choices: &[i64], value: i64) -> Option<u32> {
    choices.iter().position(|&other| other == value).map(|index| index as u32)
}

impl Default for Mobile {
    fn default() -> Self {
        Self::per_stage()
    }
}

impl SearchSpace for Mobile {
    fn parameters() -> Vec<Parameter> {
        let description = "Whether kernel and expansion are decided once for each stage or for every block.";
        vec![Parameter::one_of("per", "stage", &["stage", "block"], description)]
    }

    fn open(settings: &Settings) -> Result<Self> {
        Ok(Self::new(settings.text("per")? == "block"))
    }

    fn info(&self) -> SpaceInfo {
        let pair = (KERNELS.len() * EXPANSIONS.len()) as f64;
        let stages = WIDTHS.iter().zip(MAX_DEPTHS).map(|(widths, deepest)| {
            let depths = (1..=deepest).map(|depth| {
                let skip = if depth > 1 { 2.0 } else { 1.0 };
                skip * libm::pow(pair, self.decided_blocks(depth) as f64)
            });
            libm::log10(2.0 * widths.len() as f64 * depths.sum::<f64>())
        });
        let whole = libm::log10((ACTIVATIONS.len() * MULTIPLIERS.len()) as f64);
        SpaceInfo {
            name: "mobile".into(),
            version: "1".into(),
            log10_size: Some(whole + stages.sum::<f64>()),
            decisions: self.decisions.clone(),
            conditional: true,
            standard: false,
            description: "Seven stages of inverted bottlenecks: depth, width, kernel, expansion, squeeze-excite and \
                          residuals of each, one activation and width multiplier."
                .into(),
            reference: "Sandler et al., MobileNetV2, CVPR 2018; Tan et al., MnasNet, CVPR 2019; Cai et al., \
                        ProxylessNAS, ICLR 2019"
                .into(),
        }
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.get(self.next_index(prefix)?)
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        vec![Parameter::one_of(
            "stem",
            "imagenet",
            &["imagenet", "small"],
            "Whether stem and second stage halve the size (imagenet) or keep it (small).",
        )]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        crate::blocks::image_shape("mobile", &task.input_shape)?;
        let small = task.settings.text("stem")? == "small";
        Ok(self.design(genotype)?.network(i64::from(task.outputs), small))
    }

    fn key(&self, genotype: &[u32]) -> String {
        // Genotypes should be valid here; an invalid one gets a key of its own.
        self.read(genotype).map_or_else(|| nas_api::space_defaults::key(genotype), |design| design.key())
    }

    /// Also reads the names of published networks, `mobilenet_v2` or `efficientnet_b0`.
    fn parse(&self, text: &str) -> Result<Genotype> {
        if let Some(genotype) = named::design(text.trim()).and_then(|design| self.write(&design)) {
            return Ok(genotype);
        }
        nas_api::space_defaults::parse(self, text).map_err(|error| {
            let names = named::names().join(", ");
            Error::new(format!(
                "{error}; a genotype reads like activation=relu6,multiplier=1.00,depth1=1,..., or is a name: {names}"
            ))
        })
    }
}
