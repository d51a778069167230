//! What an author of a search space implements, and what a strategy may ask of one.

use serde::{Deserialize, Serialize};

use crate::{Decision, Error, Genotype, Graph, Parameter, Result, Settings, Task, space_defaults};

/// What a space says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpaceInfo {
    /// Kebab case: `nas-bench-201`.
    pub name: String,
    /// Genotypes keep their meaning within one version.
    pub version: String,
    /// log10 of the number of genotypes; `None` where unknown or infinite.
    pub log10_size: Option<f64>,
    /// Every decision that can occur. Where `conditional` is false, exactly those of each genotype, in order.
    pub decisions: Vec<Decision>,
    /// Which decisions occur depends on earlier choices.
    pub conditional: bool,
    /// Not conditional, and none of `next`, `sample`, `mutate`, `crossover`, `neighbors` and `validate` is overridden: the
    /// answers follow from `decisions` alone, and a strategy's component need not ask for them.
    pub standard: bool,
    /// One or two sentences for people.
    pub description: String,
    /// Paper, section; empty where there is none.
    pub reference: String,
}

/// What an author implements: the decisions and the network they describe. Everything else has a default that holds
/// the contract's promises; override it where the space knows better.
///
/// Every function is pure. Genotypes are valid wherever they are passed, `validate` and the prefix of `next` excepted.
pub trait SearchSpace: Send + 'static {
    /// What a user may set before the space is opened.
    fn parameters() -> Vec<Parameter>
    where
        Self: Sized,
    {
        Vec::new()
    }

    /// The space for these settings (every declared parameter is there), or why there is none.
    fn open(settings: &Settings) -> Result<Self>
    where
        Self: Sized;

    /// Constant over the life of the space.
    fn info(&self) -> SpaceInfo;

    /// The decision that follows a prefix of valid choices; `None`: complete.
    fn next(&self, prefix: &[u32]) -> Option<&Decision>;

    /// The network of a genotype, or why there is none for this task.
    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph>;

    /// The settings of a task that `build` reads.
    fn task_parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// One graph that holds every choice, with `Choice` nodes; `None` where sharing makes no sense.
    fn supernet(&self, _task: &Task) -> Result<Option<Graph>> {
        Ok(None)
    }

    /// A random genotype: every decision uniformly.
    fn sample(&self, seed: u32) -> Genotype {
        space_defaults::sample(self, seed)
    }

    /// One decision, uniformly chosen, changed to another choice, uniformly chosen.
    fn mutate(&self, parent: &[u32], seed: u32) -> Genotype {
        space_defaults::mutate(self, parent, seed)
    }

    /// Every decision from one parent or the other.
    fn crossover(&self, a: &[u32], b: &[u32], seed: u32) -> Genotype {
        space_defaults::crossover(self, a, b, seed)
    }

    /// All genotypes one step away.
    fn neighbors(&self, of: &[u32]) -> Vec<Genotype> {
        space_defaults::neighbors(self, of)
    }

    /// Why a genotype does not belong to the space.
    fn validate(&self, genotype: &[u32]) -> Result<()> {
        space_defaults::validate(self, genotype)
    }

    /// Canonical identity: equal keys build the same network.
    fn key(&self, genotype: &[u32]) -> String {
        space_defaults::key(genotype)
    }

    /// Numbers for predictors, of a fixed length.
    fn features(&self, genotype: &[u32]) -> Vec<f32> {
        space_defaults::features(self, genotype)
    }

    /// The form in which people publish it.
    fn format(&self, genotype: &[u32]) -> String {
        space_defaults::format(self, genotype)
    }

    /// Reads [`format`](Self::format) back.
    fn parse(&self, text: &str) -> Result<Genotype> {
        space_defaults::parse(self, text)
    }
}

