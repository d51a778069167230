//! `nas report`.

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

/// Recomputes a benchmark's report from its records, and writes it.
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

/// The best architecture of each problem, where its space is still the one that was searched and has networks.
fn pictures(args: &Args, store: &Store) -> Result<Vec<Picture>, Failure> {
    let registry = plugins::registry(args)?;
    let headers = store.headers()?;
    let mut pictures = Vec::new();
    for winner in winners(store)? {
        let of = |(problem, strategy, _): &&(String, String, Header)| {
            (problem, strategy) == (&winner.problem, &winner.strategy)
        };
        let Some((_, _, header)) = headers.iter().find(of) else { continue };
        match picture(&registry, header, &winner) {
            Ok(picture) => pictures.push(picture),
            // A report is made of records; without its space it says the same, but for the picture.
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
