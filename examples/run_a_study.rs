//! Runs a study from Rust: a built-in strategy searches a small space with an evaluator that is defined here, and the
//! records are read back.
//!
//! `cargo run --release --example run_a_study [-- FILE]`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use nas_api::{
    Evaluator, EvaluatorInfo, EvaluatorPlugin, Goal, InstanceInfo, Measurement, Metric, MetricInfo, Monitor, Parameter,
    Request, Settings, Task,
};
use nas_core::plugin::{Options, Registry};
use nas_core::study::{
    BudgetSpec, Event, Plan, PluginSpec, StudyRecord, StudySpec, Summary, UnresolvedSetting, checkpoint_folder, start,
};

/// Measures how far the number of nodes is from a target, without training.
struct NodeCount {
    target: f64,
}

impl EvaluatorPlugin for NodeCount {
    fn info() -> EvaluatorInfo {
        EvaluatorInfo {
            name: "node-count".into(),
            version: "1".into(),
            description: "Prefers graphs of a given size.".into(),
            metrics: vec![MetricInfo {
                name: "distance".into(),
                unit: "nodes".into(),
                better: Some(Goal::Minimize),
                hidden: false,
                description: "How far the number of nodes is from the target.".into(),
            }],
            fidelity_unit: String::new(),
            accepts_relaxed: false,
            resumes: false,
            graphs: true,
            trains: None,
            parameters: vec![Parameter::integer("target", 9, 1, 1000, "The best number of nodes.")],
        }
    }

    fn open(settings: &Settings, _checkpoints: Option<&Path>) -> nas_api::Result<Self> {
        Ok(Self { target: f64::from(settings.integer("target")?) })
    }
}

impl Evaluator for NodeCount {
    fn instance_info(&self) -> InstanceInfo {
        let kind = "classification".to_owned();
        let task = Task { input_shape: vec![8], outputs: 3, kind, settings: Settings::default() };
        InstanceInfo { task: Some(task), ..InstanceInfo::default() }
    }

    fn evaluate(&self, request: &Request, _monitor: &dyn Monitor) -> nas_api::Result<Option<Measurement>> {
        let distance = (request.graph.nodes.len() as f64 - self.target).abs();
        Ok(Some(Measurement::new(vec![Metric::new("distance", distance)])))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).map_or_else(|| PathBuf::from("node-count.study"), PathBuf::from);

    // A registry finds plugins by name. The program `nas` registers all built-in ones; this study needs only three.
    let mut registry = Registry::new(Options::default());
    registry.add_space::<nas_spaces::Mlp>()?;
    registry.add_strategy::<nas_strategies::RegularizedEvolution>();
    registry.add_evaluator::<NodeCount>();

    let setting = |value: &str| UnresolvedSetting::Raw(value.to_owned());
    let mut spec = StudySpec {
        space: PluginSpec::named("mlp"),
        strategy: PluginSpec::named("regularized-evolution"),
        evaluator: PluginSpec::named("node-count"),
        seed: Some(1),
        budget: BudgetSpec { trials: Some(40), ..BudgetSpec::default() },
        ..StudySpec::default()
    };
    spec.strategy.settings.insert("population".into(), setting("10"));
    spec.strategy.settings.insert("sample".into(), setting("4"));

    // The study is checked as a whole here, before the first trial.
    let plan = Plan::check(&spec, &registry, Some(&checkpoint_folder(&file)))?;
    let mut show = |event: &Event<'_>| {
        if let Event::Incumbent(trial) = event {
            println!("trial {:>2}: {} ({:?})", trial.trial, trial.text, trial.metric("distance"));
        }
    };
    let end = start(plan, &file, &AtomicBool::new(false), &mut show)?;

    let record = StudyRecord::read(&file)?;
    let summary = Summary::of(&record);
    println!("{end}: {} measured, {} failed, best trial {:?}", summary.measured, summary.failed, summary.best);
    Ok(())
}
