//! A space whose samples lie near known genotypes.

use nas_api::rng::{RngExt, derive, seeded};
use nas_api::{Decision, Error, Genotype, Graph, Network, OpenSpace, Parameter, Result, Space, SpaceInfo, Task};

/// A space with other samples: a uniformly chosen start after a uniformly drawn number of mutations between 0 and
/// `steps`. Everything else is unchanged.
pub struct Seeded {
    space: Box<dyn OpenSpace>,
    starts: Vec<Genotype>,
    steps: u32,
}

impl Seeded {
    /// Reads the starts from a text in which `;` separates them.
    ///
    /// # Errors
    /// A text is no genotype of the space, or there is none.
    pub fn new(mut space: Box<dyn OpenSpace>, texts: &str, steps: u32) -> Result<Self> {
        let mut starts = Vec::new();
        for text in texts.split(';').map(str::trim).filter(|text| !text.is_empty()) {
            starts.push(space.parse(text)?.map_err(|reason| Error::new(format!("'{text}': {reason}")))?);
        }
        if starts.is_empty() {
            return Err(Error::new("names no genotype"));
        }
        Ok(Self { space, starts, steps })
    }
}

impl Space for Seeded {
    fn info(&mut self) -> Result<SpaceInfo> {
        Ok(SpaceInfo { standard: false, ..self.space.info()? })
    }
    fn next(&mut self, prefix: &[u32]) -> Result<Option<Decision>> {
        self.space.next(prefix)
    }
    fn sample(&mut self, seed: u32) -> Result<Genotype> {
        let mut rng = seeded(derive(seed, "start", 0));
        // `new` has made sure that there is at least one start.
        let start = rng.random_range(0..self.starts.len() as u32);
        let mut genotype = self.starts.get(start as usize).cloned().unwrap_or_default();
        for _ in 0..rng.random_range(0..=self.steps) {
            genotype = self.space.mutate(&genotype, rng.random())?;
        }
        Ok(genotype)
    }
    fn mutate(&mut self, parent: &[u32], seed: u32) -> Result<Genotype> {
        self.space.mutate(parent, seed)
    }
    fn crossover(&mut self, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype> {
        self.space.crossover(a, b, seed)
    }
    fn neighbors(&mut self, of: &[u32]) -> Result<Vec<Genotype>> {
        self.space.neighbors(of)
    }
    fn validate(&mut self, genotype: &[u32]) -> Result<Result<(), String>> {
        self.space.validate(genotype)
    }
    fn key(&mut self, genotype: &[u32]) -> Result<String> {
        self.space.key(genotype)
    }
    fn features(&mut self, genotype: &[u32]) -> Result<Vec<f32>> {
        self.space.features(genotype)
    }
    fn format(&mut self, genotype: &[u32]) -> Result<String> {
        self.space.format(genotype)
    }
    fn parse(&mut self, text: &str) -> Result<Result<Genotype, String>> {
        self.space.parse(text)
    }
}

impl Network for Seeded {
    fn task_parameters(&mut self) -> Result<Vec<Parameter>> {
        self.space.task_parameters()
    }
    fn build(&mut self, genotype: &[u32], task: &Task) -> Result<Result<Graph, String>> {
        self.space.build(genotype, task)
    }
    fn supernet(&mut self, task: &Task) -> Result<Result<Option<Graph>, String>> {
        self.space.supernet(task)
    }
    fn original(&mut self, genotype: &[u32]) -> Result<Genotype> {
        self.space.original(genotype)
    }
}
