//! `nas report`: writes the report of a benchmark or of studies.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use nas_api::{Decision, OpenSpace};
use nas_core::benchmark::Store;
use nas_core::plugin::Registry;
use nas_core::report::{Winner, winners};
use nas_core::study::{Header, StudyRecord, TrialRecord};
use nas_report::{Picture, ReportError, Shown, Study};
use serde_json::json;

use crate::architecture::{Architecture, decisions, space_of};
use crate::args::{Args, Report};
use crate::failure::Failure;
use crate::{plugins, print};

/// Computes a report from the records of a benchmark or of studies, and writes it.
///
/// # Errors
/// The records cannot be read, a highlighted strategy is not among them, or the files cannot be written.
pub fn report(args: &Args, arguments: &Report) -> Result<ExitCode, Failure> {
    let store = match &arguments.paths[..] {
        [path] if is_benchmark(path) => Store::find(path)?,
        paths => Store::of_studies(paths)?,
    };
    let report = nas_core::report::Report::of(&store)?;
    for name in &arguments.highlight {
        if !report.strategies.contains(name) {
            let help = format!("known: {}", report.strategies.join(", "));
            return Err(Failure::input(format!("--highlight: there is no strategy '{name}' in the report")).help(help));
        }
    }
    let registry = plugins::registry(args)?;
    let study = match &arguments.paths[..] {
        [path] if !is_benchmark(path) => Some(study(path, &registry)?),
        _ => None,
    };
    let pictures = pictures(args, &store, &registry)?;
    let shown = Shown { pictures, highlighted: arguments.highlight.clone(), study };
    let mut files = nas_report::write(&report, &shown, &arguments.out)?;
    if let Some(folder) = &arguments.data {
        let mut spaces = BTreeMap::new();
        let mut text = |problem: &str, strategy: &str, genotype: &[u32]| {
            let key = (problem.to_owned(), strategy.to_owned());
            let space = spaces.entry(key).or_insert_with(|| space_of_setup(&report, problem, strategy, &registry));
            space.as_mut().and_then(|space| space.format(genotype).ok()).unwrap_or_default()
        };
        files.extend(nas_report::write_data(&store, &report, folder, &mut text)?);
    }
    if arguments.json {
        print::json(&json!({"files": files, "problems": report.problems.len(), "strategies": report.strategies}))?;
    } else {
        files.iter().for_each(|file| out!("{}", file.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the space of a strategy's studies on a problem. `None` if it cannot be opened: everything else in a report
/// comes from the records.
fn space_of_setup(
    report: &nas_core::report::Report,
    problem: &str,
    strategy: &str,
    registry: &Registry,
) -> Option<Box<dyn OpenSpace>> {
    let mut setups = report.setups.iter();
    let (_, _, header) = setups.find(|(known, label, _)| known == problem && label == strategy)?;
    space_of(header, registry).ok()
}

/// Reads a study with the choices of its trials, which stay unknown if its space cannot be opened.
fn study(path: &Path, registry: &Registry) -> Result<Study, Failure> {
    let record = StudyRecord::read(path)?;
    let mut space = space_of(&record.header, registry).ok();
    let mut choices = |trial: &TrialRecord| {
        let (Some(space), Some(genotype)) = (space.as_mut(), trial.genotype()) else { return Vec::new() };
        let Ok(decided) = decisions(&mut **space, &genotype.to_vec()) else { return Vec::new() };
        let named = |(decision, choice): (Decision, u32)| {
            let name = decision.choices.get(choice as usize).cloned().unwrap_or_default();
            (decision.name, name)
        };
        decided.into_iter().map(named).collect()
    };
    let choices = record.trials.iter().map(&mut choices).collect();
    Ok(Study { record, choices })
}

/// Draws the best architecture of each problem. A problem is left out if its space cannot be opened or has no networks.
fn pictures(args: &Args, store: &Store, registry: &Registry) -> Result<Vec<Picture>, Failure> {
    let headers = store.headers()?;
    let mut pictures = Vec::new();
    for winner in winners(store)? {
        let is_winners = |(problem, strategy, _): &&(String, String, Header)| {
            (problem, strategy) == (&winner.problem, &winner.strategy)
        };
        let Some((_, _, header)) = headers.iter().find(is_winners) else { continue };
        match picture(registry, header, &winner) {
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
