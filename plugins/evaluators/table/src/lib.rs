//! The evaluator `table`: looks candidates up in a tabular benchmark, which is a table of published results of trained
//! networks. Seconds are simulated: a trial costs the seconds that the table gives for its training.

mod error;
mod fingerprint;
mod inline_space;
pub mod locate;
pub mod mapping;
mod rows;
mod table;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use nas_api::rng::{RngExt, seeded};
use nas_api::{
    Candidate, CurvePoint, Error, Evaluator, EvaluatorInfo, EvaluatorPlugin, Fingerprint, Goal, InstanceInfo,
    Measurement, Metric, MetricInfo, Monitor, Objective, Parameter, Request, Result, Role, Settings, Task,
    learning_curve,
};

pub use error::TableError;
pub use table::Table;

use mapping::{DISTANCE, FidelityMap, Map, Missing, ROW};

/// The evaluator of one problem of a tabular benchmark.
#[derive(Debug)]
pub struct TableEvaluator {
    map: Map,
    problem: String,
    table: Arc<Table>,
    /// The identity of the table.
    data: Fingerprint,
}

/// The row that answers one request.
struct MatchedRow {
    row: usize,
    /// The distance of the architecture from that of the row.
    distance: u32,
    /// A random number that selects one of repeated trainings.
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
                Parameter::text(
                    "file",
                    "",
                    "The table's file. If empty, it is searched in NAS_DATA and the user's folder.",
                ),
            ],
        }
    }

    fn open(settings: &Settings, _state: Option<&Path>) -> Result<Self> {
        Self::find(settings.text("data")?, settings.text("file")?).map_err(|error| Error::new(error.to_string()))
    }
}

