//! The problem of a study: a space and an evaluator, opened and checked against each other.

use std::path::Path;
use std::sync::Arc;

use nas_api::graph::count::count;
use nas_api::graph::shape::infer;
use nas_api::{
    Candidate, Evaluator, EvaluatorInfo, Fingerprint, Graph, InstanceInfo, Metric, MetricInfo, Objective, OpenSpace,
    Parameter, Setting, Settings, SpaceInfo, Task,
};

use super::StudyError;
use super::header::{Header, PluginRecord};
use super::meters::Meters;
use super::problem_settings::{choose_task, evaluator_settings, known_space, named, space_settings};
use super::pruner::Reporting;
use super::settings::{UnresolvedSetting, check_settings};
use super::spec::StudySpec;
use super::static_metrics::{is_static, static_metric_infos, static_metrics};
use super::unchanged::{check_data, check_data_is_not_hidden, check_plugins, check_same, recorded_settings};
use crate::plugin::{ChosenSpace, EvaluatorSource, Identity, PluginError, Registry, SpaceSource};
use crate::shown::{MAX_NAME, is_control, shown};

/// The maximum number of metrics of an evaluator: those of each class of a large data set, and some.
const MAX_METRICS: usize = 10_000;
/// The maximum number of fidelities that an evaluator offers.
const MAX_FIDELITIES: usize = 100_000;

/// A space and an evaluator, ready for candidates.
pub struct Problem {
    /// The space.
    pub space: Box<dyn OpenSpace>,
    /// What the space says about itself.
    pub space_info: SpaceInfo,
    /// The space as the study records it.
    pub space_record: PluginRecord,
    /// Why this space, if the description names none and the data do not determine it.
    pub chosen_space: Option<ChosenSpace>,
    /// The evaluator.
    pub evaluator: Arc<dyn Evaluator>,
    /// What the evaluator says about itself.
    pub evaluator_info: EvaluatorInfo,
    /// The evaluator as the study records it.
    pub evaluator_record: PluginRecord,
    /// What can be spent on one trial, ascending; the last is the default. Empty: no choice.
    pub fidelities: Vec<f64>,
    /// What the networks are for.
    pub task: Task,
    /// The objectives if the user names none; empty: the first metric with a direction.
    pub objectives: Vec<Objective>,
    /// The metrics that the evaluator can report while it measures.
    pub intermediate_metrics: Vec<String>,
    /// Whether seconds are simulated.
    pub simulated: bool,
    /// The best known value of each metric.
    pub best: Vec<Metric>,
    /// The fingerprint of the data that the evaluator reads, if it gives one.
    pub data: Option<Fingerprint>,
    /// The meters, which measure graphs before they are trained.
    pub(super) meters: Meters,
}

impl Problem {
    /// Opens the space and the evaluator of a description. `checkpoints` is the folder where checkpoints of trials are kept, if
    /// they are.
    ///
    /// # Errors
    ///
    /// A plugin is not found or cannot be opened, a setting is refused, or space, evaluator and task do not fit
    /// together.
    pub fn open(spec: &StudySpec, registry: &Registry, checkpoints: Option<&Path>) -> Result<Self, StudyError> {
        let source = registry.evaluator(named("evaluator", &spec.evaluator.reference)?).map_err(StudyError::Open)?;
        let info = source.info().map_err(StudyError::Open)?;
        let settings = evaluator_settings(spec, &info, registry)?;
        let evaluator = EvaluatorParts::open(source.as_ref(), info, settings, checkpoints)?;
        let reference = spec.space.reference.clone().or_else(|| known_space(&evaluator.opened));
        let task = evaluator.opened.task.as_ref().filter(|_| reference.is_none());
        let chosen_space = task.and_then(|task| registry.choose_space(task));
        let reference = reference.or_else(|| chosen_space.as_ref().map(|chosen| chosen.name.clone()));
        let source = registry.space(named("space", &reference)?).map_err(StudyError::Open)?;
        let parameters = source.parameters().map_err(StudyError::Open)?;
        let settings = space_settings(&spec.space.settings, &evaluator.opened.space_settings)?;
        let space = SpaceParts::open(source.as_ref(), check_settings("space", &parameters, &settings)?)?;
        let mut task = choose_task(&spec.task, evaluator.opened.task.clone(), &evaluator.info.name)?;
        let mut given = spec.task.settings.clone();
        for Setting { name, value } in chosen_space.iter().flat_map(|chosen| &chosen.task_settings) {
            given.entry(name.clone()).or_insert_with(|| UnresolvedSetting::Typed(value.clone()));
        }
        task.settings = check_settings("task", &space.task_parameters, &given)?;
        let problem = Self::assemble(space, evaluator, task, Meters::open(&spec.meters, registry)?)?;
        Ok(Self { chosen_space, ..problem })
    }

