//! What is searched: a space and an evaluator, opened and fitted to each other.

use std::path::Path;
use std::sync::Arc;

use nas_api::graph::count::{Counts, count};
use nas_api::graph::shape::infer;
use nas_api::{
    Candidate, Evaluator, EvaluatorInfo, Fingerprint, Goal, Graph, Metric, MetricInfo, Objective, OpenSpace, Opened,
    ParameterKind, Setting, Settings, SpaceInfo, Task, Value,
};

use super::StudyError;
use super::given::{Given, GivenSettings, check_settings};
use super::header::{Header, Plugged};
use super::meters::Meters;
use super::paths;
use super::recipe;
use super::spec::{StudySpec, TaskSpec};
use crate::plugin::{DEFINITION, Identity, PluginError, Registry, TABLE_SPACE};

/// The metrics that the host counts on the graph, before anything is trained: name, unit, direction, meaning.
const STATIC: [(&str, Option<Goal>, &str); 4] = [
    ("params", Some(Goal::Minimize), "Trainable numbers."),
    ("macs", Some(Goal::Minimize), "Multiply-accumulates for one example."),
    ("flops", Some(Goal::Minimize), "One per multiply-accumulate and one per bias addition, for one example."),
    ("depth", None, "The longest path, in convolutions and matrix products."),
];

/// A space and an evaluator, ready for candidates.
pub struct Problem {
    /// The space.
    pub space: Box<dyn OpenSpace>,
    /// What the space says about itself.
    pub space_info: SpaceInfo,
    /// Which space, with its settings.
    pub space_plugged: Plugged,
    /// The evaluator.
    pub evaluator: Arc<dyn Evaluator>,
    /// What the evaluator says about itself.
    pub evaluator_info: EvaluatorInfo,
    /// Which evaluator, with its settings.
    pub evaluator_plugged: Plugged,
    /// What can be spent on one trial, ascending; the last is the default. Empty: no choice.
    pub fidelities: Vec<f64>,
    /// What the networks are for.
    pub task: Task,
    /// What is searched for where the user names nothing; empty: the first metric with a direction.
    pub objectives: Vec<Objective>,
    /// What the evaluator can report while it measures.
    pub reports: Vec<String>,
    /// Seconds are simulated.
    pub simulated: bool,
    /// The best known value of a metric.
    pub best: Vec<Metric>,
    /// The data that the evaluator reads, where it can tell.
    pub data: Option<Fingerprint>,
    /// What measures networks before they are trained.
    pub(super) meters: Meters,
}

