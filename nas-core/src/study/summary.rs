//! The summary of a study's record, which is a pure function of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use nas_api::{CurvePoint, Metric, Objective, Settings};
use serde::Serialize;
use serde_json::{Value, json};

use super::header::PluginRecord;
use super::record::{State, StudyRecord, TrialRecord};

/// What a study has found, and what it has spent.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Trials with all metrics.
    pub measured: u32,
    /// Trials that a pruner ended.
    pub pruned: u32,
    /// Trials that failed; pruned ones are not among them.
    pub failed: u32,
    /// Why trials failed, the most frequent reason first.
    pub failures: Vec<FailureGroup>,
    /// Trials that are running or stopped.
    pub unfinished: u32,
    /// Finished trials whose outcome was taken over from an equal one.
    pub duplicates: u32,
    /// The best trial; earlier ones win ties.
    pub best: Option<u32>,
    /// Trials that were the best when they were asked for last, in order.
    pub incumbents: Vec<u32>,
    /// Trials that no other one beats in one objective without losing in another, in order.
    pub front: Vec<u32>,
    /// Seconds that all trials cost together.
    pub cost: f64,
}

/// Trials that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailureGroup {
    /// The reason of the first of them; those of the others differ in numbers at most.
    pub reason: String,
    /// How many there are.
    pub trials: u32,
    /// The first of them.
    pub first: u32,
}

/// Groups failed trials whose reasons are equal but for numbers, such as the epoch in which a loss became infinite.
fn failures(trials: &[TrialRecord]) -> Vec<FailureGroup> {
    let mut groups: BTreeMap<String, FailureGroup> = BTreeMap::new();
    for trial in trials.iter().filter(|trial| trial.state == State::Failed) {
        let pattern: String = trial.reason.split(|letter: char| letter.is_ascii_digit()).collect();
        let new = || FailureGroup { reason: trial.reason.clone(), trials: 0, first: trial.trial };
        groups.entry(pattern).or_insert_with(new).trials += 1;
    }
    let mut groups: Vec<FailureGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| (Reverse(group.trials), group.first));
    groups
}

/// Whether a trial is a better incumbent: measured at a higher fidelity, or at an equal one with a better main
/// objective. A low-fidelity value is an estimate of another quantity, so it never beats a high-fidelity one.
pub(crate) fn better(trial: &TrialRecord, leader: Option<&TrialRecord>, objectives: &[Objective]) -> bool {
    let rank = |trial: &TrialRecord| {
        let score = objectives.first().and_then(|objective| trial.score(objective))?;
        Some((trial.fidelity.unwrap_or(0.0), score))
    };
    match (rank(trial), leader.and_then(rank)) {
        (Some(mine), Some(best)) => mine > best,
        (mine, _) => mine.is_some(),
    }
}

impl Summary {
    /// The summary of this record.
    pub fn of(record: &StudyRecord) -> Self {
        let trials = &record.trials;
        let objectives = &record.header.objectives;
        let count = |wanted: &dyn Fn(&TrialRecord) -> bool| {
            u32::try_from(trials.iter().filter(|trial| wanted(trial)).count()).unwrap_or(u32::MAX)
        };
        let mut incumbents: Vec<u32> = Vec::new();
        for trial in trials {
            let leader = incumbents.last().map(|&leader| &trials[leader as usize]);
            if better(trial, leader, objectives) {
                incumbents.push(trial.trial);
            }
        }
        Self {
            measured: count(&|trial| trial.state == State::Measured),
            pruned: count(&|trial| trial.state == State::Pruned),
            failed: count(&|trial| trial.state == State::Failed),
            failures: failures(trials),
            unfinished: count(&|trial| !trial.state.is_final()),
            duplicates: count(&|trial| trial.state.is_final() && trial.duplicate_of.is_some()),
            best: incumbents.last().copied(),
            incumbents,
            front: front(trials, objectives),
            cost: trials.iter().map(|trial| trial.cost).sum(),
        }
    }

