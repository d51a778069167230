//! From a description, or from the record of a study, to a resolved study: every plugin is found, every setting is
//! checked, and space and evaluator are open. What can be refused is refused here, before the first trial.

use std::path::Path;

use nas_api::{CONTRACT_VERSION, Constraint, Goal, MetricInfo, Objective, StrategyInfo};

use super::StudyError;
use super::header::{Budget, Header, PluginRecord};
use super::objective::{objective_text, parse_constraint, parse_objective};
use super::problem::Problem;
use super::problem_settings::named;
use super::pruner::PrunerRecord;
use super::settings::check_settings;
use super::spec::{BudgetSpec, PluginSpec, StudySpec};
use super::unchanged::recorded_settings;
use crate::names::did_you_mean;
use crate::plugin::{PluginError, Registry, StrategySource};

/// The most workers that a study may have.
pub(super) const MAX_WORKERS: u32 = 1024;

/// A study in which every choice has been made. The header is what its file records.
pub struct ResolvedStudy {
    pub(super) header: Header,
    pub(super) problem: Problem,
    /// What the strategy says about itself.
    pub(super) strategy: StrategyInfo,
}

impl ResolvedStudy {
    /// Resolves a description. `checkpoints` is the folder where checkpoints of trials are kept.
    pub(super) fn new(spec: &StudySpec, registry: &Registry, checkpoints: Option<&Path>) -> Result<Self, StudyError> {
        let workers = spec.workers.unwrap_or(1);
        if !(1..=MAX_WORKERS).contains(&workers) {
            let problem = format!("must lie between 1 and {MAX_WORKERS}, but is {workers}");
            return Err(StudyError::spec("workers", problem, "one per core is a good choice"));
        }
        check_limits(&spec.budget)?;
        let source = registry.strategy(named("strategy", &spec.strategy.reference)?).map_err(StudyError::Open)?;
        let (info, strategy) = resolve_strategy(source.as_ref(), &spec.strategy)?;
        make_checkpoint_folder(&info, checkpoints)?;
        let problem = Problem::open(spec, registry, checkpoints)?;
        let metrics = problem.metrics();
        let objectives = choose_objectives(&spec.objectives, &problem, &metrics)?;
        let constraints = choose_constraints(&spec.constraints, &metrics)?;
        check_budget(&spec.budget, &problem)?;
        problem.meters.check_workers(workers)?;
        check_needs(&info, &strategy, &problem, &objectives, &constraints)?;
        let pruner = PrunerRecord::of(&spec.pruner, &objectives, &info, &problem.reporting())?;
        let order = spec.order.unwrap_or_default();
        if pruner.is_some() && !order.by_trial() {
            let problem = "a pruner compares trials in the order of their numbers, and waits for earlier ones";
            return Err(StudyError::spec(
                "order",
                problem,
                "leave the pruner out, or tell results in the order of trials",
            ));
        }
        let BudgetSpec { trials, total_fidelity, seconds } = spec.budget;
        let header = Header {
            contract: CONTRACT_VERSION.to_owned(),
            search: 0,
            seed: spec.seed.unwrap_or(0),
            workers,
            order,
            duplicates: spec.duplicates.unwrap_or_default(),
            objectives,
            constraints,
            meters: problem.meters.record(),
            pruner,
            limits: spec.limits,
            budget: Budget { trials, total_fidelity, seconds },
            fidelities: problem.fidelities.clone(),
            fidelity_unit: problem.evaluator_info.fidelity_unit.clone(),
            task: problem.task.clone(),
            space: problem.space_record.clone(),
            strategy,
            evaluator: problem.evaluator_record.clone(),
            data: problem.data.clone(),
            graphs: problem.graphs(),
            simulated: problem.simulated,
            best: problem.best.clone(),
            metrics,
        };
        Ok(Self { header, problem, strategy: info })
    }