impl Problem {
    /// Opens space and evaluator as described. `state` is a folder for states of trials, where they are kept.
    pub fn open(spec: &StudySpec, registry: &Registry, state: Option<&Path>) -> Result<Self, StudyError> {
        let source = registry.evaluator(named("evaluator", &spec.evaluator.reference)?).map_err(StudyError::Open)?;
        let mut evaluator_info = source.info().map_err(StudyError::Open)?;
        let mut given = evaluator_settings(spec, &evaluator_info)?;
        recipe::apply(&mut given, &evaluator_info.parameters, registry)?;
        let settings = check_settings("evaluator", &evaluator_info.parameters, &given)?;
        let evaluator = source.open(&settings, state).map_err(StudyError::Open)?;
        let evaluator_plugged = Plugged::new(source.identity(), settings);
        let opened = evaluator.opened();
        check_data(spec.known_data.as_ref(), opened.data.as_ref())?;
        check_fidelities(&evaluator_plugged.identity, &opened.fidelities)?;
        // An evaluator that knows one space alone need not be told which.
        let brings_space = opened.space_settings.iter().any(|setting| setting.name == DEFINITION);
        let known = if brings_space { Some(TABLE_SPACE.to_owned()) } else { opened.space.clone() };
        let reference = spec.space.reference.clone().or(known);
        let source = registry.space(named("space", &reference)?).map_err(StudyError::Open)?;
        let parameters = source.parameters().map_err(StudyError::Open)?;
        let given = space_settings(&spec.space.settings, &opened.space_settings)?;
        let settings = check_settings("space", &parameters, &given)?;
        let mut space = source.open(&settings).map_err(StudyError::Open)?;
        let space_plugged = Plugged::new(source.identity(), settings);
        let broken = |error| StudyError::Open(PluginError::from_api(&space_plugged.identity, "describe", error));
        let space_info = space.info().map_err(broken)?;
        let task_parameters = space.task_parameters().map_err(|error| {
            StudyError::Open(PluginError::from_api(&space_plugged.identity, "task-parameters", error))
        })?;
        if let Some(known) = opened.space.as_ref().filter(|known| **known != space_info.name) {
            let problem = format!("it knows architectures of the space '{known}', not of '{}'", space_info.name);
            let remedy = format!("give --space {known}, or choose another evaluator");
            return Err(StudyError::Open(
                PluginError::new(&evaluator_plugged.identity, "open", problem).remedy(remedy),
            ));
        }
        evaluator_info.metrics.extend(opened.metrics.clone());

        let mut task = choose_task(&spec.task, opened.task.clone(), &evaluator_info.name)?;
        task.settings = check_settings("task", &task_parameters, &spec.task.settings)?;
        let Opened { fidelities, objectives, simulated, best, reports, data, .. } = opened;
        Ok(Self {
            space,
            space_info,
            space_plugged,
            evaluator,
            evaluator_info,
            evaluator_plugged,
            fidelities,
            task,
            objectives,
            reports,
            simulated,
            best,
            data,
            meters: Meters::open(&spec.meters, registry)?,
        })
    }

    /// The same space and evaluator as a study recorded, for training one of its networks, without meters. Refuses other
    /// plugins, and other data than those that the header names.
    pub fn reopen(header: &Header, registry: &Registry, state: Option<&Path>) -> Result<Self, StudyError> {
        check_plugins(header, registry)?;
        let spec = StudySpec { meters: Vec::new(), ..header.to_spec() };
        let problem = Self::open(&spec, registry, state)?;
        problem.check_same(header)?;
        Ok(problem)
    }

    /// Whether this is what the study was begun with.
    pub(crate) fn check_same(&self, header: &Header) -> Result<(), StudyError> {
        let pairs = [(&header.space, &self.space_plugged), (&header.evaluator, &self.evaluator_plugged)];
        for (recorded, found) in pairs {
            let kind = recorded.identity.kind;
            same_plugin(&recorded.identity, &found.identity, || {
                format!(
                    "bring back the {kind} that the study was begun with, or begin a new study: measurements of \
                     another one cannot be compared"
                )
            })?;
        }
        if completed(&header.task, &self.task) != self.task || header.fidelities != self.fidelities {
            let problem = "gives another task or other fidelities than when the study was begun: its data have changed";
            return Err(StudyError::spec("evaluator", problem, "bring back the data, or begin a new study"));
        }
        Ok(())
    }

    /// Every metric that a trial can have: those that are counted on the network first, then those of meters.
    pub fn metrics(&self) -> Vec<MetricInfo> {
        let counted = STATIC.iter().filter(|_| self.graphs()).map(|&(name, better, description)| MetricInfo {
            name: name.to_owned(),
            unit: String::new(),
            better,
            hidden: false,
            description: description.to_owned(),
        });
        let metered = self.meters.metrics().cloned();
        let measured = self.evaluator_info.metrics.iter().filter(|metric| !self.counts(&metric.name)).cloned();
        counted.chain(metered).chain(measured).collect()
    }

    /// Whether networks are built: for the evaluator, or for a meter.
    pub fn graphs(&self) -> bool {
        self.evaluator_info.graphs || !self.meters.is_empty()
    }

    /// Whether this metric is found on the network, before anything is trained.
    fn counts(&self, metric: &str) -> bool {
        self.graphs() && self.is_cost(metric)
    }

