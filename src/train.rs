//! `nas train`: the final training of one architecture of a study, and its test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use nas_api::file::write_atomic;
use nas_api::native::panic_message;
use nas_api::{
    CurvePoint, Evaluator, Graph, Metric, Monitor, Settings, TrainRequest, Trained, Verdict, WEIGHTS_FILE, evaluator,
};
use nas_core::plugin::{Identity, PluginError};
use nas_core::study::{Limits, Problem, STACK_BYTES, StudyRecord, Summary, TrialRecord, check_plugins};
use serde_json::json;

use crate::args::{Args, Train};
use crate::failure::{Failure, STOPPED};
use crate::progress::Steps;
use crate::search::stop_on_interrupt;
use crate::train_settings::Trainer;
use crate::{plugins, print, show, train_classes, train_settings};

/// Trains from scratch on training and validation data together, and then tests; only this command uses test data. The
/// evaluator runs in a worker process, as it does in the study's trials.
///
/// # Errors
/// The study or its space, evaluator or data cannot be opened, a setting cannot be changed, or the training fails.
pub fn train(args: &Args, train: &Train) -> Result<ExitCode, Failure> {
    let record = StudyRecord::read(&train.file)?;
    let trial = chosen(&record, &train.trial)?;
    let genotype = trial.genotype().ok_or_else(|| {
        Failure::input(format!("trial {} is a relaxed candidate, which cannot be trained", trial.trial))
    })?;
    let registry = plugins::registry_of_studies(args, &limits(&record, train))?;
    check_plugins(&record.header, &registry)?;
    let source = registry.evaluator(&record.header.evaluator.reference)?;
    let info = source.info()?;
    let full = info.trains.as_ref().ok_or_else(|| cannot_train(source.identity()))?;
    let trainer = Trainer { info: &info, full };
    let changes = train_settings::changes(train, &trainer)?;

    let header = trainer.on_device(record.header.clone(), &changes);
    let mut problem = Problem::reopen(&header, &registry, None)?;
    let network = problem.network(genotype)?;
    let (graph, counts) =
        network.map_err(|reason| Failure::broken(format!("trial {} has no network: {reason}", trial.trial)))?;
    // Its worker process holds the data in memory, which the training needs.
    drop(problem);
    let (settings, epochs) = train_settings::of(train, &header, &registry, &trainer, changes)?;
    let folder = create_folder(&train.out)?;
    let evaluator = source.open(&settings, None)?;
    let seed = nas_api::rng::derive(record.header.seed, "train", trial.trial);

    let request = TrainRequest { graph, epochs, seed, folder };
    let Some(trained) = run(args, &*evaluator, &request, unit(&info.fidelity_unit))? else {
        eprintln!("stopped; nothing was saved");
        return Ok(ExitCode::from(STOPPED));
    };
    check_files(source.identity(), &trained, &train.out)?;
    let trained = Trained { metrics: trained.metrics.into_iter().chain(counts).collect(), ..trained };
    let report = report(trial, &request, &settings, &trained, &train.out);
    save(&train.out.join("network.json"), &network_json(&record, trial, &request.graph))?;
    save(&train.out.join("metrics.json"), &report)?;
    if train.json {
        print::json(&report)?;
    } else {
        out!("trial {} trained for {epochs} {}: {}", trial.trial, unit(&info.fidelity_unit), trial.text);
        show_trained(&trained, &train.out);
    }
    Ok(ExitCode::SUCCESS)
}

/// The content of `metrics.json`.
fn report(
    trial: &TrialRecord,
    request: &TrainRequest,
    settings: &Settings,
    trained: &Trained,
    out: &Path,
) -> serde_json::Value {
    let values: serde_json::Map<_, _> =
        trained.metrics.iter().map(|metric| (metric.name.clone(), json!(metric.value))).collect();
    let settings: serde_json::Map<_, _> =
        settings.0.iter().map(|setting| (setting.name.clone(), json!(setting.value))).collect();
    let weights = trained.files.iter().find(|name| *name == WEIGHTS_FILE).map(|name| out.join(name));
    let mut report = json!({
        "trial": trial.trial, "genotype": trial.genotype(), "text": trial.text, "epochs": request.epochs,
        "seed": request.seed, "settings": settings, "metrics": values, "weights": weights, "files": trained.files,
    });
    if let (Some(confusion), Some(report)) = (&trained.confusion, report.as_object_mut()) {
        report.extend(train_classes::to_json(confusion));
    }
    report
}

fn show_trained(trained: &Trained, out: &Path) {
    for metric in &trained.metrics {
        out!("  {:22} {}", metric.name, print::number(metric.value));
    }
    if let Some(confusion) = &trained.confusion {
        out!("{}", train_classes::to_text(confusion));
    }
    for name in &trained.files {
        let label = if name == WEIGHTS_FILE { "weights in" } else { "with" };
        out!("{label} {}", out.join(name).display());
    }
}

/// The limits of the study without the time limit, which is meant for shorter trials, and without retries: hours of
/// training must not start again unasked.
fn limits(record: &StudyRecord, train: &Train) -> Limits {
    let limits = record.header.limits.overridden_by(train.place.limits());
    Limits { trial_seconds: None, retries: Some(0), ..limits }
}

