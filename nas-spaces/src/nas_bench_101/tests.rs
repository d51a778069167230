#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use nas_api::SearchSpace;
use proptest::prelude::*;

use super::NasBench101;
use super::cell::{Draft, EDGES, MAX_EDGES, OPERATIONS, VERTICES, live};
use super::skeleton::channels;

/// A matrix belongs to a genotype exactly if it has at most nine edges and a path from input to output.
#[test]
fn the_decisions_reach_every_matrix_of_the_space() {
    let mut members = 0;
    for bits in 0..1u32 << EDGES.len() {
        let mut draft = Draft::default();
        for (bit, (source, target)) in EDGES.into_iter().enumerate() {
            draft.matrix[source][target] = bits >> bit & 1 == 1;
        }
        let live = live(&draft.matrix);
        for (operation, live) in draft.operations[1..VERTICES - 1].iter_mut().zip(&live[1..]) {
            *operation = live.then_some(OPERATIONS[0].2);
        }
        let member = bits.count_ones() as usize <= MAX_EDGES && live[0];
        assert_eq!(draft.genotype().is_some(), member, "{}", draft.text());
        members += u32::from(member);
    }
    assert!(members > 100_000, "{members}");
}

/// 128 channels are divided among two vertices and among three, and one vertex feeds only these.
#[test]
fn channels_follow_the_published_rule() {
    let of = |text: &str| channels(&Draft::parse(text).unwrap().cell().unwrap(), 128, 128);
    assert_eq!(of("1110100011/331"), [128, 64, 64, 64, 128]);
    assert_eq!(of("1110001011/331"), [128, 43, 43, 42, 128]);
    assert_eq!(of("100101100001011/33m1"), [128, 43, 43, 43, 42, 128]);
}

#[test]
fn malformed_texts_are_refused_with_the_reason() {
    let space = NasBench101::new();
    for (text, words) in [
        ("", "no '/'"),
        ("1/3", "3 digits"),
        ("111/x", "'x' is not an operation"),
        ("011/3", "no path"),
        ("110/3", "lies on no path"),
        ("111/-", "needs an operation"),
        ("111111111111111111111/33333", "21 edges"),
        ("1/333333", "6 operations"),
    ] {
        let error = space.parse(text).unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    assert_eq!(space.format(&space.parse("1/").unwrap()), "000001000000000000000/-----");
}

/// The draft with its vertices in another order; `None` if an edge would no longer go to a higher vertex.
fn reordered(draft: &Draft, order: &[usize]) -> Option<Draft> {
    let moved = |vertex: usize| if (1..VERTICES - 1).contains(&vertex) { order[vertex - 1] } else { vertex };
    let mut other = Draft::default();
    for (source, target) in EDGES {
        if draft.matrix[source][target] {
            if moved(source) >= moved(target) {
                return None;
            }
            other.matrix[moved(source)][moved(target)] = true;
        }
    }
    for vertex in 1..VERTICES - 1 {
        other.operations[moved(vertex)] = draft.operations[vertex];
    }
    Some(other)
}

proptest! {
    #[test]
    fn isomorphic_cells_have_one_key(seed: u32, order in Just(vec![1, 2, 3, 4, 5]).prop_shuffle()) {
        let space = NasBench101::new();
        let genotype = SearchSpace::sample(&space, seed);
        let (draft, open) = Draft::of(&genotype);
        prop_assert_eq!(open, None);
        if let Some(other) = reordered(&draft, &order) {
            let other = other.genotype().unwrap();
            prop_assert_eq!(space.key(&genotype), space.key(&other), "{} {}", draft.text(), space.format(&other));
        }
    }

    #[test]
    fn every_sequence_of_choices_ends_in_a_cell(choices in prop::collection::vec(0u32..3, 26)) {
        let mut choices = choices.into_iter();
        let choose = |position: usize| {
            choices.next().map(|choice| if position < EDGES.len() { choice % 2 } else { choice })
        };
        let (draft, open) = Draft::decide(choose);
        prop_assert_eq!(open, None);
        let cell = draft.cell().unwrap();
        prop_assert!(cell.matrix.iter().flatten().filter(|edge| **edge).count() <= MAX_EDGES);
        let genotype = draft.genotype().unwrap();
        prop_assert_eq!(Draft::of(&genotype).0, draft);
    }
}

/// Uniform edges favour small cells, because dangling edges are free: 411 of 2,000 cells have three vertices and 9 have
/// seven.
#[test]
fn samples_have_every_size() {
    let space = NasBench101::new();
    let mut sizes = [0; VERTICES + 1];
    let mut keys = HashSet::new();
    for seed in 0..2000 {
        let genotype = SearchSpace::sample(&space, seed);
        sizes[Draft::of(&genotype).0.cell().unwrap().vertices] += 1;
        keys.insert(space.key(&genotype));
    }
    assert!(sizes[2..].iter().all(|count| *count > 0), "{sizes:?}");
    assert!(keys.len() > 500, "{}", keys.len());
}
