//! `nas train`: one network of a study, trained in full and tested.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use nas_api::{EvaluatorPlugin, Graph};
use nas_core::plugin::Origin;
use nas_core::study::{Problem, StudyRecord, Summary, TrialRecord};
use nas_evaluator_burn::{BurnEvaluator, Progress, TOKENIZER_FILE, Trained};
use serde_json::json;

use crate::args::{Args, Train};
use crate::failure::{Failure, STOPPED};
use crate::search::stop_on_interrupt;
use crate::{plugins, print, show, train_classes, train_settings};

/// Epochs of the full training for each epoch of a trial, where the user does not say.
const LONGER: f64 = 5.0;

/// Trains from scratch on training and validation data together; test data are used here for the first time.
pub fn train(args: &Args, train: &Train) -> Result<ExitCode, Failure> {
    let record = StudyRecord::read(&train.file)?;
    let trial = chosen(&record, &train.trial)?;
    let genotype = trial.genotype().ok_or_else(|| {
        Failure::input(format!("trial {} is a mixture of architectures, not one that can be trained", trial.trial))
    })?;
    let identity = &record.header.evaluator.identity;
    if identity.origin != Origin::BuiltIn || identity.name != "burn" {
        let help = "full training is there for studies whose evaluator is the built-in 'burn'";
        return Err(Failure::input(format!("the {identity} cannot train networks in full\n  help: {help}")));
    }
    fs::create_dir_all(&train.out)
        .map_err(|error| Failure::input(format!("--out {}: cannot be made: {error}", train.out.display())))?;
    let weights = train.out.join("weights.safetensors");
    check_writable(&weights)?;

    let registry = plugins::registry(args)?;
    let mut problem = Problem::reopen(&record.header, &registry, None)?;
    let network = problem.network(genotype)?;
    let (graph, counts) =
        network.map_err(|reason| Failure::broken(format!("trial {} has no network: {reason}", trial.trial)))?;
    let full = problem.fidelities.last().copied().unwrap_or(1.0);
    let settings = train_settings::of(train, &record.header, &registry, (full * LONGER).round() as u32)?;
    let refused = |error: nas_api::Error| Failure::input(error.to_string());
    let evaluator = BurnEvaluator::open(&settings, None).map_err(refused)?;
    let epochs = settings.integer("epochs").map_err(refused)?;
    let seed = nas_api::rng::derive(record.header.seed, "train", trial.trial);

    let stop = stop_on_interrupt()?;
    let bar = progress_bar(u64::from(epochs), args.quiet);
    let trained =
        evaluator.train_final(&graph, epochs, seed, Some(&weights), &|| stop.load(Ordering::Relaxed), &mut |at| {
            let Progress { epoch, train_loss, .. } = at;
            bar.set_position(u64::from(epoch));
            bar.set_message(format!("loss {}", print::number(train_loss)));
        });
    bar.finish_and_clear();
    let Some(Trained { metrics: measured, confusion }) =
        trained.map_err(|error| Failure::broken(format!("training failed: {error}")))?
    else {
        eprintln!("stopped; nothing was saved");
        return Ok(ExitCode::from(STOPPED));
    };
    let metrics: Vec<_> = measured.into_iter().chain(counts).collect();
    let values: serde_json::Map<_, _> =
        metrics.iter().map(|metric| (metric.name.clone(), json!(metric.value))).collect();
    let settings: serde_json::Map<_, _> =
        settings.0.into_iter().map(|setting| (setting.name, json!(setting.value))).collect();
    let mut report = json!({
        "trial": trial.trial, "genotype": genotype, "text": trial.text, "epochs": epochs, "seed": seed,
        "settings": settings, "metrics": values, "weights": weights,
    });
    if let (Some(confusion), Some(report)) = (&confusion, report.as_object_mut()) {
        report.extend(train_classes::to_json(confusion));
    }
    if let Some(tokenizer) = evaluator.tokenizer() {
        write(&train.out.join(TOKENIZER_FILE), tokenizer)?;
    }
    save(&train.out.join("network.json"), &network_json(&record, trial, &graph))?;
    save(&train.out.join("metrics.json"), &report)?;
    if train.json {
        print::json(&report)?;
    } else {
        out!("trial {} trained for {epochs} epochs: {}", trial.trial, trial.text);
        for metric in &metrics {
            out!("  {:22} {}", metric.name, print::number(metric.value));
        }
        if let Some(confusion) = &confusion {
            out!("{}", train_classes::to_text(confusion));
        }
        out!("weights in {}", weights.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The trial that is meant by `best` or a number.
pub fn chosen<'r>(record: &'r StudyRecord, wanted: &str) -> Result<&'r TrialRecord, Failure> {
    if wanted == "best" {
        let best = Summary::of(record).best;
        return best.and_then(|best| record.trial(best)).ok_or_else(|| {
            Failure::input("--trial best: no trial was measured yet\n  help: `nas show --trials` lists them")
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
    write(file, &text)
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(|error| Failure::broken(format!("{}: cannot be written: {error}", file.display())))
}

fn progress_bar(epochs: u64, quiet: bool) -> indicatif::ProgressBar {
    use std::io::IsTerminal;
    let shown = !quiet && std::io::stderr().is_terminal();
    let bar = indicatif::ProgressBar::with_draw_target(
        Some(epochs),
        if shown { indicatif::ProgressDrawTarget::stderr() } else { indicatif::ProgressDrawTarget::hidden() },
    );
    let style = indicatif::ProgressStyle::with_template("{wide_bar} {pos}/{len} epochs, {eta} left  {msg}");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}