    /// Whether this metric says what a network costs, not how good it is, whoever reports it.
    pub(super) fn is_cost(&self, metric: &str) -> bool {
        is_static(metric) || self.meters.metrics().any(|known| known.name == metric)
    }

    /// What the meters say of a network, or why it has no such metrics.
    pub(super) fn meter(&mut self, graph: &Graph) -> Result<Vec<Metric>, String> {
        self.meters.measure(graph, &self.task)
    }

    /// The network of a valid genotype with its static metrics. `Err` inside: why there is none for this task.
    pub fn network(&mut self, genotype: &[u32]) -> Result<Result<(Graph, Vec<Metric>), String>, PluginError> {
        let built = self.space.build(genotype, &self.task);
        let built = built.map_err(|error| PluginError::from_api(&self.space_plugged.identity, "build", error))?;
        let counted = |graph: Graph| {
            let shapes = infer(&graph, &self.task.input_shape)?;
            let counts = count(&graph, &shapes)?;
            Ok((graph, static_metrics(&counts)))
        };
        let invalid = |error: nas_api::graph::GraphError| format!("its network is not valid: {error}");
        Ok(built.and_then(|graph| counted(graph).map_err(invalid)))
    }

    /// The candidate as the evaluator knows it: that of the whole space.
    pub(crate) fn original(&mut self, candidate: &Candidate) -> Result<Candidate, PluginError> {
        let Candidate::Discrete(genotype) = candidate else { return Ok(candidate.clone()) };
        let original = self.space.original(genotype);
        let broken = |error| PluginError::from_api(&self.space_plugged.identity, "original", error);
        original.map(Candidate::Discrete).map_err(broken)
    }

    /// The graph that holds every choice of the space.
    pub fn supernet(&mut self) -> Result<Graph, PluginError> {
        let identity = &self.space_plugged.identity;
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

/// Counted by the host, where it builds networks; what an evaluator reports under these names is not used then.
pub(super) fn is_static(metric: &str) -> bool {
    STATIC.iter().any(|(name, ..)| *name == metric)
}

fn static_metrics(counts: &Counts) -> Vec<Metric> {
    let values = [counts.params, counts.macs, counts.flops, counts.depth];
    STATIC.iter().zip(values).map(|((name, ..), value)| Metric::new(*name, value as f64)).collect()
}

pub(super) fn named<'a>(kind: &str, reference: &'a Option<String>) -> Result<&'a str, StudyError> {
    let remedy = || format!("give --{kind} NAME, or {kind} = \"NAME\" in the study file; `nas plugin list` shows all");
    reference.as_deref().ok_or_else(|| StudyError::spec(kind, "none is named", remedy()))
}

/// The shorthand `data` becomes the parameter. What is a file or folder, also where its name is a bare word, is recorded by
/// its absolute path, so that every later opening finds the same data from any folder.
fn evaluator_settings(spec: &StudySpec, info: &EvaluatorInfo) -> Result<GivenSettings, StudyError> {
    let mut settings = spec.evaluator.settings.clone();
    if let Some(data) = &spec.data {
        if settings.contains_key("data") {
            return Err(StudyError::spec(
                "data",
                "is given twice, here and as evaluator.data",
                "leave one of them out",
            ));
        }
        if !info.parameters.iter().any(|parameter| parameter.name == "data") {
            let problem = format!("the evaluator '{}' takes no data", info.name);
            return Err(StudyError::spec("data", problem, "leave it out, or choose another evaluator"));
        }
        settings.insert("data".to_owned(), Given::Raw(data.clone()));
    }
    if let Some(Given::Raw(tokens) | Given::Typed(Value::Text(tokens))) = settings.get_mut(paths::TOKENS) {
        *tokens = paths::located_tokens(tokens);
    }
    let parameter = info.parameters.iter().find(|p| p.name == "data" && p.kind == ParameterKind::Text);
    let (Some(parameter), Some(given)) = (parameter, settings.get("data")) else { return Ok(settings) };
    let Some(text) = given.text() else { return Ok(settings) };
    // The default is a name of the evaluator's, whatever lies around.
    if parameter.default == Value::Text(text.to_owned()) {
        return Ok(settings);
    }
    match given {
        Given::Recorded(_) if paths::is_hidden(text) => {
            let problem =
                format!("the study was begun with the data of the name '{text}', which is here something else");
            let remedy = format!("run it in a folder without a file or folder '{text}', or rename that one");
            Err(StudyError::spec("evaluator.data", problem, remedy))
        }
        Given::Recorded(_) => Ok(settings),
        _ => {
            let located = Given::Raw(paths::located(text, spec.beside.as_deref()));
            settings.insert("data".to_owned(), located);
            Ok(settings)
        }
    }
}

