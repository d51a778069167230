//! `nas latency`: measures and predicts how long networks take on a device.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use nas_api::file::write_atomic;
use nas_api::{Graph, Task};
use nas_export::{About, Model, Weights};
use nas_meters::{
    BurnRuntime, Cost, CostTable, LatencyError, OnnxRuntime, Runtime, Unit, agreement, measure as time,
    units as units_of,
};
use serde_json::json;

use crate::args::{
    Args, LatencyCheck, LatencyCostTable, LatencyMeasure, LatencyUnits, RuntimeFlags, RuntimeName, SampleFlags,
};
use crate::failure::Failure;
use crate::network::{self, SelectedNetwork};
use crate::progress::steps;
use crate::{architecture, print, space};

/// For how long one network is timed.
const NETWORK_TIME: Duration = Duration::from_millis(500);
/// For how long one operator is timed; a space has many.
const OPERATOR_TIME: Duration = Duration::from_millis(30);
/// The default of `--seed` in `check`. It differs from the 0 of `cost-table`, so that other networks are measured.
const CHECK_SEED: u32 = 1_000_000;
/// The least number of networks for a rank correlation.
const RANKED_NETWORKS: usize = 5;

/// Measures how long one network takes.
///
/// # Errors
/// The network cannot be found or built, or the runtime cannot be opened or refuses it.
pub fn measure(args: &Args, measure: &LatencyMeasure) -> Result<ExitCode, Failure> {
    let runtime = open(&measure.runtime)?;
    let SelectedNetwork { graph, task, about } = network::find(args, &measure.network)?;
    let model = Model::new(&graph, &task, about).map_err(LatencyError::from)?;
    let latency = time(&*runtime, &model, NETWORK_TIME)?;
    let by = description(&*runtime, measure.runtime.threads);
    if measure.json {
        let times = json!({"median": latency.median, "p10": latency.low, "p90": latency.high, "runs": latency.runs});
        print::json(&json!({"space": model.about.space, "text": model.about.text, "by": by, "milliseconds": times}))?;
    } else {
        out!("{} of {}\n{by}", model.about.text, model.about.space);
        let (low, high) = (print::number(latency.low), print::number(latency.high));
        out!("{} ms (median of {} runs; 80 % of them {low} to {high})", print::number(latency.median), latency.runs);
    }
    Ok(ExitCode::SUCCESS)
}