    /// Opens the space and the evaluator that a study recorded, without its meters.
    ///
    /// # Errors
    ///
    /// A plugin is missing or is another one than recorded, or the data or the task have changed.
    pub fn reopen(header: &Header, registry: &Registry, checkpoints: Option<&Path>) -> Result<Self, StudyError> {
        Self::reopen_with(header, registry, checkpoints, Meters::default())
    }

    /// As [`reopen`](Self::reopen), with the meters that the study recorded.
    pub(super) fn reopen_with_meters(
        header: &Header,
        registry: &Registry,
        checkpoints: Option<&Path>,
    ) -> Result<Self, StudyError> {
        let references: Vec<String> = header.meters.iter().map(|meter| meter.reference.clone()).collect();
        let meters = Meters::open(&references, registry)?;
        meters.check_same(&header.meters)?;
        Self::reopen_with(header, registry, checkpoints, meters)
    }

    fn reopen_with(
        header: &Header,
        registry: &Registry,
        checkpoints: Option<&Path>,
        meters: Meters,
    ) -> Result<Self, StudyError> {
        check_plugins(header, registry)?;
        let source = registry.evaluator(&header.evaluator.reference).map_err(StudyError::Open)?;
        let info = source.info().map_err(StudyError::Open)?;
        check_data_is_not_hidden(&header.evaluator.settings, &info.parameters)?;
        let settings = recorded_settings("evaluator", &info.parameters, &header.evaluator.settings)?;
        let evaluator = EvaluatorParts::open(source.as_ref(), info, settings, checkpoints)?;
        check_data(header.data.as_ref(), evaluator.opened.data.as_ref())?;
        let source = registry.space(&header.space.reference).map_err(StudyError::Open)?;
        let parameters = source.parameters().map_err(StudyError::Open)?;
        let space =
            SpaceParts::open(source.as_ref(), recorded_settings("space", &parameters, &header.space.settings)?)?;
        let settings = recorded_settings("task", &space.task_parameters, &header.task.settings)?;
        let task = Task { settings, ..evaluator.opened.task.clone().unwrap_or_else(|| header.task.clone()) };
        let problem = Self::assemble(space, evaluator, task, meters)?;
        check_same(header, &problem.task, &problem.fidelities)?;
        Ok(problem)
    }