    /// The same study as recorded; parameters that the plugins did not have then are at their defaults.
    pub(super) fn recorded(
        header: Header,
        registry: &Registry,
        checkpoints: Option<&Path>,
    ) -> Result<Self, StudyError> {
        let source = registry.strategy(&header.strategy.reference).map_err(StudyError::Open)?;
        let info = source.info().map_err(StudyError::Open)?;
        let settings = recorded_settings("strategy", &info.parameters, &header.strategy.settings)?;
        let strategy = PluginRecord { settings, ..header.strategy.clone() };
        make_checkpoint_folder(&info, checkpoints)?;
        let problem = Problem::reopen_with_meters(&header, registry, checkpoints)?;
        let header = Header {
            task: problem.task.clone(),
            space: PluginRecord { settings: problem.space_record.settings.clone(), ..header.space },
            evaluator: PluginRecord { settings: problem.evaluator_record.settings.clone(), ..header.evaluator },
            strategy,
            ..header
        };
        Ok(Self { header, problem, strategy: info })
    }

    /// The search that follows the recorded one in the same file, with this strategy and this budget.
    pub(super) fn next_search(
        header: Header,
        registry: &Registry,
        checkpoints: Option<&Path>,
        strategy: &PluginSpec,
        budget: BudgetSpec,
    ) -> Result<Self, StudyError> {
        let Budget { trials, total_fidelity, seconds } = header.budget;
        let budget = BudgetSpec { trials, total_fidelity, seconds }.overridden_by(budget);
        check_limits(&budget)?;
        let reference = strategy.reference.as_ref().unwrap_or(&header.strategy.reference);
        let source = registry.strategy(reference).map_err(StudyError::Open)?;
        let (info, mut record) = resolve_strategy(source.as_ref(), strategy)?;
        if header.strategy.identity.same_plugin(source.identity()) {
            // Settings that are not given stay as they were; those of another strategy would mean nothing to this one.
            let old = recorded_settings("strategy", &info.parameters, &header.strategy.settings)?;
            for setting in &mut record.settings.0 {
                let kept = old.0.iter().find(|old| old.name == setting.name);
                if let Some(kept) = kept.filter(|_| !strategy.settings.contains_key(&setting.name)) {
                    setting.value = kept.value.clone();
                }
            }
        }
        make_checkpoint_folder(&info, checkpoints)?;
        let problem = Problem::reopen_with_meters(&header, registry, checkpoints)?;
        check_budget(&budget, &problem)?;
        check_needs(&info, &record, &problem, &header.objectives, &header.constraints)?;
        if let Some(pruner) = &header.pruner {
            pruner.check_strategy(&info)?;
        }
        let BudgetSpec { trials, total_fidelity, seconds } = budget;
        let header = Header {
            contract: CONTRACT_VERSION.to_owned(),
            search: header.search + 1,
            budget: Budget { trials, total_fidelity, seconds },
            task: problem.task.clone(),
            space: problem.space_record.clone(),
            evaluator: problem.evaluator_record.clone(),
            data: problem.data.clone(),
            strategy: record,
            ..header
        };
        Ok(Self { header, problem, strategy: info })
    }
}

/// The strategy with its settings, checked.
fn resolve_strategy(
    source: &dyn StrategySource,
    spec: &PluginSpec,
) -> Result<(StrategyInfo, PluginRecord), StudyError> {
    let info = source.info().map_err(StudyError::Open)?;
    let settings = check_settings("strategy", &info.parameters, &spec.settings)?;
    let record = PluginRecord::new(source.identity(), settings);
    Ok((info, record))
}

/// If the strategy continues trials, their checkpoints need a folder.
fn make_checkpoint_folder(strategy: &StrategyInfo, checkpoints: Option<&Path>) -> Result<(), StudyError> {
    let Some(folder) = checkpoints.filter(|_| strategy.continues_trials()) else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| {
        let problem = format!("the folder for checkpoints of trials cannot be created: {error}");
        StudyError::file(folder, problem, "choose a study file in a folder that you may write to")
    })
}

