#![allow(clippy::unwrap_used)]

use nas_api::rng::derive;
use nas_api::{Failure, Observation, SearchSpace, Setting, Strategy, Value};

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
    assert!(refused(&Study { fidelities: Vec::new(), ..study(&[]) }).contains("offers []"));
    assert!(refused(&study(&[number("min_fidelity", 4.0)])).contains("only one rung"));
    assert!(refused(&study(&[number("eta", 10.0)])).contains("'eta' (10)"));
}

/// "A model against no model" compares the models only if both have the same brackets.
#[test]
fn its_rungs_are_hyperbands_for_every_offer() {
    let epochs = |most: u32| (1..=most).map(f64::from).collect::<Vec<f64>>();
    let sparse = [vec![12.0, 200.0], vec![1.0, 12.0, 36.0, 90.0, 200.0], vec![1.0, 100.0], vec![22.2, 66.7, 200.0]];
    for offered in [epochs(10), epochs(81), epochs(200)].into_iter().chain(sparse) {
        let fidelities = |search: &mut dyn Strategy, space: &mut Additive| {
            let mut asked = Vec::new();
            for trial in 0..400 {
                let proposal = search.ask(1, space).unwrap().remove(0);
                let genotype = proposal.candidate.genotype().unwrap().clone();
                let told = observation(Some(trial), genotype, Ok(f64::from(trial)));
                search.tell(&[Observation { fidelity: proposal.fidelity, ..told }], space).unwrap();
                asked.push(proposal.fidelity.unwrap());
            }
            asked
        };
        let mut space = Additive::flat(6, 5, 1);
        let with_model = Study { fidelities: offered.clone(), ..study(&[]) };
        let mut bohb = Bohb::open(&with_model, &mut space).unwrap();
        let without = Study { fidelities: offered.clone(), ..study_of::<crate::Hyperband>(2, &[]).unwrap() };
        let mut hyperband = crate::Hyperband::open(&without, &mut space).unwrap();
        let (ours, theirs) = (fidelities(&mut bohb, &mut space), fidelities(&mut hyperband, &mut space));
        assert_eq!(ours, theirs, "{offered:?}");
    }
}

/// What broke a constraint on its graph would break it again at the next rung; what broke one on a measured metric may
/// keep it there.
#[test]
fn what_was_never_trained_is_not_promoted_and_the_least_violation_is() {
    let mut space = Additive::flat(6, 5, 1);
    let mut search = open(&mut space, &[]);
    let mut asked = Vec::new();
    for trial in 0..9 {
        let genotype = search.ask(1, &mut space).unwrap().remove(0).candidate.genotype().unwrap().clone();
        asked.push(genotype.clone());
        let violation = 0.1 * f64::from(trial + 1);
        let mut told = observation(Some(trial), genotype, Err(Failure { violation, ..Failure::new("test") }));
        told.fidelity = Some(1.0);
        // Four of them were trained.
        told.metrics = vec![if (2..6).contains(&trial) { 0.5 } else { f64::NAN }];
        search.tell(&[told], &mut space).unwrap();
    }
    let promoted: Vec<Genotype> =
        search.ask(3, &mut space).unwrap().iter().map(|one| one.candidate.genotype().unwrap().clone()).collect();
    assert_eq!(promoted, asked[2..5], "the least violations of those that were trained");
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
