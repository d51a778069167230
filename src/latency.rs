//! `nas latency`: what networks cost on a device.

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
use crate::network::{self, Found};
use crate::progress::steps;
use crate::{architecture, print, space};

/// How long one network is timed.
const NETWORK: Duration = Duration::from_millis(500);
/// The seed of the first network that is measured as a whole, where none is given.
const CHECKED: u32 = 1_000_000;
/// Networks whose ranks tell something.
const FEW: usize = 5;
/// How long one operator is timed; there are many.
const UNIT: Duration = Duration::from_millis(30);

/// How long one network takes.
pub fn measure(args: &Args, measure: &LatencyMeasure) -> Result<ExitCode, Failure> {
    let runtime = open(&measure.runtime)?;
    let Found { graph, task, about } = network::find(args, &measure.network)?;
    let model = Model::new(&graph, &task, about).map_err(LatencyError::from)?;
    let latency = time(&*runtime, &model, NETWORK)?;
    let by = described(&*runtime, measure.runtime.threads);
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

/// Measures the operators of a space that a table lacks, and adds them.
pub fn cost_table(args: &Args, table: &LatencyCostTable) -> Result<ExitCode, Failure> {
    let out = &table.out;
    if out.extension().is_none_or(|ending| ending != "csv") {
        let help = "studies call its metric latency_NAME, as in --out NAME.csv";
        return Err(Failure::input(format!("--out {}: must end in .csv", out.display())).help(help));
    }
    let runtime = open(&table.runtime)?;
    let by = described(&*runtime, table.runtime.threads);
    let mut costs = if out.exists() { CostTable::read(out)? } else { CostTable::default() };
    if !costs.is_empty() && !costs.comments.contains(&by) {
        let comments = costs.comments.join("; ");
        let help = "name another file, or the runtime and the threads that it was made with";
        let problem = format!("--out {}: comes from elsewhere ({comments}), not from {by}", out.display());
        return Err(Failure::input(problem).help(help));
    }
    if costs.has_energy() {
        let help =
            "name another file; what is missing in this one can be measured where the rest was, and written into it";
        return Err(
            Failure::input(format!("--out {}: has energies, which are not measured here", out.display())).help(help)
        );
    }
    if costs.is_empty() {
        costs.comments = vec![by, "milliseconds of one example; each unit less the overhead of a run".into()];
    }
    let (found, late) = collect(args, &table.sample, table.samples)?;
    let lacking: Vec<&Unit> = found.values().filter(|unit| !costs.has(unit)).collect();
    let overhead = time(&*runtime, &Unit::nothing()?, NETWORK)?.median;
    if costs.overhead().is_none() {
        costs.set_overhead(Cost { latency: overhead, energy: None });
    }
    write(out, &costs)?;
    let bar = steps(lacking.len(), "operators", args.quiet);
    let mut refused: Vec<String> = Vec::new();
    for unit in &lacking {
        let median = match time(&*runtime, &unit.model()?, UNIT) {
            Ok(latency) => latency.median,
            Err(error @ LatencyError::Refused { .. }) => {
                refused.push(format!("{}: {error}", unit.text));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        costs.set(unit, Cost { latency: (median - overhead).max(0.0), energy: None })?;
        // A table that is stopped half way is completed by the same command.
        write(out, &costs)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    if table.json {
        let measured = lacking.len() - refused.len();
        let figures =
            json!({"file": out, "units": costs.len(), "measured": measured, "refused": refused, "late": late});
        print::json(&figures)?;
    } else {
        out!("{}: {} operators, {} of them new", out.display(), costs.len() - 1, lacking.len() - refused.len());
        out!("{}", completeness(table.samples, late));
        if let Some(first) = refused.first() {
            out!("{} operators were not measured, the first: {first}", refused.len());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes every operator of a space as a network of its own, and the table to be filled in.
pub fn units(args: &Args, units: &LatencyUnits) -> Result<ExitCode, Failure> {
    let out = &units.out;
    let cannot = |error: std::io::Error| Failure::input(format!("--out {}: cannot be made: {error}", out.display()));
    fs::create_dir_all(out).map_err(cannot)?;
    let table = out.join("costs.csv");
    if table.exists() {
        let help = "name another folder; measurements that are filled in are not written over";
        return Err(Failure::input(format!("--out {}: there is a costs.csv already", out.display())).help(help));
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
    fs::write(&table, rows).map_err(cannot)?;
    if units.json {
        print::json(&json!({"folder": out, "table": table, "units": found.len(), "late": late}))?;
    } else {
        out!("{}: {} operators; {}", out.display(), found.len(), completeness(units.samples, late));
        out!("run each file on the device, write milliseconds into the column 'latency' of {}", table.display());
        out!("(each less the milliseconds of overhead.onnx), and give the table to `nas search --meter`");
    }
    Ok(ExitCode::SUCCESS)
}

/// Compares a table with whole networks.
pub fn check(args: &Args, check: &LatencyCheck) -> Result<ExitCode, Failure> {
    let costs = CostTable::read(&check.table)?;
    let runtime = open(&check.runtime)?;
    let (mut predicted, mut measured, mut estimated) = (Vec::new(), Vec::new(), 0);
    let mut lacking: Option<LatencyError> = None;
    let bar = steps(check.samples as usize, "networks", args.quiet);
    each(args, &check.sample, (CHECKED, check.samples), |graph, task, text| {
        bar.inc(1);
        match costs.predict(&graph, &task.input_shape) {
            Ok(prediction) => {
                estimated += u32::from(prediction.estimated > 0);
                let about = About { space: check.sample.space.clone(), text };
                let model = Model::new(&graph, task, about).map_err(LatencyError::from)?;
                match time(&*runtime, &model, UNIT * 3) {
                    Ok(latency) => {
                        measured.push(latency.median);
                        predicted.push(prediction.cost.latency);
                    }
                    Err(error @ LatencyError::Refused { .. }) => {
                        lacking.get_or_insert(error);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error @ LatencyError::Lacking { .. }) => {
                lacking.get_or_insert(error);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    if measured.is_empty() {
        return Err(lacking.map_or_else(|| Failure::input("the space has no networks for this task"), Failure::from));
    }
    let found = agreement(&predicted, &measured);
    let unknown = check.samples as usize - measured.len();
    if check.json {
        let pairs: Vec<_> = predicted.iter().zip(&measured).collect();
        print::json(&json!({
            "networks": found.count, "estimated": estimated, "lacking": unknown, "spearman": found.spearman, "kendall": found.kendall,
            "error": found.error, "scale": found.scale, "scaled_error": found.scaled_error, "pairs": pairs,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    out!("{} networks measured by {}", found.count, described(&*runtime, check.runtime.threads));
    if let Some(origin) = costs.comments.first() {
        out!("the table says: {origin}");
    }
    let fastest = measured.iter().copied().fold(f64::INFINITY, f64::min);
    let slowest = measured.iter().copied().fold(0.0, f64::max);
    out!("  they take              {} to {} ms", print::number(fastest), print::number(slowest));
    if found.count < FEW {
        out!("  rank correlation       not said of fewer than {FEW} networks");
    } else {
        out!("  rank correlation       Spearman's {:.3}, Kendall's {:.3}", found.spearman, found.kendall);
    }
    out!("  mean error             {:.1} %", 100.0 * found.error);
    let (scale, scaled) = (found.scale, 100.0 * found.scaled_error);
    out!(
        "  measured / predicted   {scale:.3} (median); mean error {scaled:.1} % once predictions are multiplied by it"
    );
    if estimated > 0 {
        out!("  partly estimated       {estimated} networks, which have operators that the table lacks");
    }
    if unknown > 0 {
        let reason = lacking.map_or_else(String::new, |error| error.to_string());
        out!("  not compared           {unknown} networks: {reason}");
    }
    Ok(ExitCode::SUCCESS)
}

fn open(flags: &RuntimeFlags) -> Result<Box<dyn Runtime>, Failure> {
    match flags.runtime {
        RuntimeName::Onnxruntime => Ok(Box::new(OnnxRuntime::open(flags.threads)?)),
        RuntimeName::Burn if flags.threads == 1 => Ok(Box::new(BurnRuntime)),
        RuntimeName::Burn => Err(Failure::input("--threads: burn runs a network on one thread")),
    }
}

/// As tables say it.
fn described(runtime: &dyn Runtime, threads: u32) -> String {
    let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    format!("{} {}, {threads}", runtime.name(), runtime.version())
}

/// The operators of random networks by their text, and how many of them the last tenth of the networks brought.
fn collect(args: &Args, sample: &SampleFlags, count: u32) -> Result<(BTreeMap<String, Unit>, usize), Failure> {
    let mut found = BTreeMap::new();
    let mut before = 0;
    let mut number = 0;
    each(args, sample, (0, count), |graph, task, _| {
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
        0 => format!("the last tenth of {samples} random networks had no operator that the others lack"),
        _ => format!(
            "the last tenth of {samples} random networks brought {late} of them: more --samples would find more"
        ),
    }
}

/// Random networks of a space, one after the other; architectures without a network are left out.
fn each(
    args: &Args,
    sample: &SampleFlags,
    (first, count): (u32, u32),
    mut then: impl FnMut(Graph, &Task, String) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (mut space, task) = space::opened(args, &sample.space, &sample.task)?;
    let seed = sample.seed.unwrap_or(first);
    let mut refused = None;
    let mut built = 0;
    for number in 0..count {
        let genotype = space.sample(seed.wrapping_add(number))?;
        match architecture::build(&mut *space, &genotype, &task) {
            Ok((text, graph)) => {
                built += 1;
                then(graph, &task, text)?;
            }
            Err(failure) => refused = refused.or(Some(failure)),
        }
    }
    match refused {
        Some(failure) if built == 0 => Err(failure),
        _ => Ok(()),
    }
}

/// Writes the cost table; the file is complete or absent.
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
