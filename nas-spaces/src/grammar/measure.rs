//! The number and the size of the networks that a rule or a term derives, computed from those of its parts.

use super::rules::Alternative;
use super::term::{Combinator, Op, Primitive, Term};
use crate::layered::log10_sum;

/// The largest number of halvings of the resolution.
const MAX_HALVINGS: u32 = 8;

/// Measures of the set of all networks that a rule or a term derives.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// log10 of the number of derivations.
    pub log10_size: f64,
    /// An upper bound on the operators of the largest network.
    pub nodes: u64,
    /// Nesting depth of the most deeply nested text.
    pub nesting: usize,
    /// The numbers of halvings that occur. Bit n is set if a network halves the resolution n times.
    halvings: u32,
}

impl Measure {
    /// The greatest number of halvings.
    pub fn max_halvings(&self) -> u32 {
        self.halvings.checked_ilog2().unwrap_or(0)
    }

    /// The measure of a rule with these choices; `None` without a choice.
    pub fn any(choices: &[Self]) -> Option<Self> {
        let merged = choices.iter().copied().reduce(|a, b| Self {
            log10_size: 0.0,
            nodes: a.nodes.max(b.nodes),
            nesting: a.nesting.max(b.nesting),
            halvings: a.halvings | b.halvings,
        })?;
        Some(Self { log10_size: log10_sum(choices.iter().map(|choice| choice.log10_size)), ..merged })
    }

    /// The measure of an alternative, given those of the rules in it from left to right.
    ///
    /// # Errors
    /// If branches that are added or joined differ in resolution, or the resolution is halved too often.
    pub fn of(alternative: &Alternative, rules: &[Self]) -> Result<Self, String> {
        measure_of(&alternative.term, &mut rules.iter().copied())
    }

    fn primitive(primitive: &Primitive) -> Self {
        // This includes two operators for zeros in front of it.
        let nodes = if primitive.op == Op::Down { 11 } else { 3 };
        Self { log10_size: 0.0, nodes, nesting: 1, halvings: if primitive.op == Op::Down { 2 } else { 1 } }
    }

    fn combined(combinator: Combinator, terms: &[Self]) -> Result<Self, String> {
        let extra = match combinator {
            Combinator::Linear => 0,
            Combinator::Residual | Combinator::Sum => 1,
            // Every branch may need two operators for zeros.
            Combinator::Concat => 2 + 2 * terms.len() as u64,
            Combinator::Cell => 12,
        };
        Ok(Self {
            log10_size: terms.iter().map(|term| term.log10_size).sum(),
            nodes: terms.iter().fold(extra, |sum, term| sum.saturating_add(term.nodes)),
            nesting: 1 + terms.iter().map(|term| term.nesting).max().unwrap_or(0),
            halvings: halvings(combinator, terms)?,
        })
    }
}

fn measure_of(term: &Term, rules: &mut impl Iterator<Item = Measure>) -> Result<Measure, String> {
    match term {
        Term::Rule(_) => rules.next().ok_or_else(|| "has more rules than positions".to_owned()),
        Term::Primitive(primitive) => Ok(Measure::primitive(primitive)),
        Term::Combined(combinator, terms) => {
            let measures = terms.iter().map(|inner| measure_of(inner, rules)).collect::<Result<Vec<_>, _>>()?;
            Measure::combined(*combinator, &measures)
        }
    }
}

fn halvings(combinator: Combinator, terms: &[Measure]) -> Result<u32, String> {
    match (combinator, terms) {
        (Combinator::Linear, _) => one_after_another(terms),
        (Combinator::Residual, [main @ .., shortcut]) => side_by_side(&[one_after_another(main)?, shortcut.halvings]),
        (Combinator::Cell, _) if terms.iter().any(|term| term.halvings != 1) => {
            Err("has a 'down' inside a cell, whose edges keep the resolution; put it before or after the cell".into())
        }
        _ => side_by_side(&terms.iter().map(|term| term.halvings).collect::<Vec<_>>()),
    }
}

fn one_after_another(terms: &[Measure]) -> Result<u32, String> {
    let mut sum = 1_u32;
    for term in terms {
        let shifted = (0..=MAX_HALVINGS).filter(|times| term.halvings >> times & 1 == 1).map(|times| sum << times);
        sum = shifted.fold(0, |all, one| all | one);
        if sum >> (MAX_HALVINGS + 1) != 0 {
            return Err(format!("halves the resolution more than {MAX_HALVINGS} times; remove a 'down'"));
        }
    }
    Ok(sum)
}

/// The halvings of branches that are added or joined, which must therefore be of equal size.
fn side_by_side(branches: &[u32]) -> Result<u32, String> {
    let first = branches.first().copied().unwrap_or(1);
    if first.is_power_of_two() && branches.iter().all(|branch| *branch == first) {
        return Ok(first);
    }
    let times = |branch: &u32| {
        let times: Vec<String> =
            (0..=MAX_HALVINGS).filter(|times| branch >> times & 1 == 1).map(|times| times.to_string()).collect();
        times.join(" or ")
    };
    let all: Vec<String> = branches.iter().map(times).collect();
    Err(format!(
        "has branches that do not fit together: they halve the resolution {} times, but must all do so equally often",
        all.join(", ")
    ))
}
