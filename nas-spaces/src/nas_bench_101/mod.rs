//! NAS-Bench-101: cells of at most seven vertices and nine edges, an operation on each inner vertex.
//!
//! C. Ying, A. Klein, E. Real, E. Christiansen, K. Murphy and F. Hutter, "NAS-Bench-101: Towards Reproducible Neural
//! Architecture Search", ICML 2019.

mod cell;
mod hash;
mod skeleton;
#[cfg(test)]
mod tests;

use nas_api::rng::{RngExt, seeded};
use nas_api::{
    Decision, Error, Genotype, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task, space_defaults,
};

use cell::{Cell, Draft, EDGES, OPERATIONS, VERTICES};
pub(crate) use hash::md5;

/// Attempts at drawing a valid cell uniformly, of which about three in four succeed. After them, the sample is drawn
/// decision by decision.
const ATTEMPTS: u32 = 1000;

/// The space `nas-bench-101`: 423,624 different cells.
#[derive(Clone, Debug)]
pub struct NasBench101 {
    decisions: Vec<Decision>,
    /// Whether keys are exact; otherwise they are the published hashes.
    exact: bool,
}

impl NasBench101 {
    /// The space in which cells are the same if their published hashes are equal.
    pub fn new() -> Self {
        let edges = EDGES.map(|(source, target)| Decision::new(format!("edge_{source}_{target}"), ["no", "yes"]));
        let names = OPERATIONS.map(|(name, ..)| name);
        let operations = (1..VERTICES - 1).map(|vertex| Decision::new(format!("op_{vertex}"), names));
        Self { decisions: edges.into_iter().chain(operations).collect(), exact: false }
    }

    /// The space in which cells are the same if they are the same network. The published hash also equates cells that
    /// differ in which vertices get one more channel when the channels do not divide evenly.
    pub fn exact() -> Self {
        Self { exact: true, ..Self::new() }
    }

    fn cell(&self, genotype: &[u32]) -> Result<Cell> {
        self.validate(genotype)?;
        Draft::of(genotype).0.cell().ok_or_else(|| Error::new(format!("{genotype:?} is not a cell")))
    }
}

impl Default for NasBench101 {
    fn default() -> Self {
        Self::new()
    }
}

impl SearchSpace for NasBench101 {
    fn parameters() -> Vec<Parameter> {
        let description = "Which cells count as the same: those with equal published hashes, or only equal networks.";
        vec![Parameter::one_of("identity", "published", &["published", "network"], description)]
    }

    fn open(settings: &Settings) -> Result<Self> {
        Ok(if settings.text("identity")? == "network" { Self::exact() } else { Self::new() })
    }

    fn info(&self) -> SpaceInfo {
        SpaceInfo {
            name: "nas-bench-101".into(),
            version: "1".into(),
            log10_size: None,
            decisions: self.decisions.clone(),
            conditional: true,
            standard: false,
            description: "Convolutional cells of at most 7 vertices and 9 edges, one of 3 operations on each inner \
                          vertex, three to a stack, three stacks."
                .into(),
            reference: "Ying et al., NAS-Bench-101, ICML 2019, section 2.1".into(),
        }
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.get(Draft::of(prefix).1?)
    }

    /// Samples as in section 2.1 of the paper: edges and operations are drawn uniformly until the cell is valid, and
    /// dangling parts are cut off.
    fn sample(&self, seed: u32) -> Genotype {
        let mut rng = seeded(seed);
        for _ in 0..ATTEMPTS {
            let mut draft = Draft::default();
            for (source, target) in EDGES {
                draft.matrix[source][target] = rng.random::<bool>();
            }
            for operation in &mut draft.operations[1..VERTICES - 1] {
                *operation = Some(OPERATIONS[rng.random_range(0..OPERATIONS.len() as u32) as usize].2);
            }
            if let Some(genotype) = draft.pruned().genotype() {
                return genotype;
            }
        }
        space_defaults::sample(self, seed)
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::integer(
                "channels",
                128,
                8,
                1024,
                "Channels of the stem, a multiple of 4; each later stack has twice as many.",
            ),
            Parameter::integer("cells", 3, 1, 50, "Cells in each of the three stacks."),
        ]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        let &[c, height, width] = &task.input_shape[..] else {
            let shape = &task.input_shape;
            return Err(Error::new(format!("nas-bench-101 takes images [channels, height, width], not {shape:?}")));
        };
        if c < 1 || height < 4 || width < 4 {
            let shape = &task.input_shape;
            return Err(Error::new(format!("nas-bench-101 halves images twice; {shape:?} is smaller than 4x4 pixels")));
        }
        let channels = i64::from(task.settings.integer("channels")?);
        if channels % 4 != 0 {
            return Err(Error::new(format!("task.channels must be a multiple of 4, but is {channels}")));
        }
        let cells = task.settings.integer("cells")?;
        let cell = self.cell(genotype)?;
        Ok(skeleton::network(&cell, [c, height, width], i64::from(task.outputs), channels, cells))
    }

    fn key(&self, genotype: &[u32]) -> String {
        // Genotypes should be valid here; an invalid one gets a key of its own.
        let Some(cell) = Draft::of(genotype).0.cell() else { return space_defaults::key(genotype) };
        let marks = self.exact.then(|| skeleton::marks(&cell));
        hash::hash(&cell, marks.as_deref())
    }

    fn format(&self, genotype: &[u32]) -> String {
        Draft::of(genotype).0.text()
    }

    fn parse(&self, text: &str) -> Result<Genotype> {
        let draft = Draft::parse(text).map_err(Error::new)?;
        draft.genotype().ok_or_else(|| Error::new(format!("'{text}' is not a cell of nas-bench-101")))
    }
}