/// What the user gives, with what the evaluator says that it must be.
fn space_settings(given: &GivenSettings, fixed: &[Setting]) -> Result<GivenSettings, StudyError> {
    let mut settings = given.clone();
    for Setting { name, value } in fixed {
        let place = format!("space.{name}");
        let wanted = Given::Typed(value.clone());
        match settings.insert(name.clone(), wanted) {
            Some(Given::Typed(other) | Given::Recorded(other)) if other == *value => {}
            Some(_) => {
                let problem = "the evaluator's data decide it";
                return Err(StudyError::spec(place, problem, "leave it out"));
            }
            None => {}
        }
    }
    Ok(settings)
}

/// A recorded task with the settings that its space did not have then, as they are now: at their defaults.
fn completed(recorded: &Task, now: &Task) -> Task {
    let known = |settings: &Settings, name: &str| settings.0.iter().find(|setting| setting.name == name).cloned();
    let mut settings: Vec<Setting> = (now.settings.0.iter())
        .map(|setting| known(&recorded.settings, &setting.name).unwrap_or_else(|| setting.clone()))
        .collect();
    let gone = recorded.settings.0.iter().filter(|setting| known(&now.settings, &setting.name).is_none());
    settings.extend(gone.cloned());
    Task { settings: Settings(settings), ..recorded.clone() }
}

/// Space and evaluator are looked at before they are opened: another plugin would refuse the recorded settings with a
/// message that says nothing about the cause.
pub(super) fn check_plugins(header: &Header, registry: &Registry) -> Result<(), StudyError> {
    let remedy = |kind: &str| {
        format!(
            "bring back the {kind} that the study was begun with, or begin a new study: trials of another one cannot \
                 be compared"
        )
    };
    let space = registry.space(&header.space.reference).map_err(StudyError::Open)?;
    same_plugin(&header.space.identity, space.identity(), || remedy("space"))?;
    let evaluator = registry.evaluator(&header.evaluator.reference).map_err(StudyError::Open)?;
    same_plugin(&header.evaluator.identity, evaluator.identity(), || remedy("evaluator"))
}

/// That a plugin is the one that was recorded.
pub(super) fn same_plugin(
    recorded: &Identity,
    found: &Identity,
    remedy: impl Fn() -> String,
) -> Result<(), StudyError> {
    if recorded.same_plugin(found) {
        return Ok(());
    }
    let (recorded, found) = (Box::new(recorded.clone()), Box::new(found.clone()));
    Err(StudyError::Differs { recorded, found, remedy: remedy() })
}

/// That a study goes on with its data. What is not known of either is not checked.
pub(crate) fn check_data(recorded: Option<&Fingerprint>, found: Option<&Fingerprint>) -> Result<(), StudyError> {
    let (Some(recorded), Some(found)) = (recorded, found) else { return Ok(()) };
    if recorded.digest == found.digest {
        return Ok(());
    }
    let place = if recorded.source == found.source {
        format!("data '{}'", found.source)
    } else {
        format!("data '{}', which were '{}'", found.source, recorded.source)
    };
    let short = |digest: &str| digest.chars().take(12).collect::<String>();
    let problem = format!(
        "they have changed since the first trial was measured on them (fingerprint {} then, {} now)",
        short(&recorded.digest),
        short(&found.digest)
    );
    let remedy = "bring the data back as they were, or begin anew: results on other data cannot be compared";
    Err(StudyError::spec(place, problem, remedy))
}

