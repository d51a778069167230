//! Runs the strategies on built-in spaces: proposals are valid, equal seeds give equal searches, and later results beat
//! the first ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use nas_api::{Genotype, SearchSpace, Setting, Settings, Space, SpaceInfo, Value, rng};
use nas_spaces::{Mlp, NasBench201};
use nas_strategies::conformance::{Schedule, Step, Subject, drive};
use nas_strategies::{
    Bananas, GaussianProcess, Genetic, LocalSearch, Mcts, Npenas, Nsga2, Ppo, RandomForest, RandomSearch,
    RegularizedEvolution, Reinforce, SimulatedAnnealing, Tpe,
};

/// The sum of an amount for every choice, which depends on the name of its decision.
fn landscape(space: &mut dyn Space, genotype: &Genotype) -> f64 {
    (0..genotype.len())
        .map(|length| {
            let decision = space.next(&genotype[..length]).unwrap().unwrap();
            f64::from(rng::derive(7, &decision.name, genotype[length])) / f64::from(u32::MAX)
        })
        .sum()
}

fn steps_of(subject: &Subject, space: &mut dyn Space, for_values: &mut dyn FnMut() -> Box<dyn Space>) -> Vec<Step> {
    let schedule = Schedule { workers: 3, limit: 3, told: 2, shuffle: Some(4) };
    let values = std::cell::RefCell::new(for_values());
    let measure = |_, genotype: &Genotype| Ok(landscape(values.borrow_mut().as_mut(), genotype));
    let mut search = subject.search(5, space).unwrap();
    drive(search.as_mut(), space, &schedule, 300, &measure).unwrap()
}

/// Makes the training of predictors fast.
fn few_updates() -> Vec<Setting> {
    vec![Setting { name: "updates".into(), value: Value::Number(20.0) }]
}

fn every_strategy_searches<S: SearchSpace>() {
    let open = || S::open(&Settings::defaults(&S::parameters())).unwrap();
    let mut boxed = || -> Box<dyn Space> { Box::new(open()) };
    let SpaceInfo { name, .. } = SearchSpace::info(&open());
    for subject in [
        Subject::of::<RandomSearch>(),
        Subject::of::<LocalSearch>(),
        Subject::of::<RegularizedEvolution>(),
        Subject::of::<Genetic>(),
        Subject::of::<Reinforce>(),
        Subject::of::<SimulatedAnnealing>(),
        Subject::of::<Tpe>(),
        Subject::of::<Nsga2>(),
        Subject::of::<Bananas>().with(few_updates()),
        Subject::of::<Npenas>().with(few_updates()),
        Subject::of::<Mcts>(),
        Subject::of::<GaussianProcess>(),
        Subject::of::<RandomForest>(),
        Subject::of::<Ppo>(),
    ] {
        let steps = steps_of(&subject, &mut open(), &mut boxed);
        assert_eq!(steps, steps_of(&subject, &mut open(), &mut boxed), "{} on {name}", subject.info.name);
        let mut space = open();
        let values: Vec<f64> =
            steps.iter().flat_map(Step::proposed).map(|genotype| landscape(&mut space, genotype)).collect();
        assert_eq!(values.len(), 300, "{} on {name}", subject.info.name);
        let best = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!(best(&values) > best(&values[..10]), "{} on {name}", subject.info.name);
    }
}

#[test]
fn every_strategy_searches_mlp() {
    every_strategy_searches::<Mlp>();
}

#[test]
fn every_strategy_searches_nas_bench_201() {
    every_strategy_searches::<NasBench201>();
}