    /// The object that the command line prints with `--json`.
    pub fn to_json(&self, record: &StudyRecord, file: &Path, with_trials: bool) -> Value {
        let header = &record.header;
        let found = |trial: &u32| record.trial(*trial).map(found_json);
        let plugin = |plugin: &PluginRecord| {
            let settings = settings_json(&plugin.settings);
            let identity = &plugin.identity;
            json!({"name": identity.name, "version": identity.version, "digest": identity.digest, "settings": settings})
        };
        let mut object = json!({
            "study": {
                "file": file,
                "space": plugin(&header.space),
                "strategy": plugin(&header.strategy),
                "evaluator": plugin(&header.evaluator), "data": header.data,
                "task": {
                    "input_shape": header.task.input_shape,
                    "outputs": header.task.outputs,
                    "kind": header.task.kind,
                },
                "seed": header.seed,
                "workers": header.workers,
                "order": header.order,
                "objectives": header.objectives,
                "constraints": header.constraints,
                "budget": record.budget,
                "pruner": header.pruner.as_ref().map(|pruner| {
                    json!({"name": pruner.name, "settings": settings_json(&pruner.settings)})
                }),
                "searches": record.earlier.len() + 1,
            },
            "measured": self.measured,
            "pruned": self.pruned,
            "failed": self.failed,
            "failures": self.failures,
            "unfinished": self.unfinished,
            "duplicates": self.duplicates,
            "best": self.best.as_ref().and_then(found),
            "incumbents": self.incumbents,
            "front": self.front.iter().filter_map(found).collect::<Vec<_>>(),
            "seconds": record.seconds,
        });
        if with_trials && let Some(object) = object.as_object_mut() {
            object.insert("trials".to_owned(), record.trials.iter().map(trial_json).collect());
        }
        object
    }
}

fn front(trials: &[TrialRecord], objectives: &[Objective]) -> Vec<u32> {
    let scores = |trial: &TrialRecord| objectives.iter().map(|o| trial.score(o)).collect::<Option<Vec<f64>>>();
    let scored: Vec<(&TrialRecord, Vec<f64>)> =
        trials.iter().filter_map(|trial| scores(trial).map(|scores| (trial, scores))).collect();
    let fidelity = |trial: &TrialRecord| trial.fidelity.unwrap_or(0.0);
    let highest = scored.iter().map(|(trial, _)| fidelity(trial)).fold(f64::NEG_INFINITY, f64::max);
    let scored: Vec<_> = scored.into_iter().filter(|(trial, _)| fidelity(trial) == highest).collect();
    let beaten = |(trial, mine): &(&TrialRecord, Vec<f64>)| {
        scored.iter().any(|(other, theirs)| {
            let no_worse = theirs.iter().zip(mine).all(|(theirs, mine)| theirs >= mine);
            // Among equals, the first one stays.
            no_worse && (theirs != mine || other.trial < trial.trial)
        })
    };
    scored.iter().filter(|candidate| !beaten(candidate)).map(|(trial, _)| trial.trial).collect()
}

fn point_json(point: &CurvePoint) -> Value {
    json!({"fidelity": point.fidelity, "metrics": metrics_json(&point.metrics)})
}

fn metrics_json(metrics: &[Metric]) -> Value {
    metrics.iter().map(|metric| (metric.name.clone(), json!(metric.value))).collect::<serde_json::Map<_, _>>().into()
}

fn settings_json(settings: &Settings) -> Value {
    let settings = settings.0.iter().map(|setting| (setting.name.clone(), json!(setting.value)));
    settings.collect::<serde_json::Map<_, _>>().into()
}

fn found_json(trial: &TrialRecord) -> Value {
    let metrics = metrics_json(&trial.metrics);
    json!({"trial": trial.trial, "genotype": trial.genotype(), "text": trial.text, "metrics": metrics})
}

/// One trial as `--json` prints it.
pub fn trial_json(trial: &TrialRecord) -> Value {
    let mut object = json!({
        "trial": trial.trial,
        "search": trial.search,
        "state": trial.state,
        "genotype": trial.genotype(),
        "text": trial.text,
        "key": trial.key,
        "fidelity": trial.fidelity,
        "metrics": metrics_json(&trial.metrics),
        "cost": trial.cost,
        "started": trial.started,
        "finished": trial.finished,
    });
    let some = |condition: bool, name: &str, value: Value| condition.then(|| (name.to_owned(), value));
    let optional = [
        some(!trial.reason.is_empty(), "reason", json!(trial.reason)),
        some(trial.violation > 0.0, "violation", json!(trial.violation)),
        some(trial.duplicate_of.is_some(), "duplicate_of", json!(trial.duplicate_of)),
        some(trial.resume.is_some(), "resume", json!(trial.resume)),
        some(trial.pruned_at.is_some(), "pruned_at", json!(trial.pruned_at)),
        some(!trial.curve.is_empty(), "curve", trial.curve.iter().map(point_json).collect()),
    ];
    if let Some(object) = object.as_object_mut() {
        object.extend(optional.into_iter().flatten());
    }
    object
}
