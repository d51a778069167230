//! A space seen through rules, in the form that the standard answers of `nas-api` need.

use std::cell::{RefCell, RefMut};
use std::collections::HashMap;

use nas_api::{Decision, Error, Genotype, Graph, OpenSpace, Result, SearchSpace, Settings, SpaceInfo, Task};

use super::rules::Rule;

/// A space seen through rules.
pub struct RestrictedView {
    space: RefCell<Box<dyn OpenSpace>>,
    /// The decisions of the whole space, if every genotype makes all of them.
    flat: Option<Vec<Decision>>,
    /// The rule of each decision by name, with its position among the open decisions.
    rules: HashMap<String, (Rule, usize)>,
    /// The description of the part.
    info: SpaceInfo,
    /// The last prefix, and the same prefix in the whole space. Callers ask for ever longer prefixes.
    last: RefCell<(Genotype, Genotype)>,
    /// The error of the whole space during a standard answer, which itself cannot fail.
    broken: RefCell<Option<Error>>,
}

impl RestrictedView {
    pub fn new(space: Box<dyn OpenSpace>, whole: SpaceInfo, rules: Vec<Rule>) -> Self {
        let mut by_name = HashMap::with_capacity(rules.len());
        let mut open = Vec::with_capacity(rules.len());
        for (decision, rule) in whole.decisions.iter().zip(rules) {
            let position = open.len();
            open.extend(rule.open.clone());
            by_name.insert(decision.name.clone(), (rule, position));
        }
        let size = open.iter().map(|decision: &Decision| f64::from(decision.len()).log10()).sum();
        let info = SpaceInfo {
            log10_size: (!whole.conditional).then_some(size),
            decisions: open,
            description: format!("{} A part of it.", whole.description),
            standard: whole.standard && !whole.conditional,
            ..whole.clone()
        };
        let flat = (!whole.conditional).then_some(whole.decisions);
        Self {
            space: RefCell::new(space),
            flat,
            rules: by_name,
            info,
            last: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    /// Borrows the whole space.
    pub fn space(&self) -> RefMut<'_, Box<dyn OpenSpace>> {
        self.space.borrow_mut()
    }

    /// The description of the part.
    pub fn info(&self) -> &SpaceInfo {
        &self.info
    }

    /// The rule of a decision.
    pub fn rule(&self, decision: &str) -> Option<&Rule> {
        self.rules.get(decision).map(|(rule, _)| rule)
    }

    /// Computes a standard answer.
    ///
    /// # Errors
    /// The whole space broke down meanwhile.
    pub fn checked<T>(&self, answer: impl FnOnce(&Self) -> T) -> Result<T> {
        let answer = answer(self);
        match self.broken.take() {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    /// The open decision after a prefix of the part; `None` if the prefix is a complete genotype.
    ///
    /// # Errors
    /// The prefix has an unknown choice, or the whole space broke down.
    pub fn open_decision(&self, prefix: &[u32]) -> Result<Option<&Decision>> {
        let mut last = self.last.borrow_mut();
        if !prefix.starts_with(&last.0) {
            *last = Default::default();
        }
        let (used, whole) = &mut *last;
        loop {
            let Some(name) = self.next_name(whole)? else { return Ok(None) };
            let (rule, position) = self.rule_of(&name)?;
            let at = match (&rule.open, prefix.get(used.len())) {
                (None, _) => 0,
                (Some(_), Some(&choice)) => {
                    used.push(choice);
                    choice
                }
                (Some(_), None) => return Ok(self.info.decisions.get(*position)),
            };
            let choice = rule.choices.get(at as usize).copied();
            let Some(choice) = choice else {
                *last = Default::default();
                return Err(Error::new(format!("the prefix {prefix:?} has no choice {at} of '{name}'")));
            };
            whole.push(choice);
        }
    }

    /// Converts a genotype of the part to one of the whole space.
    ///
    /// # Errors
    /// The genotype is incomplete or invalid, or the whole space broke down.
    pub fn to_whole(&self, genotype: &[u32]) -> Result<Genotype> {
        match self.open_decision(genotype)? {
            Some(open) => Err(Error::new(format!("{genotype:?} leaves '{}' open", open.name))),
            None => Ok(self.last.borrow().1.clone()),
        }
    }

    /// Converts a genotype of the whole space to one of the part. The inner `Err` says why it is not in the part.
    ///
    /// # Errors
    /// The whole space broke down.
    pub fn to_part(&self, whole: &[u32]) -> Result<Result<Genotype, String>> {
        let mut part = Genotype::new();
        for (at, choice) in whole.iter().enumerate() {
            let Some(name) = self.next_name(&whole[..at])? else { break };
            let (rule, _) = self.rule_of(&name)?;
            let Some(position) = rule.choices.iter().position(|left| left == choice) else {
                return Ok(Err(format!("its choice of '{name}' is left out by 'fix'")));
            };
            if rule.open.is_some() {
                part.push(position as u32);
            }
        }
        Ok(Ok(part))
    }

    /// The name of the decision that follows a prefix in the whole space.
    fn next_name(&self, whole: &[u32]) -> Result<Option<String>> {
        match &self.flat {
            Some(decisions) => Ok(decisions.get(whole.len()).map(|decision| decision.name.clone())),
            None => Ok(self.space().next(whole)?.map(|decision| decision.name)),
        }
    }

    /// The rule of a decision that the space asks for.
    fn rule_of(&self, name: &str) -> Result<&(Rule, usize)> {
        let undescribed = || Error::new(format!("the space asks for a decision '{name}' that it does not describe"));
        self.rules.get(name).ok_or_else(undescribed)
    }
}

impl SearchSpace for RestrictedView {
    fn open(_settings: &Settings) -> Result<Self> {
        Err(Error::new("a part is made of a space that is open"))
    }

    fn info(&self) -> SpaceInfo {
        self.info.clone()
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        // After an error of the space, every genotype ends here.
        if self.broken.borrow().is_some() {
            return None;
        }
        self.open_decision(prefix).unwrap_or_else(|error| {
            self.broken.replace(Some(error));
            None
        })
    }

    fn build(&self, _genotype: &[u32], _task: &Task) -> Result<Graph> {
        Err(Error::new("networks are built by the whole space"))
    }
}
