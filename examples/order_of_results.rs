//! How busy workers are when a strategy is told of results in the order of trials, and in the order of completion.
//!
//! The evaluator only sleeps, for a time that grows with the epochs and differs from trial to trial, so the cores of this
//! machine do not matter. `cargo run --release --example order_of_results [-- MILLISECONDS_OF_AN_EPOCH]`

use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use nas_api::{
    Evaluator, EvaluatorInfo, EvaluatorPlugin, Goal, InstanceInfo, Measurement, Metric, MetricInfo, Monitor, Parameter,
    Request, Settings, Task,
};
use nas_core::plugin::{Options, Registry};
use nas_core::study::{
    BudgetSpec, Plan, PluginSpec, ResultOrder, StudyRecord, StudySpec, UnresolvedSetting, checkpoint_folder, start,
};

const TRIALS: u32 = 300;
const STRATEGIES: [&str; 6] = ["asha", "hyperband", "bohb", "dehb", "regularized-evolution", "tpe"];

/// Sleeps instead of training.
struct Sleeper {
    epoch: Duration,
}

impl EvaluatorPlugin for Sleeper {
    fn info() -> EvaluatorInfo {
        EvaluatorInfo {
            name: "sleeper".into(),
            version: "1".into(),
            description: "Sleeps instead of training.".into(),
            metrics: vec![MetricInfo {
                name: "score".into(),
                unit: String::new(),
                better: Some(Goal::Maximize),
                hidden: false,
                description: "A number that depends on the architecture alone.".into(),
            }],
            fidelity_unit: "epochs".into(),
            accepts_relaxed: false,
            resumes: false,
            graphs: true,
            trains: None,
            parameters: vec![Parameter::number("epoch", 5.0, 0.1, 10_000.0, "Milliseconds of an average epoch.")],
        }
    }

    fn open(settings: &Settings, _checkpoints: Option<&Path>) -> nas_api::Result<Self> {
        Ok(Self { epoch: Duration::from_secs_f64(settings.number("epoch")? / 1e3) })
    }
}

impl Evaluator for Sleeper {
    fn instance_info(&self) -> InstanceInfo {
        let kind = "classification".to_owned();
        let task = Task { input_shape: vec![8], outputs: 3, kind, settings: Settings::default() };
        let fidelities = vec![1.0, 3.0, 9.0, 27.0];
        InstanceInfo { task: Some(task), fidelities, ..InstanceInfo::default() }
    }

    fn evaluate(&self, request: &Request, _monitor: &dyn Monitor) -> nas_api::Result<Option<Measurement>> {
        // Between half and twice the average, as networks of one space differ.
        let part = |what: &str| f64::from(nas_api::rng::derive(request.seed, what, 0)) / f64::from(u32::MAX);
        let factor = 2.0_f64.powf(2.0 * part("time") - 1.0);
        std::thread::sleep(self.epoch.mul_f64(factor * request.fidelity.unwrap_or(1.0)));
        let quality = f64::from(nas_api::rng::derive(0, &request.key, 0)) / f64::from(u32::MAX);
        Ok(Some(Measurement::new(vec![Metric::new("score", quality)])))
    }
}

/// The share of the workers' time in which they measured, until the strategy was asked for the last trial: what follows
/// is the same end of every study.
fn busy(record: &StudyRecord, workers: u32) -> f64 {
    let trained: Vec<(f64, f64)> = record
        .trials
        .iter()
        .filter(|trial| trial.trained)
        .filter_map(|trial| Some((trial.started, trial.finished?)))
        .collect();
    let first = trained.iter().map(|(start, _)| *start).fold(f64::INFINITY, f64::min);
    let last = trained.iter().map(|(start, _)| *start).fold(0.0, f64::max);
    let measured: f64 = trained.iter().map(|(start, end)| end.min(last) - start).sum();
    measured / (f64::from(workers) * (last - first))
}

fn main() -> Result<(), Box<dyn Error>> {
    let epoch = std::env::args().nth(1).unwrap_or_else(|| "5".to_owned());
    let mut registry = Registry::new(Options::default());
    registry.add_space::<nas_spaces::Mlp>()?;
    registry.add_strategy::<nas_strategies::Asha>();
    registry.add_strategy::<nas_strategies::Hyperband>();
    registry.add_strategy::<nas_strategies::Bohb>();
    registry.add_strategy::<nas_strategies::Dehb>();
    registry.add_strategy::<nas_strategies::RegularizedEvolution>();
    registry.add_strategy::<nas_strategies::Tpe>();
    registry.add_evaluator::<Sleeper>();
    let folder = tempfile::tempdir()?;

    println!("| strategy | workers | by trial | by completion |\n|---|---|---|---|");
    for strategy in STRATEGIES {
        for workers in [2, 4, 10] {
            let mut shares = Vec::new();
            for order in [ResultOrder::Trial, ResultOrder::Completion] {
                let file = folder.path().join(format!("{strategy}-{workers}-{order:?}.study"));
                let mut spec = StudySpec {
                    space: PluginSpec::named("mlp"),
                    strategy: PluginSpec::named(strategy),
                    evaluator: PluginSpec::named("sleeper"),
                    seed: Some(1),
                    workers: Some(workers),
                    order: Some(order),
                    budget: BudgetSpec { trials: Some(TRIALS), ..BudgetSpec::default() },
                    ..StudySpec::default()
                };
                spec.evaluator.settings.insert("epoch".into(), UnresolvedSetting::Raw(epoch.clone()));
                let plan = Plan::check(&spec, &registry, Some(&checkpoint_folder(&file)))?;
                start(plan, &file, &AtomicBool::new(false), &mut ())?;
                shares.push(busy(&StudyRecord::read(&file)?, workers));
            }
            println!("| {strategy} | {workers} | {:.0} % | {:.0} % |", shares[0] * 100.0, shares[1] * 100.0);
        }
    }
    Ok(())
}
