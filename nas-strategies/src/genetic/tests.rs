use nas_api::{Candidate, Failure, Setting, Value};

use super::*;
use crate::conformance::{Additive, observation, study_of};

fn number(name: &str, value: f64) -> Setting {
    Setting { name: name.into(), value: Value::Number(value) }
}

fn text(name: &str, value: &str) -> Setting {
    Setting { name: name.into(), value: Value::Text(value.into()) }
}

fn open(settings: &[Setting], space: &mut Additive) -> Genetic {
    Genetic::open(&study_of::<Genetic>(3, settings).unwrap(), space).unwrap()
}

fn refusal(settings: &[Setting]) -> String {
    let study = study_of::<Genetic>(3, settings).unwrap();
    Genetic::open(&study, &mut Additive::flat(2, 2, 1)).err().unwrap().to_string()
}

/// Measures the proposals of the search until `trials` results are told, numbered from `from` on.
fn advance(search: &mut Genetic, space: &mut Additive, from: u32, trials: u32) {
    for trial in from..from + trials {
        let proposals = search.ask(1, space).unwrap();
        let Candidate::Discrete(genotype) = proposals[0].candidate.clone() else { panic!("not discrete") };
        let outcome = space.measure(&genotype);
        search.tell(&[observation(Some(trial), genotype, outcome)], space).unwrap();
    }
}

#[test]
fn elitism_keeps_the_best_of_every_generation() {
    let mut space = Additive::flat(6, 5, 1);
    let settings = [number("population", 10.0), number("elitism", 2.0), number("mutation_rate", 1.0)];
    let mut search = open(&settings, &mut space);
    advance(&mut search, &mut space, 0, 10);
    let mut best = Rank::Failed;
    for generation in 0..20 {
        advance(&mut search, &mut space, 10 + 8 * generation, 8);
        let now = search.parents[0].rank;
        assert!(now >= best, "generation {generation}: {now:?} after {best:?}");
        assert_eq!(search.parents.len(), 10);
        best = now;
    }
}

#[test]
fn without_elitism_the_whole_generation_is_replaced() {
    let mut space = Additive::flat(6, 5, 1);
    let settings = [number("population", 4.0), number("elitism", 0.0)];
    let mut search = open(&settings, &mut space);
    advance(&mut search, &mut space, 0, 4);
    let told: Vec<Genotype> = search.children.iter().map(|member| member.genotype.clone()).collect();
    advance(&mut search, &mut space, 4, 4);
    let mut parents: Vec<Genotype> = search.parents.iter().map(|member| member.genotype.clone()).collect();
    let mut expected = told;
    parents.sort();
    expected.sort();
    assert_eq!(parents, expected);
}

#[test]
fn it_waits_until_the_last_result_of_a_generation_is_told() {
    let mut space = Additive::flat(6, 5, 1);
    let mut search = open(&[number("population", 5.0)], &mut space);
    let proposals = search.ask(100, &mut space).unwrap();
    assert_eq!(proposals.len(), 5);
    for (trial, proposal) in (0..).zip(&proposals) {
        assert!(search.ask(100, &mut space).unwrap().is_empty());
        let genotype = proposal.candidate.genotype().unwrap().clone();
        let outcome = Err(Failure::new("test"));
        search.tell(&[observation(Some(trial), genotype, outcome)], &mut space).unwrap();
    }
    assert_eq!(search.ask(100, &mut space).unwrap().len(), 4, "all members except the elite");
}

#[test]
fn it_stops_at_the_target_in_the_objectives_own_unit() {
    for goal in [nas_api::Goal::Maximize, nas_api::Goal::Minimize] {
        let mut space = Additive::flat(2, 2, 1);
        let stop = Setting { name: "stop_at_target".into(), value: Value::Truth(true) };
        let mut study = study_of::<Genetic>(3, &[stop, number("target", 0.5)]).unwrap();
        study.objectives[0].goal = goal;
        let mut search = Genetic::open(&study, &mut space).unwrap();
        let (short, reaching) = if goal == nas_api::Goal::Maximize { (0.4, 0.5) } else { (0.6, 0.5) };
        let mut tell = |value: f64| {
            let outcome = Ok(value);
            search.tell(&[observation(None, vec![0, 0], outcome)], &mut space).unwrap();
            search.finished()
        };
        assert!(!tell(short));
        assert!(tell(reaching));
        assert!(search.ask(1, &mut space).unwrap().is_empty());
    }
}

#[test]
fn external_results_replace_members_of_the_first_generation() {
    let mut space = Additive::flat(2, 2, 1);
    let mut search = open(&[number("population", 5.0)], &mut space);
    for _ in 0..3 {
        let outcome = space.measure(&[1, 1]);
        search.tell(&[observation(None, vec![1, 1], outcome)], &mut space).unwrap();
    }
    assert_eq!(search.ask(100, &mut space).unwrap().len(), 2);
}

#[test]
fn contradictory_settings_are_refused_with_the_reason() {
    assert!(refusal(&[number("population", 1.0)]).contains("'population' must be at least 2"));
    assert!(refusal(&[number("population", 5.0), number("elitism", 5.0)]).contains("'elitism' (5)"));
    assert!(refusal(&[number("population", 5.0), number("tournament", 6.0)]).contains("'tournament' (6)"));
    // A tournament is not used by roulette, so its size does not matter there.
    let settings = [number("population", 5.0), number("tournament", 6.0), text("selection", "roulette")];
    open(&settings, &mut Additive::flat(2, 2, 1));
}
