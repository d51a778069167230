#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use nas_api::{Failure, Genotype, Setting, Value};

use super::*;
use crate::conformance::{Additive, observation, study_of};

fn open(space: &mut Additive, playout: &str) -> Mcts {
    let setting = Setting { name: "playout".into(), value: Value::Text(playout.into()) };
    Mcts::open(&study_of::<Mcts>(2, &[setting]).unwrap(), space).unwrap()
}

fn genotypes(proposals: &[Proposal]) -> Vec<Genotype> {
    proposals.iter().map(|proposal| proposal.candidate.genotype().unwrap().clone()).collect()
}

#[test]
fn every_architecture_is_proposed_once_and_then_the_search_ends() {
    for playout in ["random", "history"] {
        let mut space = Additive::conditional(1);
        let landscape = space.clone();
        let mut search = open(&mut space, playout);
        let (mut trial, mut seen) = (0, BTreeSet::new());
        while !search.finished() {
            for genotype in genotypes(&search.ask(3, &mut space).unwrap()) {
                let outcome = landscape.measure(&genotype);
                assert!(seen.insert(genotype.clone()));
                search.tell(&[observation(Some(trial), genotype, outcome)], &mut space).unwrap();
                trial += 1;
            }
        }
        assert_eq!(seen.len(), 155);
        assert!(search.ask(3, &mut space).unwrap().is_empty());
    }
}

#[test]
fn the_better_branch_is_visited_more_often() {
    let mut space = Additive::flat(6, 3, 1);
    let mut search = open(&mut space, "random");
    let mut visits = [0; 3];
    for trial in 0..150 {
        let genotype = genotypes(&search.ask(1, &mut space).unwrap()).remove(0);
        visits[genotype[0] as usize] += 1;
        let value = [0.2, 0.5, 0.8][genotype[0] as usize] + 0.1 * f64::from(trial % 2);
        search.tell(&[observation(Some(trial), genotype, Ok(value))], &mut space).unwrap();
    }
    assert!(visits[2] > 2 * visits[1] && visits[2] > 4 * visits[0] && visits[0] > 0, "{visits:?}");
}

#[test]
fn outstanding_trials_spread_over_the_branches() {
    let mut space = Additive::flat(6, 3, 1);
    let mut search = open(&mut space, "random");
    let mut visits = [0; 3];
    for genotype in genotypes(&search.ask(90, &mut space).unwrap()) {
        visits[genotype[0] as usize] += 1;
    }
    assert!(visits.iter().all(|&count| (29..=31).contains(&count)), "{visits:?}");
}

#[test]
fn external_results_count_once_and_are_not_proposed() {
    let mut space = Additive::flat(1, 3, 1);
    let mut search = open(&mut space, "random");
    for _ in 0..3 {
        search.tell(&[observation(None, vec![1], Ok(0.5))], &mut space).unwrap();
    }
    assert_eq!(search.tree.scored(0), 1);
    let mut rest: Vec<u32> = genotypes(&search.ask(9, &mut space).unwrap()).concat();
    rest.sort_unstable();
    assert_eq!(rest, [0, 2]);
    assert!(search.finished());
}

#[test]
fn a_failed_trial_remains_a_loss() {
    let mut space = Additive::flat(2, 2, 1);
    let mut search = open(&mut space, "random");
    let genotype = genotypes(&search.ask(1, &mut space).unwrap()).remove(0);
    search.tell(&[observation(Some(0), genotype.clone(), Err(Failure::new("test")))], &mut space).unwrap();
    assert_eq!(search.tree.scored(0), 0);
    let genotype = genotypes(&search.ask(1, &mut space).unwrap()).remove(0);
    search.tell(&[observation(Some(1), genotype, Ok(0.5))], &mut space).unwrap();
    assert_eq!(search.tree.scored(0), 1);
}