impl TableEvaluator {
    /// Opens the problem with this name, `TABLE/PROBLEM`. `file` overrides the path of the main file unless it is
    /// empty.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such table or problem, or if its files cannot be read or do not fit the mapping.
    pub fn find(name: &str, file: &str) -> std::result::Result<Self, TableError> {
        let (table, problem) = name.rsplit_once('/').unwrap_or((name, ""));
        let found = locate::find(table, file)?;
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

    /// Returns the objectives that the mapping gives for the problem.
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

    /// Returns the value of a metric in each row, the mean of repeated trainings; NaN where it was not measured.
    fn means(&self, name: &str, columns: &mapping::Columns) -> impl Iterator<Item = f64> {
        let scale = self.map.metric.get(name).map_or(1.0, |metric| metric.scale);
        let columns: Vec<&[f64]> = columns.names().iter().filter_map(|name| self.table.column(name)).collect();
        (0..self.table.len()).map(move |row| {
            let known = columns.iter().map(|column| column[row]).filter(|value| !value.is_nan());
            let (sum, count) = known.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
            sum / count * scale
        })
    }

    /// Returns the best value of every metric with a direction at the highest fidelity, taking the mean of repeated
    /// trainings.
    fn best(&self) -> Vec<Metric> {
        let Some(highest) = self.fidelities().last() else { return Vec::new() };
        let best = |(name, columns): (&String, &mapping::Columns)| {
            let goal = self.map.metric.get(name)?.goal?;
            let known = self.means(name, columns).filter(|value| !value.is_nan());
            Some(Metric::new(name.clone(), known.max_by(|a, b| goal.score(*a).total_cmp(&goal.score(*b)))?))
        };
        highest.metrics.iter().filter_map(best).collect()
    }

    /// Returns the row that answers for the candidate, or why none does.
    fn find_row(&self, request: &Request) -> std::result::Result<MatchedRow, String> {
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
        // All metrics and fidelities share one draw, because they belong to one training.
        let draw = seeded(request.seed).random::<u32>() as usize;
        Ok(MatchedRow { row, distance, draw })
    }

    /// Returns the measurement of the row at the request's fidelity, or why there is none.
    fn look_up(&self, request: &Request, matched: &MatchedRow) -> std::result::Result<Measurement, String> {
        let known = self.fidelities();
        let fidelity = known.iter().find(|known| known.at == request.fidelity).or(known.last());
        let fidelity = fidelity.ok_or("the table has no fidelity")?;
        let answered = [(ROW, matched.row as f64), (DISTANCE, f64::from(matched.distance))]
            .map(|(name, value)| Metric::new(name, value));
        let answered = answered.into_iter().filter(|_| self.map.missing == Missing::Nearest);
        let metrics = fidelity.metrics.iter().map(|(name, columns)| self.metric(name, columns, matched));
        let cost = self.cost(fidelity, matched.row)?;
        Ok(Measurement { cost: Some(cost), ..Measurement::new(metrics.chain(answered).collect()) })
    }

    fn value(&self, column: &str, row: usize) -> f64 {
        self.table.column(column).map_or(f64::NAN, |values| values[row])
    }

    /// Returns the metric of the row, NaN if it was not measured.
    fn metric(&self, name: &str, columns: &mapping::Columns, matched: &MatchedRow) -> Metric {
        let values = columns.names().iter().map(|column| self.value(column, matched.row));
        let measured: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
        let picked = if measured.is_empty() { f64::NAN } else { measured[matched.draw % measured.len()] };
        Metric::new(name, picked * self.map.metric.get(name).map_or(1.0, |metric| metric.scale))
    }

    /// Returns the simulated seconds of a training to this fidelity, or 0 if the mapping has none. If the row lacks
    /// them, the maximum at lower fidelities counts, so that a finished training never costs less than a pruned one.
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

    /// Returns the seconds of training to this fidelity, if they are known.
    fn seconds(&self, fidelity: &FidelityMap, row: usize) -> Option<f64> {
        let seconds = fidelity.seconds.as_ref()?;
        Some(self.value(&seconds.column, row) * seconds.times).filter(|seconds| seconds.is_finite())
    }

    /// Returns the points of the row's learning curve up to the request's fidelity, each with the seconds until then.
    /// Points that the table lacks are not interpolated.
    fn points(&self, request: &Request, matched: &MatchedRow) -> impl Iterator<Item = (CurvePoint, f64)> {
        let most = request.fidelity.unwrap_or(f64::INFINITY);
        let steps = self.fidelities().iter().filter_map(move |step| Some((step, step.at.filter(|at| *at <= most)?)));
        steps.filter_map(move |(step, at)| {
            let visible = step.metrics.iter().filter(|(name, _)| self.is_visible(name));
            let metrics = visible.map(|(name, columns)| self.metric(name, columns, matched));
            let metrics: Vec<Metric> = metrics.filter(|metric| !metric.value.is_nan()).collect();
            let seconds = if step.seconds.is_some() { self.seconds(step, matched.row)? } else { 0.0 };
            (!metrics.is_empty()).then_some((CurvePoint { fidelity: at, metrics }, seconds))
        })
    }

    fn is_visible(&self, metric: &str) -> bool {
        self.map.metric.get(metric).is_some_and(|metric| !metric.hidden)
    }

    /// Returns the names of the metrics that are known below the highest fidelity.
    fn intermediate_metrics(&self) -> Vec<String> {
        let Some((_, below)) = self.fidelities().split_last() else { return Vec::new() };
        let read = |name: &String| below.iter().any(|fidelity| fidelity.metrics.contains_key(name));
        self.map.metric.keys().filter(|name| self.is_visible(name) && read(name)).cloned().collect()
    }

    /// Returns the row that answers for an architecture, and its distance.
    fn row(&self, identity: &str) -> Option<(usize, u32)> {
        let own = self.table.row(identity).map(|row| (row, 0));
        if own.is_some() || self.map.missing == Missing::Fail {
            return own;
        }
        self.table.nearest(&self.map, &self.map.choices(identity)?)
    }

    /// Returns the metrics of this problem: those that some fidelity reads, and which row answered.
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
            (ROW, "The row that answered, counted from 0."),
            (
                DISTANCE,
                "The sum of the weights of the decisions that differ in that row; 0 if it is the architecture itself.",
            ),
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
    fn instance_info(&self) -> InstanceInfo {
        let task = self.map.problem.get(&self.problem).map(|problem| Task {
            input_shape: problem.task.input_shape.clone(),
            outputs: problem.task.outputs,
            kind: problem.task.kind.clone(),
            settings: Settings::default(),
        });
        InstanceInfo {
            fidelities: self.fidelities().iter().filter_map(|fidelity| fidelity.at).collect(),
            metrics: self.metrics(),
            space: Some(self.map.space.clone()),
            space_settings: self.map.space_settings(),
            objectives: self.objectives(),
            task,
            simulated: true,
            best: self.best(),
            intermediate_metrics: self.intermediate_metrics(),
            data: Some(self.data.clone()),
        }
    }

    /// The rows that no other row dominates, by the means of repeated trainings. An objective that is not in the table, such
    /// as a static metric, leaves the front unknown.
    fn true_front(&self, objectives: &[Objective]) -> Option<Vec<Vec<f64>>> {
        let highest = self.fidelities().last()?;
        let columns = |objective: &Objective| {
            let columns = highest.metrics.get(&objective.metric)?;
            Some(self.means(&objective.metric, columns).collect::<Vec<f64>>())
        };
        let columns: Vec<Vec<f64>> = objectives.iter().map(columns).collect::<Option<_>>()?;
        let mut front: Vec<Vec<f64>> = Vec::new();
        let no_worse = |a: &[f64], b: &[f64]| {
            a.iter()
                .zip(b)
                .zip(objectives)
                .all(|((a, b), objective)| objective.goal.score(*a) >= objective.goal.score(*b))
        };
        for row in 0..self.table.len() {
            let point: Vec<f64> = columns.iter().map(|column| column[row]).collect();
            if point.iter().all(|value| value.is_finite()) && !front.iter().any(|other| no_worse(other, &point)) {
                front.retain(|other| !no_worse(&point, other));
                front.push(point);
            }
        }
        Some(front)
    }

    fn evaluate(&self, request: &Request, monitor: &dyn Monitor) -> Result<Option<Measurement>> {
        let unknown = |reason: String| Measurement { cost: Some(0.0), ..Measurement::failed(reason) };
        let matched = match self.find_row(request) {
            Ok(matched) => matched,
            Err(reason) => return Ok(Some(unknown(reason))),
        };
        // Without a pruner nobody reads the curve, and it takes time.
        if request.prunable
            && let ControlFlow::Break(answer) = learning_curve::report_all(monitor, self.points(request, &matched))
        {
            return Ok(answer);
        }
        Ok(Some(self.look_up(request, &matched).unwrap_or_else(unknown)))
    }
}
