//! The outcomes of trials: measured, failed, duplicate or never trained.

use nas_core::study::{End, Event, State, StudySpec, Summary};

use crate::common::{message, read, run, run_with, scripted, spec, with};
use crate::evaluator::take_calls;
use crate::strategy::take_told;

/// The parameters of networks with one hidden layer of 32, 64 and 128 neurons, 64 inputs and 3 outputs.
const PARAMS: [f64; 3] = [2179.0, 4355.0, 8707.0];

#[test]
fn a_network_that_breaks_a_static_constraint_is_never_trained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let mut study = scripted("constraints", "0,0,0 0,1,0 0,2,0");
    study.constraints = vec!["params<=4000".into()];
    run(&study, &file).unwrap();
    let calls = take_calls("constraints");
    assert_eq!(calls.iter().map(|call| call.params).collect::<Vec<_>>(), [2179]);
    let trials = read(&file).trials;
    for (trial, params) in trials.iter().zip(PARAMS) {
        assert_eq!(trial.metric("params"), Some(params));
    }
    assert_eq!(trials[0].state, State::Measured);
    for trial in &trials[1..] {
        assert_eq!((trial.state, trial.trained), (State::Failed, false));
        assert!(trial.reason.contains("breaks params<=4000"), "{}", trial.reason);
    }
    // The strategy is told by how much the limit was exceeded.
    let told = take_told("constraints");
    assert_eq!(told[2].failure.as_ref().unwrap().violation, (8707.0 - 4000.0) / 4000.0);
}

#[test]
fn a_network_that_breaks_a_measured_constraint_fails_after_training() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let mut study = spec("measured-constraints", "random-search", 30);
    study.constraints = vec!["latency<=0.5".into()];
    run(&study, &file).unwrap();
    let trials = read(&file).trials;
    assert!(trials.iter().all(|trial| trial.metric("latency").is_some()));
    for trial in &trials {
        let kept = trial.metric("latency").unwrap() <= 0.5;
        assert_eq!(trial.state == State::Measured, kept, "trial {}", trial.trial);
    }
    let failed = trials.iter().filter(|trial| trial.state == State::Failed).count();
    assert!((1..30).contains(&failed));
    assert!(Summary::of(&read(&file)).best.is_some());
}

#[test]
fn equal_architectures_are_trained_once_and_told_each_time() {
    let folder = tempfile::tempdir().unwrap();
    for workers in [1, 4] {
        let file = folder.path().join(workers.to_string());
        let mut study = scripted("duplicates", "0,0,0 0,0,0 0,1,0 0,0,0");
        study.workers = Some(workers);
        run(&study, &file).unwrap();
        assert_eq!(take_calls("duplicates").iter().map(|call| call.trial).collect::<Vec<_>>().len(), 2);
        let record = read(&file);
        let duplicates: Vec<_> = record.trials.iter().map(|trial| trial.duplicate_of).collect();
        assert_eq!(duplicates, [None, Some(0), None, Some(0)]);
        assert_eq!(record.trials[1].metrics, record.trials[0].metrics);
        assert_eq!(record.trials[1].cost, 0.0);
        assert_eq!(Summary::of(&record).duplicates, 2);
        let told = take_told("duplicates");
        assert_eq!(told.iter().map(|told| told.trial).collect::<Vec<_>>(), [Some(0), Some(1), Some(2), Some(3)]);
        assert_eq!(told[3].metrics, told[0].metrics);
    }
}

#[test]
fn failures_are_recorded_with_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let study = with(spec("failures", "regularized-evolution", 60), &[("fail", "40")]);
    assert_eq!(run(&study, &file).unwrap(), End::Trials);
    let record = read(&file);
    let failed = record.trials.iter().filter(|trial| trial.state == State::Failed);
    assert!(failed.clone().count() > 3);
    assert!(failed.clone().all(|trial| trial.reason.ends_with("cannot be trained")));
    let summary = Summary::of(&record);
    assert_eq!(summary.failed as usize, failed.count());
    assert_eq!(record.trials[summary.best.unwrap() as usize].state, State::Measured);
}

#[test]
fn an_objective_that_is_not_a_number_fails_the_trial() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&with(spec("nan", "random-search", 5), &[("nan_at", "2")]), &file).unwrap();
    let trial = &read(&file).trials[2];
    assert_eq!((trial.state, trial.reason.as_str()), (State::Failed, "the objective val_accuracy is NaN"));
    assert!(trial.metric("val_accuracy").unwrap().is_nan(), "what was measured is kept");
}

