//! Tests tabular data from the columns to a saved network.

#![allow(clippy::unwrap_used)]

use std::fs;

use nas_api::{Evaluator, GraphBuilder, Value};
use nas_data::Encoding;

use super::{number, open, text};

/// The cells of a row; every fifth age and every seventh city is missing.
fn cells(row: usize) -> [String; 5] {
    let age = if row.is_multiple_of(5) { String::new() } else { (20 + row % 50).to_string() };
    let city = if row.is_multiple_of(7) { "NA" } else { ["Bern", "Rome", "Oslo"][row % 3] };
    let zip = [1010, 2020][row % 2].to_string();
    let member = if row.is_multiple_of(4) { "yes" } else { "no" };
    [age, city.into(), zip, member.into(), if row % 3 == 1 { "bought" } else { "left" }.into()]
}

#[test]
fn a_network_learns_from_mixed_columns_and_is_saved_with_its_legend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mixed.csv");
    let lines: String = (0..300).map(|row| cells(row).join(",") + "\n").collect();
    fs::write(&path, format!("age,city,zip,member,result\n{lines}")).unwrap();
    let categories = Value::Texts(vec!["zip".into()]);
    let evaluator = open(&[("data", text(&path)), ("categories", categories), ("learning_rate", number(0.1))]);
    assert_eq!(evaluator.instance_info().task.unwrap().input_shape, [9]);
    let mut graph = GraphBuilder::new();
    let input = graph.input();
    let head = graph.gemm("head", input, 2);
    let (graph, weights) = (graph.finish(&[head]), folder.path().join("w.safetensors"));
    let measured = evaluator.train_final(&graph, 30, 1, Some(&weights), &|| false, &mut |_| {}).unwrap().unwrap();
    let accuracy = measured.metrics.iter().find(|metric| metric.name == "test_accuracy").unwrap().value;
    // The city alone determines the class, where it is not missing.
    assert!(accuracy > 0.85, "{accuracy}");
    let bytes = fs::read(&weights).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let texts = header.metadata().as_ref().unwrap();
    assert_eq!(Encoding::from_text(&texts["columns"]).unwrap().width(), 9);
    assert_eq!(texts["classes"], r#"["bought","left"]"#);
}
