//! The rules of a grammar: reads them and checks what does not depend on their positions.

use std::collections::BTreeMap;

use super::spec::Spec;
use super::term::Term;
use super::text;

/// The largest number of rules.
const MAX_RULES: usize = 256;
/// The largest number of alternatives of one rule.
const MAX_ALTERNATIVES: usize = 256;
/// The largest number of rules nested in one another.
pub const MAX_DEPTH: usize = 50;

/// A rule and what may replace it.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    pub alternatives: Vec<Alternative>,
    /// The number of nested rules, itself included, in the shallowest term that it derives.
    pub min_depth: usize,
}

/// One right-hand side.
#[derive(Clone, Debug)]
pub struct Alternative {
    pub term: Term,
    pub text: String,
    /// The rules in it, from left to right.
    pub rules: Vec<usize>,
}

/// All rules.
#[derive(Clone, Debug)]
pub struct Rules {
    pub rules: Vec<Rule>,
    pub start: usize,
    /// The largest number of rules nested in one another.
    pub depth: usize,
}

impl Rules {
    /// Reads the rules of a definition.
    ///
    /// # Errors
    /// If a rule is invalid, unreachable or can never end, or the depth is missing or out of range. The message names
    /// the rule.
    pub fn new(spec: &Spec) -> Result<Self, String> {
        if spec.rules.len() > MAX_RULES {
            return Err(format!("has {} rules; at most {MAX_RULES} are allowed", spec.rules.len()));
        }
        let rules = read(&spec.rules)?;
        let names: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
        let start = names.iter().position(|name| *name == spec.start).ok_or_else(|| {
            format!(
                "start = '{}' is not one of the rules ({}); name the rule to begin with",
                spec.start,
                names.join(", ")
            )
        })?;
        let mut all = Self { rules, start, depth: 0 };
        all.check_reachable()?;
        all.find_min_depths()?;
        all.depth = all.depth_limit(spec.depth)?;
        Ok(all)
    }

    /// How messages refer to an alternative.
    pub fn location(&self, rule: usize, alternative: usize) -> String {
        let rule = &self.rules[rule];
        location(&rule.name, alternative, &rule.alternatives[alternative].text)
    }

    fn check_reachable(&self) -> Result<(), String> {
        let mut reached = vec![false; self.rules.len()];
        let mut open = vec![self.start];
        while let Some(rule) = open.pop() {
            if !std::mem::replace(&mut reached[rule], true) {
                open.extend(self.rules[rule].alternatives.iter().flat_map(|alternative| &alternative.rules));
            }
        }
        match self.rules.iter().zip(reached).find(|(_, reached)| !reached) {
            Some((Rule { name, .. }, _)) => {
                let start = &self.rules[self.start].name;
                Err(format!("rule '{name}' cannot be reached from '{start}'; use it in an alternative, or remove it"))
            }
            None => Ok(()),
        }
    }

    fn find_min_depths(&mut self) -> Result<(), String> {
        // Round n finds the rules that end within n levels, so that no later round finds a smaller depth.
        for depth in 1..=self.rules.len() {
            let ends: Vec<bool> = self.rules.iter().map(|rule| rule.min_depth < depth).collect();
            for rule in self.rules.iter_mut().filter(|rule| rule.min_depth == usize::MAX) {
                if rule.alternatives.iter().any(|alternative| alternative.rules.iter().all(|&other| ends[other])) {
                    rule.min_depth = depth;
                }
            }
        }
        match self.rules.iter().find(|rule| rule.min_depth == usize::MAX) {
            Some(Rule { name, .. }) => Err(format!(
                "rule '{name}' can never end: each of its alternatives leads to rules that never end; give it an \
                 alternative of primitives"
            )),
            None => Ok(()),
        }
    }

    /// How many rules are nested in each rule, itself included; a recursive rule as the error.
    fn nesting(&self) -> Result<Vec<usize>, usize> {
        let mut nesting = vec![1; self.rules.len()];
        for _ in 0..=self.rules.len() {
            let deeper = |rule: &Rule| {
                let inner = rule.alternatives.iter().flat_map(|alternative| &alternative.rules);
                1 + inner.map(|&other| nesting[other]).max().unwrap_or(0)
            };
            let next: Vec<usize> = self.rules.iter().map(deeper).collect();
            if next == nesting {
                return Ok(nesting);
            }
            nesting = next;
        }
        // Recursive rules, and rules that lead to them, have grown in every round.
        let deepest = nesting.iter().copied().max();
        Err(nesting.iter().position(|depth| Some(*depth) == deepest).unwrap_or(self.start))
    }

    fn depth_limit(&self, given: Option<usize>) -> Result<usize, String> {
        let least = self.rules[self.start].min_depth;
        match (given, self.nesting()) {
            (Some(depth), _) if depth < least || depth > MAX_DEPTH => Err(format!(
                "depth = {depth} must lie between {least}, the depth of the shallowest network, and {MAX_DEPTH}"
            )),
            (Some(depth), _) => Ok(depth),
            (None, Ok(nesting)) if nesting[self.start] > MAX_DEPTH => {
                let deep = nesting[self.start];
                Err(format!(
                    "nests {deep} rules in one another, but at most {MAX_DEPTH} are allowed; join some of them"
                ))
            }
            (None, Ok(nesting)) => Ok(nesting[self.start]),
            (None, Err(rule)) => Err(format!(
                "rule '{}' is recursive, so networks could grow without end; set depth = NUMBER, the largest number of \
                 rules nested in one another ({least} to {MAX_DEPTH})",
                self.rules[rule].name
            )),
        }
    }
}

fn location(rule: &str, alternative: usize, text: &str) -> String {
    format!("rule '{rule}', alternative {} ('{text}')", alternative + 1)
}

fn read(texts: &BTreeMap<String, Vec<String>>) -> Result<Vec<Rule>, String> {
    let names: Vec<&str> = texts.keys().map(String::as_str).collect();
    let mut rules = Vec::with_capacity(texts.len());
    for (name, texts) in texts {
        if !is_name(name) {
            let form = "it must be an upper-case letter, then letters, digits and underscores";
            return Err(format!("rule '{name}' has an invalid name; {form}"));
        }
        if texts.is_empty() || texts.len() > MAX_ALTERNATIVES {
            let count = texts.len();
            return Err(format!("rule '{name}' has {count} alternatives; write 1 to {MAX_ALTERNATIVES}"));
        }
        let mut alternatives: Vec<Alternative> = Vec::with_capacity(texts.len());
        for (at, written) in texts.iter().enumerate() {
            let wrong = |problem: String| format!("{}: {problem}", location(name, at, written));
            let term = text::read(written).and_then(|expression| Term::new(&expression, &names)).map_err(wrong)?;
            if let Some(same) = alternatives.iter().position(|earlier| earlier.term == term) {
                return Err(wrong(format!("repeats alternative {}; remove one of them", same + 1)));
            }
            alternatives.push(Alternative { text: term.text(&names), rules: term.rules(), term });
        }
        rules.push(Rule { name: name.clone(), alternatives, min_depth: usize::MAX });
    }
    Ok(rules)
}

/// An upper-case letter, then letters, digits and underscores.
fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|other| other.is_ascii_alphanumeric() || other == '_')
}
