//! Tests the reports of a trial, and how it continues after an interruption.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use nas_api::{CurvePoint, Evaluator, EvaluatorPlugin, Measurement, Metric, Monitor, Request, Verdict};

use super::{bits, cnn, measure, metric, mlp, number, open, request, settings, text};
use crate::BurnEvaluator;

/// Records what it hears, and gives a verdict after a certain epoch.
#[derive(Default)]
struct Listener {
    ends: Option<(f64, Verdict)>,
    heard: Mutex<Vec<CurvePoint>>,
    notices: Mutex<Vec<String>>,
    /// The number of times it was asked whether to stop: once for every batch of training and of validation.
    asked: AtomicU32,
}

impl Monitor for Listener {
    fn stopped(&self) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed);
        false
    }

    fn report(&self, report: CurvePoint) -> Verdict {
        let at = report.fidelity;
        self.heard.lock().unwrap().push(report);
        self.ends.filter(|(end, _)| *end == at).map_or(Verdict::Continue, |(_, verdict)| verdict)
    }

    fn notice(&self, words: &str) {
        self.notices.lock().unwrap().push(words.to_owned());
    }
}

fn heard(evaluator: &BurnEvaluator, request: &Request) -> (Measurement, Vec<CurvePoint>) {
    let listener = Listener::default();
    let measured = evaluator.evaluate(request, &listener).unwrap().unwrap();
    (measured, listener.heard.into_inner().unwrap())
}

#[test]
fn reports_conform_to_the_contract() {
    let given = [("epochs", number(4.0)), ("train_limit", number(200.0)), ("validation_limit", number(100.0))];
    for more in [("early_stopping", number(0.0)), ("early_stopping", number(1.0))] {
        let evaluator = open(&[&given[..], &[more]].concat());
        nas_api::conformance::check_learning_curves(&evaluator, &BurnEvaluator::info(), &request(&cnn(), 4.0)).unwrap();
    }
}

#[test]
fn every_epoch_is_reported_and_validation_changes_no_bit() {
    let given =
        |every: f64| [("epochs", number(5.0)), ("train_limit", number(300.0)), ("validate_every", number(every))];
    let plain = request(&cnn(), 5.0);
    let prunable = Request { prunable: true, ..plain.clone() };
    let (expected, _) = heard(&open(&given(0.0)), &plain);
    for (every, request, validated) in
        [(0.0, &plain, &[5.0][..]), (2.0, &plain, &[2.0, 4.0, 5.0]), (0.0, &prunable, &[1.0, 2.0, 3.0, 4.0, 5.0])]
    {
        let evaluator = open(&given(every));
        let (measured, reports) = heard(&evaluator, request);
        assert_eq!(bits(&measured), bits(&expected));
        assert_eq!(reports.iter().map(|report| report.fidelity).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 5.0]);
        let with = |name: &str| {
            let has = reports.iter().filter(|report| Metric::find(&report.metrics, name).is_some());
            has.map(|report| report.fidelity).collect::<Vec<_>>()
        };
        assert_eq!(with("train_loss").len(), 5);
        for name in ["val_loss", "val_accuracy"] {
            assert_eq!(with(name), validated);
            assert_eq!(Metric::find(&reports[4].metrics, name), Some(metric(&measured, name)));
        }
        let told: BTreeSet<&str> = reports[4].metrics.iter().map(|metric| metric.name.as_str()).collect();
        let promised = evaluator.instance_info().intermediate_metrics;
        assert_eq!(promised.iter().map(String::as_str).collect::<BTreeSet<_>>(), told);
    }
}

/// Interrupts a training of five epochs after the third one, in an evaluator that saves a checkpoint after each.
/// Returns the path of the checkpoint.
fn interrupted(folder: &Path, verdict: Verdict) -> std::path::PathBuf {
    let stopping = Listener { ends: Some((3.0, verdict)), ..Listener::default() };
    assert_eq!(keeping(folder).evaluate(&request(&cnn(), 5.0), &stopping).unwrap(), None);
    assert!(stopping.notices.into_inner().unwrap().is_empty());
    folder.join("unfinished/trial-0.safetensors")
}

fn keeping(folder: &Path) -> BurnEvaluator {
    let given = [("epochs", number(5.0)), ("train_limit", number(300.0)), ("checkpoint_seconds", number(0.0))];
    BurnEvaluator::open(&settings(&given), Some(folder)).unwrap()
}

