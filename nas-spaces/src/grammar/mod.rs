//! Hierarchical spaces written as context-free grammars, without code. The format is described in
//! `docs/spaces/grammar.md`.
//!
//! S. Schrodi, D. Stoll, B. Ru, R. Sukthanker, T. Brox, F. Hutter, "Construction of Hierarchical Neural Architecture
//! Search Spaces based on Context-free Grammars", NeurIPS 2023.

mod derive;
mod measure;
mod network;
mod normal;
mod positions;
mod rules;
mod spec;
mod term;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_errors;
mod text;
mod walk;

use std::cell::RefCell;

use nas_api::{Decision, Error, Genotype, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

use crate::definition;
use derive::Derivations;
use positions::Positions;
use rules::Rules;
use spec::Spec;
use term::{Term, common_multiple};
use walk::Walk;

/// The definition of the paper's hierarchical NAS-Bench-201.
const HIERARCHICAL_NAS_BENCH_201: &str = include_str!("../../../docs/examples/hierarchical-nas-bench-201.toml");
/// The largest number of channels of the stem.
const MAX_STEM_CHANNELS: u32 = 1024;
/// The largest number of channels after the last halving.
const MAX_CHANNELS: i64 = 4096;
/// Separates a term from its choices in the text of a genotype whose term has several derivations.
const CHOICES_MARK: &str = " by ";

/// A space that a grammar defines.
#[derive(Clone, Debug)]
pub struct GrammarSpace {
    info: SpaceInfo,
    rules: Rules,
    positions: Positions,
    /// The task's channels must be a multiple of this.
    groups: u32,
    /// The state of the last call of [`SearchSpace::next`].
    walk: RefCell<Walk>,
}

impl GrammarSpace {
    /// The hierarchical NAS-Bench-201 of the paper.
    ///
    /// # Errors
    /// If the built-in definition is invalid, which a test rules out.
    pub fn hierarchical_nas_bench_201() -> Result<Self> {
        Self::from_toml(HIERARCHICAL_NAS_BENCH_201)
    }

    /// Reads the definition of a space. Everything that does not depend on the task is checked here.
    ///
    /// # Errors
    /// If the text is not TOML or not a valid grammar. The message names the line, or the rule and its alternative.
    pub fn from_toml(text: &str) -> Result<Self> {
        let spec: Spec = definition::read(text, "grammar")?;
        let wrong = |problem: String| Error::new(format!("grammar '{}': {problem}", spec.name));
        definition::check_name(&spec.name).map_err(wrong)?;
        let rules = Rules::new(&spec).map_err(wrong)?;
        let positions = Positions::new(&rules).map_err(wrong)?;
        let groups = channel_divisor(&rules).map_err(wrong)?;
        let info = SpaceInfo {
            name: spec.name,
            version: spec.version,
            log10_size: Some(positions.measure.log10_size),
            decisions: positions.decisions.clone(),
            conditional: true,
            standard: false,
            description: spec.description,
            reference: spec.reference,
        };
        Ok(Self { info, rules, positions, groups, walk: RefCell::default() })
    }

    fn derivations(&self) -> Derivations<'_> {
        Derivations { rules: &self.rules, positions: &self.positions }
    }

    /// Channels of the stem as the task sets them.
    fn channels(&self, task: &Task) -> Result<i64> {
        let channels = task.settings.integer("channels")?;
        let name = &self.info.name;
        if !channels.is_multiple_of(self.groups) {
            let groups = self.groups;
            return Err(Error::new(format!("{name} groups channels: 'channels' must be a multiple of {groups}")));
        }
        let most = i64::from(channels) << self.positions.measure.max_halvings();
        if most > MAX_CHANNELS {
            return Err(Error::new(format!(
                "{name} doubles {channels} channels up to {most}, but at most {MAX_CHANNELS} are allowed; set fewer \
                 'channels'"
            )));
        }
        Ok(i64::from(channels))
    }
}

/// The number that must divide the channels, so that all groups divide them.
fn channel_divisor(rules: &Rules) -> Result<u32, String> {
    let mut common = 1;
    for (at, rule) in rules.rules.iter().enumerate() {
        for (alternative, known) in rule.alternatives.iter().enumerate() {
            common = common_multiple(common, known.term.groups());
            if common > MAX_STEM_CHANNELS {
                let location = rules.location(at, alternative);
                return Err(format!(
                    "{location}: its groups and those before it need a multiple of {common} channels; choose groups \
                     that divide one another"
                ));
            }
        }
    }
    Ok(common)
}

impl SearchSpace for GrammarSpace {
    fn parameters() -> Vec<Parameter> {
        let description = "The TOML text of the grammar (format: docs/spaces/grammar.md). If it is empty, the space is \
                           the hierarchical NAS-Bench-201.";
        vec![Parameter::text("definition", "", description)]
    }

    fn open(settings: &Settings) -> Result<Self> {
        match settings.text("definition")? {
            text if text.trim().is_empty() => Self::hierarchical_nas_bench_201(),
            text => Self::from_toml(text),
        }
    }

    fn info(&self) -> SpaceInfo {
        self.info.clone()
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        let decision = self.walk.borrow_mut().next(&self.positions, prefix)?;
        self.positions.decisions.get(decision)
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        let description = "Channels of the stem; every 'down' doubles them.";
        // The least number of channels from 16 on that all groups divide.
        let default = 16_u32.next_multiple_of(self.groups);
        vec![Parameter::integer("channels", default, 1, MAX_STEM_CHANNELS, description)]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        self.validate(genotype)?;
        let [_, height, width] = crate::blocks::image_shape(&self.info.name, &task.input_shape)?;
        let channels = self.channels(task)?;
        let term = normal::normal(&self.derivations().term(genotype));
        Ok(network::network(&term, [height, width], i64::from(task.outputs), channels))
    }

    /// A hash of the term that the network is built from, because such terms have thousands of characters.
    fn key(&self, genotype: &[u32]) -> String {
        let term = normal::normal(&self.derivations().term(genotype));
        crate::nas_bench_101::md5(&term.text(&[]))
    }

    fn format(&self, genotype: &[u32]) -> String {
        let term = self.derivations().term(genotype);
        let text = term.text(&[]);
        if self.derivations().genotype(&term).is_ok_and(|first| first == genotype) {
            return text;
        }
        [&text, CHOICES_MARK, &nas_api::space_defaults::key(genotype)].concat()
    }

    fn parse(&self, text: &str) -> Result<Genotype> {
        let wrong = |problem: String| Error::new(format!("the text is not a network of {}: {problem}", self.info.name));
        let (written, choices) =
            text.rsplit_once(CHOICES_MARK).map_or((text, None), |(term, choices)| (term, Some(choices)));
        let term = text::read(written).and_then(|expression| Term::new(&expression, &[])).map_err(wrong)?;
        let Some(choices) = choices else { return self.derivations().genotype(&term).map_err(wrong) };
        let read: Result<Genotype, _> = choices.split(',').map(|choice| choice.trim().parse()).collect();
        let genotype =
            read.map_err(|_| wrong(format!("'by' must be followed by choices like 0,1,2, not '{choices}'")))?;
        self.validate(&genotype)?;
        if self.derivations().term(&genotype) != term {
            return Err(wrong(format!("the choices {choices} derive another term; remove them")));
        }
        Ok(genotype)
    }
}