    fn assemble(space: SpaceParts, evaluator: EvaluatorParts, task: Task, meters: Meters) -> Result<Self, StudyError> {
        let SpaceParts { space, info: space_info, record: space_record, .. } = space;
        let EvaluatorParts { evaluator, info: mut evaluator_info, record: evaluator_record, opened } = evaluator;
        if let Some(known) = opened.space.as_ref().filter(|known| **known != space_info.name) {
            let problem = format!("it knows architectures of the space '{known}', not of '{}'", space_info.name);
            let remedy = format!("give --space {known}, or choose another evaluator");
            let error = PluginError::new(&evaluator_record.identity, "open", problem).remedy(remedy);
            return Err(StudyError::Open(error));
        }
        let InstanceInfo { fidelities, metrics, objectives, simulated, best, intermediate_metrics, data, .. } = opened;
        evaluator_info.metrics.extend(metrics);
        let names = evaluator_info.metrics.iter().map(|metric| metric.name.as_str());
        check_metric_names(names).map_err(|problem| {
            let error = PluginError::new(&evaluator_record.identity, "open", problem);
            StudyError::Open(error.remedy("this is a defect of the plugin: report it to its author"))
        })?;
        Ok(Self {
            space,
            space_info,
            space_record,
            chosen_space: None,
            evaluator,
            evaluator_info,
            evaluator_record,
            fidelities,
            task,
            objectives,
            intermediate_metrics,
            simulated,
            best,
            data,
            meters,
        })
    }

    /// Every metric that a trial can have: those that are counted on the network first, then those of meters.
    pub fn metrics(&self) -> Vec<MetricInfo> {
        let counted = static_metric_infos().filter(|_| self.graphs());
        let metered = self.meters.metrics().cloned();
        let measured = self.evaluator_info.metrics.iter().filter(|metric| !self.counts(&metric.name)).cloned();
        counted.chain(metered).chain(measured).collect()
    }

    /// What the evaluator reports while it measures.
    pub(super) fn reporting(&self) -> Reporting<'_> {
        let Self { evaluator_info, intermediate_metrics, simulated, .. } = self;
        Reporting { evaluator: &evaluator_info.name, intermediate_metrics, simulated: *simulated }
    }

    /// Whether networks are built: for the evaluator, or for a meter.
    pub fn graphs(&self) -> bool {
        self.evaluator_info.graphs || !self.meters.is_empty()
    }

    /// Whether this metric is measured on the network before anything is trained.
    fn counts(&self, metric: &str) -> bool {
        self.graphs() && self.is_cost(metric)
    }

    /// Whether this metric is a cost of the network (a static metric, or a meter's), not a measure of its quality.
    pub(super) fn is_cost(&self, metric: &str) -> bool {
        is_static(metric) || self.meters.metrics().any(|known| known.name == metric)
    }

    /// The meters' metrics of a graph, or why it has none.
    pub(super) fn meter(&mut self, graph: &Graph) -> Result<Vec<Metric>, String> {
        self.meters.measure(graph, &self.task)
    }

    /// The graph of a valid genotype with its static metrics; the inner `Err` says why there is none for this task.
    ///
    /// # Errors
    ///
    /// The space broke down.
    pub fn network(&mut self, genotype: &[u32]) -> Result<Result<(Graph, Vec<Metric>), String>, PluginError> {
        let built = self.space.build(genotype, &self.task);
        let built = built.map_err(|error| PluginError::from_api(&self.space_record.identity, "build", error))?;
        let counted = |graph: Graph| {
            let shapes = infer(&graph, &self.task.input_shape)?;
            let counts = count(&graph, &shapes)?;
            Ok((graph, static_metrics(&counts)))
        };
        let invalid = |error: nas_api::graph::GraphError| format!("its network is not valid: {error}");
        Ok(built.and_then(|graph| counted(graph).map_err(invalid)))
    }

    /// The candidate in terms of the unrestricted space, which is what the evaluator knows.
    pub(crate) fn unrestricted(&mut self, candidate: &Candidate) -> Result<Candidate, PluginError> {
        let Candidate::Discrete(genotype) = candidate else { return Ok(candidate.clone()) };
        let original = self.space.original(genotype);
        let broken = |error| PluginError::from_api(&self.space_record.identity, "original", error);
        original.map(Candidate::Discrete).map_err(broken)
    }

    /// The supernet: one graph that holds every choice of the space.
    ///
    /// # Errors
    ///
    /// The space offers none, or it is not valid.
    pub fn supernet(&mut self) -> Result<Graph, PluginError> {
        let identity = &self.space_record.identity;
        let answer = self.space.supernet(&self.task);
        let remedy = "choose a space with a supernet, or a strategy that proposes single architectures";
        match answer.map_err(|error| PluginError::from_api(identity, "supernet", error))? {
            Ok(Some(graph)) => match infer(&graph, &self.task.input_shape) {
                Ok(_) => Ok(graph),
                Err(error) => Err(PluginError::new(identity, "supernet", format!("is not valid: {error}"))),
            },
            Ok(None) => Err(PluginError::new(identity, "supernet", "it offers no supernet").remedy(remedy)),
            Err(reason) => Err(PluginError::new(identity, "supernet", reason).remedy(remedy)),
        }
    }
}

