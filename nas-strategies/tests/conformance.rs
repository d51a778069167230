//! Runs every check on every strategy of this crate. A new strategy is added by one line in `subjects`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use nas_api::{Setting, StrategyPlugin, Value};
use nas_strategies::conformance::{Additive, CHECKS, FIDELITY_CHECKS, Subject, at_equal_spend};
use nas_strategies::{
    Asha, Bananas, Bohb, Dehb, GaussianProcess, Genetic, Grid, Hyperband, LocalSearch, Mcts, Npenas, Nsga2, Ppo,
    RandomForest, RandomSearch, RegularizedEvolution, Reinforce, SimulatedAnnealing, SuccessiveHalving, Tpe,
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

/// Adds settings for small predictors, so that the checks stay fast.
fn small(mut settings: Vec<Setting>) -> Vec<Setting> {
    settings.extend([number("layers", 2.0), number("width", 8.0), number("updates", 8.0)]);
    settings
}

/// Adds settings for few candidates, so that the checks stay fast.
fn few(mut settings: Vec<Setting>) -> Vec<Setting> {
    settings.extend([number("samples", 8.0), number("mutants", 8.0), number("starts", 1.0)]);
    settings
}

/// Every strategy, with its defaults and with settings that take its other paths.
fn subjects() -> Vec<Subject> {
    let mut subjects = with_one_fidelity();
    subjects.extend(with_fidelities());
    subjects
}

/// The strategies that choose the fidelity of a trial.
fn with_fidelities() -> Vec<Subject> {
    vec![
        with::<SuccessiveHalving>(vec![]),
        with::<SuccessiveHalving>(vec![number("n", 40.0), number("eta", 3.0), truth("carry_on", true)]),
        with::<SuccessiveHalving>(vec![truth("repeat", false), truth("carry_on", true)]),
        with::<Hyperband>(vec![]),
        with::<Hyperband>(vec![number("eta", 4.0), truth("carry_on", true)]),
        with::<Bohb>(vec![]),
        with::<Bohb>(vec![number("eta", 2.0), number("min_points", 4.0)]),
        with::<Asha>(vec![number("eta", 3.0)]),
        with::<Asha>(vec![truth("carry_on", true)]),
        with::<Dehb>(vec![]),
        with::<Dehb>(vec![truth("carry_on", true)]),
        with::<Dehb>(vec![number("eta", 4.0), number("mutation_factor", 0.8), number("crossover_rate", 0.9)]),
    ]
}

fn with_one_fidelity() -> Vec<Subject> {
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
        with::<Grid>(vec![]),
        with::<Grid>(vec![text("order", "shuffled")]),
        with::<SimulatedAnnealing>(vec![]),
        with::<SimulatedAnnealing>(vec![number("initial", 3.0), text("unit", "objective"), number("steps", 50.0)]),
        with::<Mcts>(vec![]),
        with::<Mcts>(vec![text("playout", "history"), number("exploration", 1.0)]),
        with::<Tpe>(vec![]),
        with::<Tpe>(vec![
            truth("multivariate", false),
            truth("liar", false),
            text("rule", "root"),
            number("gamma", 0.25),
        ]),
        with::<Ppo>(vec![]),
        with::<Ppo>(vec![number("batch", 7.0), number("minibatch", 3.0), truth("normalise", false)]),
        with::<Nsga2>(vec![]),
        with::<Nsga2>(vec![number("population", 12.0), number("crossover_rate", 0.5), truth("unique", true)]),
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

/// Whether the strategy ignores its seed: the lexicographic grid draws nothing.
fn draws_nothing(subject: &Subject) -> bool {
    subject.info.name == "grid" && subject.settings.is_empty()
}

fn passes_every_check(mut space: Additive) {
    let mut failed = Vec::new();
    for subject in subjects() {
        let more = if subject.info.needs.fidelities { FIDELITY_CHECKS } else { &[] };
        for (name, check) in CHECKS.iter().chain(more) {
            if draws_nothing(&subject) && *name == "different seeds give different searches" {
                continue;
            }
            if let Err(error) = check(&subject, &mut space) {
                failed.push(format!("{} {:?}: {name}: {error}", subject.info.name, subject.settings));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_strategy_passes_every_check_in_a_flat_space() {
    passes_every_check(Additive::flat(6, 5, 1));
}

#[test]
fn every_strategy_passes_every_check_in_a_conditional_space() {
    passes_every_check(Additive::conditional(1));
}

#[test]
fn every_strategy_describes_itself() {
    for subject in subjects() {
        let info = &subject.info;
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
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

/// Twenty landscapes are searched, each by both strategies with the same seed.
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
        with::<SimulatedAnnealing>(vec![number("steps", 190.0)]),
        with::<Bohb>(vec![]),
        with::<Mcts>(vec![]),
        with::<Mcts>(vec![text("playout", "history"), number("exploration", 1.0)]),
        with::<Tpe>(vec![]),
        with::<Tpe>(vec![truth("multivariate", false)]),
        with::<Nsga2>(vec![number("population", 20.0)]),
        with::<Bananas>(vec![number("updates", 100.0)]),
        with::<Npenas>(vec![number("updates", 200.0)]),
        with::<Bananas>(vec![number("layers", 3.0), number("updates", 100.0)]),
        with::<Npenas>(vec![number("updates", 100.0)]),
        with::<GaussianProcess>(vec![number("points", 60.0)]),
        with::<GaussianProcess>(vec![number("points", 60.0), text("targets", "standardised")]),
        with::<RandomForest>(vec![number("samples", 100.0), number("starts", 3.0)]),
        with::<RandomForest>(few(vec![number("interleave", 0.0), text("targets", "standardised")])),
        with::<Ppo>(vec![]),
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

/// A hundred landscapes with noisy and biased low fidelities are searched, each by both strategies with the same seed
/// and with the total fidelity of 40 trials at the greatest fidelity.
#[test]
fn strategies_that_use_fidelities_beat_random_search_at_equal_spend() {
    const SEEDS: u32 = 100;
    let best = |subject: &Subject| -> Vec<f64> {
        (0..SEEDS)
            .map(|seed| {
                let mut space = Additive::flat(6, 5, 100 + seed);
                at_equal_spend(subject, seed, 40.0 * 27.0, &mut space).unwrap() / space.optimum()
            })
            .collect()
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let random = best(&with::<RandomSearch>(vec![]));
    println!("random-search: mean {:.4} of the optimum", mean(&random));
    for subject in with_fidelities() {
        // Settings that end early or explore more are only checked above.
        if subject.settings.iter().any(|setting| setting.name == "repeat" || setting.name == "mutation_factor") {
            continue;
        }
        let found = best(&subject);
        let gains: Vec<f64> = found.iter().zip(&random).map(|(found, random)| found - random).collect();
        let gain = mean(&gains);
        let spread = mean(&gains.iter().map(|one| (one - gain) * (one - gain)).collect::<Vec<f64>>()).sqrt();
        let errors = gain / (spread / f64::from(SEEDS).sqrt());
        let (wins, losses) = (gains.iter().filter(|&&gain| gain > 0.0), gains.iter().filter(|&&gain| gain < 0.0));
        let (wins, losses) = (wins.count(), losses.count());
        let (name, settings) = (&subject.info.name, &subject.settings);
        println!("{name} {settings:?}: mean {:.4}, {wins} wins, {losses} losses, {errors:.1} errors", mean(&found));
        // By chance alone, four standard errors happen once in 30,000 times.
        assert!(wins > losses && errors > 4.0, "{name} {settings:?}: {wins} to {losses}, {errors:.1} errors");
    }
}
