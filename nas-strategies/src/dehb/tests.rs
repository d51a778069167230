use nas_api::{Setting, Value};

use super::*;
use crate::conformance::{Additive, observation, study_of};

fn open(space: &mut Additive) -> Dehb {
    let carry_on = Setting { name: "carry_on".into(), value: Value::Truth(true) };
    Dehb::open(&study_of::<Dehb>(3, &[carry_on]).unwrap(), space).unwrap()
}

/// Runs trials one at a time and returns the proposals.
fn run(search: &mut Dehb, space: &mut Additive, from: u32, trials: u32) -> Vec<Proposal> {
    (from..from + trials)
        .map(|trial| {
            let proposal = search.ask(1, space).unwrap().remove(0);
            let genotype = proposal.candidate.genotype().unwrap().clone();
            let told = observation(Some(trial), genotype.clone(), Ok(space.value(&genotype)));
            search.tell(&[Observation { fidelity: proposal.fidelity, ..told }], space).unwrap();
            proposal
        })
        .collect()
}

#[test]
fn subpopulations_are_as_large_as_hyperbands_largest_rungs() {
    let mut space = Additive::flat(6, 5, 1);
    let search = open(&mut space);
    let sizes: Vec<(f64, usize)> =
        search.populations.iter().map(|population| (population.fidelity, population.points().count())).collect();
    assert_eq!(sizes, [(1.0, 27), (3.0, 12), (9.0, 6), (27.0, 4)]);
}

#[test]
fn the_first_bracket_is_successive_halving() {
    let mut space = Additive::flat(6, 5, 1);
    let mut search = open(&mut space);
    let first = run(&mut search, &mut space, 0, 40);
    let values: Vec<f64> = first.iter().map(|proposal| space.value(proposal.candidate.genotype().unwrap())).collect();
    let mut best: Vec<usize> = (0..27).collect();
    best.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    for (position, &trial) in best.iter().take(9).enumerate() {
        let promoted = &first[27 + position];
        assert_eq!((promoted.fidelity, promoted.resume), (Some(3.0), Some(trial as u32)));
        assert_eq!(promoted.candidate, first[trial].candidate);
    }
    let fidelities: Vec<f64> = first.iter().filter_map(|proposal| proposal.fidelity).collect();
    assert_eq!(fidelities[36..], [9.0, 9.0, 9.0, 27.0]);
    // The second bracket evolves its lowest rung and promotes to the others.
    let second = run(&mut search, &mut space, 40, 17);
    assert!(second[..12].iter().all(|proposal| proposal.fidelity == Some(3.0) && proposal.resume.is_none()));
    assert!(second[12..16].iter().all(|proposal| proposal.fidelity == Some(9.0)));
    assert!(second[12..16].iter().any(|proposal| proposal.resume.is_some()));
}

#[test]
fn later_rounds_evolve_at_every_rung() {
    let mut space = Additive::flat(6, 5, 1);
    let mut search = open(&mut space);
    // One round has 27 + 9 + 3 + 1, 12 + 4 + 1, 6 + 2 and 4 trials.
    run(&mut search, &mut space, 0, 69);
    let second = run(&mut search, &mut space, 69, 69);
    assert!(second.iter().all(|proposal| proposal.resume.is_none()));
    let fidelities: Vec<f64> = second.iter().filter_map(|proposal| proposal.fidelity).collect();
    assert_eq!(fidelities[26..28], [1.0, 3.0]);
}

#[test]
fn a_child_replaces_its_target_unless_it_is_worse() {
    let told = |value| Measured { rank: Rank::Measured(value), promotable: true, trial: None };
    let mut population = Population::new(1.0, 2, &mut || vec![0.5]);
    population.select(0, vec![0.1], told(1.0));
    population.select(0, vec![0.2], told(0.5));
    assert_eq!(population.point(0), [0.1]);
    population.select(0, vec![0.3], told(1.0));
    assert_eq!(population.point(0), [0.3], "an equal child replaces its target");
    // External results replace the unmeasured member first, and then the worst one.
    population.adopt(vec![0.4], Measured { rank: Rank::Failed, promotable: false, trial: None });
    population.adopt(vec![0.6], told(2.0));
    assert_eq!(population.points().collect::<Vec<_>>(), [&[0.3], &[0.6]]);
    assert_eq!(population.parents(1), [&[0.6]]);
}