/// Checks the limits as numbers, whatever the plugins are.
fn check_limits(budget: &BudgetSpec) -> Result<(), StudyError> {
    let wrong = |key: &str, problem: String| Err(StudyError::spec(format!("budget.{key}"), problem, ""));
    if budget.trials == Some(0) {
        return wrong("trials", "must be 1 or more".into());
    }
    for (key, limit) in [("total_fidelity", budget.total_fidelity), ("seconds", budget.seconds)] {
        if let Some(limit) = limit.filter(|limit| !limit.is_finite() || *limit <= 0.0) {
            return wrong(key, format!("must be a finite number above 0, but is {limit}"));
        }
    }
    if *budget == BudgetSpec::default() {
        let remedy = "give --trials N, or trials, total_fidelity or seconds under [budget] in the study file";
        return Err(StudyError::spec("budget", "there is no limit: the study would never end", remedy));
    }
    Ok(())
}

/// Checks the limits against what the evaluator offers.
fn check_budget(budget: &BudgetSpec, problem: &Problem) -> Result<(), StudyError> {
    let Some(total) = budget.total_fidelity else { return Ok(()) };
    let evaluator = &problem.evaluator_info;
    let Some(&least) = problem.fidelities.first() else {
        let text = format!("the evaluator '{}' has no fidelity that could be limited", evaluator.name);
        return Err(StudyError::spec("budget.total_fidelity", text, "limit trials or seconds instead"));
    };
    if total < least {
        let unit = &evaluator.fidelity_unit;
        let text = format!("{total} {unit} are not enough for a single trial of {least} {unit}");
        return Err(StudyError::spec("budget.total_fidelity", text, "raise it, or lower the evaluator's fidelity"));
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

fn choose_constraints(texts: &[String], metrics: &[MetricInfo]) -> Result<Vec<Constraint>, StudyError> {
    let mut constraints = Vec::with_capacity(texts.len());
    for text in texts {
        let constraint = parse_constraint(text)?;
        if !metrics.iter().any(|metric| metric.name == constraint.metric && !metric.hidden) {
            return Err(unknown_metric(format!("constraint '{text}'"), &constraint.metric, metrics));
        }
        constraints.push(constraint);
    }
    Ok(constraints)
}

fn check_needs(
    info: &StrategyInfo,
    strategy: &PluginRecord,
    problem: &Problem,
    objectives: &[Objective],
    constraints: &[Constraint],
) -> Result<(), StudyError> {
    let refuse = |problem: String, remedy: &str| {
        Err(StudyError::Open(PluginError::new(&strategy.identity, "", problem).remedy(remedy)))
    };
    let evaluator = &problem.evaluator_info;
    if info.needs.fidelities && problem.fidelities.len() < 2 {
        let offered = problem.fidelities.len();
        let text = format!("it needs several fidelities, but the evaluator '{}' offers {offered}", evaluator.name);
        return refuse(text, "set the evaluator so that it offers several, or choose another strategy");
    }
    if info.needs.resume && !evaluator.resumes {
        let text = format!("it continues trials, but the evaluator '{}' cannot", evaluator.name);
        return refuse(text, "choose an evaluator that can, or another strategy");
    }
    if info.needs.gradients && !evaluator.accepts_relaxed {
        let text = format!("it proposes mixtures, but the evaluator '{}' trains no supernets", evaluator.name);
        return refuse(text, "choose an evaluator that does, or another strategy");
    }
    if info.needs.gradients && constraints.iter().any(|constraint| problem.is_cost(&constraint.metric)) {
        let text = "it proposes mixtures, and a mixture has no size that a constraint could limit".to_owned();
        return refuse(text, "leave out constraints on params, macs, flops, depth and what meters measure");
    }
    if objectives.len() > 1 && !info.serves.several_objectives {
        let text = format!("it serves one objective, but the study has {}", objectives.len());
        return refuse(text, "give one objective, or choose a strategy that serves several");
    }
    Ok(())
}
