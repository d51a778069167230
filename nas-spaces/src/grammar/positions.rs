//! The positions at which rules can occur in a derivation. They form a tree, and each is a rule with the path to it.
//! Every position with more than one choice has a decision.

use std::collections::HashMap;

use nas_api::Decision;
use nas_api::graph::shape::MAX_NODES;

use super::measure::Measure;
use super::rules::Rules;
use super::text::MAX_NESTING;

/// The largest number of positions in one grammar, which also limits its decisions.
const MAX_POSITIONS: usize = 20_000;
/// An upper bound on the nodes of stem and head, which surround the derived term.
const STEM_AND_HEAD_NODES: u64 = 10;

/// An occurrence of a rule.
#[derive(Clone, Debug)]
pub struct Position {
    pub rule: usize,
    /// Position in [`Positions::decisions`]; `None`: there is no choice.
    pub decision: Option<usize>,
    /// The alternatives that end within the depth.
    pub choices: Vec<Choice>,
}

/// One alternative of the rule at a position.
#[derive(Clone, Debug)]
pub struct Choice {
    pub alternative: usize,
    /// Indices of the positions of the rules in the alternative, from left to right.
    pub children: Vec<usize>,
}

/// All positions of a grammar.
#[derive(Clone, Debug)]
pub struct Positions {
    /// The first is the start, and every position comes before its children.
    pub all: Vec<Position>,
    pub decisions: Vec<Decision>,
    /// The measure of the whole space.
    pub measure: Measure,
}

/// The rule and its path identify a position. A rule therefore keeps its choices when the rule around it changes.
type Path = (usize, Vec<usize>);

impl Positions {
    /// Finds all positions of a grammar.
    ///
    /// # Errors
    /// If there are too many positions, an alternative can never be chosen, or an alternative derives networks that are
    /// too large, too deeply nested or of branches that do not fit together. The message names the alternative.
    pub fn new(rules: &Rules) -> Result<Self, String> {
        let mut builder = Builder { rules, paths: vec![(rules.start, vec![])], known: HashMap::new() };
        builder.known.insert(builder.paths[0].clone(), 0);
        let mut positions: Vec<Position> = Vec::new();
        let mut decisions = Vec::new();
        while positions.len() < builder.paths.len() {
            let (rule, path) = builder.paths[positions.len()].clone();
            let choices = builder.choices(rule, &path)?;
            let decision = (choices.len() > 1).then_some(decisions.len());
            if decision.is_some() {
                let text = |choice: &Choice| rules.rules[rule].alternatives[choice.alternative].text.clone();
                decisions.push(Decision::new(name(&rules.rules[rule].name, &path), choices.iter().map(text)));
            }
            positions.push(Position { rule, decision, choices });
        }
        check_used(rules, &positions)?;
        let measure = measure(rules, &positions)?;
        Ok(Self { all: positions, decisions, measure })
    }
}

/// The name of a decision. `CL.1.3` is the third rule within the first rule of the start.
fn name(rule: &str, path: &[usize]) -> String {
    path.iter().fold(rule.to_owned(), |name, step| format!("{name}.{step}"))
}

struct Builder<'r> {
    rules: &'r Rules,
    paths: Vec<Path>,
    known: HashMap<Path, usize>,
}

impl Builder<'_> {
    /// The alternatives at a position that end within the depth.
    fn choices(&mut self, rule: usize, path: &[usize]) -> Result<Vec<Choice>, String> {
        // Levels below this one.
        let left = self.rules.depth.saturating_sub(path.len() + 1);
        let mut choices = Vec::new();
        for (alternative, known) in self.rules.rules[rule].alternatives.iter().enumerate() {
            if known.rules.iter().any(|&inner| self.rules.rules[inner].min_depth > left) {
                continue;
            }
            let mut children = Vec::with_capacity(known.rules.len());
            for (number, &inner) in (1..).zip(&known.rules) {
                children.push(self.index_of((inner, [path, &[number]].concat()))?);
            }
            choices.push(Choice { alternative, children });
        }
        Ok(choices)
    }

    /// The index of a position, which is new or known.
    fn index_of(&mut self, path: Path) -> Result<usize, String> {
        if let Some(&known) = self.known.get(&path) {
            return Ok(known);
        }
        let new = self.paths.len();
        if new == MAX_POSITIONS {
            return Err(format!(
                "has more than {MAX_POSITIONS} positions at which a rule can occur; set a smaller depth, or put fewer \
                 rules into its alternatives"
            ));
        }
        self.known.insert(path.clone(), new);
        self.paths.push(path);
        Ok(new)
    }
}

/// Checks that every alternative can be chosen at some position.
fn check_used(rules: &Rules, positions: &[Position]) -> Result<(), String> {
    let mut used: Vec<Vec<bool>> = rules.rules.iter().map(|rule| vec![false; rule.alternatives.len()]).collect();
    for position in positions {
        position.choices.iter().for_each(|choice| used[position.rule][choice.alternative] = true);
    }
    for (rule, used) in used.iter().enumerate() {
        if let Some(never) = used.iter().position(|used| !used) {
            let (location, depth) = (rules.location(rule, never), rules.depth);
            return Err(format!("{location}: can never be chosen within depth = {depth}; set a greater depth"));
        }
    }
    Ok(())
}

/// Measures the space, from the innermost positions to the start.
fn measure(rules: &Rules, positions: &[Position]) -> Result<Measure, String> {
    let mut measures: Vec<Option<Measure>> = vec![None; positions.len()];
    for (at, position) in positions.iter().enumerate().rev() {
        let mut choices = Vec::with_capacity(position.choices.len());
        for choice in &position.choices {
            let inner: Vec<Measure> = choice.children.iter().filter_map(|&child| measures[child]).collect();
            let wrong = |problem: String| format!("{}: {problem}", rules.location(position.rule, choice.alternative));
            let alternative = &rules.rules[position.rule].alternatives[choice.alternative];
            let measure = Measure::of(alternative, &inner).map_err(wrong)?;
            if measure.nesting > MAX_NESTING {
                return Err(wrong(format!("derives terms nested more than {MAX_NESTING} deep; set a smaller depth")));
            }
            if measure.nodes > MAX_NODES as u64 - STEM_AND_HEAD_NODES {
                return Err(wrong(format!(
                    "derives networks of up to {} nodes; at most {MAX_NODES} are allowed",
                    measure.nodes
                )));
            }
            choices.push(measure);
        }
        measures[at] = Measure::any(&choices);
    }
    measures[0].ok_or_else(|| "has no networks".to_owned())
}
