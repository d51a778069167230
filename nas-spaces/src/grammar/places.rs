//! Where rules can stand in a derivation: a tree of places, each a rule and a path to it. A decision belongs to every
//! place where there is a choice.

use std::collections::HashMap;

use nas_api::Decision;
use nas_api::graph::shape::MAX_NODES;

use super::measure::Measure;
use super::rules::Rules;
use super::text::MAX_NESTING;

/// Places of one grammar at most, and so its decisions.
const MAX_PLACES: usize = 20_000;
/// What stands around the derived term: stem and head.
const AROUND: u64 = 10;

/// A rule where it can stand.
#[derive(Clone, Debug)]
pub struct Place {
    pub rule: usize,
    /// Position in [`Places::decisions`]; `None`: there is no choice.
    pub decision: Option<usize>,
    /// What may stand there.
    pub options: Vec<Choice>,
}

/// An alternative at a place.
#[derive(Clone, Debug)]
pub struct Choice {
    pub alternative: usize,
    /// The places of its rules, from left to right.
    pub children: Vec<usize>,
}

/// All places; the first is the start, and those inside one come after it.
#[derive(Clone, Debug)]
pub struct Places {
    pub places: Vec<Place>,
    pub decisions: Vec<Decision>,
    /// Of all networks.
    pub measure: Measure,
}

/// A place is what it is by its rule and its path, so that a rule keeps its choices where the one around it changes.
type Path = (usize, Vec<usize>);

impl Places {
    /// The places of a grammar, or which alternative is at fault.
    pub fn new(rules: &Rules) -> Result<Self, String> {
        let mut growing = Growing { rules, paths: vec![(rules.start, vec![])], known: HashMap::new() };
        growing.known.insert(growing.paths[0].clone(), 0);
        let mut places: Vec<Place> = Vec::new();
        let mut decisions = Vec::new();
        while places.len() < growing.paths.len() {
            let (rule, path) = growing.paths[places.len()].clone();
            let options = growing.options(rule, &path)?;
            let decision = (options.len() > 1).then_some(decisions.len());
            if decision.is_some() {
                let text = |option: &Choice| rules.rules[rule].alternatives[option.alternative].text.clone();
                decisions.push(Decision::new(name(&rules.rules[rule].name, &path), options.iter().map(text)));
            }
            places.push(Place { rule, decision, options });
        }
        check_used(rules, &places)?;
        let measure = measure(rules, &places)?;
        Ok(Self { places, decisions, measure })
    }
}

/// `CL.1.3`: the third rule within the first rule of the start.
fn name(rule: &str, path: &[usize]) -> String {
    path.iter().fold(rule.to_owned(), |name, step| format!("{name}.{step}"))
}

struct Growing<'r> {
    rules: &'r Rules,
    paths: Vec<Path>,
    known: HashMap<Path, usize>,
}

impl Growing<'_> {
    /// What may stand at a place: alternatives that end within the depth.
    fn options(&mut self, rule: usize, path: &[usize]) -> Result<Vec<Choice>, String> {
        // Levels below this one.
        let left = self.rules.depth.saturating_sub(path.len() + 1);
        let mut options = Vec::new();
        for (alternative, known) in self.rules.rules[rule].alternatives.iter().enumerate() {
            if known.rules.iter().any(|&inner| self.rules.rules[inner].least_depth > left) {
                continue;
            }
            let mut children = Vec::with_capacity(known.rules.len());
            for (position, &inner) in (1..).zip(&known.rules) {
                children.push(self.place((inner, [path, &[position]].concat()))?);
            }
            options.push(Choice { alternative, children });
        }
        Ok(options)
    }

    fn place(&mut self, path: Path) -> Result<usize, String> {
        if let Some(&known) = self.known.get(&path) {
            return Ok(known);
        }
        let new = self.paths.len();
        if new == MAX_PLACES {
            return Err(format!(
                "has more than {MAX_PLACES} places where a rule can stand, each a decision of its own; give it less \
                 depth, or fewer rules in its alternatives"
            ));
        }
        self.known.insert(path.clone(), new);
        self.paths.push(path);
        Ok(new)
    }
}

/// Every alternative can be chosen somewhere.
fn check_used(rules: &Rules, places: &[Place]) -> Result<(), String> {
    let mut used: Vec<Vec<bool>> = rules.rules.iter().map(|rule| vec![false; rule.alternatives.len()]).collect();
    for place in places {
        place.options.iter().for_each(|option| used[place.rule][option.alternative] = true);
    }
    for (rule, used) in used.iter().enumerate() {
        if let Some(never) = used.iter().position(|used| !used) {
            let (place, depth) = (rules.place(rule, never), rules.depth);
            return Err(format!("{place}: can never be chosen within depth = {depth}; set a greater depth"));
        }
    }
    Ok(())
}

/// From the innermost places to the start.
fn measure(rules: &Rules, places: &[Place]) -> Result<Measure, String> {
    let mut measures: Vec<Option<Measure>> = vec![None; places.len()];
    for (at, place) in places.iter().enumerate().rev() {
        let mut choices = Vec::with_capacity(place.options.len());
        for option in &place.options {
            let inner: Vec<Measure> = option.children.iter().filter_map(|&child| measures[child]).collect();
            let wrong = |problem: String| format!("{}: {problem}", rules.place(place.rule, option.alternative));
            let of = Measure::of(&rules.rules[place.rule].alternatives[option.alternative], &inner).map_err(wrong)?;
            if of.nesting > MAX_NESTING {
                return Err(wrong(format!("derives terms nested more than {MAX_NESTING} deep; set a smaller depth")));
            }
            if of.nodes > MAX_NODES as u64 - AROUND {
                return Err(wrong(format!(
                    "derives networks of up to {} nodes; at most {MAX_NODES} are allowed",
                    of.nodes
                )));
            }
            choices.push(of);
        }
        measures[at] = Measure::any(&choices);
    }
    measures[0].ok_or_else(|| "has no networks".to_owned())
}
