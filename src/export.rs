//! `nas export`: writes a network in a format that other programs read.

use std::path::PathBuf;
use std::process::ExitCode;

use nas_export::{ExportError, Model, Weights};
use serde_json::json;

use crate::args::{Args, Export, Format};
use crate::failure::Failure;
use crate::network::{self, SelectedNetwork};
use crate::print;

/// Writes one file, and the weights beside it if the format keeps them in a file of their own.
///
/// # Errors
/// The network cannot be found or built, the weights do not fit it, or a file cannot be written.
pub fn export(args: &Args, export: &Export) -> Result<ExitCode, Failure> {
    if export.out.is_dir() {
        return Err(Failure::input(format!("--out {}: is a folder; name a file", export.out.display())));
    }
    let weights_name = export.out.extension().is_some_and(|extension| extension == "safetensors");
    if export.format == Format::Pytorch && weights_name {
        let help = "name the module, as in net.py; its weights go to net.safetensors beside it";
        return Err(Failure::input(format!("--out {}: is the name of a weights file", export.out.display())).help(help));
    }
    let SelectedNetwork { graph, task, about } = network::find(args, &export.network)?;
    let weights = match &export.weights {
        Some(path) => Weights::open(path).map_err(|error| Failure::input(format!("--weights: {error}")))?,
        None => Weights::Fresh(export.seed.unwrap_or(0)),
    };
    let model = Model::new(&graph, &task, about).map_err(|error| Failure::input(error.to_string()))?;
    let files = write(&model, &weights, export).map_err(|error| match error {
        ExportError::Access { .. } => Failure::broken(error.to_string()),
        ExportError::Weights { .. } => {
            Failure::input(error.to_string()).help("name the trial or text whose weights these are")
        }
        error => Failure::input(error.to_string()),
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

/// Writes the files and returns their paths.
fn write(model: &Model, weights: &Weights, export: &Export) -> Result<Vec<PathBuf>, ExportError> {
    let out = &export.out;
    match export.format {
        Format::Onnx => return nas_export::onnx::write(model, weights, out),
        Format::Pytorch => return nas_export::write_pytorch(model, weights, out),
        Format::Safetensors => nas_export::write_safetensors(model, weights, out)?,
        Format::Json => nas_export::write_text(out, &format!("{:#}\n", nas_export::json(model)?))?,
        Format::Dot => nas_export::write_text(out, &nas_export::dot(model))?,
    }
    Ok(vec![out.clone()])
}