/// What a strategy may ask of the space that it searches. It never learns which space it is, nor whether the space is
/// built in or a component; an error means that the space itself is broken, and is to be handed on with `?`.
pub trait Space {
    /// What the space says about itself.
    fn info(&mut self) -> Result<SpaceInfo>;
    /// The decision that follows a prefix of valid choices; `None`: complete.
    fn next(&mut self, prefix: &[u32]) -> Result<Option<Decision>>;
    /// A random valid genotype; equal seeds give equal genotypes.
    fn sample(&mut self, seed: u32) -> Result<Genotype>;
    /// A copy with one decision changed.
    fn mutate(&mut self, parent: &[u32], seed: u32) -> Result<Genotype>;
    /// Every decision from one parent or the other.
    fn crossover(&mut self, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype>;
    /// All genotypes one step away.
    fn neighbors(&mut self, of: &[u32]) -> Result<Vec<Genotype>>;
    /// `Err` inside: why the genotype does not belong to the space.
    fn validate(&mut self, genotype: &[u32]) -> Result<Result<(), String>>;
    /// Canonical identity.
    fn key(&mut self, genotype: &[u32]) -> Result<String>;
    /// Numbers for predictors, of a fixed length.
    fn features(&mut self, genotype: &[u32]) -> Result<Vec<f32>>;
    /// The form in which people publish it.
    fn format(&mut self, genotype: &[u32]) -> Result<String>;
    /// `Err` inside: why the text names no genotype.
    fn parse(&mut self, text: &str) -> Result<Result<Genotype, String>>;
}

/// What the host asks of a space, and strategies cannot: the networks themselves.
pub trait Network {
    /// The settings of a task that `build` reads.
    fn task_parameters(&mut self) -> Result<Vec<Parameter>>;
    /// `Err` inside: why there is no network for this task.
    fn build(&mut self, genotype: &[u32], task: &Task) -> Result<Result<Graph, String>>;
    /// `Err` inside: why there is no supernet for this task.
    fn supernet(&mut self, task: &Task) -> Result<Result<Option<Graph>, String>>;
    /// The genotype as evaluators know it: that of the whole space, where this one is a part of it.
    fn original(&mut self, genotype: &[u32]) -> Result<Genotype> {
        Ok(genotype.to_vec())
    }
}

/// A space that has been opened, built in or a component.
pub trait OpenSpace: Space + Network + Send {}
impl<T: Space + Network + Send> OpenSpace for T {}

/// A refusal is an answer; only [`Error::Host`] is a breakdown.
fn refusal<T>(answer: Result<T>) -> Result<Result<T, String>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Message(message)) => Ok(Err(message)),
        Err(error) => Err(error),
    }
}

/// A strategy may pass anything; a space is only ever asked about its own genotypes.
fn belongs<S: SearchSpace>(space: &S, genotype: &[u32], call: &str) -> Result<()> {
    let invalid = |error| Error::new(format!("the genotype {genotype:?} was passed to space.{call}, but {error}"));
    SearchSpace::validate(space, genotype).map_err(invalid)
}

impl<S: SearchSpace> Space for S {
    fn info(&mut self) -> Result<SpaceInfo> {
        Ok(SearchSpace::info(self))
    }
    fn next(&mut self, prefix: &[u32]) -> Result<Option<Decision>> {
        for (position, &choice) in prefix.iter().enumerate() {
            if SearchSpace::next(self, &prefix[..position]).is_none_or(|decision| choice >= decision.len()) {
                let place = format!("position {position} is not a choice of this space");
                return Err(Error::new(format!("the prefix {prefix:?} was passed to space.next, but {place}")));
            }
        }
        Ok(SearchSpace::next(self, prefix).cloned())
    }
    fn sample(&mut self, seed: u32) -> Result<Genotype> {
        Ok(SearchSpace::sample(self, seed))
    }
    fn mutate(&mut self, parent: &[u32], seed: u32) -> Result<Genotype> {
        belongs(self, parent, "mutate")?;
        Ok(SearchSpace::mutate(self, parent, seed))
    }
    fn crossover(&mut self, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype> {
        belongs(self, a, "crossover")?;
        belongs(self, b, "crossover")?;
        Ok(SearchSpace::crossover(self, a, b, seed))
    }
    fn neighbors(&mut self, of: &[u32]) -> Result<Vec<Genotype>> {
        belongs(self, of, "neighbors")?;
        Ok(SearchSpace::neighbors(self, of))
    }
    fn validate(&mut self, genotype: &[u32]) -> Result<Result<(), String>> {
        refusal(SearchSpace::validate(self, genotype))
    }
    fn key(&mut self, genotype: &[u32]) -> Result<String> {
        belongs(self, genotype, "key")?;
        Ok(SearchSpace::key(self, genotype))
    }
    fn features(&mut self, genotype: &[u32]) -> Result<Vec<f32>> {
        belongs(self, genotype, "features")?;
        Ok(SearchSpace::features(self, genotype))
    }
    fn format(&mut self, genotype: &[u32]) -> Result<String> {
        belongs(self, genotype, "format")?;
        Ok(SearchSpace::format(self, genotype))
    }
    fn parse(&mut self, text: &str) -> Result<Result<Genotype, String>> {
        refusal(SearchSpace::parse(self, text))
    }
}

impl<S: SearchSpace> Network for S {
    fn task_parameters(&mut self) -> Result<Vec<Parameter>> {
        Ok(SearchSpace::task_parameters(self))
    }
    fn build(&mut self, genotype: &[u32], task: &Task) -> Result<Result<Graph, String>> {
        belongs(self, genotype, "build")?;
        refusal(SearchSpace::build(self, genotype, task))
    }
    fn supernet(&mut self, task: &Task) -> Result<Result<Option<Graph>, String>> {
        refusal(SearchSpace::supernet(self, task))
    }
}
