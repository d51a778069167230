//! Exported ONNX files are imported as the same networks, and damaged ones are refused with a message.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{mutate, task, zoo};
use nas_api::graph::count::count;
use nas_api::graph::shape::infer;
use nas_api::rng::seeded;
use nas_api::{Graph, SearchSpace, Setting, Settings, Value};
use nas_export::{About, ImportedSpace, Model, Weights, import_bytes, onnx};

fn exported(graph: &Graph, input: &[i64]) -> Vec<u8> {
    let model = Model::new(graph, &task(input, 10, Settings::default()), About::default()).unwrap();
    onnx::bytes(&model, &Weights::Fresh(0)).unwrap()
}

/// Returns parameters, multiply-accumulates and FLOPs of the nodes that the outputs need.
fn counts(graph: &Graph, input: &[i64]) -> (u64, u64, u64) {
    let model = Model::new(graph, &task(input, 10, Settings::default()), About::default()).unwrap();
    let counts = count(&model.graph, &infer(&model.graph, input).unwrap()).unwrap();
    (counts.params, counts.macs, counts.flops)
}

#[test]
fn exported_networks_are_imported_with_the_same_counts() {
    for case in zoo::all() {
        let imported = import_bytes(exported(&case.graph, &case.input), &case.name).unwrap();
        assert_eq!(imported.input_shape, case.input, "{}", case.name);
        let (found, expected) = (counts(&imported.graph, &case.input), counts(&case.graph, &case.input));
        assert_eq!(found.0, expected.0, "{}", case.name);
        assert!(found == expected || case.name == zoo::RATE, "{}: {found:?}, not {expected:?}", case.name);
    }
}

#[test]
fn an_imported_network_is_a_space_with_one_architecture() {
    let case = &zoo::common()[0];
    let imported = import_bytes(exported(&case.graph, &case.input), "My Net (2)").unwrap();
    let definition = serde_json::to_string(&imported).unwrap();
    let settings = Settings(vec![Setting { name: "definition".into(), value: Value::Text(definition) }]);
    let space = ImportedSpace::open(&settings).unwrap();
    assert_eq!((space.info().name.as_str(), space.sample(3).len()), ("my-net-2", 0));
    assert_eq!(space.parse(&space.format(&[])).unwrap(), space.sample(0));
    let fitting = task(&case.input, imported.outputs, Settings::default());
    assert_eq!(space.build(&[], &fitting).unwrap(), imported.graph);
    let other = space.build(&[], &task(&[1, 2, 3], imported.outputs, Settings::default())).unwrap_err().to_string();
    assert!(other.contains("takes inputs of [6], not of [1, 2, 3]"), "{other}");
    assert!(space.build(&[], &task(&case.input, 99, Settings::default())).is_err());
}

/// Nothing overflows or panics, whatever a file holds.
#[test]
fn damaged_files_give_valid_networks_or_errors() {
    let files: Vec<Vec<u8>> = zoo::all().iter().map(|case| exported(&case.graph, &case.input)).collect();
    let mut rng = seeded(5);
    let (mut read, mut refused) = (0, 0);
    for round in 0..200 {
        for file in &files {
            match import_bytes(mutate::mutated(file, &mut rng), "damaged") {
                Ok(imported) => {
                    assert!(infer(&imported.graph, &imported.input_shape).is_ok(), "round {round}");
                    read += 1;
                }
                Err(error) => {
                    let message = error.to_string();
                    assert!(message.len() < 3000 && message.starts_with("'damaged' cannot be imported: "), "{message}");
                    refused += 1;
                }
            }
        }
    }
    assert!(
        read > 500 && refused > 500,
        "{read} were imported, {refused} refused: the damage is too small or too great"
    );
}
