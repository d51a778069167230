//! Checks that the networks of every space split into units that can be run alone, and that no work is lost.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use nas_api::graph::{count, shape};
use nas_api::{Graph, SearchSpace, Setting, Settings, Task, Value};
use nas_meters::{Cost, CostTable, LatencyError, units};

fn graphs<S: SearchSpace>(numbers: &[(&str, &[f64])], input_shape: &[i64]) -> Vec<(String, Graph, Vec<i64>)> {
    let mut settings = Settings::defaults(&S::parameters());
    for (name, values) in numbers {
        let setting = settings.0.iter_mut().find(|setting| setting.name == *name).unwrap();
        *setting = Setting { name: (*name).into(), value: Value::Numbers(values.to_vec()) };
    }
    let space = S::open(&settings).unwrap();
    let settings = Settings::defaults(&space.task_parameters());
    let task = Task { input_shape: input_shape.to_vec(), outputs: 10, kind: "classification".into(), settings };
    (0..5)
        .map(|seed| (space.sample(seed), seed))
        .map(|(genotype, seed)| {
            (format!("{} {seed}", space.info().name), space.build(&genotype, &task).unwrap(), input_shape.to_vec())
        })
        .collect()
}

fn all() -> Vec<(String, Graph, Vec<i64>)> {
    use nas_spaces::{
        Conv1d, Darts, DecoderLm, Mlp, Mobile, NasBench101, NasBench201, ResNet, ResidualMlp, VisionTransformer,
    };
    [
        graphs::<Conv1d>(&[], &[3, 128]),
        graphs::<Darts>(&[], &[3, 32, 32]),
        graphs::<DecoderLm>(&[("layers", &[2.0]), ("widths", &[64.0])], &[16]),
        graphs::<Mlp>(&[], &[8]),
        graphs::<Mobile>(&[], &[3, 64, 64]),
        graphs::<NasBench101>(&[], &[3, 32, 32]),
        graphs::<NasBench201>(&[], &[3, 32, 32]),
        graphs::<ResNet>(&[], &[3, 64, 64]),
        graphs::<ResidualMlp>(&[], &[8]),
        graphs::<VisionTransformer>(&[("layers", &[2.0]), ("widths", &[64.0]), ("patches", &[8.0])], &[3, 32, 32]),
    ]
    .concat()
}

#[test]
fn the_units_of_a_network_do_all_of_its_work() {
    for (name, graph, input_shape) in all() {
        let found = units(&graph, &input_shape).unwrap_or_else(|error| panic!("{name}: {error}"));
        let macs: f64 = found.iter().map(|unit| f64::from(unit.count) * unit.work().unwrap().macs).sum();
        // Nodes that no output depends on are not run.
        let needed = nas_export::Model::new(&graph, &task(&input_shape), nas_export::About::default()).unwrap();
        let counts = count::count(&needed.graph, &shape::infer(&needed.graph, &input_shape).unwrap()).unwrap();
        assert_eq!(macs, counts.macs as f64, "{name}");
        for unit in &found {
            let model = unit.model().unwrap_or_else(|error| panic!("{name}: {}: {error}", unit.text));
            let whole = nas_export::onnx::bytes(&model, &nas_export::Weights::Fresh(0));
            assert!(whole.is_ok(), "{name}: {}", unit.text);
        }
    }
}

fn task(input_shape: &[i64]) -> Task {
    Task {
        input_shape: input_shape.to_vec(),
        outputs: 10,
        kind: "classification".into(),
        settings: Settings::default(),
    }
}

#[test]
fn a_prediction_is_the_sum_of_the_units_and_the_overhead() {
    let (_, graph, input_shape) = graphs::<nas_spaces::Mlp>(&[], &[8]).remove(0);
    let found = units(&graph, &input_shape).unwrap();
    let mut table = CostTable::default();
    table.set_overhead(Cost { latency: 0.5, energy: None });
    for (cost, unit) in (1_u32..).zip(&found) {
        let missing = table.predict(&graph, &input_shape).unwrap_err();
        assert!(matches!(&missing, LatencyError::Lacking { first, .. } if *first == unit.text), "{missing}");
        table.set(unit, Cost { latency: f64::from(cost), energy: None }).unwrap();
    }
    let sum: f64 = (1_u32..).zip(&found).map(|(cost, unit)| f64::from(cost * unit.count)).sum();
    let prediction = table.predict(&graph, &input_shape).unwrap();
    assert_eq!((prediction.cost.latency, prediction.estimated), (0.5 + sum, 0));
}

#[test]
fn an_operator_and_the_activation_after_it_are_one_unit() {
    let (_, graph, input_shape) = graphs::<nas_spaces::Mlp>(&[], &[8]).remove(0);
    let texts: Vec<String> = units(&graph, &input_shape).unwrap().into_iter().map(|unit| unit.text).collect();
    let last = texts.last().unwrap();
    assert!(last.starts_with("Gemm(") && last.ends_with("out_features=10)"), "{texts:?}");
    assert!(texts[0].starts_with("Gemm(8 out_features=") && texts[0].contains(")+"), "{texts:?}");
}
