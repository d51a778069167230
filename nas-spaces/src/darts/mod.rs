//! DARTS: a normal and a reduction cell of four inner nodes, each with two inputs through one of seven operations.
//!
//! H. Liu, K. Simonyan and Y. Yang, "DARTS: Differentiable Architecture Search", ICLR 2019.

mod auxiliary;
mod cell;
mod genotype;
mod identity;
mod skeleton;
#[cfg(test)]
mod tests;

use nas_api::{Decision, Error, Genotype, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

use cell::{CHOICES, Cell, INNER, OPERATIONS, sources};
use skeleton::{Cells, Skeleton, Stem};

/// The space `darts`: 10^18 pairs of cells.
#[derive(Clone, Debug)]
pub struct Darts {
    decisions: Vec<Decision>,
}

impl Darts {
    /// The space, which has no parameters. The skeleton is set by the task.
    pub fn new() -> Self {
        let names = OPERATIONS.map(cell::Operation::name);
        let mut decisions = Vec::with_capacity(2 * CHOICES);
        for kind in ["normal", "reduce"] {
            for node in 2..2 + INNER {
                if node > 2 {
                    let pairs = sources(node).map(|(first, second)| format!("{first}+{second}"));
                    decisions.push(Decision::new(format!("{kind}_inputs_{node}"), pairs));
                }
                decisions.extend(["a", "b"].map(|role| Decision::new(format!("{kind}_op_{node}{role}"), names)));
            }
        }
        Self { decisions }
    }

    fn skeleton(&self, task: &Task) -> Result<(Skeleton, [i64; 2])> {
        let [_, height, width] = crate::blocks::image_shape("darts", &task.input_shape)?;
        let skeleton = Skeleton {
            stem: if task.settings.text("stem")? == "imagenet" { Stem::ImageNet } else { Stem::Cifar },
            layers: task.settings.integer("layers")?,
            channels: i64::from(task.settings.integer("channels")?),
            outputs: i64::from(task.outputs),
            // Studies that are older than this setting can still be drawn and reported.
            auxiliary: task.settings.truth("auxiliary").unwrap_or(false),
        };
        let least = skeleton.least_side();
        if height < least || width < least {
            let shape = &task.input_shape;
            let needed = format!("at least {least}x{least} pixels with this stem and number of layers");
            let head = if skeleton.auxiliary { " and an auxiliary head (auxiliary = false omits it)" } else { "" };
            return Err(Error::new(format!("darts needs images of {needed}{head}; {shape:?} is smaller")));
        }
        Ok((skeleton, [height, width]))
    }
}

/// The normal and the reduction cell of a genotype; `None` if the genotype is invalid.
fn cells(genotype: &[u32]) -> Option<[Cell; 2]> {
    let (normal, reduce) = genotype.split_at_checked(CHOICES)?;
    Some([cell::decode(normal)?, cell::decode(reduce)?])
}

impl Default for Darts {
    fn default() -> Self {
        Self::new()
    }
}

impl SearchSpace for Darts {
    fn open(_settings: &Settings) -> Result<Self> {
        Ok(Self::new())
    }

    fn info(&self) -> SpaceInfo {
        SpaceInfo {
            name: "darts".into(),
            version: "1".into(),
            log10_size: Some(self.decisions.iter().map(|decision| libm::log10(f64::from(decision.len()))).sum()),
            decisions: self.decisions.clone(),
            conditional: false,
            standard: true,
            description: "A normal and a reduction cell of 4 nodes, each of two earlier nodes through one of 7 \
                          operations, stacked to a network."
                .into(),
            reference: "Liu, Simonyan & Yang, DARTS, ICLR 2019, section 2.1".into(),
        }
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.get(prefix.len())
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::integer(
                "channels",
                36,
                2,
                1024,
                "Channels of the first cell (C); each reduction cell doubles them.",
            ),
            Parameter::integer("layers", 20, 1, 100, "Number of cells (L); those at L/3 and 2L/3 are reduction cells."),
            Parameter::one_of(
                "stem",
                "cifar",
                &["cifar", "imagenet"],
                "The stem before the cells: one 3x3 convolution, or three of stride 2.",
            ),
            Parameter::truth(
                "auxiliary",
                false,
                "Whether an auxiliary head follows the cell at 2L/3. It is used in training only.",
            ),
        ]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        self.validate(genotype)?;
        let cells = cells(genotype).ok_or_else(|| Error::new(format!("{genotype:?} is not a pair of cells")))?;
        let (skeleton, sides) = self.skeleton(task)?;
        Ok(skeleton.network(&Cells::Chosen(Box::new(cells)), sides))
    }

    fn supernet(&self, task: &Task) -> Result<Option<Graph>> {
        let (skeleton, sides) = self.skeleton(task)?;
        Ok(Some(skeleton.network(&Cells::Supernet, sides)))
    }

    fn key(&self, genotype: &[u32]) -> String {
        // Genotypes should be valid here; an invalid one gets a key of its own.
        match cells(genotype) {
            Some([normal, reduce]) => {
                format!("{}|{}", identity::key(&normal, false), identity::key(&reduce, true))
            }
            None => nas_api::space_defaults::key(genotype),
        }
    }

    fn format(&self, genotype: &[u32]) -> String {
        match cells(genotype) {
            Some([normal, reduce]) => genotype::format(&normal, &reduce),
            None => nas_api::space_defaults::key(genotype),
        }
    }

    fn parse(&self, text: &str) -> Result<Genotype> {
        let cells = genotype::parse(text).map_err(Error::new)?;
        let choices: Option<Vec<Vec<u32>>> = cells.iter().map(cell::encode).collect();
        choices.map(|choices| choices.concat()).ok_or_else(|| Error::new(format!("'{text}' is not a pair of cells")))
    }
}
