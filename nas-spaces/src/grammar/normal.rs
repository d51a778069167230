//! A normal form of terms, from which networks are built, so that equal forms are equal networks.

use super::term::{Combinator, Primitive, Term};

/// The normal form of a term. Nested sequences and nested sums are flattened, residuals become sums, branches that are
/// added or joined are sorted, and identities in sequences and zeros in sums are removed.
///
/// Operations whose result only meets zeros stay, because their parameters count.
pub fn normal(term: &Term) -> Term {
    match term {
        Term::Combined(Combinator::Linear, terms) => linear(terms),
        Term::Combined(Combinator::Residual, terms) => match &terms[..] {
            [main @ .., shortcut] => sum(vec![linear(main), normal(shortcut)]),
            [] => term.clone(),
        },
        Term::Combined(Combinator::Sum, terms) => sum(terms.iter().map(normal).collect()),
        Term::Combined(Combinator::Concat, terms) => {
            Term::Combined(Combinator::Concat, in_order(terms.iter().map(normal).collect()))
        }
        Term::Combined(Combinator::Cell, terms) => Term::Combined(Combinator::Cell, cell(terms)),
        Term::Primitive(_) | Term::Rule(_) => term.clone(),
    }
}

fn linear(terms: &[Term]) -> Term {
    let mut flat = Vec::with_capacity(terms.len());
    for term in terms {
        match normal(term) {
            Term::Combined(Combinator::Linear, inner) => flat.extend(inner),
            Term::Primitive(Primitive::ID) => {}
            other => flat.push(other),
        }
    }
    combined(flat, Combinator::Linear, Primitive::ID)
}

/// The sum of terms in normal form.
fn sum(terms: Vec<Term>) -> Term {
    let mut flat = Vec::with_capacity(terms.len());
    for term in terms {
        match term {
            Term::Combined(Combinator::Sum, inner) => flat.extend(inner),
            Term::Primitive(Primitive::ZERO) => {}
            other => flat.push(other),
        }
    }
    combined(in_order(flat), Combinator::Sum, Primitive::ZERO)
}

fn combined(mut terms: Vec<Term>, combinator: Combinator, none: Primitive) -> Term {
    match terms.len() {
        0 => Term::Primitive(none),
        1 => terms.remove(0),
        _ => Term::Combined(combinator, terms),
    }
}

/// Sorts by text. The order of summands changes nothing, and that of joined channels only renumbers weights.
fn in_order(mut terms: Vec<Term>) -> Vec<Term> {
    terms.sort_by_cached_key(|term| term.text(&[]));
    terms
}

/// The edges of a cell. If no edge joins the two inner nodes, they are interchangeable, and the node whose edges come
/// first by text becomes the first.
fn cell(terms: &[Term]) -> Vec<Term> {
    let edges: Vec<Term> = terms.iter().map(normal).collect();
    let [to_1, to_2, Term::Primitive(Primitive::ZERO), direct, from_1, from_2] = &edges[..] else { return edges };
    let text = |edges: [&Term; 2]| edges.map(|edge| edge.text(&[]));
    if text([to_1, from_1]) <= text([to_2, from_2]) {
        return edges;
    }
    [to_2, to_1, &edges[2], direct, from_2, from_1].map(Clone::clone).to_vec()
}