fn check_fidelities(evaluator: &Identity, fidelities: &[f64]) -> Result<(), StudyError> {
    let ascending = fidelities.windows(2).all(|pair| pair[0] < pair[1]);
    if ascending && fidelities.iter().all(|fidelity| fidelity.is_finite() && *fidelity > 0.0) {
        return Ok(());
    }
    let problem = format!("its fidelities must be positive and ascending, but are {fidelities:?}");
    let remedy = "check the evaluator's settings; if they are right, this is a defect of the plugin";
    Err(StudyError::Open(PluginError::new(evaluator, "open", problem).remedy(remedy)))
}

fn choose_task(given: &TaskSpec, opened: Option<Task>, evaluator: &str) -> Result<Task, StudyError> {
    let settings = Settings::default();
    let Some(task) = opened else {
        let missing = |key: &str| {
            let problem = format!("the evaluator '{evaluator}' has no data that say what the networks are for");
            StudyError::spec(format!("task.{key}"), problem, "give task.input_shape, task.outputs and task.kind")
        };
        let input_shape = given.input_shape.clone().ok_or_else(|| missing("input_shape"))?;
        if input_shape.is_empty() || input_shape.iter().any(|&size| size < 1) {
            let problem = format!("sizes must be 1 or more, but are {input_shape:?}");
            return Err(StudyError::spec("task.input_shape", problem, "write channels, height, width; or features"));
        }
        let outputs = given.outputs.ok_or_else(|| missing("outputs"))?;
        if outputs == 0 {
            return Err(StudyError::spec("task.outputs", "must be 1 or more", "write how many classes there are"));
        }
        let kind = given.kind.clone().ok_or_else(|| missing("kind"))?;
        return Ok(Task { input_shape, outputs, kind, settings });
    };
    let differs = |key: &str, data: String| {
        let problem = format!("the evaluator's data say {data}");
        Err(StudyError::spec(format!("task.{key}"), problem, "leave it out: the data decide"))
    };
    if given.input_shape.as_ref().is_some_and(|shape| *shape != task.input_shape) {
        return differs("input_shape", format!("{:?}", task.input_shape));
    }
    if given.outputs.is_some_and(|outputs| outputs != task.outputs) {
        return differs("outputs", task.outputs.to_string());
    }
    if given.kind.as_ref().is_some_and(|kind| *kind != task.kind) {
        return differs("kind", format!("'{}'", task.kind));
    }
    Ok(Task { settings, ..task })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn studies_of_before_lack_settings_and_are_of_the_same_task() {
        let task = |settings: &[(&str, f64)]| {
            let setting = |&(name, value): &(&str, f64)| Setting { name: name.into(), value: Value::Number(value) };
            let settings = Settings(settings.iter().map(setting).collect());
            Task { input_shape: vec![3, 8, 8], outputs: 2, kind: "classification".into(), settings }
        };
        let now = task(&[("cells", 2.0), ("new", 0.0), ("width", 16.0)]);
        assert_eq!(completed(&task(&[("cells", 2.0), ("width", 16.0)]), &now), now);
        for other in [&[("cells", 3.0), ("width", 16.0)][..], &[("cells", 2.0), ("gone", 1.0), ("width", 16.0)]] {
            assert_ne!(completed(&task(other), &now), now);
        }
        let larger = Task { input_shape: vec![3, 9, 9], ..task(&[("cells", 2.0)]) };
        assert_ne!(completed(&larger, &now), now);
    }
}
