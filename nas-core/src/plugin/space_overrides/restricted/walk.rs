//! The open decisions, in the form in which the standard answers are made.

use std::cell::{RefCell, RefMut};
use std::collections::HashMap;

use nas_api::{Decision, Error, Genotype, Graph, OpenSpace, Result, SearchSpace, Settings, SpaceInfo, Task};

use super::rules::Rule;

/// A space seen through rules.
pub struct Walk {
    space: RefCell<Box<dyn OpenSpace>>,
    /// Of the whole space, where every genotype makes all of them.
    flat: Option<Vec<Decision>>,
    /// By the decision's name, with its place among the open ones.
    rules: HashMap<String, (Rule, usize)>,
    /// Of the part.
    info: SpaceInfo,
    /// The last prefix with the whole space's: walks ask for one prefix after the other.
    last: RefCell<(Genotype, Genotype)>,
    /// Why the whole space gave no answer, while the standard answers, which cannot fail, were made.
    broken: RefCell<Option<Error>>,
}

impl Walk {
    pub fn new(space: Box<dyn OpenSpace>, whole: SpaceInfo, rules: Vec<Rule>) -> Self {
        let mut by_name = HashMap::with_capacity(rules.len());
        let mut open = Vec::with_capacity(rules.len());
        for (decision, rule) in whole.decisions.iter().zip(rules) {
            let place = open.len();
            open.extend(rule.open.clone());
            by_name.insert(decision.name.clone(), (rule, place));
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

    /// The whole space.
    pub fn space(&self) -> RefMut<'_, Box<dyn OpenSpace>> {
        self.space.borrow_mut()
    }

    /// Of the part.
    pub fn info(&self) -> &SpaceInfo {
        &self.info
    }

    /// What is left of a decision.
    pub fn rule(&self, decision: &str) -> Option<&Rule> {
        self.rules.get(decision).map(|(rule, _)| rule)
    }

    /// A standard answer, or why the whole space gave none.
    pub fn asked<T>(&self, answer: impl FnOnce(&Self) -> T) -> Result<T> {
        let answer = answer(self);
        match self.broken.take() {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    /// The open decision after a prefix of the part.
    pub fn step(&self, prefix: &[u32]) -> Result<Option<&Decision>> {
        let mut last = self.last.borrow_mut();
        if !prefix.starts_with(&last.0) {
            *last = Default::default();
        }
        let (used, whole) = &mut *last;
        loop {
            let Some(name) = self.after(whole)? else { return Ok(None) };
            let (rule, place) = self.known(&name)?;
            let at = match (&rule.open, prefix.get(used.len())) {
                (None, _) => 0,
                (Some(_), Some(&choice)) => {
                    used.push(choice);
                    choice
                }
                (Some(_), None) => return Ok(self.info.decisions.get(*place)),
            };
            let choice = rule.choices.get(at as usize).copied();
            let Some(choice) = choice else {
                *last = Default::default();
                return Err(Error::new(format!("the prefix {prefix:?} has no choice {at} of '{name}'")));
            };
            whole.push(choice);
        }
    }

    /// The whole space's genotype of a complete one of the part.
    pub fn whole(&self, genotype: &[u32]) -> Result<Genotype> {
        match self.step(genotype)? {
            Some(open) => Err(Error::new(format!("{genotype:?} leaves '{}' open", open.name))),
            None => Ok(self.last.borrow().1.clone()),
        }
    }

    /// The part's genotype of the whole space's; `Err` inside: it lies outside.
    pub fn part(&self, whole: &[u32]) -> Result<Result<Genotype, String>> {
        let mut part = Genotype::new();
        for (at, choice) in whole.iter().enumerate() {
            let Some(name) = self.after(&whole[..at])? else { break };
            let (rule, _) = self.known(&name)?;
            let Some(position) = rule.choices.iter().position(|left| left == choice) else {
                return Ok(Err(format!("its choice of '{name}' is left out by 'fix'")));
            };
            if rule.open.is_some() {
                part.push(position as u32);
            }
        }
        Ok(Ok(part))
    }

    /// The name of the whole space's decision after a prefix of it.
    fn after(&self, whole: &[u32]) -> Result<Option<String>> {
        match &self.flat {
            Some(decisions) => Ok(decisions.get(whole.len()).map(|decision| decision.name.clone())),
            None => Ok(self.space().next(whole)?.map(|decision| decision.name)),
        }
    }

    fn known(&self, name: &str) -> Result<&(Rule, usize)> {
        let undescribed = || Error::new(format!("the space asks for a decision '{name}' that it does not describe"));
        self.rules.get(name).ok_or_else(undescribed)
    }
}

impl SearchSpace for Walk {
    fn open(_settings: &Settings) -> Result<Self> {
        Err(Error::new("a part is made of a space that is open"))
    }

    fn info(&self) -> SpaceInfo {
        self.info.clone()
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        // After a breakdown every walk ends here.
        if self.broken.borrow().is_some() {
            return None;
        }
        self.step(prefix).unwrap_or_else(|error| {
            self.broken.replace(Some(error));
            None
        })
    }

    fn build(&self, _genotype: &[u32], _task: &Task) -> Result<Graph> {
        Err(Error::new("networks are built by the whole space"))
    }
}