#[test]
fn a_panic_of_the_evaluator_fails_only_its_trial() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    assert_eq!(run(&with(spec("panic", "random-search", 5), &[("panic_at", "2")]), &file).unwrap(), End::Trials);
    let record = read(&file);
    assert_eq!(record.trials[2].reason, "the evaluator panicked: index out of range");
    assert_eq!(Summary::of(&record).measured, 4);
}

#[test]
fn hidden_and_undeclared_metrics_are_recorded_but_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let mut heard = Vec::new();
    let mut listener = |event: &Event<'_>| {
        if let Event::Warning(words) = event {
            heard.push((*words).to_owned());
        }
    };
    let stop = std::sync::atomic::AtomicBool::new(false);
    run_with(&scripted("hidden", "0,0,0 0,1,0"), &file, &stop, &mut listener).unwrap();
    let trial = &read(&file).trials[0];
    assert!(trial.metric("test_accuracy").is_some());
    let visible = ["params", "macs", "flops", "depth", "latency", "val_accuracy", "val_loss"];
    for (trial, told) in read(&file).trials.iter().zip(take_told("hidden")) {
        assert_eq!(told.metrics, visible.map(|name| trial.metric(name).unwrap()));
    }
    assert_eq!(heard, Vec::<String>::new(), "every metric of this evaluator is declared");
}

#[test]
fn a_hidden_metric_cannot_be_an_objective() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let aim = |text: &str| StudySpec { objectives: vec![text.into()], ..spec("aim", "random-search", 3) };
    message(run(&aim("test_accuracy"), &file), &["'test_accuracy' is for reports only"]);
    message(run(&aim("val_acuracy"), &file), &["no metric is called 'val_acuracy'", "did you mean 'val_accuracy'"]);
    message(run(&aim("latency"), &file), &["'latency' has no direction of its own", "latency:minimize"]);
    let constraint = StudySpec { constraints: vec!["test_accuracy>=0.5".into()], ..spec("aim", "random-search", 3) };
    message(run(&constraint, &file), &["for reports only"]);
    let mut two = aim("val_accuracy");
    two.objectives.push("params".into());
    message(
        run(&StudySpec { strategy: nas_core::study::PluginSpec::named("regularized-evolution"), ..two.clone() }, &file),
        &["it serves one objective, but the study has 2"],
    );
}

#[test]
fn the_size_of_a_network_is_the_hosts_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    run(&scripted("believed", "0,0,0"), &file).unwrap();
    assert_eq!(read(&file).trials[0].metric("params"), Some(PARAMS[0]));
}

#[test]
fn several_objectives_have_a_front() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let mut study = spec("front", "random-search", 60);
    study.objectives = vec!["val_accuracy".into(), "params".into()];
    run(&study, &file).unwrap();
    let record = read(&file);
    let front = Summary::of(&record).front;
    let scores = |trial: u32| {
        let trial = &record.trials[trial as usize];
        (trial.metric("val_accuracy").unwrap(), trial.metric("params").unwrap())
    };
    assert!(front.len() > 1);
    for trial in record.trials.iter().filter(|trial| trial.duplicate_of.is_none()) {
        let (accuracy, params) = scores(trial.trial);
        let beaten = record.trials.iter().any(|other| {
            let theirs = scores(other.trial);
            theirs.0 >= accuracy && theirs.1 <= params && theirs != (accuracy, params)
        });
        assert_eq!(front.contains(&trial.trial), !beaten, "trial {}", trial.trial);
    }
}

#[test]
fn a_strategy_that_waits_for_nothing_ends_the_study() {
    let folder = tempfile::tempdir().unwrap();
    let mut study = with(scripted("stall", "0,0,0 0,1,0 wait 0,2,0"), &[("strategy.stall", "true")]);
    study.workers = Some(2);
    message(run(&study, &folder.path().join("study")), &["scripted", "proposed nothing", "not finished"]);
    assert_eq!(read(&folder.path().join("study")).trials.len(), 3, "waiting while a trial is out is no stall");
}

#[test]
fn a_genotype_outside_of_the_space_ends_the_study() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    message(
        run(&scripted("outside", "0,0,0 7,0,0"), &file),
        &["scripted", "ask", "[7, 0, 0]", "not in the space 'mlp'"],
    );
    let record = read(&file);
    assert_eq!(record.trials.len(), 1, "what was measured before stays");
    assert_eq!(record.trials[0].state, State::Measured);
}
