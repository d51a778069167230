//! From a description to a plan: everything that can be refused is refused here, before the first trial.

use std::path::{Path, PathBuf};

use nas_api::{Bound, CONTRACT_VERSION, Goal, MetricInfo, Objective, StrategyInfo};

use super::StudyError;
use super::given::check_settings;
use super::header::{Budget, Header, Plugged};
use super::problem::{Problem, named};
use super::pruner::{Chosen, Pruner};
use super::spec::{BudgetSpec, StudySpec};
use super::terms::{objective_text, parse_bound, parse_objective};
use crate::names::did_you_mean;
use crate::plugin::{Ahead, PluginError, Registry, Search};

/// Threads of one study at most.
const MAX_WORKERS: u32 = 1024;

/// A study that can be run: every plugin is open, every setting checked.
pub struct Plan {
    /// What the study's file will say.
    pub header: Header,
    /// What is searched.
    pub problem: Problem,
    /// What searches.
    pub search: Box<dyn Search>,
    /// States of trials are kept, for later trials to carry on from.
    pub(crate) keep: bool,
    /// What ends trials early.
    pub(crate) pruner: Option<Pruner>,
}

/// The folder beside a study's file where states of trials are kept.
pub fn state_dir(study: &Path) -> PathBuf {
    let mut name = study.as_os_str().to_owned();
    name.push(".state");
    PathBuf::from(name)
}

impl Plan {
    /// Opens everything and checks that it fits together. `state` is where states of trials are kept (see
    /// [`state_dir`]); the folder is made where the strategy carries on trials, or when the evaluator keeps something.
    pub fn check(spec: &StudySpec, registry: &Registry, state: Option<&Path>) -> Result<Self, StudyError> {
        Self::check_search(spec, registry, state, 0)
    }

    pub(crate) fn check_search(
        spec: &StudySpec,
        registry: &Registry,
        state: Option<&Path>,
        search: u32,
    ) -> Result<Self, StudyError> {
        let workers = spec.workers.unwrap_or(1);
        if !(1..=MAX_WORKERS).contains(&workers) {
            let problem = format!("must lie between 1 and {MAX_WORKERS}, but is {workers}");
            return Err(StudyError::spec("workers", problem, "one per core is a good choice"));
        }
        check_limits(&spec.budget)?;
        let source = registry.strategy(named("strategy", &spec.strategy.reference)?).map_err(StudyError::Open)?;
        let info = source.info().map_err(StudyError::Open)?;
        let settings = check_settings("strategy", &info.parameters, &spec.strategy.settings)?;
        let strategy = Plugged::new(source.identity(), settings);

        let resumes = info.needs.iter().chain(&info.serves).any(|word| word == "resume");
        if let Some(folder) = state.filter(|_| resumes) {
            std::fs::create_dir_all(folder).map_err(|error| {
                let problem = format!("the folder for states of trials cannot be made: {error}");
                StudyError::file(folder, problem, "choose a study file in a folder you may write")
            })?;
        }
        let problem = Problem::open(spec, registry, state)?;
        let metrics = problem.metrics();
        let objectives = choose_objectives(&spec.objectives, &problem, &metrics)?;
        let constraints = choose_constraints(&spec.constraints, &metrics)?;
        check_budget(&spec.budget, &problem)?;
        problem.meters.check_workers(workers)?;
        check_needs(&info, &strategy, &problem, &objectives, &constraints)?;
        let chosen = Chosen::of(&spec.pruner, &objectives, &info, &problem)?;
        let goal = |metric: &str| goal_of(metric, &objectives, &metrics);
        let pruner = chosen.as_ref().map(|chosen| chosen.open(goal)).transpose()?;

        let BudgetSpec { trials, epochs, seconds } = spec.budget;
        let header = Header {
            contract: CONTRACT_VERSION.to_owned(),
            search,
            seed: spec.seed.unwrap_or(0),
            workers,
            duplicates: spec.duplicates.unwrap_or_default(),
            objectives,
            constraints,
            meters: problem.meters.record(),
            pruner: chosen,
            limits: spec.limits,
            budget: Budget { trials, epochs, seconds },
            fidelities: problem.fidelities.clone(),
            fidelity_unit: problem.evaluator_info.fidelity_unit.clone(),
            task: problem.task.clone(),
            space: problem.space_plugged.clone(),
            strategy,
            evaluator: problem.evaluator_plugged.clone(),
            data: problem.data.clone(),
            graphs: problem.graphs(),
            simulated: problem.simulated,
            best: problem.best.clone(),
            metrics,
        };
        // An instance of its own: questions of the host never reach what the strategy talks to.
        let space = registry.space(&header.space.reference).map_err(StudyError::Open)?;
        let space = space.open(&header.space.settings).map_err(StudyError::Open)?;
        let mut search = source.open(&header.for_strategy(), space).map_err(StudyError::Open)?;
        if info.serves.iter().any(|word| word == "ahead") {
            search = Box::new(Ahead::new(search, trials));
        }
        let keep = resumes && problem.evaluator_info.resumes;
        Ok(Self { header, problem, search, keep, pruner })
    }
}

