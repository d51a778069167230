#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use nas_api::{Genotype, Graph, Verdict};

use super::*;

fn open(given: &[(&str, Value)]) -> Result<SyntheticEvaluator> {
    let given: Vec<Setting> =
        given.iter().map(|(name, value)| Setting { name: (*name).into(), value: value.clone() }).collect();
    SyntheticEvaluator::open(&Settings::checked(&SyntheticEvaluator::info().parameters, &given)?, None)
}

fn problem(data: &str, decisions: u32, choices: u32, order: u32, instance: u32) -> Result<SyntheticEvaluator> {
    let number = |value: u32| Value::Number(f64::from(value));
    open(&[
        ("data", Value::Text(data.into())),
        ("decisions", number(decisions)),
        ("choices", number(choices)),
        ("order", number(order)),
        ("instance", number(instance)),
    ])
}

fn all_genotypes(decisions: u32, choices: u32) -> Vec<Genotype> {
    let mut all = vec![Genotype::new()];
    for _ in 0..decisions {
        all = all.iter().flat_map(|start| (0..choices).map(move |choice| [&start[..], &[choice]].concat())).collect();
    }
    all
}

fn request(genotype: &[u32], fidelity: Option<f64>, seed: u32) -> Request {
    let text = genotype.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    Request {
        trial: 0,
        candidate: Candidate::Discrete(genotype.to_vec()),
        key: text.clone(),
        text,
        graph: Graph::default(),
        fidelity,
        resume: None,
        keep_checkpoint: false,
        seed,
        prunable: false,
    }
}

fn measured(evaluator: &SyntheticEvaluator, genotype: &[u32], fidelity: Option<f64>, seed: u32) -> Vec<f64> {
    let measurement = evaluator.evaluate(&request(genotype, fidelity, seed), &|| false).unwrap().unwrap();
    assert_eq!(measurement.cost, Some(fidelity.unwrap_or(1.0)));
    measurement.metrics.iter().map(|metric| metric.value).collect()
}