fn cannot_train(identity: &Identity) -> Failure {
    let help =
        "use a study whose evaluator has final training, as 'burn' has; `nas plugin inspect` shows whether it does";
    Failure::input(format!("the {identity} has no final training")).help(help)
}

/// Creates the folder and returns its absolute path. Whether weights can be written there is checked before hours of
/// training, not after.
fn create_folder(out: &Path) -> Result<PathBuf, Failure> {
    let cannot = |error| Failure::input(format!("--out {}: cannot be created: {error}", out.display()));
    fs::create_dir_all(out).map_err(cannot)?;
    check_writable(&out.join(WEIGHTS_FILE))?;
    std::path::absolute(out).map_err(cannot)
}

/// Runs the training; `None` means that the user stopped it.
fn run(args: &Args, evaluator: &dyn Evaluator, request: &TrainRequest, unit: &str) -> Result<Option<Trained>, Failure> {
    let template = format!("{{wide_bar}} {{pos}}/{{len}} {unit}, {{eta}} left  {{msg}}");
    let shown = Steps::new(args, Some(request.epochs.into()), "epochs", &template);
    let mut monitor = TrainingMonitor { stop: &*stop_on_interrupt()?, shown };
    let ended = std::thread::scope(|scope| {
        // Deep networks need more than the stack of the main thread.
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread = builder.spawn_scoped(scope, || evaluator.train(request, &monitor));
        thread.map(|thread| thread.join().map_err(|panic| evaluator::panic_reason(&panic_message(&*panic))))
    });
    monitor.shown.finish();
    let failed = |reason: String| Failure::broken(format!("training failed: {reason}"));
    let ended = ended.map_err(|error| failed(format!("no thread can be started: {error}")))?;
    let trained = ended.map_err(failed)?.map_err(|error| failed(error.to_string()))?;
    if trained.is_none() && !monitor.stopped() {
        let failure = failed("the evaluator stopped without being asked to".to_owned());
        return Err(failure.help("this is a defect of the plugin: report it to its author"));
    }
    Ok(trained)
}

/// Shows the progress of the training and passes the user's interrupt on.
struct TrainingMonitor<'a> {
    stop: &'a AtomicBool,
    shown: Steps,
}

impl Monitor for TrainingMonitor<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn report(&self, point: CurvePoint) -> Verdict {
        self.shown.reach(point.fidelity as u64);
        if let Some(loss) = Metric::find(&point.metrics, "train_loss") {
            self.shown.say(format!("loss {}", print::number(loss)), false);
        }
        if self.stopped() { Verdict::Stopped } else { Verdict::Continue }
    }

    fn notice(&self, text: &str) {
        self.shown.print(&format!("note: {text}"));
    }
}

/// Checks that the files that the evaluator claims to have written exist.
fn check_files(identity: &Identity, trained: &Trained, out: &Path) -> Result<(), Failure> {
    let missing = || trained.files.iter().find(|name| !out.join(name).is_file());
    let missing = || Some(format!("it claims to have written the file '{}', which does not exist", missing()?));
    match trained.invalid_file_name().or_else(missing) {
        Some(problem) => {
            let error = PluginError::new(identity, "train", problem).remedy("this is a defect of the plugin");
            Err(Failure::broken(error.to_string()))
        }
        None => Ok(()),
    }
}

/// The unit of the training's length: that of fidelities, or epochs if the evaluator has no fidelities.
fn unit(fidelity_unit: &str) -> &str {
    if fidelity_unit.is_empty() { "epochs" } else { fidelity_unit }
}

/// Returns the trial that `best` or a number refers to.
///
/// # Errors
/// The study has no such trial, or no measured trial for `best`.
pub fn chosen<'r>(record: &'r StudyRecord, wanted: &str) -> Result<&'r TrialRecord, Failure> {
    if wanted == "best" {
        let best = Summary::of(record).best;
        return best.and_then(|best| record.trial(best)).ok_or_else(|| {
            Failure::input("--trial best: no trial has been measured yet").help("`nas show --trials` lists all trials")
        });
    }
    let number = wanted
        .parse()
        .map_err(|_| Failure::input(format!("--trial {wanted}: is neither 'best' nor the number of a trial")))?;
    show::find(record, number)
}

/// Checks that the file can be written, without changing it.
fn check_writable(file: &Path) -> Result<(), Failure> {
    let new = !file.exists();
    let opened = fs::OpenOptions::new().create(true).append(true).open(file);
    opened.map_err(|error| Failure::input(format!("{}: cannot be written: {error}", file.display())))?;
    if new {
        // An empty file would look like saved weights.
        let _ = fs::remove_file(file);
    }
    Ok(())
}

/// The content of `network.json`: the graph with its task and origin, so that it can be used without the study.
fn network_json(record: &StudyRecord, trial: &TrialRecord, graph: &Graph) -> serde_json::Value {
    json!({
        "space": record.header.space.identity, "genotype": trial.genotype(), "text": trial.text,
        "task": record.header.task, "graph": graph,
    })
}

fn save(file: &Path, value: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::broken(format!("{}: cannot be written: {error}", file.display())))?;
    write_atomic(file, text.as_bytes()).map_err(|error| Failure::broken(error.to_string()))
}
