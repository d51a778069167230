//! The evaluator `table`: looks candidates up in a table of networks that somebody has trained. Seconds are simulated:
//! a trial costs what the table says that its training took.

mod error;
pub mod find;
mod fingerprint;
pub mod map;
mod own;
#[cfg(test)]
mod report_tests;
mod rows;
#[cfg(test)]
mod shipped_tests;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wider_tests;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use nas_api::rng::{RngExt, seeded};
use nas_api::{
    Candidate, CurvePoint, Error, Evaluator, EvaluatorInfo, EvaluatorPlugin, Fingerprint, Goal, Measurement, Metric,
    MetricInfo, Monitor, Objective, Opened, Parameter, Request, Result, Role, Settings, Task, learning_curve,
};

pub use error::TableError;
pub use table::Table;

use map::{DISTANCE, FidelityMap, Map, Missing, ROW};

/// Looks candidates up.
#[derive(Debug)]
pub struct TableEvaluator {
    map: Map,
    problem: String,
    table: Arc<Table>,
    /// Which table it is.
    data: Fingerprint,
}

/// What answers for one request.
struct Answering {
    row: usize,
    /// From the architecture to that of the row.
    distance: u32,
    /// Which of repeated trainings it is.
    draw: usize,
}

impl EvaluatorPlugin for TableEvaluator {
    fn info() -> EvaluatorInfo {
        EvaluatorInfo {
            name: "table".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            description: "Looks candidates up in a table of trained networks; seconds are those of the table.".into(),
            metrics: Vec::new(),
            fidelity_unit: String::new(),
            accepts_relaxed: false,
            resumes: false,
            graphs: false,
            trains: None,
            parameters: vec![
                Parameter::text("data", "", "TABLE/PROBLEM, as in nas-bench-201/c10, or MAPPING.toml/PROBLEM")
                    .with_role(Role::Data),
                Parameter::text("file", "", "the table's file; empty: looked for in NAS_DATA and the user's folder"),
            ],
        }
    }

    fn open(settings: &Settings, _state: Option<&Path>) -> Result<Self> {
        Self::find(settings.text("data")?, settings.text("file")?).map_err(|error| Error::new(error.to_string()))
    }
}

impl TableEvaluator {
    /// The problem of this name, `TABLE/PROBLEM`. `file` overrides where the numbers are.
    pub fn find(name: &str, file: &str) -> std::result::Result<Self, TableError> {
        let (table, problem) = name.rsplit_once('/').unwrap_or((name, ""));
        let found = find::find(table, file)?;
        if !found.map.problem.contains_key(problem) {
            let known = found.map.problem.keys().map(|known| format!("{table}/{known}")).collect::<Vec<_>>().join(", ");
            return Err(TableError::Problem { table: table.to_owned(), problem: problem.to_owned(), known });
        }
        let table = Table::shared(&found)?;
        let file = std::path::absolute(&found.file).unwrap_or(found.file);
        let digest = fingerprint::with_mapping(table.fingerprint(), &found.mapping);
        let data = Fingerprint { source: file.display().to_string(), digest };
        Ok(Self { problem: problem.to_owned(), table, map: found.map, data })
    }

    fn fidelities(&self) -> &[FidelityMap] {
        self.map.problem.get(&self.problem).map_or(&[], |problem| &problem.fidelity)
    }

    /// What the mapping says the problem is searched by.
    fn objectives(&self) -> Vec<Objective> {
        let texts = self.map.problem.get(&self.problem).map_or(&[][..], |problem| &problem.objectives);
        let objective = |text: &String| {
            let (metric, goal) = text.split_once(':').unwrap_or((text, ""));
            let goal = match goal {
                "maximize" => Some(Goal::Maximize),
                "minimize" => Some(Goal::Minimize),
                _ => self.map.metric.get(metric)?.goal,
            };
            Some(Objective { metric: metric.to_owned(), goal: goal? })
        };
        texts.iter().filter_map(objective).collect()
    }