/// Measures the operators of a space that a cost table lacks, and adds them to it.
///
/// # Errors
/// The file exists and cannot be extended, the runtime cannot be opened, or the space has no networks.
pub fn cost_table(args: &Args, table: &LatencyCostTable) -> Result<ExitCode, Failure> {
    let out = &table.out;
    if out.extension().is_none_or(|extension| extension != "csv") {
        let help = "with --out NAME.csv, the metric is called latency_NAME in studies";
        return Err(Failure::input(format!("--out {}: must end in .csv", out.display())).help(help));
    }
    let runtime = open(&table.runtime)?;
    let by = description(&*runtime, table.runtime.threads);
    let mut costs = if out.exists() { CostTable::read(out)? } else { CostTable::default() };
    if !costs.is_empty() && !costs.comments.contains(&by) {
        let comments = costs.comments.join("; ");
        let help = "name another file, or the runtime and the number of threads that it was measured with";
        let problem = format!("--out {}: was measured otherwise ({comments}), not by {by}", out.display());
        return Err(Failure::input(problem).help(help));
    }
    if costs.has_energy() {
        let help = "name another file, or measure the missing operators on the device and add them by hand";
        let problem = format!("--out {}: has energies, which `nas` cannot measure", out.display());
        return Err(Failure::input(problem).help(help));
    }
    if costs.is_empty() {
        costs.comments = vec![by, "milliseconds of one example; each unit less the overhead of a run".into()];
    }
    let (found, late) = collect(args, &table.sample, table.samples)?;
    let missing: Vec<&Unit> = found.values().filter(|unit| !costs.has(unit)).collect();
    let overhead = time(&*runtime, &Unit::nothing()?, NETWORK_TIME)?.median;
    if costs.overhead().is_none() {
        costs.set_overhead(Cost { latency: overhead, energy: None });
    }
    write(out, &costs)?;
    let mut bar = steps(args, missing.len(), "operators");
    let mut refused: Vec<String> = Vec::new();
    for unit in &missing {
        let median = match time(&*runtime, &unit.model()?, OPERATOR_TIME) {
            Ok(latency) => latency.median,
            Err(error @ LatencyError::Refused { .. }) => {
                refused.push(format!("{}: {error}", unit.text));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        costs.set(unit, Cost { latency: (median - overhead).max(0.0), energy: None })?;
        // It is written after every operator, so that the same command continues after an interrupt.
        write(out, &costs)?;
        bar.step();
    }
    bar.finish();
    if table.json {
        let measured = missing.len() - refused.len();
        let figures =
            json!({"file": out, "units": costs.len(), "measured": measured, "refused": refused, "late": late});
        print::json(&figures)?;
    } else {
        out!("{}: {} operators, {} of them new", out.display(), costs.len() - 1, missing.len() - refused.len());
        out!("{}", completeness(table.samples, late));
        if let Some(first) = refused.first() {
            out!("{} operators could not be measured; the first is {first}", refused.len());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes every operator of a space as a network of its own, and a cost table whose latencies the user fills in.
///
/// # Errors
/// The folder has a cost table or cannot be written, or the space has no networks.
pub fn units(args: &Args, units: &LatencyUnits) -> Result<ExitCode, Failure> {
    let out = &units.out;
    let cannot = |error: std::io::Error| Failure::input(format!("--out {}: cannot be created: {error}", out.display()));
    fs::create_dir_all(out).map_err(cannot)?;
    let table = out.join("costs.csv");
    if table.exists() {
        let help = "name another folder, so that measurements are not overwritten";
        return Err(Failure::input(format!("--out {}: costs.csv already exists", out.display())).help(help));
    }
    let (found, late) = collect(args, &units.sample, units.samples)?;
    let mut rows = String::from("unit,file,macs,numbers,latency\n");
    let save = |name: &str, model: &Model| {
        let written = nas_export::onnx::write(model, &Weights::Fresh(0), &out.join(name));
        written.map_err(|error| Failure::broken(error.to_string()))
    };
    save("overhead.onnx", &Unit::nothing()?)?;
    rows.push_str("overhead,overhead.onnx,,,\n");
    for (number, unit) in found.values().enumerate() {
        let name = format!("unit{number:05}.onnx");
        save(&name, &unit.model()?)?;
        let work = unit.work()?;
        rows.push_str(&format!("\"{}\",{name},{},{},\n", unit.text, work.macs, work.numbers));
    }
    write_atomic(&table, rows.as_bytes()).map_err(|error| Failure::input(error.to_string()))?;
    if units.json {
        print::json(&json!({"folder": out, "table": table, "units": found.len(), "late": late}))?;
    } else {
        out!("{}: {} operators; {}", out.display(), found.len(), completeness(units.samples, late));
        out!("Run each file on the device, and write its milliseconds, less those of overhead.onnx, into the column");
        out!("'latency' of {}. Then give the table to `nas search --meter`.", table.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares the predictions of a cost table with measurements of whole networks.
///
/// # Errors
/// The table or the runtime cannot be opened, the space has no networks, or the table predicts none of them.
pub fn check(args: &Args, check: &LatencyCheck) -> Result<ExitCode, Failure> {
    let costs = CostTable::read(&check.table)?;
    let runtime = open(&check.runtime)?;
    let (mut predicted, mut measured, mut estimated) = (Vec::new(), Vec::new(), 0);
    let mut first_error: Option<LatencyError> = None;
    let mut bar = steps(args, check.samples as usize, "networks");
    for_each_network(args, &check.sample, (CHECK_SEED, check.samples), |graph, task, text| {
        bar.step();
        match costs.predict(&graph, &task.input_shape) {
            Ok(prediction) => {
                estimated += u32::from(prediction.estimated > 0);
                let about = About { space: check.sample.space.clone(), text };
                let model = Model::new(&graph, task, about).map_err(LatencyError::from)?;
                match time(&*runtime, &model, OPERATOR_TIME * 3) {
                    Ok(latency) => {
                        measured.push(latency.median);
                        predicted.push(prediction.cost.latency);
                    }
                    Err(error @ LatencyError::Refused { .. }) => {
                        first_error.get_or_insert(error);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error @ LatencyError::Lacking { .. }) => {
                first_error.get_or_insert(error);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    })?;
    bar.finish();
    if measured.is_empty() {
        let none = || Failure::input("the space has no networks for this task");
        return Err(first_error.map_or_else(none, Failure::from));
    }
    let found = agreement(&predicted, &measured);
    let not_compared = check.samples as usize - measured.len();
    if check.json {
        let pairs: Vec<_> = predicted.iter().zip(&measured).collect();
        print::json(&json!({
            "networks": found.count, "estimated": estimated, "lacking": not_compared,
            "spearman": found.spearman, "kendall": found.kendall, "error": found.error,
            "scale": found.scale, "scaled_error": found.scaled_error, "pairs": pairs,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    out!("{} networks measured by {}", found.count, description(&*runtime, check.runtime.threads));
    if let Some(origin) = costs.comments.first() {
        out!("table made by {origin}");
    }
    let fastest = measured.iter().copied().fold(f64::INFINITY, f64::min);
    let slowest = measured.iter().copied().fold(0.0, f64::max);
    out!("  measured latency       {} to {} ms", print::number(fastest), print::number(slowest));
    if found.count < RANKED_NETWORKS {
        out!("  rank correlation       not computed for fewer than {RANKED_NETWORKS} networks");
    } else {
        out!("  rank correlation       Spearman's {:.3}, Kendall's {:.3}", found.spearman, found.kendall);
    }
    out!("  mean error             {:.1} %", 100.0 * found.error);
    let (scale, scaled) = (found.scale, 100.0 * found.scaled_error);
    out!("  measured / predicted   {scale:.3} (median); mean error {scaled:.1} % if predictions are multiplied by it");
    if estimated > 0 {
        out!("  partly estimated       {estimated} networks, which have operators that are not in the table");
    }
    if not_compared > 0 {
        let reason = first_error.map_or_else(String::new, |error| error.to_string());
        out!("  not compared           {not_compared} networks: {reason}");
    }
    Ok(ExitCode::SUCCESS)
}

fn open(flags: &RuntimeFlags) -> Result<Box<dyn Runtime>, Failure> {
    match flags.runtime {
        RuntimeName::Onnxruntime => Ok(Box::new(OnnxRuntime::open(flags.threads)?)),
        RuntimeName::Burn if flags.threads == 1 => Ok(Box::new(BurnRuntime)),
        RuntimeName::Burn => Err(Failure::input("--threads: burn runs a network on one thread").help("leave it out")),
    }
}

/// The runtime, its version and its threads, as they are recorded in cost tables.
fn description(runtime: &dyn Runtime, threads: u32) -> String {
    let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    format!("{} {}, {threads}", runtime.name(), runtime.version())
}

/// Collects the operators of random networks, keyed by their text. The number is how many operators appear only in the
/// last tenth of the networks: it is 0 if enough networks were sampled.
fn collect(args: &Args, sample: &SampleFlags, count: u32) -> Result<(BTreeMap<String, Unit>, usize), Failure> {
    let mut found = BTreeMap::new();
    let mut before = 0;
    let mut number = 0;
    for_each_network(args, sample, (0, count), |graph, task, _| {
        if number == count - count.div_ceil(10) {
            before = found.len();
        }
        number += 1;
        for unit in units_of(&graph, &task.input_shape)? {
            found.entry(unit.text.clone()).or_insert(unit);
        }
        Ok(())
    })?;
    let late = found.len() - before;
    Ok((found, late))
}

fn completeness(samples: u32, late: usize) -> String {
    match late {
        0 => format!("the last tenth of {samples} random networks added no operator"),
        _ => {
            format!("the last tenth of {samples} random networks added {late} of them: more --samples would find more")
        }
    }
}

/// Samples `count` architectures from `default_seed` on and calls `visit` with each graph, the task and the text.
/// Architectures without a network are left out; it is an error if none has one.
fn for_each_network(
    args: &Args,
    sample: &SampleFlags,
    (default_seed, count): (u32, u32),
    mut visit: impl FnMut(Graph, &Task, String) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut space, task) = space::opened(args, &sample.space, &sample.task)?;
    let seed = sample.seed.unwrap_or(default_seed);
    let mut refused = None;
    let mut built = 0;
    for number in 0..count {
        let genotype = space.sample(seed.wrapping_add(number))?;
        match architecture::build(&mut *space, &genotype, &task) {
            Ok((text, graph)) => {
                built += 1;
                visit(graph, &task, text)?;
            }
            Err(failure) => refused = refused.or(Some(failure)),
        }
    }
    match refused {
        Some(failure) if built == 0 => Err(failure),
        _ => Ok(()),
    }
}

/// Writes the cost table. The file is replaced in one step, so it is never half written.
fn write(path: &Path, costs: &CostTable) -> Result<(), Failure> {
    write_atomic(path, costs.to_csv().as_bytes()).map_err(|error| Failure::input(error.to_string()))
}

impl From<LatencyError> for Failure {
    fn from(error: LatencyError) -> Self {
        match error {
            LatencyError::Refused { .. } => Self::broken(error.to_string()),
            error => Self::input(error.to_string()),
        }
    }
}
