//! Components that misbehave: none can hang or crash the host, or make it hold more than the limit. Each ends in one
//! message that names plugin, call and remedy. The study judges what is well-formed but makes no sense, such as a
//! genotype outside the space.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use common::{Pair, fixture};
use nas_api::{Candidate, Goal, Objective, Observation, Setting, Settings, Study, Value};
use nas_core::plugin::wasm::Limits;
use nas_core::plugin::{Options, PluginError, Registry, Search};
use nas_core::study::{
    BudgetSpec, Plan, PluginSpec, State, StudyError, StudyRecord, StudySpec, TaskSpec, UnresolvedSetting, start,
};
use nas_spaces::NasBench201;
use nas_strategies::RandomSearch;

/// Far below the defaults, so that the tests are quick.
fn limits() -> Limits {
    Limits { memory_bytes: 64 << 20, call_fuel: 200_000_000, call_seconds: 20, ..Limits::default() }
}

fn registry() -> Registry {
    Registry::new(Options { limits: limits(), ..Options::default() })
}

fn study(settings: Settings) -> Study {
    Study {
        objectives: vec![Objective { metric: "score".into(), goal: Goal::Maximize }],
        constraints: Vec::new(),
        metrics: vec!["score".into()],
        seed: 1,
        trials: Some(10),
        total_fidelity: None,
        workers: 1,
        fidelities: Vec::new(),
        settings,
    }
}

fn open(path: &Path, call: Option<&str>) -> Result<Box<dyn Search>, PluginError> {
    let source = registry().strategy(&path.to_string_lossy())?;
    let given: Vec<Setting> =
        call.map(|call| Setting { name: "call".into(), value: Value::Text(call.into()) }).into_iter().collect();
    let settings = Settings::checked(&source.info()?.parameters, &given).unwrap();
    source.open(&study(settings), Box::new(Pair::default()))
}

fn observation() -> Observation {
    Observation {
        trial: Some(0),
        candidate: Candidate::Discrete(vec![0, 0]),
        fidelity: None,
        metrics: vec![0.5],
        failure: None,
        gradient: None,
        cost: 0.0,
    }
}

/// Opens, asks, tells; returns the error and checks what every error must have.
fn misbehave(name: &str, call: Option<&str>) -> String {
    let path = fixture(name);
    let mut search = match open(&path, call) {
        Ok(search) => search,
        Err(error) => return checked(name, "open", &error),
    };
    if let Err(error) = search.ask(2) {
        return checked(name, "ask", &error);
    }
    match search.tell(vec![observation()]) {
        Ok(()) => String::new(),
        Err(error) => checked(name, "tell", &error),
    }
}

fn checked(name: &str, call: &str, error: &PluginError) -> String {
    let text = error.to_string();
    assert!(text.contains(name), "names the plugin: {text}");
    assert!(text.contains(&format!("in {call}")), "names the call: {text}");
    assert!(text.contains("\n  help: "), "names a remedy: {text}");
    text
}

#[test]
fn an_endless_loop_is_ended_in_every_call() {
    for call in ["open", "ask", "tell"] {
        let text = misbehave("endless-loop", Some(call));
        assert!(text.contains(&format!("in {call}: it did not finish within 200 million instructions")), "{text}");
    }
}

#[test]
fn the_clock_is_a_backstop_behind_the_fuel() {
    let limits = Limits { call_fuel: u64::MAX, call_seconds: 1, ..limits() };
    let registry = Registry::new(Options { limits, ..Options::default() });
    let source = registry.strategy(&fixture("endless-loop").to_string_lossy()).unwrap();
    let settings = Settings::defaults(&source.info().unwrap().parameters);
    let mut search = source.open(&study(settings), Box::new(Pair::default())).unwrap();
    let text = search.ask(1).unwrap_err().to_string();
    assert!(text.contains("did not finish within 1 seconds"), "{text}");
}

#[test]
fn a_memory_hog_is_stopped_at_the_limit() {
    for call in ["open", "ask", "tell"] {
        let text = misbehave("memory-hog", Some(call));
        assert!(text.contains("and may have 64 MiB"), "{text}");
    }
}

#[test]
fn deep_recursion_is_no_crash() {
    assert!(misbehave("deep-recursion", Some("ask")).contains("recursion is too deep"));
}

#[test]
fn a_panic_comes_with_its_message() {
    let text = misbehave("panics", Some("tell"));
    assert!(text.contains("the population must not be empty"), "{text}");
}

