//! Tests what final training reports, measures and writes.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use nas_api::{CurvePoint, Evaluator, Metric, Monitor, TrainRequest, Verdict};

use super::{mlp, number, open};

#[test]
fn final_training_recognises_digits_and_its_weights_can_be_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("weights.safetensors");
    let graph = mlp(&[128, 128], 10);
    let mut epochs = Vec::new();
    let evaluator = open(&[]);
    let trained = evaluator.train_final(&graph, 40, 3, Some(&weights), &|| false, &mut |at| epochs.push(at.epoch));
    let trained = trained.unwrap().unwrap().metrics;
    assert_eq!(epochs, (1..=40).collect::<Vec<_>>());
    let accuracy = Metric::find(&trained, "test_accuracy").unwrap();
    assert!(accuracy >= 0.97, "{accuracy}");
    assert_eq!(Metric::find(&trained, "val_accuracy"), None);
    let again = evaluator.evaluate_weights(&graph, &weights).unwrap();
    for name in ["test_accuracy", "test_loss"] {
        assert_eq!(Metric::find(&again, name), Metric::find(&trained, name), "{name}");
    }
    let other = evaluator.evaluate_weights(&mlp(&[64], 10), &weights).unwrap_err().to_string();
    assert!(other.contains("another network"), "{other}");
    let missing = evaluator.evaluate_weights(&graph, &folder.path().join("none")).unwrap_err().to_string();
    assert!(missing.contains("no file"), "{missing}");
}

/// A monitor that ends a final training after a number of epochs.
struct Ends {
    after: u32,
    heard: Mutex<Vec<CurvePoint>>,
}

impl Monitor for Ends {
    fn stopped(&self) -> bool {
        false
    }

    fn report(&self, report: CurvePoint) -> Verdict {
        let mut heard = self.heard.lock().unwrap();
        heard.push(report);
        if heard.len() as u32 == self.after { Verdict::Stopped } else { Verdict::Continue }
    }

    fn notice(&self, words: &str) {
        panic!("{words}");
    }
}

/// The tensors of a file without the header, whose order of names varies.
fn numbers(weights: &Path) -> Vec<u8> {
    let bytes = fs::read(weights).unwrap();
    let header = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    bytes[8 + header..].to_vec()
}

#[test]
fn final_training_reports_every_epoch_and_writes_all_its_files_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let (evaluator, graph) = (open(&[("train_limit", number(200.0))]), mlp(&[16], 10));
    let train = |name: &str, after: u32| {
        let own = folder.path().join(name);
        fs::create_dir(&own).unwrap();
        let monitor = Ends { after, heard: Mutex::default() };
        let request = TrainRequest { graph: graph.clone(), epochs: 3, seed: 5, folder: own.clone() };
        let trained = evaluator.train(&request, &monitor).unwrap();
        (own, trained, monitor.heard.into_inner().unwrap())
    };
    let (own, trained, heard) = train("whole", 0);
    let trained = trained.unwrap();
    let losses: Vec<f64> = heard.iter().map(|report| Metric::find(&report.metrics, "train_loss").unwrap()).collect();
    assert_eq!(heard.iter().map(|report| report.fidelity).collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
    assert_eq!(losses.last().copied(), Metric::find(&trained.metrics, "train_loss"));
    assert_eq!(trained.files, ["weights.safetensors"]);
    assert_eq!(trained.confusion.unwrap().classes(), 10);

    // The bits are the same as without a monitor.
    let direct = folder.path().join("direct.safetensors");
    evaluator.train_final(&graph, 3, 5, Some(&direct), &|| false, &mut |_| {}).unwrap().unwrap();
    assert_eq!(numbers(&own.join("weights.safetensors")), numbers(&direct));

    let (own, trained, heard) = train("ended", 2);
    assert_eq!((trained, heard.len()), (None, 2));
    assert_eq!(fs::read_dir(own).unwrap().count(), 0);
}
