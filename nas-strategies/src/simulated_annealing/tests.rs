#![allow(clippy::unwrap_used)]

use nas_api::{Failure, Setting, Value};

use super::*;
use crate::conformance::{Additive, observation, study_of};

fn number(name: &str, value: f64) -> Setting {
    Setting { name: name.into(), value: Value::Number(value) }
}

fn open(settings: &[Setting]) -> Result<SimulatedAnnealing> {
    let study = study_of::<SimulatedAnnealing>(3, settings).unwrap();
    SimulatedAnnealing::open(&study, &mut Additive::flat(3, 4, 1))
}

#[test]
fn temperatures_are_a_geometric_series_between_their_ends() {
    let schedule = Schedule::new(8.0, 0.5, 5);
    for (step, expected) in [8.0, 4.0, 2.0, 1.0, 0.5, 0.5, 0.5].into_iter().enumerate() {
        assert!((schedule.temperature(step as u32) - expected).abs() < 1e-12, "step {step}");
    }
    for steps in [0, 1] {
        assert_eq!(Schedule::new(8.0, 0.5, steps).temperature(3), 8.0);
    }
}

#[test]
fn acceptance_follows_metropolis() {
    assert_eq!(acceptance(-1.0, 0.1), 1.0);
    assert_eq!(acceptance(0.0, 0.0), 1.0);
    assert_eq!(acceptance(1.0, 0.0), 0.0);
    assert!((acceptance(0.5, 0.25) - 0.135_335_283_236_612_7).abs() < 1e-15);
}

#[test]
fn worse_results_are_accepted_as_often_as_the_temperature_says() {
    let mut search = open(&[]).unwrap();
    search.unit = 0.5;
    let accepted = (0..10_000).filter(|_| search.accepts(Rank::Measured(1.0), Rank::Measured(0.5))).count();
    // exp(-0.5 / (1 · 0.5)) = 0.368, give or take 4 standard errors.
    assert!((3485..3875).contains(&accepted), "{accepted}");
    assert!(search.accepts(Rank::Infeasible(2.0), Rank::Infeasible(1.0)));
    assert!(!search.accepts(Rank::Infeasible(1.0), Rank::Infeasible(2.0)));
    assert!(!search.accepts(Rank::Measured(0.0), Rank::Infeasible(1.0)));
}

#[test]
fn the_unit_is_the_deviation_of_the_start_and_the_chain_begins_at_its_best() {
    let mut search = open(&[number("initial", 4.0)]).unwrap();
    for (choice, value) in (0..).zip([2.0, 4.0, 4.0, 6.0]) {
        search.learn(&vec![choice, 0, 0], Rank::Measured(value), Source::Start);
    }
    assert!(!search.starting());
    assert!((search.unit - libm::sqrt(8.0 / 3.0)).abs() < 1e-12, "{}", search.unit);
    assert_eq!(search.current.as_ref().unwrap().genotype, [3, 0, 0]);
}

#[test]
fn the_start_goes_on_until_a_trial_succeeds() {
    let mut space = Additive::flat(3, 4, 1);
    let mut search = open(&[number("initial", 2.0)]).unwrap();
    for trial in 0..5 {
        let genotype = search.ask(1, &mut space).unwrap()[0].candidate.genotype().unwrap().clone();
        let failed = observation(Some(trial), genotype, Err(Failure::new("test")));
        search.tell(&[failed], &mut space).unwrap();
    }
    assert!(search.starting());
    search.tell(&[observation(None, vec![1, 1, 1], Ok(0.5))], &mut space).unwrap();
    assert!(!search.starting());
    let neighbor = search.ask(1, &mut space).unwrap()[0].candidate.genotype().unwrap().clone();
    assert_eq!(neighbor.iter().filter(|&&choice| choice != 1).count(), 1);
}

/// Tells 1,000 results of the chain that are worse by 0.01 and returns how many of them it moved to.
fn accepted_of_worse(search: &mut SimulatedAnnealing) -> usize {
    let worse = |search: &SimulatedAnnealing| {
        let score = search.current.as_ref().unwrap().rank.score().unwrap();
        Rank::Measured(score - 0.01)
    };
    (0..1000)
        .filter(|_| {
            let (rank, step) = (worse(search), search.step);
            search.learn(&vec![0, 0, 0], rank, Source::Chain);
            assert_eq!(search.step, step + 1);
            search.current.as_ref().unwrap().rank == rank
        })
        .count()
}

