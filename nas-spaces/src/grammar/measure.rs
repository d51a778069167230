//! How many and how large the networks are that a rule or a term stands for, computed from those of its parts.

use super::rules::Alternative;
use super::term::{Combinator, Op, Primitive, Term};
use crate::layered::log10_sum;

/// Halvings of the resolution at most.
const MAX_DOWNS: u32 = 8;

/// Of all networks that something stands for.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// log10 of their number, as derivations.
    pub log10_size: f64,
    /// Operators in the largest, at most.
    pub nodes: u64,
    /// How deep the text of the deepest is nested.
    pub nesting: usize,
    /// How often they halve the resolution: bit n stands for n times.
    downs: u32,
}

impl Measure {
    /// The greatest number of halvings.
    pub fn downs(&self) -> u32 {
        self.downs.checked_ilog2().unwrap_or(0)
    }

    /// Those of several choices, of which there is at least one.
    pub fn any(choices: &[Self]) -> Option<Self> {
        let merged = choices.iter().copied().reduce(|a, b| Self {
            log10_size: 0.0,
            nodes: a.nodes.max(b.nodes),
            nesting: a.nesting.max(b.nesting),
            downs: a.downs | b.downs,
        })?;
        Some(Self { log10_size: log10_sum(choices.iter().map(|choice| choice.log10_size)), ..merged })
    }

    /// Those of an alternative, where these are those of its rules, from left to right.
    pub fn of(alternative: &Alternative, rules: &[Self]) -> Result<Self, String> {
        term(&alternative.term, &mut rules.iter().copied())
    }

    fn primitive(primitive: &Primitive) -> Self {
        // With the two operators that zeros before it may take.
        let nodes = if primitive.op == Op::Down { 11 } else { 3 };
        Self { log10_size: 0.0, nodes, nesting: 1, downs: if primitive.op == Op::Down { 2 } else { 1 } }
    }

    fn combined(combinator: Combinator, terms: &[Self]) -> Result<Self, String> {
        let around = match combinator {
            Combinator::Linear => 0,
            Combinator::Residual | Combinator::Sum => 1,
            // Zeros, for every branch.
            Combinator::Concat => 2 + 2 * terms.len() as u64,
            Combinator::Cell => 12,
        };
        Ok(Self {
            log10_size: terms.iter().map(|term| term.log10_size).sum(),
            nodes: terms.iter().fold(around, |sum, term| sum.saturating_add(term.nodes)),
            nesting: 1 + terms.iter().map(|term| term.nesting).max().unwrap_or(0),
            downs: downs(combinator, terms)?,
        })
    }
}

fn term(term_: &Term, rules: &mut impl Iterator<Item = Measure>) -> Result<Measure, String> {
    match term_ {
        Term::Rule(_) => rules.next().ok_or_else(|| "has more rules than places".to_owned()),
        Term::Primitive(primitive) => Ok(Measure::primitive(primitive)),
        Term::Combined(combinator, terms) => {
            let measures = terms.iter().map(|inner| term(inner, rules)).collect::<Result<Vec<_>, _>>()?;
            Measure::combined(*combinator, &measures)
        }
    }
}

fn downs(combinator: Combinator, terms: &[Measure]) -> Result<u32, String> {
    match (combinator, terms) {
        (Combinator::Linear, _) => in_sequence(terms),
        (Combinator::Residual, [main @ .., shortcut]) => beside_each_other(&[in_sequence(main)?, shortcut.downs]),
        (Combinator::Cell, _) if terms.iter().any(|term| term.downs != 1) => {
            Err("a 'down' inside a cell: an edge of a cell keeps the resolution; halve it before or after the cell"
                .into())
        }
        _ => beside_each_other(&terms.iter().map(|term| term.downs).collect::<Vec<_>>()),
    }
}

fn in_sequence(terms: &[Measure]) -> Result<u32, String> {
    let mut sum = 1_u32;
    for term in terms {
        let shifted = (0..=MAX_DOWNS).filter(|times| term.downs >> times & 1 == 1).map(|times| sum << times);
        sum = shifted.fold(0, |all, one| all | one);
        if sum >> (MAX_DOWNS + 1) != 0 {
            return Err(format!("halves the resolution more than {MAX_DOWNS} times; leave out a 'down'"));
        }
    }
    Ok(sum)
}

/// What is added or joined must have one size.
fn beside_each_other(branches: &[u32]) -> Result<u32, String> {
    let first = branches.first().copied().unwrap_or(1);
    if first.is_power_of_two() && branches.iter().all(|branch| *branch == first) {
        return Ok(first);
    }
    let times = |branch: &u32| {
        let times: Vec<String> =
            (0..=MAX_DOWNS).filter(|times| branch >> times & 1 == 1).map(|times| times.to_string()).collect();
        times.join(" or ")
    };
    let all: Vec<String> = branches.iter().map(times).collect();
    Err(format!(
        "its branches do not fit together: they halve the resolution {} times, and must all do so equally often",
        all.join(", ")
    ))
}