/// Which way a metric gets better: the study's word counts before the evaluator's.
fn goal_of(metric: &str, objectives: &[Objective], metrics: &[MetricInfo]) -> Option<Goal> {
    let objective = objectives.iter().find(|objective| objective.metric == metric);
    let declared = || metrics.iter().find(|known| known.name == metric)?.better;
    objective.map(|objective| objective.goal).or_else(declared)
}

/// The limits as numbers, whatever the plugins are.
fn check_limits(budget: &BudgetSpec) -> Result<(), StudyError> {
    let wrong = |key: &str, problem: String| Err(StudyError::spec(format!("budget.{key}"), problem, ""));
    if budget.trials == Some(0) {
        return wrong("trials", "must be 1 or more".into());
    }
    for (key, limit) in [("epochs", budget.epochs), ("seconds", budget.seconds)] {
        if let Some(limit) = limit.filter(|limit| !limit.is_finite() || *limit <= 0.0) {
            return wrong(key, format!("must be a finite number above 0, but is {limit}"));
        }
    }
    if *budget == BudgetSpec::default() {
        let remedy = "give --trials N, or trials, epochs or seconds under [budget] in the study file";
        return Err(StudyError::spec("budget", "there is no limit: the study would never end", remedy));
    }
    Ok(())
}

/// The limits against what the evaluator offers.
fn check_budget(budget: &BudgetSpec, problem: &Problem) -> Result<(), StudyError> {
    let Some(epochs) = budget.epochs else { return Ok(()) };
    let evaluator = &problem.evaluator_info;
    let Some(&least) = problem.fidelities.first() else {
        let text = format!("the evaluator '{}' has no fidelity that could be limited", evaluator.name);
        return Err(StudyError::spec("budget.epochs", text, "limit trials or seconds instead"));
    };
    if epochs < least {
        let unit = &evaluator.fidelity_unit;
        let text = format!("{epochs} {unit} are not enough for a single trial of {least} {unit}");
        return Err(StudyError::spec("budget.epochs", text, "raise it, or lower the evaluator's fidelity"));
    }
    Ok(())
}

fn unknown_metric(place: String, metric: &str, metrics: &[MetricInfo]) -> StudyError {
    let known: Vec<&str> = metrics.iter().filter(|known| !known.hidden).map(|known| known.name.as_str()).collect();
    if metrics.iter().any(|known| known.name == metric && known.hidden) {
        let problem = format!("'{metric}' is for reports only: searching by it would make the report worthless");
        return StudyError::spec(place, problem, format!("choose one of {}", known.join(", ")));
    }
    let near = did_you_mean(metric, known.iter().copied());
    StudyError::spec(place, format!("no metric is called '{metric}'"), format!("{near}known: {}", known.join(", ")))
}

