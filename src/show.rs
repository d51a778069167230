//! `nas show`: prints what the file of a study records.

use std::path::Path;
use std::process::ExitCode;

use nas_api::{CurvePoint, Goal, Metric, Settings};
use nas_core::study::{
    FailureGroup, PluginRecord, StudyRecord, Summary, TrialRecord, records_without_times, trial_json,
};
use nas_core::{MAX_MESSAGE, MAX_NAME, shown};

use crate::args::Show;
use crate::failure::Failure;
use crate::train::chosen;
use crate::{follow, print};

/// How many reasons of failed trials the summary lists.
const REASONS: usize = 5;

/// The number of characters that are shown of a genotype and of what a space says about it.
const MAX_DETAIL: usize = 100_000;

/// Prints the summary, the trials or the records of a study.
///
/// # Errors
/// The file cannot be read, or the study has no trial of the given number.
pub fn show(args: &Show) -> Result<ExitCode, Failure> {
    if args.records {
        print::text(&records_without_times(&args.file)?);
        return Ok(ExitCode::SUCCESS);
    }
    if args.follow {
        follow::follow(&args.file)?;
    }
    let record = StudyRecord::read(&args.file)?;
    let summary = Summary::of(&record);
    let one = args.trial.as_deref().map(|wanted| chosen(&record, wanted)).transpose()?;
    if args.json {
        let mut object = summary.to_json(&record, &args.file, args.trials);
        if let (Some(trial), Some(object)) = (one, object.as_object_mut()) {
            object.insert("trial".into(), trial_json(trial));
        }
        print::json(&object)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(trial) = one {
        out!("{}", details(&record, trial));
        return Ok(ExitCode::SUCCESS);
    }
    out!("{}", brief(&record, &summary, &args.file));
    let pick = |numbers: &[u32]| numbers.iter().filter_map(|&number| record.trial(number)).collect::<Vec<_>>();
    out!("\nincumbents\n{}", trials_table(&record, &pick(&summary.incumbents)));
    if record.header.objectives.len() > 1 {
        out!("\nPareto front\n{}", trials_table(&record, &pick(&summary.front)));
    }
    if args.trials {
        out!("\ntrials\n{}", trials_table(&record, &record.trials.iter().collect::<Vec<_>>()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the trial with this number.
///
/// # Errors
/// There is none; the message gives the range of numbers.
pub fn find(record: &StudyRecord, number: u32) -> Result<&TrialRecord, Failure> {
    record.trial(number).ok_or_else(|| {
        let known = match record.trials.len() {
            0 => "it has none".to_owned(),
            count => format!("they are numbered 0 to {}", count - 1),
        };
        Failure::input(format!("trial {number}: the study has no such trial; {known}"))
    })
}

/// Summarizes the study in a few lines.
pub fn brief(record: &StudyRecord, summary: &Summary, file: &Path) -> String {
    let header = &record.header;
    let goal = |goal| if goal == Goal::Maximize { "maximize" } else { "minimize" };
    let objectives: Vec<String> =
        header.objectives.iter().map(|objective| format!("{} {}", goal(objective.goal), objective.metric)).collect();
    let mut lines = vec![
        format!("study      {}", file.display()),
        format!("space      {}", plugin(&header.space)),
        format!("strategy   {}{}", plugin(&header.strategy), settings(&header.strategy.settings)),
        format!("evaluator  {}", plugin(&header.evaluator)),
        format!("objective  {}", objectives.join(", ")),
    ];
    if let Some(pruner) = &header.pruner {
        lines.push(format!("pruner     {}{}", pruner.name, settings(&pruner.settings)));
    }
    let constraints: Vec<String> = header
        .constraints
        .iter()
        .map(|constraint| {
            let sign = if constraint.goal == Goal::Minimize { "<=" } else { ">=" };
            format!("{} {sign} {}", constraint.metric, print::number(constraint.limit))
        })
        .collect();
    if !constraints.is_empty() {
        lines.push(format!("constraint {}", constraints.join(", ")));
    }
    let Summary { measured, failed, pruned, unfinished, duplicates, .. } = summary;
    let mut counts = format!("{measured} measured, {failed} failed");
    if *pruned > 0 {
        counts.push_str(&format!(", {pruned} pruned"));
    }
    if *unfinished > 0 {
        counts.push_str(&format!(", {unfinished} unfinished"));
    }
    if *duplicates > 0 {
        counts.push_str(&format!(", {duplicates} of them duplicates"));
    }
    lines.push(format!("trials     {counts}, in {}", print::seconds(record.seconds)));
    lines.extend(failures(&summary.failures));
    match summary.best.and_then(|best| record.trial(best)) {
        Some(best) => {
            lines.push(format!("best       trial {}: {}", best.trial, shown(&best.text, MAX_MESSAGE)));
            let metric = |metric: &Metric| format!("{} {}", shown(&metric.name, MAX_NAME), print::number(metric.value));
            let metrics: Vec<String> = best.metrics.iter().map(metric).collect();
            lines.push(format!("           {}", metrics.join(", ")));
        }
        None => lines.push("best       none yet".to_owned()),
    }
    lines.join("\n")
}

/// One line for each of the most frequent reasons why trials failed.
fn failures(groups: &[FailureGroup]) -> Vec<String> {
    let line = |(index, group): (usize, &FailureGroup)| {
        let label = if index == 0 { "failed" } else { "" };
        let FailureGroup { reason, trials, first } = group;
        let reason = shown(reason, MAX_MESSAGE);
        match trials {
            1 => format!("{label:11}trial {first}: {reason}"),
            _ => format!("{label:11}{trials} trials, the first of them {first}: {reason}"),
        }
    };
    let mut lines: Vec<String> = groups.iter().take(REASONS).enumerate().map(line).collect();
    if let Some(rest) = groups.len().checked_sub(REASONS).filter(|&rest| rest > 0) {
        lines.push(format!("{:11}and {rest} more reasons; --trials lists them all", ""));
    }
    lines
}

/// Name, version and origin; the kind is the label of the line.
fn plugin(plugin: &PluginRecord) -> String {
    let identity = &plugin.identity;
    let said = format!("{} {} ({})", identity.name, identity.version, identity.origin);
    shown(&said, MAX_MESSAGE).into_owned()
}

fn settings(settings: &Settings) -> String {
    let parts: Vec<String> = settings.0.iter().map(|setting| format!("{}={}", setting.name, setting.value)).collect();
    if parts.is_empty() { String::new() } else { format!("\n           {}", parts.join(" ")) }
}

fn trials_table(record: &StudyRecord, trials: &[&TrialRecord]) -> String {
    let objectives: Vec<&str> = record.header.objectives.iter().map(|objective| objective.metric.as_str()).collect();
    let mut header = vec!["trial", "state", "fidelity"];
    header.extend(&objectives);
    if !objectives.contains(&"params") {
        header.push("params");
    }
    header.push("architecture");
    let columns = header.clone();
    let row = |trial: &&TrialRecord| -> Vec<String> {
        let cell = |name: &&str| match *name {
            "trial" => trial.trial.to_string(),
            "state" => trial.state.name().to_owned(),
            "fidelity" => trial.fidelity.map_or_else(String::new, print::number),
            "architecture" if trial.reason.is_empty() => trial.text.clone(),
            "architecture" => format!("{} ({})", trial.text, trial.reason),
            metric => trial.metric(metric).map_or_else(String::new, print::number),
        };
        columns.iter().map(cell).collect()
    };
    print::table(&header, trials.iter().map(row).collect())
}

fn details(record: &StudyRecord, trial: &TrialRecord) -> String {
    let mut rows = vec![
        ("trial".to_owned(), trial.trial.to_string()),
        ("state".to_owned(), trial.state.name().to_owned()),
        ("architecture".to_owned(), trial.text.clone()),
        ("genotype".to_owned(), trial.genotype().map_or_else(|| "relaxed".to_owned(), |g| format!("{g:?}"))),
        ("key".to_owned(), trial.key.clone()),
    ];
    let mut add = |name: &str, value: Option<String>| rows.extend(value.map(|value| (name.to_owned(), value)));
    let unit = &record.header.fidelity_unit;
    add("fidelity", trial.fidelity.map(|fidelity| format!("{} {unit}", print::number(fidelity))));
    add("continues", trial.resume.map(|from| format!("trial {from}")));
    add("same as", trial.duplicate_of.map(|of| format!("trial {of}")));
    add("reason", (!trial.reason.is_empty()).then(|| trial.reason.clone()));
    add("cost", Some(print::seconds(trial.cost)));
    let metric = |metric: &Metric| (shown(&metric.name, MAX_NAME).into_owned(), print::number(metric.value));
    rows.extend(trial.metrics.iter().map(metric));
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = rows
        .iter()
        .map(|(name, value)| format!("{name:width$}  {}", shown(value, MAX_DETAIL)))
        .collect::<Vec<_>>()
        .join("\n");
    if !trial.curve.is_empty() {
        text.push_str(&format!("\n\nlearning curve\n{}", curve(unit, &trial.curve)));
    }
    text
}

/// A table with one row per curve point and one column per metric that any of them has.
fn curve(unit: &str, points: &[CurvePoint]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for metric in points.iter().flat_map(|point| &point.metrics) {
        if !names.contains(&metric.name.as_str()) {
            names.push(&metric.name);
        }
    }
    let cell =
        |point: &CurvePoint, name: &str| Metric::find(&point.metrics, name).map_or_else(String::new, print::number);
    let row = |point: &CurvePoint| {
        let metrics = names.iter().map(|name| cell(point, name));
        std::iter::once(print::number(point.fidelity)).chain(metrics).collect()
    };
    let header: Vec<&str> =
        std::iter::once(if unit.is_empty() { "fidelity" } else { unit }).chain(names.clone()).collect();
    print::table(&header, points.iter().map(row).collect())
}
