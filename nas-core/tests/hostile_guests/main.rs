//! Components that misbehave: none can hang or crash the host, or make it hold more than the limit. Each ends in one
//! message that names plugin, call and remedy. The study judges what is well-formed but makes no sense, such as a
//! genotype outside the space.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../common/mod.rs"]
mod common;
mod evaluators;
mod files;
mod questions;
mod spaces;
mod words;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use common::{Pair, fixture};
use nas_api::{Candidate, Goal, Objective, Observation, Setting, Settings, Study, Value};
use nas_core::plugin::wasm::Limits;
use nas_core::plugin::{Options, PluginError, Registry, Search};
use nas_core::study::{
    BudgetSpec, Plan, PluginSpec, StudyError, StudyRecord, StudySpec, TaskSpec, UnresolvedSetting, start,
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

/// A plugin of a study, with one setting where there is one.
fn plugin(name: &str, setting: Option<(&str, &str)>) -> PluginSpec {
    let mut spec = PluginSpec::named(name);
    spec.settings.extend(setting.map(|(key, value)| (key.to_owned(), UnresolvedSetting::Raw(value.to_owned()))));
    spec
}

/// A guest with many modes, in this one, which takes `n` things of its kind.
fn mode(name: &str, mode: &str, n: u32) -> PluginSpec {
    let mut spec = plugin(&fixture(name).to_string_lossy(), Some(("mode", mode)));
    spec.settings.insert("n".into(), UnresolvedSetting::Raw(n.to_string()));
    spec
}

/// The guest of this name in a study, with its parameter `number`.
fn guest(name: &str, number: &str) -> PluginSpec {
    plugin(&fixture(name).to_string_lossy(), Some(("number", number)))
}

/// Three trials on `nas-bench-201`, and what is on record of them.
fn search(strategy: PluginSpec, evaluator: PluginSpec) -> (Result<(), StudyError>, Option<StudyRecord>) {
    search_in(plugin("nas-bench-201", None), strategy, evaluator)
}

/// As [`search`], on any space.
fn search_in(
    space: PluginSpec,
    strategy: PluginSpec,
    evaluator: PluginSpec,
) -> (Result<(), StudyError>, Option<StudyRecord>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.study");
    let mut registry = registry();
    registry.add_space::<NasBench201>().unwrap();
    registry.add_strategy::<RandomSearch>();
    let spec = StudySpec {
        space,
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

/// A guest that is built and that no test names looks as if the host were held against it.
#[test]
fn every_guest_is_named_by_a_test() {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/fixtures/examples");
    let guests: BTreeSet<String> = std::fs::read_dir(guests)
        .unwrap()
        .map(|guest| guest.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let tests = [
        include_str!("main.rs"),
        include_str!("evaluators.rs"),
        include_str!("files.rs"),
        include_str!("questions.rs"),
        include_str!("spaces.rs"),
        include_str!("words.rs"),
    ]
    .concat();
    let untested: Vec<&String> = guests.iter().filter(|guest| !tests.contains(&format!("(\"{guest}\""))).collect();
    assert_eq!(untested, Vec::<&String>::new(), "guests of plugins/fixtures that no test here opens");
    assert!(guests.len() > 10, "{guests:?}");
}