fn choose_objectives(
    texts: &[String],
    problem: &Problem,
    metrics: &[MetricInfo],
) -> Result<Vec<Objective>, StudyError> {
    if texts.is_empty() && !problem.objectives.is_empty() {
        let texts: Vec<String> = problem.objectives.iter().map(objective_text).collect();
        return choose_objectives(&texts, problem, metrics);
    }
    if texts.is_empty() {
        let measured = metrics.iter().filter(|metric| !metric.hidden && !problem.is_cost(&metric.name));
        let first = measured.filter_map(|metric| metric.better.map(|goal| (metric, goal))).next();
        let objective = first.map(|(metric, goal)| vec![Objective { metric: metric.name.clone(), goal }]);
        let problem = "the evaluator has no metric with a clear direction";
        return objective.ok_or_else(|| StudyError::spec("objectives", problem, "give --objective METRIC:maximize"));
    }
    let mut objectives: Vec<Objective> = Vec::with_capacity(texts.len());
    for text in texts {
        let place = format!("objective '{text}'");
        let aim = parse_objective(text)?;
        let info = metrics.iter().find(|metric| metric.name == aim.metric && !metric.hidden);
        let info = info.ok_or_else(|| unknown_metric(place.clone(), &aim.metric, metrics))?;
        let goal: Goal = aim.goal.or(info.better).ok_or_else(|| {
            let problem = format!("'{}' has no direction of its own", aim.metric);
            StudyError::spec(&place, problem, format!("write {0}:maximize or {0}:minimize", aim.metric))
        })?;
        if objectives.iter().any(|earlier| earlier.metric == aim.metric) {
            return Err(StudyError::spec(place, "is given twice", "leave one of them out"));
        }
        objectives.push(Objective { metric: aim.metric, goal });
    }
    Ok(objectives)
}

fn choose_constraints(texts: &[String], metrics: &[MetricInfo]) -> Result<Vec<Bound>, StudyError> {
    let mut bounds = Vec::with_capacity(texts.len());
    for text in texts {
        let bound = parse_bound(text)?;
        if !metrics.iter().any(|metric| metric.name == bound.metric && !metric.hidden) {
            return Err(unknown_metric(format!("constraint '{text}'"), &bound.metric, metrics));
        }
        bounds.push(bound);
    }
    Ok(bounds)
}

fn check_needs(
    info: &StrategyInfo,
    strategy: &Plugged,
    problem: &Problem,
    objectives: &[Objective],
    constraints: &[Bound],
) -> Result<(), StudyError> {
    let refuse = |problem: String, remedy: &str| {
        Err(StudyError::Open(PluginError::new(&strategy.identity, "", problem).remedy(remedy)))
    };
    let evaluator = &problem.evaluator_info;
    for need in &info.needs {
        match need.as_str() {
            "fidelities" if problem.fidelities.len() < 2 => {
                let offered = problem.fidelities.len();
                let text =
                    format!("it needs several fidelities, and the evaluator '{}' offers {offered}", evaluator.name);
                return refuse(text, "set the evaluator so that it offers several, or choose another strategy");
            }
            "resume" if !evaluator.resumes => {
                let text = format!("it carries on trials, and the evaluator '{}' cannot", evaluator.name);
                return refuse(text, "choose an evaluator that can, or another strategy");
            }
            "gradients" if !evaluator.accepts_relaxed => {
                let text = format!("it proposes mixtures, and the evaluator '{}' trains no supernets", evaluator.name);
                return refuse(text, "choose an evaluator that does, or another strategy");
            }
            "gradients" if constraints.iter().any(|bound| problem.is_cost(&bound.metric)) => {
                let text = "it proposes mixtures, and a mixture has no size that a constraint could bound".to_owned();
                return refuse(text, "leave out constraints on params, macs, flops, depth and what meters measure");
            }
            "fidelities" | "resume" | "gradients" => {}
            other => {
                let text = format!("it needs '{other}', which this version of nas does not know");
                return refuse(text, "use a newer nas, or another strategy");
            }
        }
    }
    if objectives.len() > 1 && !info.serves.iter().any(|word| word == "several-objectives") {
        let text = format!("it serves one objective, and the study has {}", objectives.len());
        return refuse(text, "give one objective, or choose a strategy that serves several");
    }
    Ok(())
}
