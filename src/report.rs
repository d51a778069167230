//! `nas report`.

use std::path::Path;
use std::process::ExitCode;

use nas_core::benchmark::Store;
use nas_report::ReportError;
use serde_json::json;

use crate::args::Report;
use crate::failure::Failure;
use crate::print;

/// Recomputes a benchmark's report from its records, and writes it.
pub fn report(arguments: &Report) -> Result<ExitCode, Failure> {
    let store = match &arguments.paths[..] {
        [path] if is_benchmark(path) => Store::find(path)?,
        paths => Store::of_studies(paths)?,
    };
    let report = nas_core::report::Report::of(&store)?;
    let mut files = nas_report::write(&report, &arguments.out)?;
    if let Some(folder) = &arguments.data {
        files.extend(nas_report::write_data(&store, &report, folder)?);
    }
    if arguments.json {
        print::json(&json!({"files": files, "problems": report.problems.len(), "strategies": report.strategies}))?;
    } else {
        files.iter().for_each(|file| out!("{}", file.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// A folder, or the database in it; else a study's file.
fn is_benchmark(path: &Path) -> bool {
    path.is_dir() || path.file_name().is_some_and(|name| name == "benchmark.db")
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Study(error) => error.into(),
            ReportError::Draw(_) => Self::broken(error.to_string()),
            ReportError::Write { .. } | ReportError::Format { .. } => Self::input(error.to_string()),
        }
    }
}
