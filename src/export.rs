//! `nas export`: a network for other programs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nas_api::{Graph, Task};
use nas_core::study::{Problem, StudyRecord};
use nas_export::{About, ExportError, Model, Weights};
use serde_json::json;

use crate::architecture::{build, is_study, parse};
use crate::args::{Args, Export, Format};
use crate::failure::Failure;
use crate::{plugins, print, space, train};

/// What is exported, before it is checked.
struct Found {
    graph: Graph,
    task: Task,
    about: About,
}

/// Writes one file, and the weights beside it where the format keeps them apart.
pub fn export(args: &Args, export: &Export) -> Result<ExitCode, Failure> {
    if export.out.is_dir() {
        return Err(Failure::input(format!("--out {}: is a folder; name a file", export.out.display())));
    }
    let weights_name = export.out.extension().is_some_and(|ending| ending == "safetensors");
    if export.format == Format::Pytorch && weights_name {
        let help = "name the module, as in net.py; its weights go to net.safetensors beside it";
        return Err(Failure::input(format!("--out {}: is where the weights go\n  help: {help}", export.out.display())));
    }
    let study = export.trial.is_some() || is_study(&export.source);
    let Found { graph, task, about } = if study { of_study(args, export)? } else { of_space(args, export)? };
    let weights = match &export.weights {
        Some(path) => Weights::open(path).map_err(|error| Failure::input(format!("--weights: {error}")))?,
        None => Weights::Fresh(export.seed.unwrap_or(0)),
    };
    let model = Model::new(&graph, &task, about).map_err(|error| Failure::input(error.to_string()))?;
    let files = write(&model, &weights, export).map_err(|error| match error {
        ExportError::Access { .. } => Failure::broken(error.to_string()),
        error => Failure::input(format!("{error}{}", help(&error))),
    })?;
    if export.json {
        let about = &model.about;
        print::json(&json!({"space": about.space, "text": about.text, "task": task, "files": files}))?;
    } else {
        out!("{} of {}", model.about.text, model.about.space);
        for file in files {
            out!("  {}", file.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The files that were written.
fn write(model: &Model, weights: &Weights, export: &Export) -> Result<Vec<PathBuf>, ExportError> {
    let out = &export.out;
    match export.format {
        Format::Onnx => return nas_export::onnx::write(model, weights, out),
        Format::Pytorch => return nas_export::write_pytorch(model, weights, out),
        Format::Safetensors => nas_export::write_safetensors(model, weights, out)?,
        Format::Json => nas_export::write_text(out, &format!("{:#}\n", nas_export::json(model)?))?,
        Format::Dot => nas_export::write_text(out, &nas_export::dot(model)?)?,
    }
    Ok(vec![out.clone()])
}

fn help(error: &ExportError) -> &'static str {
    match error {
        ExportError::Weights { .. } => "\n  help: name the trial or text whose weights these are",
        _ => "",
    }
}

fn of_study(args: &Args, export: &Export) -> Result<Found, Failure> {
    let given = [("--text", export.text.is_some())];
    if let Some((flag, _)) = given.into_iter().chain(export.task.given()).find(|(_, given)| *given) {
        return Err(Failure::input(format!("{flag}: the study says it already; leave it out, or name a space")));
    }
    let record = StudyRecord::read(Path::new(&export.source))?;
    let trial = train::chosen(&record, export.trial.as_deref().unwrap_or("best"))?;
    let genotype = trial.genotype().ok_or_else(|| {
        Failure::input(format!("trial {} is a mixture of architectures, not one that can be exported", trial.trial))
    })?;
    let registry = plugins::registry(args)?;
    let mut problem = Problem::reopen(&record.header, &registry, None)?;
    let network = problem.network(genotype)?;
    let (graph, _) =
        network.map_err(|reason| Failure::broken(format!("trial {} has no network: {reason}", trial.trial)))?;
    let about = About { space: record.header.space.identity.name.clone(), text: trial.text.clone() };
    Ok(Found { graph, task: problem.task, about })
}

fn of_space(args: &Args, export: &Export) -> Result<Found, Failure> {
    let (mut space, task) = space::opened(args, &export.source, &export.task)?;
    let info = space.info()?;
    let genotype = match &export.text {
        Some(text) => parse(&mut *space, "--text", text)?,
        None if info.log10_size == Some(0.0) => space.sample(0)?,
        None => {
            let help = format!("`nas space sample {}` writes some", export.source);
            return Err(Failure::input(format!("--text: a space has many architectures; say which\n  help: {help}")));
        }
    };
    let (text, graph) = build(&mut *space, &genotype, &task)?;
    Ok(Found { graph, task, about: About { space: info.name, text } })
}
