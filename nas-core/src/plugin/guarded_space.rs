//! A guard around every open space, of whatever origin: a panic of its code and an answer that cannot be become errors
//! that name the space, and questions that no genotype of a space needs are not passed on.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use nas_api::native::panic_message;
use nas_api::{
    Decision, Error, Genotype, Graph, Network, OpenSpace, Parameter, Result, Settings, Space, SpaceInfo, Task,
};

use super::{Identity, PluginError, SpaceSource};
use crate::shown::{MAX_MESSAGE, shown_genotype, shown_lines};

/// The maximum number of decisions of a genotype. Walks from decision to decision take the square of it.
pub(crate) const MAX_CHOICES: usize = 10_000;
/// The maximum length of a key and of the text of a genotype, in bytes.
pub(crate) const MAX_TEXT: usize = 64 << 10;
/// The maximum number of neighbours of a genotype.
const MAX_NEIGHBORS: usize = 100_000;
/// The maximum number of choices of all decisions together, and of all neighbours together.
const MAX_TOTAL: usize = 10_000_000;
/// The maximum number of features of a genotype.
const MAX_FEATURES: usize = 1_000_000;

const DEFECT: &str = "this is a defect of the space: report it to its author";

/// A source whose open spaces are guarded.
pub(super) struct GuardedSource(pub Arc<dyn SpaceSource>);

impl SpaceSource for GuardedSource {
    fn identity(&self) -> &Identity {
        self.0.identity()
    }

    fn parameters(&self) -> Result<Vec<Parameter>, PluginError> {
        self.0.parameters()
    }

    fn open(&self, settings: &Settings) -> Result<Box<dyn OpenSpace>, PluginError> {
        guarded_space(self.identity(), self.0.open(settings)?)
    }
}

/// Puts a guard around an open space.
///
/// # Errors
/// The space cannot describe itself, or describes what cannot be a space.
pub(super) fn guarded_space(identity: &Identity, space: Box<dyn OpenSpace>) -> Result<Box<dyn OpenSpace>, PluginError> {
    let mut guard = GuardedSpace::new(identity.clone(), space);
    let described = guard.ask("describe", |space| space.info());
    guard.info = described.map_err(|error| PluginError::from_api(identity, "describe", error))?;
    check_info(&guard.info).map_err(|problem| PluginError::new(identity, "describe", problem).remedy(DEFECT))?;
    Ok(Box::new(guard))
}

/// Checks a description. The error is the problem.
fn check_info(info: &SpaceInfo) -> std::result::Result<(), String> {
    if info.decisions.len() > MAX_CHOICES {
        return Err(format!("it has {} decisions; at most {MAX_CHOICES} are allowed", info.decisions.len()));
    }
    if info.decisions.iter().map(|decision| decision.choices.len()).sum::<usize>() > MAX_TOTAL {
        return Err(format!("its decisions have more than {MAX_TOTAL} choices together"));
    }
    let mut names = HashSet::new();
    for decision in &info.decisions {
        if decision.name.is_empty() || decision.name.len() > MAX_TEXT {
            return Err("it has a decision without a name, or with an endless one".into());
        }
        if !names.insert(decision.name.as_str()) {
            return Err(format!("it has two decisions of the name '{}'", decision.name));
        }
        if decision.choices.is_empty() {
            return Err(format!("its decision '{}' has no choices", decision.name));
        }
    }
    match info.log10_size {
        Some(size) if size.is_nan() || size < 0.0 => Err(format!("log10 of its number of genotypes cannot be {size}")),
        _ => Ok(()),
    }
}

struct GuardedSpace {
    identity: Identity,
    space: Box<dyn OpenSpace>,
    /// What it said when it was opened: an answer that changes would mislead everyone who has relied on the first one.
    info: SpaceInfo,
    /// The number of features of the first genotype.
    features: Option<usize>,
    panicked: bool,
}

impl GuardedSpace {
    fn new(identity: Identity, space: Box<dyn OpenSpace>) -> Self {
        let info = SpaceInfo {
            name: String::new(),
            version: String::new(),
            log10_size: None,
            decisions: Vec::new(),
            conditional: false,
            standard: false,
            description: String::new(),
            reference: String::new(),
        };
        Self { identity, space, info, features: None, panicked: false }
    }

    /// The error of a space that broke the contract.
    fn broke(&self, call: &str, problem: impl std::fmt::Display) -> Error {
        PluginError::new(&self.identity, call, problem).remedy(DEFECT).into()
    }

    fn ask<R>(&mut self, call: &str, question: impl FnOnce(&mut dyn OpenSpace) -> Result<R>) -> Result<R> {
        if self.panicked {
            return Err(self.broke(call, "it panicked before and cannot be asked again"));
        }
        let space = self.space.as_mut();
        catch_unwind(AssertUnwindSafe(|| question(space))).unwrap_or_else(|panic| {
            self.panicked = true;
            Err(self.broke(call, format!("it panicked: {}", panic_message(panic.as_ref()))))
        })
    }

