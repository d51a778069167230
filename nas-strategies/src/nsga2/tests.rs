use nas_api::{Candidate, Constraint, Failure, Goal, Objective, Setting, StrategyPlugin, Value};

use super::*;
use crate::RandomSearch;
use crate::conformance::{Additive, observation, study_of};

fn number(name: &str, value: f64) -> Setting {
    Setting { name: name.into(), value: Value::Number(value) }
}

/// A study of two conflicting objectives: maximize `gain` and minimize `price`.
fn two(seed: u32, settings: &[Setting], constraints: Vec<Constraint>) -> Study {
    let objective = |metric: &str, goal| Objective { metric: metric.into(), goal };
    Study {
        objectives: vec![objective("gain", Goal::Maximize), objective("price", Goal::Minimize)],
        metrics: vec!["gain".into(), "price".into()],
        constraints,
        ..study_of::<Nsga2>(seed, settings).unwrap()
    }
}

/// Two independent landscapes over the same decisions.
struct Trade {
    space: Additive,
    gain: Additive,
    price: Additive,
}

impl Trade {
    fn new(seed: u32) -> Self {
        let landscape = |seed| Additive::flat(8, 4, seed);
        Self { space: landscape(seed), gain: landscape(seed), price: landscape(seed + 1000) }
    }

    fn values(&self, genotype: &Genotype) -> [f64; 2] {
        [self.gain.value(genotype), self.price.value(genotype)]
    }

    /// Runs this many trials, whose results are told in batches of five, the newest first, and returns all values.
    fn search<S: StrategyPlugin>(&mut self, study: &Study, trials: u32) -> Vec<[f64; 2]> {
        let mut search = S::open(study, &mut self.space).unwrap();
        let (mut measured, mut trial) = (Vec::new(), 0);
        while trial < trials {
            let mut observations = Vec::new();
            for proposal in search.ask(5, &mut self.space).unwrap() {
                let Candidate::Discrete(genotype) = proposal.candidate else { continue };
                let values = self.values(&genotype);
                let told = observation(Some(trial), genotype, Ok(0.0));
                observations.insert(0, Observation { metrics: values.to_vec(), ..told });
                measured.push(values);
                trial += 1;
            }
            search.tell(&observations, &mut self.space).unwrap();
        }
        measured
    }
}

/// The area that the values dominate, relative to the point with gain 0 and price 1.
fn hypervolume(mut values: Vec<[f64; 2]>) -> f64 {
    values.sort_by(|a, b| b[0].total_cmp(&a[0]));
    let (mut area, mut cheapest) = (0.0, 1.0);
    for [gain, price] in values {
        if price < cheapest {
            area += gain * (cheapest - price);
            cheapest = price;
        }
    }
    area
}

#[test]
fn its_front_is_better_than_that_of_random_search() {
    let settings = [number("population", 20.0)];
    let (mut wins, mut sums) = (0, [0.0; 2]);
    for seed in 0..20 {
        let mut trade = Trade::new(seed);
        let found = hypervolume(trade.search::<Nsga2>(&two(seed, &settings, Vec::new()), 300));
        let random = study_of::<RandomSearch>(seed, &[]).unwrap();
        let by_chance = hypervolume(trade.search::<RandomSearch>(&random, 300));
        wins += u32::from(found > by_chance);
        sums[0] += found / 20.0;
        sums[1] += by_chance / 20.0;
    }
    println!("nsga2: mean hypervolume {:.4}, random-search {:.4}, better on {wins} of 20", sums[0], sums[1]);
    assert!(wins >= 19, "{wins} of 20");
}

#[test]
fn feasibility_comes_before_the_objectives() {
    let constraint = Constraint { metric: "price".into(), goal: Goal::Minimize, limit: 0.3 };
    let mut trade = Trade::new(1);
    let measured = trade.search::<Nsga2>(&two(1, &[number("population", 20.0)], vec![constraint]), 300);
    let feasible = |values: &[[f64; 2]]| values.iter().filter(|[_, price]| *price <= 0.3).count();
    let (at_first, at_last) = (feasible(&measured[..20]), feasible(&measured[280..]));
    assert!(at_first < 10 && at_last > 15, "{at_first}, then {at_last} of 20");
}

