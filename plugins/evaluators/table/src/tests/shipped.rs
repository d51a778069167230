//! Tests of the built-in mappings against the published numbers (`NAS_DATA`).
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../../../../../tests/common/test_data.rs"]
mod test_data;

use std::collections::BTreeSet;

use nas_api::{Evaluator, EvaluatorPlugin, Goal, Measurement, Metric, Objective, Request, conformance};

use super::{measure, request};
use crate::{TableEvaluator, locate};

/// Opens the problem; `None` if the test is to be skipped because `NAS_DATA` is not set.
fn problem(name: &str) -> Option<TableEvaluator> {
    test_data::test_data(name)?;
    Some(TableEvaluator::find(name, "").unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn measure_text(evaluator: &TableEvaluator, text: &str) -> Measurement {
    measure(evaluator, &Request { text: text.to_owned(), key: text.to_owned(), ..request(&[0; 6], None, 0) })
}

fn metric(measured: &Measurement, name: &str) -> f64 {
    Metric::find(&measured.metrics, name).unwrap_or_else(|| panic!("no {name} in {measured:?}"))
}

#[test]
fn every_shipped_mapping_fits_its_numbers_and_has_no_gaps() {
    for name in locate::names() {
        let known = locate::find(&name, "");
        let Ok(found) = known else {
            assert!(std::env::var_os("CI").is_none(), "{known:?}");
            continue;
        };
        for known in found.map.problem.keys() {
            let Some(evaluator) = problem(&format!("{name}/{known}")) else { return };
            let opened = evaluator.instance_info();
            assert_eq!(opened.best.len(), opened.metrics.iter().filter(|metric| metric.better.is_some()).count());
            let rows: BTreeSet<&str> = evaluator.table.identities().collect();
            for text in rows.into_iter().step_by(97) {
                let measured = measure_text(&evaluator, text);
                assert_eq!(measured.metrics.len(), opened.metrics.len(), "{text}");
                let wrong = measured.metrics.iter().find(|metric| !metric.value.is_finite());
                assert!(wrong.is_none() && measured.failure.is_none(), "{name}/{known}, {text}: {wrong:?}");
            }
        }
    }
}

/// Checks one row of each problem with a learning curve, at the highest fidelity.
#[test]
fn learning_curves_of_shipped_tables_conform_to_the_contract() {
    let reporting = [("nas-bench-101/c10", 4), ("nas-bench-201-epochs/c10", 2), ("nas-bench-201-epochs/in16", 2)];
    for (name, steps) in reporting {
        let Some(evaluator) = problem(name) else { return };
        let opened = evaluator.instance_info();
        assert_eq!(
            (opened.fidelities.len(), opened.intermediate_metrics.contains(&"val_accuracy".to_owned())),
            (steps, true)
        );
        let row = evaluator.table.identities().min().unwrap().to_owned();
        let request = Request { text: row.clone(), key: row, ..request(&[0; 6], opened.fidelities.last().copied(), 0) };
        conformance::check_learning_curves(&evaluator, &TableEvaluator::info(), &request).unwrap();
    }
    let Some(evaluator) = problem("nas-bench-201/c10") else { return };
    assert!(evaluator.instance_info().intermediate_metrics.is_empty(), "a table with one fidelity has no curve");
}

#[test]
fn nas_bench_201_has_its_published_optima() {
    for (name, best) in [("c10", 94.373), ("c100", 73.513), ("in16", 47.311)] {
        let Some(evaluator) = problem(&format!("nas-bench-201/{name}")) else { return };
        assert_eq!(evaluator.table.len(), 15_625);
        let mut highest = f64::NEG_INFINITY;
        for text in evaluator.table.identities() {
            let measured = measure_text(&evaluator, text);
            assert!(measured.cost.unwrap() > 0.0);
            highest = highest.max(metric(&measured, "test_accuracy"));
        }
        assert!((highest - best).abs() < 1e-3, "{name}: {highest}");
    }
}

/// The expected numbers are those of the first rows of both files.
#[test]
fn hardware_metrics_are_joined_to_their_cells() {
    let Some(evaluator) = problem("nas-bench-201-hardware/c10") else { return };
    let cell = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|";
    let measured = measure_text(&evaluator, cell);
    assert_eq!(metric(&measured, "val_accuracy"), 63.364);
    assert_eq!(metric(&measured, "latency_edgegpu"), 5.80742);
    assert_eq!(metric(&measured, "energy_fpga"), 18.0107);
    assert_eq!(metric(&measured, "latency_help_1080ti_1"), 10.7544);
    let cell = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|";
    assert_eq!(metric(&measure_text(&evaluator, cell), "latency_edgegpu"), 6.54769);
}

#[test]
fn nas_bench_101_is_looked_up_by_hash_at_every_fidelity() {
    let Some(evaluator) = problem("nas-bench-101/c10") else { return };
    assert_eq!(evaluator.table.len(), 20_001);
    assert_eq!(evaluator.instance_info().fidelities, [4.0, 12.0, 36.0, 108.0]);
    let key = "00005c142e6f48ac74fdcf73e3439874";
    for (epochs, accuracy) in [(4.0, 36.0477), (12.0, 42.1975), (36.0, 90.014), (108.0, 93.0489)] {
        let request = Request { key: key.into(), ..request(&[0; 6], Some(epochs), 0) };
        let measured = measure(&evaluator, &request);
        assert!((metric(&measured, "val_accuracy") - accuracy).abs() < 1e-9, "{epochs}");
        assert!((metric(&measured, "final_val_accuracy") - 93.0489).abs() < 1e-9);
        assert!((measured.cost.unwrap() - 1768.976 * epochs / 108.0).abs() < 1e-6);
    }
    let missing = measure_text(&evaluator, "00005c142e6f48ac74fdcf73e3439875");
    assert_eq!((missing.cost, missing.failure.is_some()), (Some(0.0), true));
    let best = evaluator.instance_info().best;
    assert!((Metric::find(&best, "val_accuracy").unwrap() - 94.9119).abs() < 1e-9, "{best:?}");
}

/// Computed from the file by a few lines of Python: rows that no row equals or beats in both.
#[test]
fn the_true_front_of_a_table_is_known() {
    let Some(evaluator) = problem("hw-gpt-bench-s/a100") else { return };
    let objectives = evaluator.instance_info().objectives;
    let mut front = evaluator.true_front(&objectives).unwrap();
    front.sort_by(|a, b| a[0].total_cmp(&b[0]));
    assert_eq!((front.len(), objectives.len()), (128, 2));
    assert_eq!([&front[0][..], &front[127][..]], [[22.15914, 28.9915], [41.85101, 9.363]]);
    let other = [Objective { metric: "depth".into(), goal: Goal::Minimize }];
    assert_eq!(evaluator.true_front(&other), None, "the table has no such metric");
}

/// Looks up the first row, and an architecture that differs from it in one head.
#[test]
fn hw_gpt_bench_answers_with_the_nearest_row() {
    let Some(evaluator) = problem("hw-gpt-bench-s/a100") else { return };
    assert_eq!(evaluator.table.len(), 10_000);
    let heads = [4, 12, 12, 4, 4, 12, 12, 8, 4, 12];
    let ratios = [2, 2, 4, 4, 3, 3, 3, 4, 4, 2];
    let layers = (1..).zip(heads.iter().zip(ratios));
    let layers = layers.map(|(layer, (heads, ratio))| format!("n_head{layer}={heads},mlp_ratio{layer}={ratio}"));
    let text = format!("embed_dim=768,n_layer=10,bias=0,{}", layers.collect::<Vec<_>>().join(","));
    let own = measure_text(&evaluator, &text);
    assert_eq!((metric(&own, "perplexity"), metric(&own, "latency")), (25.1414, 23.7105));
    assert_eq!((metric(&own, "table_row"), metric(&own, "table_distance")), (0.0, 0.0));
    let near = measure_text(&evaluator, &text.replace("n_head10=12", "n_head10=8"));
    assert_eq!((metric(&near, "table_row"), metric(&near, "table_distance")), (0.0, 1.0));
    assert_eq!(near.metrics[..near.metrics.len() - 1], own.metrics[..own.metrics.len() - 1]);
    let other = measure_text(&evaluator, "|none~0|+|none~0|none~1|");
    assert!(other.failure.is_some());
}

/// Predicts the metrics of a sample of rows by those of the nearest other row.
#[test]
fn near_rows_have_similar_metrics() {
    let Some(evaluator) = problem("hw-gpt-bench-s/a100") else { return };
    for (column, least) in [("perplexity", 0.98), ("lat_ms_a100", 0.95), ("energy_wh_a100", 0.8)] {
        let values = evaluator.table.column(column).unwrap();
        let rows: Vec<usize> = (0..values.len()).step_by(50).collect();
        let mean = rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64;
        let (mut error, mut spread) = (0.0, 0.0);
        for &row in &rows {
            let near = evaluator.table.nearest_other(&evaluator.map, row).unwrap();
            error += (values[near] - values[row]).powi(2);
            spread += (values[row] - mean).powi(2);
        }
        let explained = 1.0 - error / spread;
        println!("{column}: R2 of the nearest other row {explained:.3}");
        assert!(explained > least, "{column}: {explained}");
    }
}
