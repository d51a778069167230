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
    let standings = [
        Standing::Measured(0.5),
        Standing::Pruned(3.0, 0.9),
        Standing::Infeasible(1.0),
        Standing::Measured(0.9),
        Standing::Measured(0.5),
        Standing::Infeasible(0.5),
        Standing::Pruned(3.0, 0.95),
        Standing::Pruned(9.0, 0.1),
    ];
    for (choice, standing) in (0..).zip(standings) {
        search.learn(&[(0, choice)], standing);
    }
    let order: Vec<u32> = search.records.iter().map(|record| record.point[0].unwrap()).collect();
    assert_eq!(order, [3, 0, 4, 7, 6, 1, 5, 2]);
}

#[test]
fn failures_are_not_learnt_and_pruned_trials_are_by_their_last_value() {
    let mut space = Additive::flat(1, 5, 1);
    let mut search = open(&mut space, &[]);
    search.tell(&[observation(None, vec![0], Err(Failure::new("test")))], &mut space).unwrap();
    assert!(search.records.is_empty());
    let pruned = observation(None, vec![1], Err(Failure::new("pruned at epoch 3")));
    search.tell(&[Observation { fidelity: Some(3.0), metrics: vec![0.7], ..pruned }], &mut space).unwrap();
    assert_eq!(search.records[0].standing, Standing::Pruned(3.0, 0.7));
}

#[test]
fn the_newest_25_results_count_in_full_and_older_ones_along_a_ramp() {
    assert_eq!(weights(25), vec![1.0; 25]);
    // Optuna: linspace(1 / n, 1, n - 25), then ones.
    let found = weights(30);
    let ramp = [1.0 / 30.0, 0.275, 0.516_666_666_666_666_7, 0.758_333_333_333_333_4, 1.0];
    assert!(found.iter().zip(ramp).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    assert_eq!(found[5..], [1.0; 25]);
    assert_eq!(weights(0), []);
}

/// For 200 trials choice 0 is good and choice 3 is bad; then choice 3 is the only good one. How soon it is proposed
/// depends on how long its old results count.
#[test]
fn a_search_follows_an_objective_that_drifts() {
    for multivariate in [true, false] {
        let mut near = 0;
        for seed in 0..10 {
            let mut space = Additive::flat(5, 5, 1);
            let study = study_of::<Tpe>(seed, &[truth("multivariate", multivariate)]).unwrap();
            let mut search = Tpe::open(&study, &mut space).unwrap();
            for trial in 0..320 {
                let genotype = first(&search.ask(1, &mut space).unwrap());
                let value = match (trial < 200, genotype[0]) {
                    (true, 0) => 0.5,
                    (true, 3) => -1.0,
                    (false, 3) => 1.0,
                    _ => 0.0,
                };
                near += u32::from(trial >= 220 && genotype[0] == 3);
                search.tell(&[observation(Some(trial), genotype, Ok(value))], &mut space).unwrap();
            }
        }
        println!("multivariate={multivariate}: {near} of 1000 proposals follow");
        assert!(near > 500, "multivariate={multivariate}: {near} of 1000 proposals follow");
    }
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