#[test]
fn a_trap_is_reported_without_words() {
    assert!(misbehave("traps", Some("ask")).contains("trapped without a message"));
    // A dead instance stays dead, and says so.
    let mut search = open(&fixture("traps"), Some("ask")).unwrap();
    assert!(search.ask(1).is_err());
    assert!(search.tell(vec![observation()]).unwrap_err().to_string().contains("ended by an earlier error"));
}

#[test]
fn a_list_of_100_million_elements_does_not_reach_the_host() {
    // 400 MB do not fit into the guest's own memory; with more memory the transfer limit holds them back.
    assert!(misbehave("long-list", None).contains("and may have 64 MiB"));
    let limits = Limits { memory_bytes: 1 << 30, ..limits() };
    let registry = Registry::new(Options { limits, ..Options::default() });
    let source = registry.strategy(&fixture("long-list").to_string_lossy()).unwrap();
    let mut search = source.open(&study(Settings::default()), Box::new(Pair::default())).unwrap();
    let text = search.ask(1).unwrap_err().to_string();
    assert!(text.contains("long-list") && text.contains("in ask"), "{text}");
}

#[test]
fn more_proposals_than_asked_for_are_refused() {
    assert!(misbehave("too-many", None).contains("at most 2 proposals and returned 3"));
}

#[test]
fn a_log_without_end_is_cut_and_the_guest_ended() {
    let lines = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = lines.clone();
    let log: nas_core::plugin::wasm::Log = std::sync::Arc::new(move |_, _, line: &str| {
        counted.fetch_add(line.len(), std::sync::atomic::Ordering::Relaxed);
    });
    let limits = Limits { log_bytes: 10_000, ..limits() };
    let registry = Registry::new(Options { limits, log, ..Options::default() });
    let source = registry.strategy(&fixture("chatty").to_string_lossy()).unwrap();
    let settings = Settings::defaults(&source.info().unwrap().parameters);
    let mut search = source.open(&study(settings), Box::new(Pair::default())).unwrap();
    let text = search.ask(1).unwrap_err().to_string();
    assert!(text.contains("did not finish"), "{text}");
    assert!(lines.load(std::sync::atomic::Ordering::Relaxed) < 10_200);
}

/// The message of a file that is refused before anything of it runs.
fn refused(path: &Path) -> String {
    let text = registry().strategy(&path.to_string_lossy()).err().unwrap().to_string();
    assert!(text.contains(&*path.file_name().unwrap().to_string_lossy()), "names the file: {text}");
    assert!(text.contains("\n  help: "), "names a remedy: {text}");
    text
}

#[test]
fn another_contract_version_is_refused_before_instantiation() {
    assert!(refused(&fixture("wrong-version")).contains("version 0.99.0 of the contract; this program speaks 0.1.0"));
}

#[test]
fn an_import_that_is_not_offered_is_named() {
    assert!(refused(&fixture("unknown-import")).contains("imports 'nas:plugin/clock@0.1.0', which is not offered"));
}

#[test]
fn files_that_are_no_components_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = std::fs::read(fixture("panics")).unwrap();
    for cut in [9, 100, whole.len() / 2, whole.len() - 1] {
        assert!(refused(&write("cut.wasm", &whole[..cut])).contains("is damaged or not supported"), "cut at {cut}");
    }
    assert!(refused(&write("text.wasm", b"not a component at all")).contains("is not a WebAssembly component"));
    assert!(refused(&write("empty.wasm", b"")).contains("is not a WebAssembly component"));
    let module = refused(&write("module.wasm", b"\0asm\x01\0\0\0"));
    assert!(module.contains("core WebAssembly module, not a component"), "{module}");
    let component = refused(&write("nothing.wasm", b"\0asm\x0d\0\x01\0"));
    assert!(component.contains("neither a space nor a strategy nor an evaluator"), "{component}");
    assert!(refused(&folder.path().join("missing.wasm")).contains("cannot be read"));
}

#[test]
fn a_component_of_another_kind_is_refused() {
    let text = registry().space(&fixture("panics").to_string_lossy()).err().unwrap().to_string();
    assert!(text.contains("is a strategy, not a space"), "{text}");
}

/// A plugin of a study, with one setting where there is one.
fn plugin(name: &str, setting: Option<(&str, &str)>) -> PluginSpec {
    let mut spec = PluginSpec::named(name);
    spec.settings.extend(setting.map(|(key, value)| (key.to_owned(), UnresolvedSetting::Raw(value.to_owned()))));
    spec
}

/// The guest of this name in a study, with its parameter `number`.
fn guest(name: &str, number: &str) -> PluginSpec {
    plugin(&fixture(name).to_string_lossy(), Some(("number", number)))
}