#[test]
fn an_interrupted_training_continues_with_the_same_bits() {
    // A training leaves its last checkpoint for the host to remove.
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let whole = Listener::default();
    let expected = keeping(other.path()).evaluate(&request(&cnn(), 5.0), &whole).unwrap().unwrap();
    let kept = interrupted(folder.path(), Verdict::Stopped);
    assert!(kept.is_file());
    let again = Listener::default();
    let measured = keeping(folder.path()).evaluate(&request(&cnn(), 5.0), &again).unwrap().unwrap();
    assert_eq!(bits(&measured), bits(&expected));
    assert_eq!(
        again.heard.into_inner().unwrap(),
        whole.heard.into_inner().unwrap(),
        "the whole curve is reported again"
    );
    let words = again.notices.into_inner().unwrap().join(" | ");
    assert_eq!(words, "continues after epoch 2 of 5, where it was interrupted");
    // There are five batches per epoch, and validation takes two.
    assert_eq!((whole.asked.into_inner(), again.asked.into_inner()), (5 * 5 + 2, 3 * 5 + 2));
    assert!(kept.exists(), "the host removes it once the outcome is recorded");
}

#[test]
fn unusable_checkpoints_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let kept = interrupted(folder.path(), Verdict::Stopped);
    let bytes = fs::read(&kept).unwrap();
    let other = Request { seed: 8, ..request(&cnn(), 5.0) };
    let plain = request(&cnn(), 5.0);
    for (state, request, words) in [
        (&bytes[..], &other, "belongs to another training"),
        (&bytes[..bytes.len() / 2], &plain, "is not a weights file"),
        (&b""[..], &plain, "is not a weights file"),
    ] {
        let expected = measure(&open(&[("epochs", number(5.0)), ("train_limit", number(300.0))]), request);
        fs::write(&kept, state).unwrap();
        let listener = Listener::default();
        let measured = keeping(folder.path()).evaluate(request, &listener).unwrap().unwrap();
        assert_eq!(bits(&measured), bits(&expected), "{words}");
        let notices = listener.notices.into_inner().unwrap();
        assert!(
            notices.len() == 1 && notices[0].contains("it starts again") && notices[0].contains(words),
            "{notices:?}"
        );
    }
}

#[test]
fn a_training_on_edited_data_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let (table, state) = (folder.path().join("t.csv"), folder.path().join("state"));
    let write = |first: &str| {
        let number = |row: usize| if row < 10 { first.to_owned() } else { (row % 11).to_string() };
        let line = |row: usize| format!("{},{}\n", number(row), ["a", "b"][row % 2]);
        fs::write(&table, format!("x,class\n{}", (0..100).map(line).collect::<String>())).unwrap();
    };
    let open = || {
        let given = [("epochs", number(5.0)), ("checkpoint_seconds", number(0.0)), ("data", text(&table))];
        BurnEvaluator::open(&settings(&given), Some(&state)).unwrap()
    };
    let request = request(&mlp(&[4], 2), 5.0);
    let begin = |written: &str| {
        write(written);
        let stopping = Listener { ends: Some((3.0, Verdict::Stopped)), ..Listener::default() };
        assert_eq!(open().evaluate(&request, &stopping).unwrap(), None);
    };
    for (then, words) in [("2", "continues after epoch 2"), ("3", "belongs to another training")] {
        let _ = fs::remove_dir_all(&state);
        begin("2");
        write(then);
        let listener = Listener::default();
        open().evaluate(&request, &listener).unwrap().unwrap();
        let notices = listener.notices.into_inner().unwrap();
        assert!(notices.len() == 1 && notices[0].contains(words), "{notices:?}");
    }
}

#[test]
fn a_checkpoint_that_cannot_be_saved_is_a_notice_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("no-folder");
    fs::write(&file, "").unwrap();
    let listener = Listener::default();
    let evaluator = keeping(&file);
    // A checkpoint that cannot be read might exist, so there is a notice for that, too.
    assert!(evaluator.evaluate(&request(&cnn(), 5.0), &listener).unwrap().unwrap().failure.is_none());
    let notices = listener.notices.into_inner().unwrap();
    assert!(
        notices.iter().any(|words| words.contains("could not be saved") && words.contains("no-folder")),
        "{notices:?}"
    );
}