#[test]
fn a_start_with_one_score_does_not_make_the_search_greedy() {
    let of_start =
        |rank: Rank| move |search: &mut SimulatedAnnealing| search.learn(&vec![1, 0, 0], rank, Source::Start);
    let (score, failure) = (of_start(Rank::Measured(0.5)), of_start(Rank::Failed));
    let begin = |seed, initial, start: &dyn Fn(&mut SimulatedAnnealing)| {
        let study = study_of::<SimulatedAnnealing>(seed, &[number("initial", initial)]).unwrap();
        let mut search = SimulatedAnnealing::open(&study, &mut Additive::flat(3, 4, 1)).unwrap();
        start(&mut search);
        assert!(!search.starting());
        search
    };
    let mut accepted = [0; 3];
    for seed in 0..20 {
        let one = begin(seed, 1.0, &|search| score(search));
        let failures = begin(seed, 10.0, &|search| {
            (0..9).for_each(|_| failure(search));
            score(search);
        });
        let ties = begin(seed, 10.0, &|search| (0..10).for_each(|_| score(search)));
        for (count, mut search) in accepted.iter_mut().zip([one, failures, ties]) {
            *count += accepted_of_worse(&mut search);
            assert!(search.unit > 0.0);
        }
    }
    assert!(accepted.iter().all(|&count| count > 200), "{accepted:?} of 20,000");
}

#[test]
fn with_ten_workers_the_first_moves_are_neighbours_of_the_best_of_the_start() {
    let mut space = Additive::flat(20, 5, 1);
    let study = study_of::<SimulatedAnnealing>(3, &[number("initial", 10.0)]).unwrap();
    let mut search = SimulatedAnnealing::open(&study, &mut space).unwrap();
    let mut asked: Vec<Genotype> = Vec::new();
    let mut ask = |search: &mut SimulatedAnnealing, space: &mut Additive, count| {
        let proposals = search.ask(count, space).unwrap();
        asked.extend(proposals.iter().map(|one| one.candidate.genotype().unwrap().clone()));
        asked.clone()
    };
    ask(&mut search, &mut space, 10);
    for trial in 0..29 {
        let known = ask(&mut search, &mut space, 0);
        let genotype = known[trial as usize].clone();
        let outcome = space.measure(&genotype);
        search.tell(&[observation(Some(trial), genotype, outcome)], &mut space).unwrap();
        ask(&mut search, &mut space, 1);
    }
    // The first 19 were random: ten at once, and one for each of the first nine results.
    let known = ask(&mut search, &mut space, 0);
    for (number, genotype) in known.iter().enumerate().skip(19).take(10) {
        // When it was proposed, the results of the trials up to this one were told.
        let told = &known[..number - 9];
        let best = told.iter().max_by(|a, b| space.value(a).total_cmp(&space.value(b))).unwrap();
        let distance = best.iter().zip(genotype).filter(|(a, b)| a != b).count();
        assert_eq!(distance, 1, "trial {number}");
    }
}

#[test]
fn the_schedule_follows_the_trials_of_the_study_unless_it_is_set() {
    let steps = |trials, settings: &[Setting]| {
        let study = Study { trials, ..study_of::<SimulatedAnnealing>(3, settings).unwrap() };
        SimulatedAnnealing::open(&study, &mut Additive::flat(3, 4, 1)).unwrap().schedule.steps
    };
    assert_eq!(steps(Some(60), &[]), 50);
    assert_eq!(steps(None, &[]), DEFAULT_STEPS);
    assert_eq!(steps(Some(60), &[number("steps", 7.0)]), 7);
}

#[test]
fn a_final_temperature_above_the_initial_one_is_refused() {
    let refused = open(&[number("initial_temperature", 0.1), number("final_temperature", 0.2)]).err().unwrap();
    assert!(refused.to_string().contains("'final_temperature' (0.2)"), "{refused}");
}