    /// The best value of every metric with a direction at the highest fidelity; of repeats, of their mean.
    fn best(&self) -> Vec<Metric> {
        let Some(highest) = self.fidelities().last() else { return Vec::new() };
        let best = |(name, columns): (&String, &map::Columns)| {
            let metric = self.map.metric.get(name)?;
            let goal = metric.goal?;
            let columns: Vec<&[f64]> = columns.names().iter().filter_map(|name| self.table.column(name)).collect();
            let mean = |row: usize| {
                let known = columns.iter().map(|column| column[row]).filter(|value| !value.is_nan());
                let (sum, count) = known.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
                sum / count
            };
            let known = (0..self.table.len()).map(mean).filter(|value| !value.is_nan());
            let best = known.max_by(|a, b| goal.score(*a).total_cmp(&goal.score(*b)))?;
            Some(Metric::new(name.clone(), best * metric.scale))
        };
        highest.metrics.iter().filter_map(best).collect()
    }

    /// What answers for the candidate, or why nothing does.
    fn find_row(&self, request: &Request) -> std::result::Result<Answering, String> {
        let Candidate::Discrete(genotype) = &request.candidate else {
            return Err("a table knows single architectures, not mixtures".into());
        };
        let joined;
        let identity = if self.map.by_text() {
            request.text.as_str()
        } else if self.map.key.is_some() {
            request.key.as_str()
        } else {
            joined = genotype.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            &joined
        };
        let (row, distance) = self.row(identity).ok_or_else(|| format!("the table has no row for {identity}"))?;
        // One draw for all metrics and fidelities: they are of one training.
        let draw = seeded(request.seed).random::<u32>() as usize;
        Ok(Answering { row, distance, draw })
    }

    /// What the row says at the request's fidelity, or why it says nothing.
    fn look_up(&self, request: &Request, answering: &Answering) -> std::result::Result<Measurement, String> {
        let known = self.fidelities();
        let fidelity = known.iter().find(|known| known.at == request.fidelity).or(known.last());
        let fidelity = fidelity.ok_or("the table has no fidelity")?;
        let answered = [(ROW, answering.row as f64), (DISTANCE, f64::from(answering.distance))]
            .map(|(name, value)| Metric::new(name, value));
        let answered = answered.into_iter().filter(|_| self.map.missing == Missing::Nearest);
        let metrics = fidelity.metrics.iter().map(|(name, columns)| self.metric(name, columns, answering));
        let cost = self.cost(fidelity, answering.row)?;
        Ok(Measurement { cost: Some(cost), ..Measurement::new(metrics.chain(answered).collect()) })
    }

    fn value(&self, column: &str, row: usize) -> f64 {
        self.table.column(column).map_or(f64::NAN, |values| values[row])
    }

    /// NaN where nothing was measured.
    fn metric(&self, name: &str, columns: &map::Columns, answering: &Answering) -> Metric {
        let values = columns.names().iter().map(|column| self.value(column, answering.row));
        let measured: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
        let picked = if measured.is_empty() { f64::NAN } else { measured[answering.draw % measured.len()] };
        Metric::new(name, picked * self.map.metric.get(name).map_or(1.0, |metric| metric.scale))
    }

    /// The simulated seconds of a training to this fidelity; 0 where the mapping has none. Where the row has no number, the most
    /// that it has below: no training costs less when it finishes than when a pruner ends it.
    fn cost(&self, fidelity: &FidelityMap, row: usize) -> std::result::Result<f64, String> {
        let Some(seconds) = &fidelity.seconds else { return Ok(0.0) };
        let below = || {
            let below = self.fidelities().iter().filter(|known| known.at < fidelity.at);
            below.filter_map(|known| self.seconds(known, row)).reduce(f64::max)
        };
        self.seconds(fidelity, row).or_else(below).ok_or_else(|| {
            let column = &seconds.column;
            format!("the table has no seconds for row {row}, neither in column '{column}' nor at lower fidelities")
        })
    }

    /// What training to this fidelity took, where that is known.
    fn seconds(&self, fidelity: &FidelityMap, row: usize) -> Option<f64> {
        let seconds = fidelity.seconds.as_ref()?;
        Some(self.value(&seconds.column, row) * seconds.times).filter(|seconds| seconds.is_finite())
    }