/// An opened evaluator.
struct EvaluatorParts {
    evaluator: Arc<dyn Evaluator>,
    info: EvaluatorInfo,
    record: PluginRecord,
    opened: InstanceInfo,
}

impl EvaluatorParts {
    fn open(
        source: &dyn EvaluatorSource,
        info: EvaluatorInfo,
        settings: Settings,
        checkpoints: Option<&Path>,
    ) -> Result<Self, StudyError> {
        let evaluator = source.open(&settings, checkpoints).map_err(StudyError::Open)?;
        let opened = evaluator.instance_info();
        check_fidelities(source.identity(), &opened.fidelities)?;
        Ok(Self { evaluator, info, record: PluginRecord::new(source.identity(), settings), opened })
    }
}

/// An opened space.
struct SpaceParts {
    space: Box<dyn OpenSpace>,
    info: SpaceInfo,
    record: PluginRecord,
    task_parameters: Vec<Parameter>,
}

impl SpaceParts {
    fn open(source: &dyn SpaceSource, settings: Settings) -> Result<Self, StudyError> {
        let mut space = source.open(&settings).map_err(StudyError::Open)?;
        let record = PluginRecord::new(source.identity(), settings);
        let broken = |call: &str, error| StudyError::Open(PluginError::from_api(&record.identity, call, error));
        let info = space.info().map_err(|error| broken("describe", error))?;
        let task_parameters = space.task_parameters().map_err(|error| broken("task-parameters", error))?;
        Ok(Self { space, info, record, task_parameters })
    }
}

/// Checks the names of metrics, which every table, report and record shows. The error is the problem.
pub(super) fn check_metric_names<'m>(mut names: impl ExactSizeIterator<Item = &'m str>) -> Result<(), String> {
    if names.len() > MAX_METRICS {
        return Err(format!("it has {} metrics; at most {MAX_METRICS} are allowed", names.len()));
    }
    let wrong = |name: &str| name.is_empty() || name.contains(is_control) || name.chars().nth(MAX_NAME).is_some();
    match names.find(|name| wrong(name)) {
        None => Ok(()),
        Some(name) => {
            let rule = format!("a name has 1 to {MAX_NAME} characters and no control characters");
            Err(format!("it has a metric of the name '{}'; {rule}", shown(name, MAX_NAME)))
        }
    }
}

fn check_fidelities(evaluator: &Identity, fidelities: &[f64]) -> Result<(), StudyError> {
    if fidelities.len() > MAX_FIDELITIES {
        let problem = format!("it offers {} fidelities; at most {MAX_FIDELITIES} are allowed", fidelities.len());
        return Err(StudyError::Open(PluginError::new(evaluator, "open", problem).remedy("choose other settings")));
    }
    let ascending = fidelities.windows(2).all(|pair| pair[0] < pair[1]);
    if ascending && fidelities.iter().all(|fidelity| fidelity.is_finite() && *fidelity > 0.0) {
        return Ok(());
    }
    let problem = format!("its fidelities must be positive and ascending, but are {fidelities:?}");
    let remedy = "check the evaluator's settings; if they are right, this is a defect of the plugin";
    Err(StudyError::Open(PluginError::new(evaluator, "open", problem).remedy(remedy)))
}
