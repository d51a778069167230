//! `nas train`: one network of a study, trained in full and tested.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::ProgressBar;
use nas_api::native::panic_words;
use nas_api::{
    CurvePoint, Evaluator, Graph, Metric, Monitor, Settings, TrainRequest, Trained, Verdict, WEIGHTS_FILE, evaluator,
};
use nas_core::plugin::{Identity, PluginError};
use nas_core::study::{Limits, Problem, STACK_BYTES, StudyRecord, Summary, TrialRecord};
use serde_json::json;

use crate::args::{Args, Train};
use crate::failure::{Failure, STOPPED};
use crate::search::stop_on_interrupt;
use crate::train_settings::Trainer;
use crate::{plugins, print, show, train_classes, train_settings};

/// Trains from scratch on training and validation data together; test data are used here for the first time. Runs where trials
/// of the study do.
pub fn train(args: &Args, train: &Train) -> Result<ExitCode, Failure> {
    let record = StudyRecord::read(&train.file)?;
    let trial = chosen(&record, &train.trial)?;
    let genotype = trial.genotype().ok_or_else(|| {
        Failure::input(format!("trial {} is a mixture of architectures, not one that can be trained", trial.trial))
    })?;
    let registry = plugins::registry_of_studies(args, &limits(&record, train))?;
    let source = registry.evaluator(&record.header.evaluator.reference)?;
    let info = source.info()?;
    let full = info.trains.as_ref().ok_or_else(|| cannot(source.identity()))?;
    let trainer = Trainer { info: &info, full };
    let changes = train_settings::changes(train, &trainer)?;

    let header = trainer.on_device(record.header.clone(), &changes);
    let mut problem = Problem::reopen(&header, &registry, None)?;
    let network = problem.network(genotype)?;
    let (graph, counts) =
        network.map_err(|reason| Failure::broken(format!("trial {} has no network: {reason}", trial.trial)))?;
    // It holds the data in another process.
    drop(problem);
    let (settings, epochs) = train_settings::of(train, &header, &registry, &trainer, changes)?;
    let folder = made(&train.out)?;
    let evaluator = source.open(&settings, None)?;
    let seed = nas_api::rng::derive(record.header.seed, "train", trial.trial);

    let request = TrainRequest { graph, epochs, seed, folder };
    let Some(trained) = run(&*evaluator, &request, args.quiet)? else {
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

/// All that there is to say of the training.
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
        let what = if name == WEIGHTS_FILE { "weights in" } else { "with" };
        out!("{what} {}", out.join(name).display());
    }
}

/// Those of the study, but for the seconds of a trial, which is shorter, and for its tries: what has taken hours is not begun
/// again without a word.
fn limits(record: &StudyRecord, train: &Train) -> Limits {
    let limits = record.header.limits.overridden_by(train.place.limits());
    Limits { trial_seconds: None, retries: Some(0), ..limits }
}

fn cannot(identity: &Identity) -> Failure {
    let help =
        "final training is there for studies whose evaluator has it, as 'burn' does; `nas plugin inspect` says so";
    Failure::input(format!("the {identity} cannot train networks in full")).help(help)
}

/// The folder, as an absolute path, where weights can be written: that is found out before hours of training, not after.
fn made(out: &Path) -> Result<PathBuf, Failure> {
    let cannot = |error| Failure::input(format!("--out {}: cannot be made: {error}", out.display()));
    fs::create_dir_all(out).map_err(cannot)?;
    check_writable(&out.join(WEIGHTS_FILE))?;
    std::path::absolute(out).map_err(cannot)
}

