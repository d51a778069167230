//! Hierarchical spaces written as context-free grammars, without code. The format is described in
//! `docs/spaces/grammar.md`.
//!
//! S. Schrodi, D. Stoll, B. Ru, R. Sukthanker, T. Brox, F. Hutter, "Construction of Hierarchical Neural Architecture
//! Search Spaces based on Context-free Grammars", NeurIPS 2023.

mod derive;
mod measure;
mod network;
mod normal;
mod places;
#[cfg(test)]
mod refusals;
mod rules;
mod spec;
mod term;
#[cfg(test)]
mod tests;
mod text;
mod walk;

use std::cell::RefCell;

use nas_api::{Decision, Error, Genotype, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

use derive::Derivations;
use places::Places;
use rules::Rules;
use spec::Spec;
use term::{Term, common_multiple};
use walk::Walk;

/// The hierarchical NAS-Bench-201 of the paper.
const HIERARCHICAL_NAS_BENCH_201: &str = include_str!("../../../docs/examples/hierarchical-nas-bench-201.toml");
/// Channels before the first halving at most.
const MOST: u32 = 1024;
/// Channels behind the last halving at most.
const MAX_CHANNELS: i64 = 4096;
/// What stands between a term and its choices, where the grammar derives the term in several ways.
const BY: &str = " by ";

/// A space that a grammar defines.
#[derive(Clone, Debug)]
pub struct GrammarSpace {
    info: SpaceInfo,
    rules: Rules,
    places: Places,
    /// Channels must be a multiple of this.
    groups: u32,
    /// Where [`SearchSpace::next`] was last.
    walk: RefCell<Walk>,
}

impl GrammarSpace {
    /// The hierarchical NAS-Bench-201.
    pub fn hierarchical_nas_bench_201() -> Result<Self> {
        Self::from_toml(HIERARCHICAL_NAS_BENCH_201)
    }

    /// The space of a definition. Everything that does not depend on the task is checked here; errors name the rule and
    /// its alternative.
    pub fn from_toml(text: &str) -> Result<Self> {
        let spec = Spec::read(text)?;
        let wrong = |problem: String| Error::new(format!("grammar '{}': {problem}", spec.name));
        if !crate::choice_space::is_kebab(&spec.name) {
            return Err(wrong("its name must be kebab case: lower-case letters, digits and hyphens".into()));
        }
        let rules = Rules::new(&spec).map_err(wrong)?;
        let places = Places::new(&rules).map_err(wrong)?;
        let groups = groups(&rules).map_err(wrong)?;
        let info = SpaceInfo {
            name: spec.name,
            version: spec.version,
            log10_size: Some(places.measure.log10_size),
            decisions: places.decisions.clone(),
            conditional: true,
            standard: false,
            description: spec.description,
            reference: spec.reference,
        };
        Ok(Self { info, rules, places, groups, walk: RefCell::default() })
    }

    fn derivations(&self) -> Derivations<'_> {
        Derivations { rules: &self.rules, places: &self.places }
    }

    /// Channels in front, where the task allows them.
    fn channels(&self, task: &Task) -> Result<i64> {
        let channels = task.settings.integer("channels")?;
        let name = &self.info.name;
        if !channels.is_multiple_of(self.groups) {
            let groups = self.groups;
            return Err(Error::new(format!("{name} groups channels: 'channels' must be a multiple of {groups}")));
        }
        let most = i64::from(channels) << self.places.measure.downs();
        if most > MAX_CHANNELS {
            return Err(Error::new(format!(
                "{name} doubles {channels} channels up to {most}; at most {MAX_CHANNELS} are allowed: set fewer 'channels'"
            )));
        }
        Ok(i64::from(channels))
    }
}

/// What the channels must be a multiple of.
fn groups(rules: &Rules) -> Result<u32, String> {
    let mut common = 1;
    for (at, rule) in rules.rules.iter().enumerate() {
        for (alternative, known) in rule.alternatives.iter().enumerate() {
            common = common_multiple(common, known.term.groups());
            if common > MOST {
                let place = rules.place(at, alternative);
                return Err(format!(
                    "{place}: its groups and those before it divide only multiples of {common} channels; choose groups \
                     that divide one another"
                ));
            }
        }
    }
    Ok(common)
}

impl SearchSpace for GrammarSpace {
    fn parameters() -> Vec<Parameter> {
        let description = "The TOML text of the grammar (format: docs/spaces/grammar.md); empty: the hierarchical \
                           NAS-Bench-201.";
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
        let decision = self.walk.borrow_mut().next(&self.places, prefix)?;
        self.places.decisions.get(decision)
    }

    fn task_parameters(&self) -> Vec<Parameter> {
        let description = "Channels of the stem; every 'down' doubles them.";
        // The first number of channels from 16 on that all groups divide.
        let default = 16_u32.next_multiple_of(self.groups);
        vec![Parameter::integer("channels", default, 1, MOST, description)]
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        self.validate(genotype)?;
        let [_, height, width] = crate::blocks::image(&self.info.name, &task.input_shape)?;
        let channels = self.channels(task)?;
        let term = normal::normal(&self.derivations().term(genotype));
        Ok(network::network(&term, [height, width], i64::from(task.outputs), channels))
    }

    /// The hash of the term that the network is built from: such terms are some thousand characters long.
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
        [&text, BY, &nas_api::space_defaults::key(genotype)].concat()
    }

    fn parse(&self, text: &str) -> Result<Genotype> {
        let wrong = |problem: String| Error::new(format!("the text is no network of {}: {problem}", self.info.name));
        let (written, choices) = text.rsplit_once(BY).map_or((text, None), |(term, choices)| (term, Some(choices)));
        let term = text::read(written).and_then(|expression| Term::new(&expression, &[])).map_err(wrong)?;
        let Some(choices) = choices else { return self.derivations().genotype(&term).map_err(wrong) };
        let read: Result<Genotype, _> = choices.split(',').map(|choice| choice.trim().parse()).collect();
        let genotype = read.map_err(|_| wrong(format!("behind 'by' stand choices like 0,1,2, not '{choices}'")))?;
        self.validate(&genotype)?;
        if self.derivations().term(&genotype) != term {
            return Err(wrong(format!("the choices {choices} derive another term; leave them out")));
        }
        Ok(genotype)
    }
}
