//! Budgets end a study, and invalid budgets are refused.

use nas_core::study::{BudgetSpec, End, StudySpec, TaskSpec};

use crate::common::{message, read, run, scripted, spec, with};
use crate::evaluator::take_calls;

fn limited(mut spec: StudySpec, budget: BudgetSpec) -> StudySpec {
    spec.budget = budget;
    spec
}

fn epochs(limit: f64) -> BudgetSpec {
    BudgetSpec { total_fidelity: Some(limit), ..BudgetSpec::default() }
}

#[test]
fn a_study_ends_after_its_trials() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    assert_eq!(run(&spec("trials", "random-search", 17), &file).unwrap(), End::Trials);
    assert_eq!(read(&file).trials.len(), 17);
}

#[test]
fn a_study_ends_when_its_strategy_finishes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    assert_eq!(run(&scripted("finishes", "0,0,0 0,1,0"), &file).unwrap(), End::Finished);
    assert_eq!(read(&file).trials.len(), 2);
}

#[test]
fn total_fidelity_is_never_exceeded() {
    let folder = tempfile::tempdir().unwrap();
    for workers in [1, 3] {
        let file = folder.path().join(workers.to_string());
        let mut spec = with(limited(spec("epochs", "random-search", 1), epochs(30.0)), &[("epochs", "4")]);
        spec.workers = Some(workers);
        assert_eq!(run(&spec, &file).unwrap(), End::TotalFidelity);
        let spent: f64 = take_calls("epochs").iter().filter_map(|call| call.fidelity).sum();
        assert_eq!(spent, 28.0, "seven trials of four epochs fit in thirty");
    }
}

#[test]
fn a_continued_trial_costs_only_the_difference() {
    let folder = tempfile::tempdir().unwrap();
    let script = "0,0,0@4 0,0,0@8<0 0,1,0@8 0,2,0@8";
    let study = with(limited(scripted("carries", script), epochs(16.0)), &[("epochs", "8")]);
    let study = StudySpec { evaluator: with_name(study.evaluator.clone(), "cheap-resuming"), ..study };
    let file = folder.path().join("study");
    assert_eq!(run(&study, &file).unwrap(), End::TotalFidelity);
    // 4 + 4 + 8 use up the budget, so the last trial does not fit.
    assert_eq!(take_calls("carries").len(), 3);
}

fn with_name(mut plugin: nas_core::study::PluginSpec, name: &str) -> nas_core::study::PluginSpec {
    plugin.reference = Some(name.to_owned());
    plugin
}

#[test]
fn simulated_seconds_end_a_study() {
    let folder = tempfile::tempdir().unwrap();
    for (workers, trials) in [(1, 10), (4, 40)] {
        let file = folder.path().join(workers.to_string());
        let budget = BudgetSpec { seconds: Some(1000.0), ..BudgetSpec::default() };
        let mut spec = with(limited(spec("simulated", "random-search", 1), budget), &[("simulated", "100")]);
        spec.workers = Some(workers);
        assert_eq!(run(&spec, &file).unwrap(), End::Seconds);
        let record = read(&file).trials;
        let trained = record.iter().filter(|trial| trial.trained).count();
        assert!((trials * 3 / 4..trials * 5 / 4).contains(&trained), "{trained} trials with {workers} workers");
        // Trials that are running at the end of the time are finished.
        let cost: f64 = record.iter().map(|trial| trial.cost).sum();
        assert!((900.0 * f64::from(workers)..1200.0 * f64::from(workers)).contains(&cost), "{cost} seconds");
    }
}

#[test]
fn a_search_that_finds_nothing_new_ends() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("tiny.toml");
    let text = r#"
name = "tiny"
version = "1"
[[decision]]
name = "width"
choices = [8, 16]
[[layer]]
op = "Flatten"
[[layer]]
op = "Gemm"
out_features = "$width"
[[layer]]
op = "Gemm"
out_features = "$outputs"
"#;
    std::fs::write(&table, text).unwrap();
    let budget = BudgetSpec { seconds: Some(600.0), ..BudgetSpec::default() };
    let mut study = limited(spec("exhausted", "random-search", 1), budget);
    study.space.reference = Some(table.to_string_lossy().into_owned());
    let file = folder.path().join("study");
    assert_eq!(run(&study, &file).unwrap(), End::Exhausted);
    assert_eq!(take_calls("exhausted").len(), 2);
}

#[test]
fn invalid_budgets_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let study = || spec("impossible", "random-search", 1);
    let refused = |study: StudySpec, parts: &[&str]| {
        message(run(&study, &file), parts);
        assert!(!file.exists(), "a refused study leaves no file");
    };
    refused(limited(study(), BudgetSpec::default()), &["budget", "would never end", "--trials"]);
    refused(limited(study(), epochs(10.0)), &["budget.total_fidelity", "'cheap' has no fidelity"]);
    refused(with(limited(study(), epochs(0.5)), &[("epochs", "4")]), &["not enough for a single trial of 1 epochs"]);
    let mut none = study();
    none.workers = Some(0);
    refused(none, &["workers", "between 1 and 1024"]);
    for wrong in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        let error = run(&limited(study(), epochs(wrong)), &file).unwrap_err();
        assert!(error.is_input() && error.to_string().contains("must be a finite number above 0"), "{error}");
    }
    let zero = BudgetSpec { trials: Some(0), ..BudgetSpec::default() };
    assert!(run(&limited(study(), zero), &file).unwrap_err().to_string().contains("must be 1 or more"));
}

#[test]
fn the_task_is_checked_against_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let task =
        |task: TaskSpec, given: &str| with(StudySpec { task, ..spec("task", "random-search", 2) }, &[("task", given)]);
    let other = TaskSpec { outputs: Some(5), ..TaskSpec::default() };
    message(run(&task(other, "true"), &file), &["task.outputs", "the evaluator's data say 3"]);
    message(run(&task(TaskSpec::default(), "false"), &file), &["task.input_shape", "give task.input_shape"]);
    let whole = TaskSpec {
        input_shape: Some(vec![1, 8, 8]),
        outputs: Some(3),
        kind: Some("classification".into()),
        ..TaskSpec::default()
    };
    run(&task(whole, "false"), &file).unwrap();
}
