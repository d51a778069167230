//! A study's records as a text by which two runs can be compared.

use std::fmt::Write;
use std::path::Path;

use nas_api::Metric;

use super::StudyError;
use super::header::{Header, PluginRecord};
use super::log::{Log, StrategyCall, WholeRecord};
use super::objective::{constraint_text, objective_text};
use super::record::{TrialRecord, proposal_text};

/// Everything that a study's file records except times and paths: what was searched and how, the calls of the strategy
/// in order, and every trial. Costs, dates, metrics named `*_seconds` and the paths of plugins are left out. Numbers
/// are written so that equal texts mean equal bits. Two runs with the same seed give equal texts.
pub fn records_without_times(file: &Path) -> Result<String, StudyError> {
    let log = Log::open_to_read(file)?;
    let WholeRecord { record, calls, budgets } = log.whole_record()?;
    let mut text = String::new();
    for (header, calls) in record.earlier.iter().chain([&record.header]).zip(calls) {
        search(&mut text, header);
        for extended in budgets.iter().filter(|extended| extended.search == header.search) {
            line(&mut text, format_args!("extended after {} calls: {:?}", extended.after, extended.budget));
        }
        for call in calls {
            match call {
                StrategyCall::Ask { limit, trials } => {
                    line(&mut text, format_args!("ask {limit}: {}", numbers(&trials)))
                }
                StrategyCall::Tell(trials) => line(&mut text, format_args!("tell: {}", numbers(&trials))),
                StrategyCall::Warm(trials) => line(&mut text, format_args!("warm start: {}", numbers(&trials))),
            }
        }
    }
    for record in &record.trials {
        trial(&mut text, record);
    }
    Ok(text)
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(words);
    text.push('\n');
}

fn search(text: &mut String, header: &Header) {
    let Header {
        contract,
        search,
        seed,
        workers,
        order,
        duplicates,
        objectives,
        constraints,
        budget,
        fidelities,
        task,
        ..
    } = header;
    line(
        text,
        format_args!("search {search}: contract {contract}, seed {seed}, workers {workers}, duplicates {duplicates:?}"),
    );
    // Records of studies in the usual order are as they were before there was another one.
    if !order.by_trial() {
        line(text, format_args!("results in order of completion"));
    }
    for PluginRecord { identity, settings, .. } in [&header.space, &header.strategy, &header.evaluator] {
        let digest = identity.digest.as_deref().unwrap_or("built in");
        line(text, format_args!("{} {} {} [{digest}]", identity.kind, identity.name, identity.version));
        for setting in &settings.0 {
            line(text, format_args!("  {} = {:?}", setting.name, setting.value));
        }
    }
    let objectives: Vec<String> = objectives.iter().map(objective_text).collect();
    let constraints: Vec<String> = constraints.iter().map(constraint_text).collect();
    line(text, format_args!("objectives {} | constraints {}", objectives.join(" "), constraints.join(" ")));
    line(text, format_args!("{budget:?} | fidelities {fidelities:?}"));
    if let Some(pruner) = &header.pruner {
        line(text, format_args!("pruner {}", pruner.name));
        for setting in &pruner.settings.0 {
            line(text, format_args!("  {} = {:?}", setting.name, setting.value));
        }
    }
    line(text, format_args!("{task:?}"));
}

fn numbers(trials: &[u32]) -> String {
    trials.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

fn trial(text: &mut String, record: &TrialRecord) {
    let TrialRecord { trial, search, proposal, key, fidelity, resume, state, reason, violation, .. } = record;
    line(text, format_args!("trial {trial} of search {search}: {}", state.name()));
    line(text, format_args!("  {} | {key} | {}", proposal_text(proposal), record.text));
    line(text, format_args!("  fidelity {fidelity:?}, resume {resume:?}, duplicate of {:?}", record.duplicate_of));
    if !reason.is_empty() {
        line(text, format_args!("  violation {violation}: {reason}"));
    }
    if !record.gradient.is_empty() {
        line(text, format_args!("  gradient {:?}", record.gradient));
    }
    for metric in without_seconds(&record.metrics) {
        line(text, format_args!("  {} = {:?}", metric.name, metric.value));
    }
    // How far an interrupted trial got depends on the clock.
    for report in record.curve.iter().filter(|_| state.is_final()) {
        line(text, format_args!("  after {:?}", report.fidelity));
        for metric in without_seconds(&report.metrics) {
            line(text, format_args!("    {} = {:?}", metric.name, metric.value));
        }
    }
}

fn without_seconds(metrics: &[Metric]) -> impl Iterator<Item = &Metric> {
    metrics.iter().filter(|metric| !metric.name.ends_with("_seconds"))
}