#[test]
fn the_declared_optimum_is_the_maximum_over_all_genotypes() {
    let mut seen = 0;
    for (data, decisions, choices, order) in [
        ("additive", 5, 3, 0),
        ("trap", 8, 2, 4),
        ("trap", 9, 2, 3),
        ("nk", 8, 2, 1),
        ("nk", 9, 2, 3),
        ("nk", 6, 3, 2),
        ("nk", 4, 2, 3),
        ("nk", 2, 5, 1),
        ("lotz", 7, 2, 0),
        ("many", 6, 2, 0),
        ("curves", 4, 3, 0),
        ("noisy", 4, 3, 0),
    ] {
        for instance in 0..8 {
            let evaluator = problem(data, decisions, choices, order, instance).unwrap();
            let best = evaluator.instance_info().best;
            assert_eq!(best.len(), if data == "lotz" { 2 } else { 1 });
            for (position, best) in best.iter().enumerate() {
                let values = all_genotypes(decisions, choices).into_iter().map(|genotype| {
                    let values = measured(&evaluator, &genotype, None, 7);
                    values[if data == "noisy" { 1 } else { position }]
                });
                assert_eq!(
                    values.fold(f64::NEG_INFINITY, f64::max),
                    best.value,
                    "{data} {decisions} {order} {instance}"
                );
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 13 * 8);
}

#[test]
fn values_agree_with_hand_calculation() {
    let trap = problem("trap", 8, 2, 4, 1).unwrap();
    // A trap of four is worth 4 with all ones, 3 with none, 2 with one, and 0 with three.
    assert_eq!(measured(&trap, &[1, 1, 1, 1, 0, 0, 0, 0], None, 0), [7.0 / 8.0]);
    assert_eq!(measured(&trap, &[0, 1, 0, 0, 1, 1, 0, 1], None, 0), [2.0 / 8.0]);
    let lotz = problem("lotz", 5, 2, 0, 1).unwrap();
    assert_eq!(measured(&lotz, &[1, 1, 0, 1, 0], None, 0), [2.0, 1.0]);
    assert_eq!(measured(&lotz, &[1; 5], None, 0), [5.0, 0.0]);
}

/// A decision affects `order` + 1 contributions: its own, and those of its predecessors on the circle.
#[test]
fn neighbours_of_an_nk_landscape_are_adjacent() {
    let evaluator = problem("nk", 12, 2, 3, 4).unwrap();
    let base = vec![0; 12];
    let value = |genotype: &[u32]| evaluator.landscape.values(genotype)[0];
    let flipped = |at: &[usize]| {
        let mut genotype = base.clone();
        at.iter().for_each(|&at| genotype[at] = 1);
        genotype
    };
    let interact = |a: usize, b: usize| {
        let both = value(&flipped(&[a, b])) - value(&base);
        (both - (value(&flipped(&[a])) - value(&base)) - (value(&flipped(&[b])) - value(&base))).abs() > 1e-12
    };
    for b in 1..12 {
        assert_eq!(interact(0, b), b <= 3 || b >= 9, "{b}");
    }
}

#[test]
fn noise_depends_on_the_trial_and_has_the_requested_deviation() {
    let evaluator = open(&[("data", Value::Text("noisy".into())), ("noise", Value::Number(0.2))]).unwrap();
    let genotype = vec![1; 20];
    let true_value = evaluator.landscape.values(&genotype)[0];
    let noise: Vec<f64> = (0..4000)
        .map(|seed| {
            let values = measured(&evaluator, &genotype, None, seed);
            assert_eq!(values[1], true_value);
            values[0] - true_value
        })
        .collect();
    let mean = noise.iter().sum::<f64>() / 4000.0;
    let deviation = (noise.iter().map(|noise| noise * noise).sum::<f64>() / 4000.0).sqrt();
    assert!(mean.abs() < 0.015 && (deviation - 0.2).abs() < 0.01, "{mean} {deviation}");
    assert_eq!(measured(&evaluator, &genotype, None, 5), measured(&evaluator, &genotype, None, 5));
}

#[test]
fn curves_correlate_as_they_say_and_end_at_the_value() {
    let evaluator = open(&[("data", Value::Text("curves".into())), ("correlation", Value::Number(0.4))]).unwrap();
    let mut rng = seeded(1);
    let genotypes: Vec<Genotype> = (0..4000).map(|_| (0..20).map(|_| rng.random_range(0..5_u32)).collect()).collect();
    let at = |epochs: f64| -> Vec<f64> {
        genotypes.iter().map(|genotype| measured(&evaluator, genotype, Some(epochs), 0)[0]).collect()
    };
    let last = at(81.0);
    for (genotype, value) in genotypes.iter().zip(&last) {
        assert!((evaluator.landscape.values(genotype)[0] - value).abs() < 1e-12);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    for (epochs, expected) in [(1.0, 0.4), (9.0, 0.7), (27.0, 0.85)] {
        let early = at(epochs);
        let (a, b) = (mean(&early), mean(&last));
        let product =
            |x: &[f64], x0: f64, y: &[f64], y0: f64| -> f64 { x.iter().zip(y).map(|(x, y)| (x - x0) * (y - y0)).sum() };
        let scale = product(&early, a, &early, a) * product(&last, b, &last, b);
        let correlation = product(&early, a, &last, b) / scale.sqrt();
        assert!((correlation - expected).abs() < 0.04, "{epochs}: {correlation}");
        assert!(a < b, "training improves the mean");
    }
}

/// Records the curve points, and prunes the trial at the point number `end`, counted from 1.
struct Recorder {
    end: usize,
    points: Mutex<Vec<CurvePoint>>,
}

impl Monitor for Recorder {
    fn stopped(&self) -> bool {
        false
    }

    fn report(&self, point: CurvePoint) -> Verdict {
        let mut points = self.points.lock().unwrap();
        points.push(point);
        if points.len() < self.end { Verdict::Continue } else { Verdict::Pruned }
    }

    fn notice(&self, _line: &str) {}
}

#[test]
fn a_judged_trial_reports_its_curve_and_costs_its_epochs() {
    let evaluator = problem("curves", 0, 0, 0, 1).unwrap();
    let genotype: Genotype = (0..20).map(|at| at % 5).collect();
    for (most, end, steps) in [(81.0, 9, 5), (27.0, 9, 4), (81.0, 3, 3), (81.0, 1, 1)] {
        let recorder = Recorder { end, points: Mutex::default() };
        let prunable = Request { prunable: true, ..request(&genotype, Some(most), 0) };
        let answer = evaluator.evaluate(&prunable, &recorder).unwrap().unwrap();
        let points = recorder.points.into_inner().unwrap();
        assert_eq!(points.iter().map(|point| point.fidelity).collect::<Vec<_>>(), EPOCHS[..steps]);
        for point in &points {
            let alone = measured(&evaluator, &genotype, Some(point.fidelity), 0);
            assert_eq!(point.metrics, [Metric::new("value", alone[0])]);
        }
        assert_eq!(answer.cost, Some(EPOCHS[steps - 1]), "an epoch takes a second");
    }
}

#[test]
fn learning_curves_conform_to_the_contract() {
    for (data, _) in PROBLEMS {
        let evaluator = open(&[("data", Value::Text(data.into()))]).unwrap();
        assert_eq!(evaluator.instance_info().intermediate_metrics.is_empty(), data != "curves", "{data}");
        let genotype = vec![1; evaluator.size.decisions as usize];
        let fidelity = evaluator.fidelities().last().copied();
        nas_api::conformance::check_learning_curves(
            &evaluator,
            &SyntheticEvaluator::info(),
            &request(&genotype, fidelity, 0),
        )
        .unwrap();
    }
}

#[test]
fn another_instance_is_another_landscape() {
    for data in ["additive", "nk", "noisy", "curves", "many"] {
        let value = |instance| {
            let evaluator = problem(data, 0, 0, 0, instance).unwrap();
            evaluator.landscape.values(&vec![1; evaluator.size.decisions as usize])[0]
        };
        assert_eq!(value(3), value(3));
        assert_ne!(value(3), value(4), "{data}");
    }
}

#[test]
fn invalid_settings_are_refused_with_a_reason() {
    for (data, decisions, choices, order, words) in [
        ("trap", 10, 2, 4, "10 decisions cannot be divided into traps of 4"),
        ("trap", 10, 3, 5, "2 choices, not of 3"),
        ("nk", 5, 2, 5, "less than 'decisions'"),
        ("nk", 100, 2, 40, "too expensive to compute"),
        ("lotz", 5, 3, 0, "2 choices, not 3"),
        ("additive", 5, 1, 0, "2 choices or more"),
        ("no-such", 5, 2, 0, "no-such"),
    ] {
        let error = problem(data, decisions, choices, order, 1).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let evaluator = problem("additive", 4, 3, 0, 1).unwrap();
    for wrong in [&[0, 1, 2][..], &[0, 1, 2, 3], &[0; 5]] {
        assert!(evaluator.evaluate(&request(wrong, None, 0), &|| false).is_err());
    }
}
