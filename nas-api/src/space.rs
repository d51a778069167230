//! The trait that the author of a search space implements, and the traits through which strategies and the host use it.

use serde::{Deserialize, Serialize};

use crate::{Decision, Error, Genotype, Graph, Parameter, Result, Settings, Task, space_defaults};

/// The description of a space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpaceInfo {
    /// The name, in kebab case: `nas-bench-201`.
    pub name: String,
    /// The version of the space (not of the contract). Within one version, genotypes keep their meaning.
    pub version: String,
    /// log10 of the number of genotypes; `None` if it is unknown or infinite.
    pub log10_size: Option<f64>,
    /// Every decision that can occur. If `conditional` is false, every genotype makes exactly these, in this order.
    pub decisions: Vec<Decision>,
    /// Whether earlier choices determine which decisions occur.
    pub conditional: bool,
    /// Whether `next`, `sample`, `mutate`, `crossover`, `neighbors` and `validate` follow from `decisions` alone, by
    /// the rules of [`space_defaults`]: the space is not conditional and overrides none of them. A component then
    /// answers these questions itself ([`FlatSpace`](crate::FlatSpace)). If in doubt, set this to false.
    pub standard: bool,
    /// One or two sentences for people.
    pub description: String,
    /// The source: paper, section. Empty if there is none.
    pub reference: String,
}

/// A search space: its decisions, and the graphs that they describe.
///
/// The other functions have defaults ([`space_defaults`]) that keep the promises of the contract. Override one if the
/// space can do better.
///
/// Every function is pure. The host passes valid genotypes only, except to `validate`, and valid prefixes to `next`.
pub trait SearchSpace: Send + 'static {
    /// Returns the parameters that a user may set before the space is opened.
    fn parameters() -> Vec<Parameter>
    where
        Self: Sized,
    {
        Vec::new()
    }

    /// Opens the space with these settings, which have a value for every declared parameter.
    ///
    /// # Errors
    ///
    /// Returns an error that says why there is no space with these settings.
    fn open(settings: &Settings) -> Result<Self>
    where
        Self: Sized;

    /// Returns the description of the space. It never changes while the space is open.
    fn info(&self) -> SpaceInfo;

    /// Returns the decision that follows these choices, or `None` if they are a complete genotype.
    fn next(&self, prefix: &[u32]) -> Option<&Decision>;

    /// Builds the graph of a genotype. Its `Input` has the shape [`Task::input_shape`], and its outputs fit the task's
    /// kind: for classification and regression, one output of the shape `[outputs]`.
    ///
    /// # Errors
    ///
    /// Returns an error that says why the genotype has no graph for this task.
    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph>;

    /// Returns the parameters of a task that `build` reads from [`Task::settings`].
    fn task_parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// Builds the supernet: one graph that holds every choice, with `Choice` nodes. Returns `None` if the space has
    /// none.
    ///
    /// # Errors
    ///
    /// Returns an error that says why there is no supernet for this task.
    fn supernet(&self, _task: &Task) -> Result<Option<Graph>> {
        Ok(None)
    }

    /// Returns a random genotype. By default, every decision is made uniformly.
    fn sample(&self, seed: u32) -> Genotype {
        space_defaults::sample(self, seed)
    }

    /// Returns a copy of `parent` with one decision changed. By default, the decision and its new choice are uniform.
    fn mutate(&self, parent: &[u32], seed: u32) -> Genotype {
        space_defaults::mutate(self, parent, seed)
    }

    /// Returns a child that makes every decision as one of its parents.
    fn crossover(&self, a: &[u32], b: &[u32], seed: u32) -> Genotype {
        space_defaults::crossover(self, a, b, seed)
    }

    /// Returns all genotypes that are one step away from `of`. The relation is symmetric.
    fn neighbors(&self, of: &[u32]) -> Vec<Genotype> {
        space_defaults::neighbors(self, of)
    }

    /// Checks whether a genotype belongs to the space.
    ///
    /// # Errors
    ///
    /// Returns an error that says why it does not, naming the decision.
    fn validate(&self, genotype: &[u32]) -> Result<()> {
        space_defaults::validate(self, genotype)
    }

    /// Returns the canonical identity of a genotype: equal keys build the same graph. By default, the choices joined by
    /// commas.
    fn key(&self, genotype: &[u32]) -> String {
        space_defaults::key(genotype)
    }

    /// Returns the features of a genotype for predictors and surrogate models. Their number is the same for all
    /// genotypes.
    fn features(&self, genotype: &[u32]) -> Vec<f32> {
        space_defaults::features(self, genotype)
    }

    /// Returns the text form of a genotype, preferably the one in which the literature publishes it.
    fn format(&self, genotype: &[u32]) -> String {
        space_defaults::format(self, genotype)
    }

    /// Parses the text form that [`format`](Self::format) returns.
    ///
    /// # Errors
    ///
    /// Returns an error that says why the text is not a genotype.
    fn parse(&self, text: &str) -> Result<Genotype> {
        space_defaults::parse(self, text)
    }
}