#[test]
fn the_best_of_parents_and_children_survive() {
    let mut space = Additive::flat(2, 6, 1);
    let duplicates = Setting { name: "unique".into(), value: Value::Truth(false) };
    let study = study_of::<Nsga2>(3, &[number("population", 3.0), duplicates]).unwrap();
    let mut search = Nsga2::open(&study, &mut space).unwrap();
    let mut tell = |values: &[f64]| {
        for (choice, &value) in (0..).zip(values) {
            search.tell(&[observation(None, vec![choice, 0], Ok(value))], &mut space).unwrap();
        }
        let values = |member: &Member| match &member.fitness {
            Fitness::Feasible(values) => values[0],
            _ => f64::NAN,
        };
        search.parents.iter().map(values).collect::<Vec<f64>>()
    };
    assert_eq!(tell(&[5.0, 1.0]), [], "a generation has three results");
    assert_eq!(tell(&[3.0]), [5.0, 3.0, 1.0]);
    assert_eq!(tell(&[4.0, 0.0, 2.0]), [5.0, 4.0, 3.0]);
}

#[test]
fn a_missing_second_objective_is_a_failure_and_a_violation_is_not() {
    let study = two(1, &[], Vec::new());
    let told = observation(None, vec![0; 8], Ok(0.5));
    let with = |metrics: Vec<f64>| Fitness::of(&study, &Observation { metrics, ..told.clone() });
    assert_eq!(with(vec![0.5, 0.25]), Fitness::Feasible(vec![0.5, -0.25]));
    assert_eq!(with(vec![0.5, f64::NAN]), Fitness::Failed);
    assert_eq!(with(vec![0.5, f64::INFINITY]), Fitness::Failed);
    let failure = Some(Failure { violation: 0.5, ..Failure::new("test") });
    let violating = Observation { failure, ..told.clone() };
    assert_eq!(Fitness::of(&study, &violating), Fitness::Infeasible(0.5));
}

#[test]
fn unique_keeps_one_of_equal_members() {
    let mut space = Additive::flat(2, 6, 1);
    let study = study_of::<Nsga2>(3, &[number("population", 4.0)]).unwrap();
    let mut search = Nsga2::open(&study, &mut space).unwrap();
    for choice in [1, 1, 2, 1] {
        search.tell(&[observation(None, vec![choice, 0], Ok(1.0))], &mut space).unwrap();
    }
    let left: Vec<u32> = search.parents.iter().map(|member| member.genotype[0]).collect();
    assert_eq!(left, [1, 2]);
}

#[test]
fn no_architecture_is_proposed_twice_by_default() {
    let mut trade = Trade::new(2);
    let mut search = Nsga2::open(&two(2, &[number("population", 10.0)], Vec::new()), &mut trade.space).unwrap();
    let mut proposed = BTreeSet::new();
    for trial in 0..200 {
        let genotype = search.ask(1, &mut trade.space).unwrap()[0].candidate.genotype().unwrap().clone();
        let values = trade.values(&genotype);
        assert!(proposed.insert(genotype.clone()), "trial {trial} repeats {genotype:?}");
        let told = observation(Some(trial), genotype, Ok(0.0));
        search.tell(&[Observation { metrics: values.to_vec(), ..told }], &mut trade.space).unwrap();
    }
}

#[test]
fn the_population_follows_the_budget_unless_it_is_set() {
    let size = |trials, settings: &[Setting]| {
        let study = Study { trials, ..study_of::<Nsga2>(3, settings).unwrap() };
        Nsga2::open(&study, &mut Additive::flat(2, 6, 1)).unwrap().size
    };
    assert_eq!([3, 60, 200, 1000].map(|trials| size(Some(trials), &[])), [2, 8, 20, 50]);
    assert_eq!(size(Some(60), &[number("population", 12.0)]), 12);
    let study = study_of::<Nsga2>(3, &[number("population", 1.0)]).unwrap();
    let refusal = Nsga2::open(&study, &mut Additive::flat(2, 6, 1)).err().unwrap().to_string();
    assert!(refusal.contains("at least 2"), "{refusal}");
}