/// Three trials on `nas-bench-201`, and what is on record of them.
fn search(strategy: PluginSpec, evaluator: PluginSpec) -> (Result<(), StudyError>, Option<StudyRecord>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.study");
    let mut registry = registry();
    registry.add_space::<NasBench201>().unwrap();
    registry.add_strategy::<RandomSearch>();
    let spec = StudySpec {
        space: plugin("nas-bench-201", None),
        strategy,
        evaluator,
        budget: BudgetSpec { trials: Some(3), ..BudgetSpec::default() },
        task: TaskSpec {
            input_shape: Some(vec![3, 16, 16]),
            outputs: Some(2),
            kind: Some("classification".into()),
            ..TaskSpec::default()
        },
        ..StudySpec::default()
    };
    let plan = match Plan::check(&spec, &registry, None) {
        Ok(plan) => plan,
        Err(error) => return (Err(error), None),
    };
    let end = start(plan, &file, &AtomicBool::new(false), &mut ());
    (end.map(|_| ()), Some(StudyRecord::read(&file).unwrap()))
}

/// The message of a study that this strategy ends before its first trial.
fn ends_the_study(name: &str, strategy: PluginSpec) -> String {
    let (end, record) = search(strategy, guest("not-a-number-metrics", "metric"));
    let Err(StudyError::Broken(error)) = end else { panic!("{name} goes on: {end:?}") };
    assert_eq!(record.unwrap().trials.len(), 0, "what cannot be a trial is not on record");
    checked(name, "ask", &error)
}

#[test]
fn a_genotype_outside_the_space_ends_the_study() {
    let text = ends_the_study("out-of-space", plugin(&fixture("out-of-space").to_string_lossy(), None));
    assert!(text.contains("99], which is not in the space 'nas-bench-201'"), "{text}");
}

#[test]
fn weights_and_fidelities_that_are_not_finite_end_the_study() {
    let text = ends_the_study("not-a-number", guest("not-a-number", "weight"));
    assert!(text.contains("it proposed a weight of NaN for '"), "{text}");
    let text = ends_the_study("not-a-number", guest("not-a-number", "fidelity"));
    assert!(text.contains("it proposed a fidelity of -inf, but the evaluator offers [1.0, 2.0]"), "{text}");
}

#[test]
fn a_metric_that_is_not_finite_fails_its_trial() {
    let (end, record) = search(plugin("random-search", None), guest("not-a-number-metrics", "metric"));
    end.unwrap();
    let trials = record.unwrap().trials;
    let reasons: Vec<&str> = trials.iter().map(|trial| trial.reason.as_str()).collect();
    assert_eq!(reasons, ["the objective score is NaN", "the objective score is inf", "the objective score is -inf"]);
    assert!(trials.iter().all(|trial| trial.state == State::Failed));
}

#[test]
fn a_cost_that_is_not_finite_ends_the_study() {
    let (end, record) = search(plugin("random-search", None), guest("not-a-number-metrics", "cost"));
    let Err(StudyError::Broken(error)) = end else { panic!("it goes on: {end:?}") };
    let text = checked("not-a-number-metrics", "evaluate", &error);
    assert!(text.contains("it returned a cost of -inf seconds for trial 0"), "{text}");
    assert!(record.unwrap().trials.iter().all(|trial| trial.state != State::Measured));
}

#[test]
fn fidelities_that_are_not_finite_are_refused_before_the_first_trial() {
    let (end, record) = search(plugin("random-search", None), guest("not-a-number-metrics", "fidelity"));
    let Err(StudyError::Open(error)) = end else { panic!("it is not refused: {end:?}") };
    let text = checked("not-a-number-metrics", "open", &error);
    assert!(text.contains("its fidelities must be positive and ascending, but are [NaN, inf]"), "{text}");
    assert!(record.is_none());
}

/// A guest that is built and that no test names looks as if the host were held against it.
#[test]
fn every_guest_is_named_by_a_test() {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/fixtures/examples");
    let guests: BTreeSet<String> = std::fs::read_dir(guests)
        .unwrap()
        .map(|guest| guest.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let tests = include_str!("hostile_guests.rs");
    let untested: Vec<&String> = guests.iter().filter(|guest| !tests.contains(&format!("(\"{guest}\""))).collect();
    assert_eq!(untested, Vec::<&String>::new(), "guests of plugins/fixtures that no test here opens");
    assert!(guests.len() > 10, "{guests:?}");
}