    /// Checks the genotype that the space gave.
    fn given(&self, call: &str, genotype: Genotype) -> Result<Genotype> {
        self.check_given(call, &genotype)?;
        Ok(genotype)
    }

    fn check_given(&self, call: &str, genotype: &[u32]) -> Result<()> {
        if genotype.len() > MAX_CHOICES {
            let problem =
                format!("it gave a genotype of {} choices; at most {MAX_CHOICES} are allowed", genotype.len());
            return Err(self.broke(call, problem));
        }
        let decisions = &self.info.decisions;
        let outside = || genotype.iter().zip(decisions).any(|(&choice, decision)| choice >= decision.len());
        if !self.info.conditional && (genotype.len() != decisions.len() || outside()) {
            let given = shown_genotype(genotype);
            return Err(self.broke(call, format!("it gave {given}, which does not fit its decisions")));
        }
        Ok(())
    }

    fn text(&self, call: &str, text: String) -> Result<String> {
        if text.len() > MAX_TEXT {
            let problem = format!("it gave a text of {} KiB; at most {} are allowed", text.len() >> 10, MAX_TEXT >> 10);
            return Err(self.broke(call, problem));
        }
        Ok(text)
    }
}

/// Refuses what was passed to a space: the fault is that of whoever asks.
fn check_asked(call: &str, choices: &[u32]) -> Result<()> {
    if choices.len() <= MAX_CHOICES {
        return Ok(());
    }
    let count = choices.len();
    Err(Error::new(format!("{count} choices were passed to space.{call}; a genotype has at most {MAX_CHOICES}")))
}

/// The words with which a space refuses something, in a length that can be shown and kept.
fn refusal<T>(answer: std::result::Result<T, String>) -> std::result::Result<T, String> {
    answer.map_err(|words| shown_lines(&words, MAX_MESSAGE).into_owned())
}