/// `None`: it was stopped.
fn run(evaluator: &dyn Evaluator, request: &TrainRequest, quiet: bool) -> Result<Option<Trained>, Failure> {
    let listening = Listening { stop: &*stop_on_interrupt()?, bar: progress_bar(request.epochs.into(), quiet) };
    let ended = std::thread::scope(|scope| {
        // Deep networks need more than the stack of the first thread.
        let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
        let thread = builder.spawn_scoped(scope, || evaluator.train(request, &listening));
        thread.map(|thread| thread.join().map_err(|panic| evaluator::panicked(&panic_words(&*panic))))
    });
    listening.bar.finish_and_clear();
    let failed = |words: String| Failure::broken(format!("training failed: {words}"));
    let ended = ended.map_err(|error| failed(format!("no thread can be started: {error}")))?;
    let trained = ended.map_err(failed)?.map_err(|error| failed(error.to_string()))?;
    if trained.is_none() && !listening.stopped() {
        let failure = failed("the evaluator stopped although nothing told it to".to_owned());
        return Err(failure.help("this is a defect of the plugin: report it to its author"));
    }
    Ok(trained)
}

/// Shows how far the training has come.
struct Listening<'a> {
    stop: &'a AtomicBool,
    bar: ProgressBar,
}

impl Monitor for Listening<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn report(&self, point: CurvePoint) -> Verdict {
        self.bar.set_position(point.fidelity as u64);
        if let Some(loss) = Metric::find(&point.metrics, "train_loss") {
            self.bar.set_message(format!("loss {}", print::number(loss)));
        }
        if self.stopped() { Verdict::Stopped } else { Verdict::GoOn }
    }

    fn notice(&self, words: &str) {
        self.bar.suspend(|| eprintln!("note: {words}"));
    }
}

/// What the evaluator says that it has left must be there.
fn check_files(identity: &Identity, trained: &Trained, out: &Path) -> Result<(), Failure> {
    let missing = || trained.files.iter().find(|name| !out.join(name).is_file());
    let missing = || Some(format!("it says that it has left the file '{}', which is not there", missing()?));
    match trained.misnamed().or_else(missing) {
        Some(problem) => {
            let error = PluginError::new(identity, "train", problem).remedy("this is a defect of the plugin");
            Err(Failure::broken(error.to_string()))
        }
        None => Ok(()),
    }
}

/// What is counted; `epochs` where the evaluator has no fidelities.
fn unit(of_fidelity: &str) -> &str {
    if of_fidelity.is_empty() { "epochs" } else { of_fidelity }
}

/// The trial that is meant by `best` or a number.
pub fn chosen<'r>(record: &'r StudyRecord, wanted: &str) -> Result<&'r TrialRecord, Failure> {
    if wanted == "best" {
        let best = Summary::of(record).best;
        return best.and_then(|best| record.trial(best)).ok_or_else(|| {
            Failure::input("--trial best: no trial was measured yet").help("`nas show --trials` lists them")
        });
    }
    let number = wanted
        .parse()
        .map_err(|_| Failure::input(format!("--trial {wanted}: is neither 'best' nor the number of a trial")))?;
    show::find(record, number)
}

/// Before hours of training, not after.
fn check_writable(file: &Path) -> Result<(), Failure> {
    let new = !file.exists();
    let opened = fs::OpenOptions::new().create(true).append(true).open(file);
    opened.map_err(|error| Failure::input(format!("{}: cannot be written: {error}", file.display())))?;
    if new {
        // Weights are there as a whole or not at all.
        let _ = fs::remove_file(file);
    }
    Ok(())
}

/// The network with what it was made for, so that it can be used without the study.
fn network_json(record: &StudyRecord, trial: &TrialRecord, graph: &Graph) -> serde_json::Value {
    json!({
        "space": record.header.space.identity, "genotype": trial.genotype(), "text": trial.text,
        "task": record.header.task, "graph": graph,
    })
}

fn save(file: &Path, value: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::broken(format!("{}: cannot be written: {error}", file.display())))?;
    fs::write(file, text).map_err(|error| Failure::broken(format!("{}: cannot be written: {error}", file.display())))
}

fn progress_bar(epochs: u64, quiet: bool) -> ProgressBar {
    use std::io::IsTerminal;
    let shown = !quiet && std::io::stderr().is_terminal();
    let bar = ProgressBar::with_draw_target(
        Some(epochs),
        if shown { indicatif::ProgressDrawTarget::stderr() } else { indicatif::ProgressDrawTarget::hidden() },
    );
    let style = indicatif::ProgressStyle::with_template("{wide_bar} {pos}/{len} epochs, {eta} left  {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