/// What a strategy can ask the space that it searches.
///
/// A strategy needs to know nothing about the space, and cannot tell whether it is built in or a component. The functions
/// correspond to those of [`SearchSpace`].
///
/// # Errors
///
/// An error means that the space broke down, or that the strategy passed a genotype that is not valid. A strategy
/// returns it with `?`. A negative answer of `validate` or `parse` is no error, but the inner `Err`.
pub trait Space {
    /// Returns the description of the space.
    fn info(&mut self) -> Result<SpaceInfo>;
    /// Returns the decision that follows these choices, or `None` if they are a complete genotype.
    fn next(&mut self, prefix: &[u32]) -> Result<Option<Decision>>;
    /// Returns a random genotype; equal seeds give equal genotypes.
    fn sample(&mut self, seed: u32) -> Result<Genotype>;
    /// Returns a copy of `parent` with one decision changed.
    fn mutate(&mut self, parent: &[u32], seed: u32) -> Result<Genotype>;
    /// Returns a child that makes every decision as one of its parents.
    fn crossover(&mut self, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype>;
    /// Returns all genotypes that are one step away from `of`.
    fn neighbors(&mut self, of: &[u32]) -> Result<Vec<Genotype>>;
    /// Checks whether a genotype belongs to the space; the inner `Err` says why not.
    fn validate(&mut self, genotype: &[u32]) -> Result<Result<(), String>>;
    /// Returns the canonical identity of a genotype: equal keys build the same graph.
    fn key(&mut self, genotype: &[u32]) -> Result<String>;
    /// Returns the features of a genotype for predictors. Their number is the same for all genotypes.
    fn features(&mut self, genotype: &[u32]) -> Result<Vec<f32>>;
    /// Returns the text form of a genotype.
    fn format(&mut self, genotype: &[u32]) -> Result<String>;
    /// Parses the text form of a genotype; the inner `Err` says why it is none.
    fn parse(&mut self, text: &str) -> Result<Result<Genotype, String>>;
}

/// What only the host can ask a space: the graphs.
///
/// # Errors
///
/// An error means that the space broke down, or that the genotype is not valid. A space's refusal is no error, but the
/// inner `Err`.
pub trait Network {
    /// Returns the parameters of a task that `build` reads from [`Task::settings`].
    fn task_parameters(&mut self) -> Result<Vec<Parameter>>;
    /// Builds the graph of a genotype; the inner `Err` says why there is none for this task.
    fn build(&mut self, genotype: &[u32], task: &Task) -> Result<Result<Graph, String>>;
    /// Builds the supernet, if the space has one; the inner `Err` says why there is none for this task.
    fn supernet(&mut self, task: &Task) -> Result<Result<Option<Graph>, String>>;
    /// Returns the genotype as evaluators know it: if this space is a part of another one, the genotype of that space.
    fn original(&mut self, genotype: &[u32]) -> Result<Genotype> {
        Ok(genotype.to_vec())
    }
}

/// An open space, either built in or a component.
pub trait OpenSpace: Space + Network + Send {}
impl<T: Space + Network + Send> OpenSpace for T {}

/// Separates a refusal, which is an answer, from a breakdown ([`Error::Host`]).
fn refusal<T>(answer: Result<T>) -> Result<Result<T, String>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Message(message)) => Ok(Err(message)),
        Err(error) => Err(error),
    }
}

/// Checks what a strategy passes, because a space must only be asked about its own genotypes.
fn check_member<S: SearchSpace>(space: &S, genotype: &[u32], call: &str) -> Result<()> {
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
                let problem = format!("position {position} is not a choice of this space");
                return Err(Error::new(format!("the prefix {prefix:?} was passed to space.next, but {problem}")));
            }
        }
        Ok(SearchSpace::next(self, prefix).cloned())
    }
    fn sample(&mut self, seed: u32) -> Result<Genotype> {
        Ok(SearchSpace::sample(self, seed))
    }
    fn mutate(&mut self, parent: &[u32], seed: u32) -> Result<Genotype> {
        check_member(self, parent, "mutate")?;
        Ok(SearchSpace::mutate(self, parent, seed))
    }
    fn crossover(&mut self, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype> {
        check_member(self, a, "crossover")?;
        check_member(self, b, "crossover")?;
        Ok(SearchSpace::crossover(self, a, b, seed))
    }
    fn neighbors(&mut self, of: &[u32]) -> Result<Vec<Genotype>> {
        check_member(self, of, "neighbors")?;
        Ok(SearchSpace::neighbors(self, of))
    }
    fn validate(&mut self, genotype: &[u32]) -> Result<Result<(), String>> {
        refusal(SearchSpace::validate(self, genotype))
    }
    fn key(&mut self, genotype: &[u32]) -> Result<String> {
        check_member(self, genotype, "key")?;
        Ok(SearchSpace::key(self, genotype))
    }
    fn features(&mut self, genotype: &[u32]) -> Result<Vec<f32>> {
        check_member(self, genotype, "features")?;
        Ok(SearchSpace::features(self, genotype))
    }
    fn format(&mut self, genotype: &[u32]) -> Result<String> {
        check_member(self, genotype, "format")?;
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
        check_member(self, genotype, "build")?;
        refusal(SearchSpace::build(self, genotype, task))
    }
    fn supernet(&mut self, task: &Task) -> Result<Result<Option<Graph>, String>> {
        refusal(SearchSpace::supernet(self, task))
    }
}
