//! NAS-Bench-201: cells of four nodes and six edges with five operations each.
//!
//! X. Dong and Y. Yang, "NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search", ICLR 2020.

mod cell;
mod identity;
mod skeleton;

use nas_api::{Decision, Error, Genotype, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

pub(crate) use cell::EDGES;
use cell::{Cell, EDGE_NAMES, OPERATIONS};
use skeleton::Cells;
pub(crate) use skeleton::reduction;

/// Which cells count as the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// Cells are the same if they are the same network, at the same cost: 6,410 classes.
    #[default]
    Network,
    /// Cells are the same by the published rule, which has 6,466 classes. 578 of them contain cells of different cost
    /// (see `docs/spaces.md`).
    Topology,
    /// No two cells are the same, as in a table where each was trained separately.
    Cell,
}

/// The space `nas-bench-201`: 15,625 cells.
#[derive(Clone, Debug)]
pub struct NasBench201 {
    decisions: Vec<Decision>,
    identity: Identity,
}

impl NasBench201 {
    /// The space in which cells are the same if they are the same network. The skeleton is set by the task.
    pub fn new() -> Self {
        Self::with_identity(Identity::default())
    }

    /// The space with this rule for which cells are the same.
    pub fn with_identity(identity: Identity) -> Self {
        let names = OPERATIONS.map(|(name, _)| name);
        let decisions = EDGE_NAMES.iter().map(|name| Decision::new(*name, names)).collect();
        Self { decisions, identity }
    }

    fn cell(&self, genotype: &[u32]) -> Result<Cell> {
        self.validate(genotype)?;
        cell::cell(genotype).ok_or_else(|| Error::new(format!("{genotype:?} is not a cell of six edges")))
    }

    fn network(&self, cells: &Cells, task: &Task) -> Result<Graph> {
        let &[c, height, width] = &task.input_shape[..] else {
            let shape = &task.input_shape;
            return Err(Error::new(format!("nas-bench-201 takes images [channels, height, width], not {shape:?}")));
        };
        if c < 1 || height < 4 || width < 4 {
            let shape = &task.input_shape;
            return Err(Error::new(format!("nas-bench-201 halves images twice; {shape:?} is smaller than 4x4 pixels")));
        }
        let channels = i64::from(task.settings.integer("channels")?);
        let cells_per_stage = task.settings.integer("cells")?;
        Ok(skeleton::network(cells, [c, height, width], i64::from(task.outputs), channels, cells_per_stage))
    }
}

impl Default for NasBench201 {
    fn default() -> Self {
        Self::new()
    }
}

impl SearchSpace for NasBench201 {
    fn parameters() -> Vec<Parameter> {
        let names = ["network", "topology", "cell"];
        vec![Parameter::one_of(
            "identity",
            "network",
            &names,
            "Which cells count as the same: equal networks (6,410 classes), equal topologies of the paper (6,466), or \
             none (15,625).",
        )]
    }

    fn open(settings: &Settings) -> Result<Self> {
        Ok(Self::with_identity(match settings.text("identity")? {
            "topology" => Identity::Topology,
            "cell" => Identity::Cell,
            _ => Identity::Network,
        }))
    }

    fn info(&self) -> SpaceInfo {
        SpaceInfo {
            name: "nas-bench-201".into(),
            version: "1".into(),
            log10_size: Some(EDGES.len() as f64 * libm::log10(OPERATIONS.len() as f64)),
            decisions: self.decisions.clone(),
            conditional: false,
            standard: true,
            description: "Convolutional cells of 4 nodes and 6 edges, one of 5 operations on each edge, repeated in a \
                          residual skeleton of three stages."
                .into(),
            reference: "Dong & Yang, NAS-Bench-201, ICLR 2020, section 2.1".into(),
        }
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.get(prefix.len())
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        vec![
            Parameter::integer(
                "channels",
                16,
                1,
                1024,
                "Channels of the first stage (C); each later stage has twice as many.",
            ),
            Parameter::integer("cells", 5, 1, 50, "Cells in each of the three stages (N)."),
        ]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        self.network(&Cells::Chosen(self.cell(genotype)?), task)
    }

    fn supernet(&self, task: &Task) -> Result<Option<Graph>> {
        self.network(&Cells::Supernet, task).map(Some)
    }

    fn key(&self, genotype: &[u32]) -> String {
        // Genotypes should be valid here; an invalid one gets a key of its own.
        match (cell::cell(genotype), self.identity) {
            (Some(cell), Identity::Network) => identity::key(&cell),
            (Some(cell), Identity::Topology) => identity::topology(&cell),
            (None, _) | (Some(_), Identity::Cell) => nas_api::space_defaults::key(genotype),
        }
    }

    fn format(&self, genotype: &[u32]) -> String {
        cell::format(genotype)
    }

    fn parse(&self, text: &str) -> Result<Genotype> {
        cell::parse(text).map_err(Error::new)
    }
}
