#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use nas_api::{Failure, Setting, Value};

use super::*;
use crate::conformance::{Additive, observation, study_of};

fn truth(name: &str, value: bool) -> Setting {
    Setting { name: name.into(), value: Value::Truth(value) }
}

fn number(name: &str, value: f64) -> Setting {
    Setting { name: name.into(), value: Value::Number(value) }
}

fn open(space: &mut Additive, settings: &[Setting]) -> Tpe {
    Tpe::open(&study_of::<Tpe>(2, settings).unwrap(), space).unwrap()
}

fn first(proposals: &[Proposal]) -> Genotype {
    proposals[0].candidate.genotype().unwrap().clone()
}

#[test]
fn the_rule_determines_how_many_results_are_good() {
    let linear = Split { gamma: 0.15, square_root: false, most: 25 };
    assert_eq!([1, 10, 20, 21, 100, 1000].map(|results| linear.good(results)), [1, 2, 3, 4, 15, 25]);
    let square_root = Split { gamma: 0.25, square_root: true, most: 25 };
    assert_eq!([1, 16, 17, 100, 1_000_000].map(|results| square_root.good(results)), [1, 1, 2, 3, 25]);
}

#[test]
fn records_are_sorted_from_best_to_worst_and_the_earlier_first() {
    let mut space = Additive::flat(1, 5, 1);
    let mut search = open(&mut space, &[]);
    for (choice, rank) in
        (0..).zip([Rank::Measured(0.5), Rank::Failed, Rank::Infeasible(1.0), Rank::Measured(0.9), Rank::Measured(0.5)])
    {
        search.learn(&[(0, choice)], rank);
    }
    let order: Vec<u32> = search.records.iter().map(|record| record.point[0].unwrap()).collect();
    assert_eq!(order, [3, 0, 4, 2, 1]);
}

/// The value is 1 if the first choice is 2, and 0 otherwise, so that choice is proposed ever more often.
#[test]
fn both_densities_learn_the_rewarded_choice_in_flat_and_conditional_spaces() {
    for mut space in [Additive::flat(5, 3, 1), Additive::conditional(1)] {
        for multivariate in [true, false] {
            let mut search = open(&mut space, &[truth("multivariate", multivariate)]);
            let mut hits = 0;
            for trial in 0..60 {
                let genotype = first(&search.ask(1, &mut space).unwrap());
                let hit = genotype[0] == 2;
                hits += u32::from(hit && trial >= 20);
                let value = if hit { 1.0 } else { 0.0 };
                search.tell(&[observation(Some(trial), genotype, Ok(value))], &mut space).unwrap();
            }
            // By chance it is 13, and more than 20 once in 130 times.
            assert!(hits > 20, "{hits} of 40");
        }
    }
}

#[test]
fn nothing_is_proposed_twice_while_something_new_can_be_drawn() {
    let mut space = Additive::flat(4, 3, 1);
    let landscape = space.clone();
    let mut search = open(&mut space, &[number("startup", 1.0)]);
    let mut seen = BTreeSet::new();
    for trial in 0..40 {
        let genotype = first(&search.ask(1, &mut space).unwrap());
        assert!(seen.insert(genotype.clone()), "{genotype:?} again at trial {trial}");
        let outcome = landscape.measure(&genotype);
        search.tell(&[observation(Some(trial), genotype, outcome)], &mut space).unwrap();
    }
}

#[test]
fn if_everything_fails_proposals_are_random() {
    let mut space = Additive::flat(4, 3, 1);
    let mut search = open(&mut space, &[number("startup", 2.0)]);
    for trial in 0..20 {
        let genotype = first(&search.ask(1, &mut space).unwrap());
        search.tell(&[observation(Some(trial), genotype, Err(Failure::new("test")))], &mut space).unwrap();
        assert!(search.suggest(&mut space).unwrap().is_none());
    }
}

#[test]
fn lies_keep_outstanding_trials_apart() {
    let mut space = Additive::flat(8, 4, 1);
    let landscape = space.clone();
    let total_distance = |liar: bool| -> u32 {
        let mut search = open(&mut space.clone(), &[truth("liar", liar)]);
        for seed in 0..60 {
            let genotype = nas_api::SearchSpace::sample(&landscape, seed);
            let outcome = landscape.measure(&genotype);
            search.tell(&[observation(None, genotype, outcome)], &mut space.clone()).unwrap();
        }
        let proposals = search.ask(40, &mut space.clone()).unwrap();
        let all: Vec<&Genotype> = proposals.iter().filter_map(|proposal| proposal.candidate.genotype()).collect();
        let distance = |a: &Genotype, b: &Genotype| a.iter().zip(b).filter(|(a, b)| a != b).count() as u32;
        all.iter().flat_map(|a| all.iter().map(move |b| (a, b))).map(|(a, b)| distance(a, b)).sum()
    };
    assert!(total_distance(true) > total_distance(false), "{} {}", total_distance(true), total_distance(false));
    space = Additive::flat(1, 1, 1);
    assert!(!open(&mut space, &[truth("liar", false)]).liar);
}
