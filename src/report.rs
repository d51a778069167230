//! `nas report`: writes the report of a benchmark or of studies.

use std::path::Path;
use std::process::ExitCode;

use nas_core::benchmark::Store;
use nas_core::plugin::Registry;
use nas_core::report::{Winner, winners};
use nas_core::study::Header;
use nas_report::{Picture, ReportError};
use serde_json::json;

use crate::architecture::{Architecture, space_of};
use crate::args::{Args, Report};
use crate::failure::Failure;
use crate::{plugins, print};

/// Computes a report from the records of a benchmark or of studies, and writes it.
///
/// # Errors
/// The records cannot be read, or the files cannot be written.
pub fn report(args: &Args, arguments: &Report) -> Result<ExitCode, Failure> {
    let store = match &arguments.paths[..] {
        [path] if is_benchmark(path) => Store::find(path)?,
        paths => Store::of_studies(paths)?,
    };
    let report = nas_core::report::Report::of(&store)?;
    let pictures = pictures(args, &store)?;
    let mut files = nas_report::write(&report, &pictures, &arguments.out)?;
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

/// Draws the best architecture of each problem. A problem is left out if its space cannot be opened or has no networks.
fn pictures(args: &Args, store: &Store) -> Result<Vec<Picture>, Failure> {
    let registry = plugins::registry(args)?;
    let headers = store.headers()?;
    let mut pictures = Vec::new();
    for winner in winners(store)? {
        let is_winners = |(problem, strategy, _): &&(String, String, Header)| {
            (problem, strategy) == (&winner.problem, &winner.strategy)
        };
        let Some((_, _, header)) = headers.iter().find(is_winners) else { continue };
        match picture(&registry, header, &winner) {
            Ok(picture) => pictures.push(picture),
            // Everything else in a report comes from the records, so it does not fail for a picture.
            Err(reason) if args.verbose => eprintln!("no picture for {}: {}", winner.problem, reason),
            Err(_) => {}
        }
    }
    Ok(pictures)
}

fn picture(registry: &Registry, header: &Header, winner: &Winner) -> Result<Picture, Failure> {
    let mut space = space_of(header, registry)?;
    let title = format!("{}, {}", header.space.identity.name, winner.problem);
    let architecture = Architecture::of(&mut *space, &winner.genotype, &header.task, title)?;
    let (strategy, seed, metric) = (&winner.strategy, winner.seed, &winner.metric);
    let value = print::number(winner.value);
    Ok(Picture {
        problem: winner.problem.clone(),
        caption: format!("The best architecture that was found, by {strategy} with seed {seed}: {metric} {value}."),
        svg: nas_draw::draw(&architecture.subject())?,
    })
}

/// Whether the path is a benchmark (its folder or the database in it) and not a study.
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