    /// The points of the learning curve up to the request's fidelity that the row has, each with the seconds by then.
    /// Between them nothing is known, and nothing is made up.
    fn points(&self, request: &Request, answering: &Answering) -> impl Iterator<Item = (CurvePoint, f64)> {
        let most = request.fidelity.unwrap_or(f64::INFINITY);
        let steps = self.fidelities().iter().filter_map(move |step| Some((step, step.at.filter(|at| *at <= most)?)));
        steps.filter_map(move |(step, at)| {
            let visible = step.metrics.iter().filter(|(name, _)| self.is_visible(name));
            let metrics = visible.map(|(name, columns)| self.metric(name, columns, answering));
            let metrics: Vec<Metric> = metrics.filter(|metric| !metric.value.is_nan()).collect();
            let seconds = if step.seconds.is_some() { self.seconds(step, answering.row)? } else { 0.0 };
            (!metrics.is_empty()).then_some((CurvePoint { fidelity: at, metrics }, seconds))
        })
    }

    fn is_visible(&self, metric: &str) -> bool {
        self.map.metric.get(metric).is_some_and(|metric| !metric.hidden)
    }

    /// What is known before the highest fidelity is reached.
    fn reported(&self) -> Vec<String> {
        let Some((_, below)) = self.fidelities().split_last() else { return Vec::new() };
        let read = |name: &String| below.iter().any(|fidelity| fidelity.metrics.contains_key(name));
        self.map.metric.keys().filter(|name| self.is_visible(name) && read(name)).cloned().collect()
    }

    /// The row that answers for an architecture, and how far that is from it.
    fn row(&self, identity: &str) -> Option<(usize, u32)> {
        let own = self.table.row(identity).map(|row| (row, 0));
        if own.is_some() || self.map.missing == Missing::Fail {
            return own;
        }
        self.table.nearest(&self.map, &self.map.choices(identity)?)
    }

    /// What the trials of this problem have: what some fidelity of it reads, and which row answered.
    fn metrics(&self) -> Vec<MetricInfo> {
        let read = |name: &String| self.fidelities().iter().any(|fidelity| fidelity.metrics.contains_key(name));
        let metrics = self.map.metric.iter().filter(|(name, _)| read(name)).map(|(name, metric)| MetricInfo {
            name: name.clone(),
            unit: metric.unit.clone(),
            better: metric.goal,
            hidden: metric.hidden,
            description: metric.description.clone(),
        });
        let about = [
            (ROW, "The row that answered, from 0."),
            (DISTANCE, "The weights of the decisions in which that row is another architecture; 0: it is this one."),
        ];
        let about = about.into_iter().filter(|_| self.map.missing == Missing::Nearest);
        let about = about.map(|(name, description)| MetricInfo {
            name: name.into(),
            unit: String::new(),
            better: None,
            hidden: true,
            description: description.into(),
        });
        metrics.chain(about).collect()
    }
}

impl Evaluator for TableEvaluator {
    fn opened(&self) -> Opened {
        let task = self.map.problem.get(&self.problem).map(|problem| Task {
            input_shape: problem.task.input_shape.clone(),
            outputs: problem.task.outputs,
            kind: problem.task.kind.clone(),
            settings: Settings::default(),
        });
        Opened {
            fidelities: self.fidelities().iter().filter_map(|fidelity| fidelity.at).collect(),
            metrics: self.metrics(),
            space: Some(self.map.space.clone()),
            space_settings: self.map.space_settings(),
            objectives: self.objectives(),
            task,
            simulated: true,
            best: self.best(),
            intermediate_metrics: self.reported(),
            data: Some(self.data.clone()),
        }
    }

    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        let unknown = |reason: String| Measurement { cost: Some(0.0), ..Measurement::failed(reason) };
        let answering = match self.find_row(request) {
            Ok(answering) => answering,
            Err(reason) => return Ok(Some(unknown(reason))),
        };
        // Nobody else asks for the curve, and it would take time.
        if request.judged
            && let ControlFlow::Break(answer) = learning_curve::tell(monitor, self.points(request, &answering))
        {
            return Ok(answer);
        }
        Ok(Some(self.look_up(request, &answering).unwrap_or_else(unknown)))
    }
}
