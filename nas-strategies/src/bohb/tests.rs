#![allow(clippy::unwrap_used)]

use nas_api::rng::derive;
use nas_api::{Failure, SearchSpace, Setting, Value};

use super::*;
use crate::conformance::{Additive, Measured, observation, study_of};

fn number(name: &str, value: f64) -> Setting {
    Setting { name: name.into(), value: Value::Number(value) }
}

fn study(settings: &[Setting]) -> Study {
    Study { fidelities: vec![1.0, 3.0, 9.0], ..study_of::<Bohb>(2, settings).unwrap() }
}

fn open(space: &mut Additive, settings: &[Setting]) -> Bohb {
    Bohb::open(&study(settings), space).unwrap()
}

/// Runs trials one at a time, and returns their genotypes and fidelities.
fn run(
    search: &mut Bohb,
    space: &mut Additive,
    trials: u32,
    value: impl Fn(&Genotype) -> Measured,
) -> Vec<(Genotype, f64)> {
    let mut made = Vec::new();
    for trial in 0..trials {
        let proposal = search.ask(1, space).unwrap().remove(0);
        let genotype = proposal.candidate.genotype().unwrap().clone();
        made.push((genotype.clone(), proposal.fidelity.unwrap()));
        let told =
            Observation { fidelity: proposal.fidelity, ..observation(Some(trial), genotype.clone(), value(&genotype)) };
        search.tell(&[told], space).unwrap();
    }
    made
}

#[test]
fn brackets_follow_each_other_and_the_best_are_promoted() {
    let mut space = Additive::flat(6, 5, 1);
    let landscape = space.clone();
    let made = run(&mut open(&mut space, &[]), &mut space, 22, |genotype| landscape.measure(genotype));
    let mut expected = vec![1.0; 9];
    expected.extend([3.0; 3]);
    expected.extend([9.0]);
    // s = 1: ⌈3 / 2 · 3⌉ = 5, then 1. s = 0: 3.
    expected.extend([3.0; 5]);
    expected.extend([9.0; 4]);
    assert_eq!(made.iter().map(|(_, fidelity)| *fidelity).collect::<Vec<_>>(), expected);
    let best = made[..9].iter().map(|(genotype, _)| landscape.value(genotype)).fold(f64::MIN, f64::max);
    assert_eq!(landscape.value(&made[9].0), best);
    assert_eq!(landscape.value(&made[12].0), best);
}

#[test]
fn more_workers_than_a_bracket_has_open_the_next_one() {
    let mut space = Additive::flat(6, 5, 1);
    let proposals = open(&mut space, &[]).ask(20, &mut space).unwrap();
    let fidelities: Vec<f64> = proposals.iter().filter_map(|proposal| proposal.fidelity).collect();
    assert_eq!(fidelities, [vec![1.0; 9], vec![3.0; 5], vec![9.0; 3], vec![1.0; 3]].concat());
}

#[test]
fn if_everything_fails_nothing_is_promoted() {
    let mut space = Additive::flat(6, 5, 1);
    let made = run(&mut open(&mut space, &[]), &mut space, 34, |_| Err(Failure::new("test")));
    let fidelities: Vec<f64> = made.iter().map(|(_, fidelity)| *fidelity).collect();
    assert_eq!(
        fidelities,
        [vec![1.0; 9], vec![3.0; 5], vec![9.0; 3], vec![1.0; 9], vec![3.0; 5], vec![9.0; 3]].concat()
    );
}

#[test]
fn external_results_count_at_the_highest_rung_that_they_reach() {
    let mut space = Additive::flat(3, 5, 1);
    let mut search = open(&mut space, &[number("random_fraction", 0.0), number("min_points", 4.0)]);
    for index in 0..20 {
        // A fidelity of 0.5 reaches no rung, and one of 5 reaches the rung at 3.
        let fidelity = Some(if index < 10 { 0.5 } else { 5.0 });
        let (genotype, value) = (vec![index % 5, index % 3, 0], if index % 5 == 3 { 1.0 } else { 0.0 });
        search.tell(&[Observation { fidelity, ..observation(None, genotype, Ok(value)) }], &mut space).unwrap();
    }
    let proposals = search.ask(9, &mut space).unwrap();
    let hits = proposals.iter().filter(|proposal| proposal.candidate.genotype().unwrap()[0] == 3).count();
    assert!(hits >= 5, "{hits} of 9 follow the external results");
}

#[test]
fn fidelities_for_fewer_than_two_rungs_are_refused() {
    let mut space = Additive::flat(3, 5, 1);
    let mut refused = |study: &Study| Bohb::open(study, &mut space).err().unwrap().to_string();
    assert!(refused(&Study { fidelities: Vec::new(), ..study(&[]) }).contains("there are []"));
    assert!(refused(&study(&[number("min_fidelity", 4.0)])).contains("there are [9.0]"));
    assert!(refused(&study(&[number("eta", 10.0)])).contains("'eta' (10)"));
}

/// The value at a fidelity: the lower the fidelity, the more noise.
fn noisy(landscape: &Additive, genotype: &Genotype, fidelity: f64) -> f64 {
    let noise = f64::from(derive(3, &format!("{genotype:?} {fidelity}"), 0)) / f64::from(u32::MAX) - 0.5;
    landscape.value(genotype) + 0.3 * noise * (1.0 - fidelity / 9.0)
}

#[test]
fn it_beats_random_search_that_spends_as_much() {
    const FULL_TRAININGS: u32 = 60;
    let (mut wins, mut sums) = (0, (0.0, 0.0));
    for seed in 0..20 {
        let mut space = Additive::flat(6, 5, 100 + seed);
        let (landscape, optimum) = (space.clone(), space.optimum());
        let best_of = |genotypes: &[Genotype]| {
            genotypes.iter().map(|genotype| landscape.value(genotype) / optimum).fold(f64::MIN, f64::max)
        };
        let mut search = Bohb::open(&Study { seed, ..study(&[]) }, &mut space).unwrap();
        let (mut spent, mut full, mut trial) = (0.0, Vec::new(), 0);
        while spent < 9.0 * f64::from(FULL_TRAININGS) {
            let proposal = search.ask(1, &mut space).unwrap().remove(0);
            let (genotype, fidelity) = (proposal.candidate.genotype().unwrap().clone(), proposal.fidelity.unwrap());
            spent += fidelity;
            if fidelity == 9.0 {
                full.push(genotype.clone());
            }
            let value = Ok(noisy(&landscape, &genotype, fidelity));
            let told = Observation { fidelity: proposal.fidelity, ..observation(Some(trial), genotype, value) };
            search.tell(&[told], &mut space).unwrap();
            trial += 1;
        }
        let random: Vec<Genotype> =
            (0..FULL_TRAININGS).map(|index| SearchSpace::sample(&space, derive(seed, "random", index))).collect();
        let (found, by_chance) = (best_of(&full), best_of(&random));
        wins += u32::from(found > by_chance);
        sums = (sums.0 + found, sums.1 + by_chance);
    }
    println!("means {:.4} and {:.4}, better on {wins} of 20", sums.0 / 20.0, sums.1 / 20.0);
    assert!(wins >= 15 && sums.0 > sums.1, "better on {wins} of 20");
}