impl Space for GuardedSpace {
    fn info(&mut self) -> Result<SpaceInfo> {
        Ok(self.info.clone())
    }
    fn next(&mut self, prefix: &[u32]) -> Result<Option<Decision>> {
        check_asked("next", prefix)?;
        let next = self.ask("next", |space| space.next(prefix))?;
        match &next {
            Some(_) if prefix.len() == MAX_CHOICES => {
                let problem = format!("it has a decision after {MAX_CHOICES} choices; no genotype may be longer");
                Err(self.broke("next", problem))
            }
            Some(decision) if decision.choices.is_empty() => {
                Err(self.broke("next", format!("its decision '{}' has no choices", decision.name)))
            }
            _ => Ok(next),
        }
    }
    fn sample(&mut self, seed: u32) -> Result<Genotype> {
        let sample = self.ask("sample", |space| space.sample(seed))?;
        self.given("sample", sample)
    }
    fn mutate(&mut self, parent: &[u32], seed: u32) -> Result<Genotype> {
        check_asked("mutate", parent)?;
        let mutant = self.ask("mutate", |space| space.mutate(parent, seed))?;
        self.given("mutate", mutant)
    }
    fn crossover(&mut self, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype> {
        check_asked("crossover", a)?;
        check_asked("crossover", b)?;
        let child = self.ask("crossover", |space| space.crossover(a, b, seed))?;
        self.given("crossover", child)
    }
    fn neighbors(&mut self, of: &[u32]) -> Result<Vec<Genotype>> {
        check_asked("neighbors", of)?;
        let neighbors = self.ask("neighbors", |space| space.neighbors(of))?;
        let (count, total) = (neighbors.len(), neighbors.iter().map(Vec::len).sum::<usize>());
        if count > MAX_NEIGHBORS || total > MAX_TOTAL {
            let problem = format!("it gave {count} neighbours of {total} choices; at most {MAX_NEIGHBORS} are allowed");
            return Err(self.broke("neighbors", problem));
        }
        neighbors.iter().try_for_each(|neighbor| self.check_given("neighbors", neighbor))?;
        Ok(neighbors)
    }
    fn validate(&mut self, genotype: &[u32]) -> Result<Result<(), String>> {
        if let Err(error) = check_asked("validate", genotype) {
            return Ok(Err(error.to_string()));
        }
        Ok(refusal(self.ask("validate", |space| space.validate(genotype))?))
    }
    fn key(&mut self, genotype: &[u32]) -> Result<String> {
        check_asked("key", genotype)?;
        let key = self.ask("key", |space| space.key(genotype))?;
        self.text("key", key)
    }
    fn features(&mut self, genotype: &[u32]) -> Result<Vec<f32>> {
        check_asked("features", genotype)?;
        let features = self.ask("features", |space| space.features(genotype))?;
        let first = *self.features.get_or_insert(features.len());
        if features.len() != first || first > MAX_FEATURES {
            let problem = format!("it gave {} features for one genotype and {first} for another", features.len());
            return Err(self.broke("features", problem));
        }
        if let Some(feature) = features.iter().find(|feature| !feature.is_finite()) {
            return Err(self.broke("features", format!("a feature is {feature}")));
        }
        Ok(features)
    }
    fn format(&mut self, genotype: &[u32]) -> Result<String> {
        check_asked("format", genotype)?;
        let text = self.ask("format", |space| space.format(genotype))?;
        self.text("format", text)
    }
    fn parse(&mut self, text: &str) -> Result<Result<Genotype, String>> {
        if text.len() > MAX_TEXT {
            let problem = format!("a text of {} KiB was passed to space.parse; at most ", text.len() >> 10);
            return Err(Error::new(format!("{problem}{} are allowed", MAX_TEXT >> 10)));
        }
        match self.ask("parse", |space| space.parse(text))? {
            Ok(genotype) => Ok(Ok(self.given("parse", genotype)?)),
            refused => Ok(refusal(refused)),
        }
    }
}

impl Network for GuardedSpace {
    fn task_parameters(&mut self) -> Result<Vec<Parameter>> {
        self.ask("task-parameters", |space| space.task_parameters())
    }
    fn build(&mut self, genotype: &[u32], task: &Task) -> Result<Result<Graph, String>> {
        check_asked("build", genotype)?;
        Ok(refusal(self.ask("build", |space| space.build(genotype, task))?))
    }
    fn supernet(&mut self, task: &Task) -> Result<Result<Option<Graph>, String>> {
        Ok(refusal(self.ask("supernet", |space| space.supernet(task))?))
    }
    fn original(&mut self, genotype: &[u32]) -> Result<Genotype> {
        check_asked("original", genotype)?;
        self.ask("original", |space| space.original(genotype))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use nas_api::SearchSpace;

    use super::*;
    use crate::plugin::{Kind, Origin};

    /// A native space that breaks its promises.
    struct Bad {
        how: &'static str,
        decision: Decision,
    }

    impl SearchSpace for Bad {
        fn open(_settings: &Settings) -> Result<Self> {
            Err(Error::new("it is made by the tests"))
        }
        fn info(&self) -> SpaceInfo {
            let decisions = match self.how {
                "twins" => vec![self.decision.clone(), self.decision.clone()],
                "no choices" => vec![Decision::new("none", Vec::<String>::new())],
                _ => vec![self.decision.clone()],
            };
            let described = GuardedSpace::new(identity(), Box::new(Bad::new("unused"))).info;
            SpaceInfo { name: "bad".into(), decisions, conditional: self.how == "endless", ..described }
        }
        fn next(&self, prefix: &[u32]) -> Option<&Decision> {
            (self.how == "endless" || prefix.is_empty()).then_some(&self.decision)
        }
        fn sample(&self, _seed: u32) -> Genotype {
            if self.how == "panic" { panic!("no architecture is left") } else { vec![0; 3] }
        }
        fn build(&self, _genotype: &[u32], _task: &Task) -> Result<Graph> {
            Err(Error::new("n".repeat(1 << 20)))
        }
    }

    impl Bad {
        fn new(how: &'static str) -> Self {
            Self { how, decision: Decision::new("one", ["a", "b"]) }
        }
    }

    fn identity() -> Identity {
        let (name, version) = ("bad".to_owned(), "1".to_owned());
        Identity { kind: Kind::Space, name, version, origin: Origin::BuiltIn, digest: None }
    }

    fn open(how: &'static str) -> Result<Box<dyn OpenSpace>, PluginError> {
        guarded_space(&identity(), Box::new(Bad::new(how)))
    }

    #[test]
    fn a_panic_names_the_space_and_ends_it() {
        let mut space = open("panic").unwrap();
        let words = space.sample(1).unwrap_err().to_string();
        assert!(words.starts_with("space 'bad' 1 (built in), in sample: it panicked: no architecture"), "{words}");
        assert!(space.key(&[0]).unwrap_err().to_string().contains("it panicked before"));
    }

    #[test]
    fn descriptions_and_answers_are_checked() {
        assert!(open("twins").err().unwrap().to_string().contains("two decisions of the name 'one'"));
        assert!(open("no choices").err().unwrap().to_string().contains("its decision 'none' has no choices"));
        let words = open("samples").unwrap().sample(1).unwrap_err().to_string();
        assert!(words.contains("in sample: it gave [0, 0, 0], which does not fit"), "{words}");
        let mut space = open("samples").unwrap();
        let task = Task { input_shape: vec![1], outputs: 1, kind: String::new(), settings: Settings::default() };
        assert!(space.build(&[0], &task).unwrap().unwrap_err().chars().count() <= MAX_MESSAGE + 1);
    }

    #[test]
    fn walks_and_questions_have_an_end() {
        let mut space = open("endless").unwrap();
        assert!(space.next(&[0; 50]).unwrap().is_some());
        let words = space.next(&vec![0; MAX_CHOICES]).unwrap_err().to_string();
        assert!(words.starts_with("space 'bad'") && words.contains("a decision after 10000 choices"), "{words}");
        for asked in [space.next(&vec![0; MAX_CHOICES + 1]).err(), space.parse(&"w".repeat(MAX_TEXT + 1)).err()] {
            assert!(!asked.unwrap().to_string().contains("'bad'"), "the fault is that of whoever asks");
        }
    }
}
