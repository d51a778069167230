//! Every strategy of this crate against every check. A new strategy joins by one line in `subjects`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use nas_api::{Setting, StrategyPlugin, Value};
use nas_strategies::conformance::{Additive, CHECKS, Subject};
use nas_strategies::{
    Bananas, GaussianProcess, Genetic, LocalSearch, Npenas, RandomForest, RandomSearch, RegularizedEvolution, Reinforce,
};

fn number(name: &str, value: f64) -> Setting {
    Setting { name: name.into(), value: Value::Number(value) }
}

fn text(name: &str, value: &str) -> Setting {
    Setting { name: name.into(), value: Value::Text(value.into()) }
}

fn truth(name: &str, value: bool) -> Setting {
    Setting { name: name.into(), value: Value::Truth(value) }
}

fn with<S: StrategyPlugin>(settings: Vec<Setting>) -> Subject {
    Subject::of::<S>().with(settings)
}

/// Small predictors, so that the checks stay fast.
fn small(mut settings: Vec<Setting>) -> Vec<Setting> {
    settings.extend([number("layers", 2.0), number("width", 8.0), number("updates", 8.0)]);
    settings
}

/// Few candidates and points, so that the checks stay fast.
fn few(mut settings: Vec<Setting>) -> Vec<Setting> {
    settings.extend([number("samples", 8.0), number("mutants", 8.0), number("starts", 1.0)]);
    settings
}

/// Every strategy, at its defaults and with every other way it can go.
fn subjects() -> Vec<Subject> {
    vec![
        with::<RandomSearch>(vec![]),
        with::<RandomSearch>(vec![truth("unique", true)]),
        with::<LocalSearch>(vec![]),
        with::<LocalSearch>(vec![text("accept", "best"), number("initial", 5.0)]),
        with::<RegularizedEvolution>(vec![]),
        with::<RegularizedEvolution>(vec![number("population", 10.0), number("sample", 3.0)]),
        with::<Genetic>(vec![number("population", 12.0)]),
        with::<Genetic>(vec![
            number("population", 12.0),
            text("selection", "roulette"),
            text("crossover", "one-point"),
        ]),
        with::<Reinforce>(vec![]),
        with::<Reinforce>(vec![text("optimizer", "sgd"), number("entropy", 0.1), truth("normalise", true)]),
        with::<Bananas>(small(vec![])),
        with::<Bananas>(small(vec![
            text("loss", "mae"),
            text("targets", "normal-scores"),
            number("k", 3.0),
            number("initial", 4.0),
        ])),
        with::<Npenas>(small(vec![])),
        with::<Npenas>(small(vec![
            number("population", 3.0),
            number("offspring", 4.0),
            number("k", 1.0),
            text("targets", "standardised"),
        ])),
        with::<GaussianProcess>(few(vec![number("points", 12.0)])),
        with::<GaussianProcess>(few(vec![
            number("points", 9.0),
            text("targets", "standardised"),
            text("liar", "worst"),
            truth("relevance", false),
        ])),
        with::<RandomForest>(few(vec![number("trees", 3.0)])),
        with::<RandomForest>(few(vec![
            number("trees", 3.0),
            number("interleave", 0.0),
            number("n_min", 2.0),
            text("targets", "standardised"),
        ])),
    ]
}

fn holds_everything(mut space: Additive) {
    let mut broken = Vec::new();
    for subject in subjects() {
        for (name, check) in CHECKS {
            if let Err(error) = check(&subject, &mut space) {
                broken.push(format!("{} {:?}: {name}: {error}", subject.info.name, subject.settings));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_strategy_holds_every_check_in_a_flat_space() {
    holds_everything(Additive::flat(6, 5, 1));
}

#[test]
fn every_strategy_holds_every_check_in_a_conditional_space() {
    holds_everything(Additive::conditional(1));
}

#[test]
fn every_strategy_describes_itself() {
    for subject in subjects() {
        let info = &subject.info;
        let kebab = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(!info.name.is_empty() && info.name.chars().all(kebab), "'{}' is not kebab case", info.name);
        assert!(!info.description.is_empty() && !info.reference.is_empty(), "{}", info.name);
        for parameter in &info.parameters {
            parameter.check(&parameter.default).unwrap();
            assert!(!parameter.description.is_empty(), "{}.{}", info.name, parameter.name);
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

/// Twenty landscapes, each searched by both with the same seed.
#[test]
fn strategies_that_learn_beat_random_search() {
    let learning = [
        with::<LocalSearch>(vec![]),
        with::<LocalSearch>(vec![text("accept", "best")]),
        with::<RegularizedEvolution>(vec![number("population", 20.0), number("sample", 5.0)]),
        with::<Genetic>(vec![number("population", 20.0)]),
        with::<Genetic>(vec![
            number("population", 20.0),
            text("selection", "roulette"),
            text("crossover", "one-point"),
        ]),
        with::<Reinforce>(vec![number("learning_rate", 0.1)]),
        with::<Bananas>(vec![number("layers", 3.0), number("updates", 100.0)]),
        with::<Npenas>(vec![number("updates", 100.0)]),
        with::<GaussianProcess>(vec![number("points", 60.0)]),
        with::<GaussianProcess>(vec![number("points", 60.0), text("targets", "standardised")]),
        with::<RandomForest>(vec![number("samples", 100.0), number("starts", 3.0)]),
        with::<RandomForest>(few(vec![number("interleave", 0.0), text("targets", "standardised")])),
    ];
    let best = |subject: &Subject| -> Vec<f64> {
        (0..20)
            .map(|seed| {
                let mut space = Additive::flat(6, 5, 100 + seed);
                subject.best_of(seed, 200, &mut space).unwrap() / space.optimum()
            })
            .collect()
    };
    let random = best(&with::<RandomSearch>(vec![]));
    println!("random-search: median {:.4} of the optimum", median(random.clone()));
    for subject in learning {
        let found = best(&subject);
        let wins = found.iter().zip(&random).filter(|(found, random)| found > random).count();
        let (reached, by_chance) = (median(found), median(random.clone()));
        let name = &subject.info.name;
        println!("{name} {:?}: median {reached:.4}, better on {wins} of 20", subject.settings);
        // By chance alone, 15 wins of 20 happen once in 48 times.
        assert!(reached > by_chance && wins >= 15, "{name}: median {reached} against {by_chance}, {wins} of 20");
    }
}
