//! Tests detection, from images with boxes to metrics.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use nas_api::{
    Evaluator, EvaluatorPlugin, Goal, Graph, GraphBuilder, Metric, Objective, Request, SearchSpace, Setting, Settings,
    Task, Value,
};
use nas_spaces::Detector;

use crate::tests::{bits, failure, measure, metric, number, open, request, settings, text};
use crate::{BurnEvaluator, Trained};

#[path = "../../../../../examples/shapes/data_set.rs"]
mod shapes;

/// A folder with `count` images of 32×32 pixels.
fn images(count: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    shapes::write(folder.path(), count, 32, 1).unwrap();
    folder
}

fn given(folder: &Path, more: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    [&[("data", text(folder)), ("batch_size", number(8.0)), ("flip", number(0.5))], more].concat()
}

/// A small network of the space, for three kinds of shapes.
fn detector() -> Graph {
    let set = |name: &str, numbers: Vec<f64>| Setting { name: name.into(), value: Value::Numbers(numbers) };
    let given = [set("widths", vec![16.0]), set("neck_widths", vec![32.0])];
    let space = Detector::open(&Settings::checked(&Detector::parameters(), &given).unwrap()).unwrap();
    let text = "block=basic,width=16,depth1=1,depth2=1,depth3=1,depth4=1,neck=fpn,neck_width=32,neck_conv=separable,\
                extra_levels=0,head_depth=1,head_conv=separable,head_weights=shared,head_norm=group";
    let settings = Settings::defaults(&space.task_parameters());
    let task = Task { input_shape: vec![3, 32, 32], outputs: 3, kind: "detection".into(), settings };
    space.build(&space.parse(text).unwrap(), &task).unwrap()
}

#[test]
fn a_detector_learns_and_reports_its_metrics() {
    let folder = images(120);
    let given = given(folder.path(), &[("epochs", number(12.0)), ("learning_rate", number(0.005))]);
    let evaluator = open(&given);
    let opened = evaluator.instance_info();
    let task = opened.task.unwrap();
    assert_eq!((task.input_shape, task.outputs, task.kind.as_str()), (vec![3, 32, 32], 3, "detection"));
    assert_eq!(opened.objectives, [Objective { metric: "val_map".into(), goal: Goal::Maximize }]);
    assert_eq!(opened.intermediate_metrics, ["val_loss", "val_map", "val_map50", "train_loss"]);
    let [short, long] = [1.0, 12.0].map(|epochs| measure(&evaluator, &request(&detector(), epochs)));
    for (name, better) in [("val_loss", -1.0), ("val_map", 1.0), ("val_map50", 1.0), ("train_loss", -1.0)] {
        let (before, after) = (metric(&short, name), metric(&long, name));
        assert!((after - before) * better > 0.0, "{name}: {before}, then {after}");
    }
    assert!(metric(&long, "val_map50") > metric(&long, "val_map"));
}

#[test]
fn resumed_detectors_give_the_same_bits() {
    let folder = images(40);
    let state = tempfile::tempdir().unwrap();
    let more = [("epochs", number(3.0)), ("ema_decay", number(0.9)), ("accumulate", number(2.0))];
    for patience in [0.0, 5.0] {
        let given = given(folder.path(), &[&more[..], &[("early_stopping", number(patience))]].concat());
        let evaluator = BurnEvaluator::open(&settings(&given), Some(state.path())).unwrap();
        let straight = measure(&evaluator, &request(&detector(), 3.0));
        measure(&evaluator, &Request { trial: 1, keep_checkpoint: true, ..request(&detector(), 2.0) });
        let carried = Request { trial: 2, resume: Some(1), seed: 99, ..request(&detector(), 3.0) };
        assert_eq!(bits(&measure(&evaluator, &carried)), bits(&straight));
    }
}

#[test]
fn saved_weights_of_a_detector_have_the_same_test_metrics() {
    let folder = images(40);
    let evaluator = open(&given(folder.path(), &[]));
    let weights = folder.path().join("w.safetensors");
    let trained = evaluator.train_final(&detector(), 2, 1, Some(&weights), &|| false, &mut |_| {});
    let Trained { metrics, confusion, .. } = trained.unwrap().unwrap();
    assert_eq!(confusion, None);
    let again = evaluator.evaluate_weights(&detector(), &weights).unwrap();
    for name in ["test_loss", "test_map", "test_map50"] {
        assert!(Metric::find(&again, name).is_some(), "{again:?}");
        assert_eq!(Metric::find(&again, name), Metric::find(&metrics, name), "{name}");
    }
}

#[test]
fn options_that_do_not_fit_boxes_are_refused() {
    let folder = images(20);
    let refused = |more: (&'static str, Value)| {
        BurnEvaluator::open(&settings(&given(folder.path(), &[more])), None).unwrap_err().to_string()
    };
    for (name, value) in [("crop", 2.0), ("cutout", 4.0), ("mixup", 0.2)] {
        let error = refused((name, number(value)));
        assert!(error.contains(&format!("'{name}' cannot be used for images with boxes")), "{error}");
    }
    assert!(refused(("loss", text("mse"))).contains("'loss' must be \"auto\" for detection"));
    assert!(refused(("label_smoothing", number(0.1))).contains("'label_smoothing' is not for detection"));
    assert!(refused(("task", text("classification"))).contains("'task' must be \"detection\""));
}

#[test]
fn networks_that_are_no_detectors_fail_their_trial() {
    let folder = images(20);
    let evaluator = open(&given(folder.path(), &[("epochs", number(1.0))]));
    let fails = |graph: &Graph| failure(&evaluator, &request(graph, 1.0));
    let one = fails(&crate::tests::mlp(&[4], 3));
    assert!(one.contains("has 1 outputs") && one.contains("classes, boxes and centreness"), "{one}");
    // Eleven places form no pyramid over 32×32 pixels; and the outputs must agree on the number of places.
    let rows = |places: [i64; 3]| {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let flat = graph.op("flat", "Flatten", &[input]);
        let outputs = [0, 1, 2].map(|at| {
            let (name, width) = (format!("head{at}"), [3, 4, 1][at]);
            let value = graph.gemm(name.as_str(), flat, places[at] * width);
            graph.reshape(format!("{name}.rows"), value, &[places[at], width])
        });
        graph.finish(&outputs)
    };
    let unknown = fails(&rows([11; 3]));
    assert!(unknown.contains("returns 11 places for an image of 32×32 pixels"), "{unknown}");
    let unlike = fails(&rows([21, 21, 20]));
    assert!(unlike.contains("[21, 21, 20] places"), "{unlike}");
    // A network of another kind with a valid number of places is trained as well.
    assert!(metric(&measure(&evaluator, &request(&rows([21; 3]), 1.0)), "val_loss") > 0.0);
}
