//! `nas draw`: draws one network, or compares two.

use std::path::Path;
use std::process::ExitCode;

use nas_api::file::write_atomic;
use nas_api::{OpenSpace, Task};
use nas_core::study::{StudyRecord, TrialRecord};
use nas_draw::DrawError;
use serde_json::json;

use crate::architecture::{Architecture, is_study, parse, space_of};
use crate::args::{Args, Draw};
use crate::failure::Failure;
use crate::{plugins, print, space, train};

/// Draws one network, or compares two beside each other.
///
/// # Errors
/// The network cannot be found or built, the drawing fails, or the file of `--out` cannot be written.
pub fn draw(args: &Args, draw: &Draw) -> Result<ExitCode, Failure> {
    let png = match draw.out.extension().map(|extension| extension.to_string_lossy().to_lowercase()).as_deref() {
        Some("svg") => false,
        Some("png") => true,
        _ => {
            let problem = format!("--out {}: the file name has no known extension", draw.out.display());
            return Err(Failure::input(problem).help("name a file that ends in .svg or .png"));
        }
    };
    if !(draw.scale > 0.0 && draw.scale <= 16.0) {
        return Err(Failure::input(format!("--scale {}: must be above 0 and at most 16", draw.scale)));
    }
    let drawn = if is_study(&draw.of) { of_study(args, draw)? } else { of_space(args, draw)? };
    let svg = match &drawn[..] {
        [one, other] => nas_draw::compare(&one.subject(), &other.subject())?,
        _ => drawn.first().map(|one| nas_draw::draw(&one.subject())).transpose()?.unwrap_or_default(),
    };
    let bytes = if png { nas_draw::png(&svg, draw.scale)? } else { nas_draw::with_font(&svg).into_bytes() };
    write_atomic(&draw.out, &bytes).map_err(|error| {
        Failure::input(format!("--out {}: cannot be written: {}", draw.out.display(), error.source))
    })?;
    if draw.json {
        let networks: Vec<_> = drawn
            .iter()
            .map(|one| json!({"title": one.title, "text": one.text, "nodes": one.graph.nodes.len()}))
            .collect();
        print::json(&json!({"file": draw.out, "networks": networks}))?;
    } else {
        out!("{}", draw.out.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn of_space(args: &Args, draw: &Draw) -> Result<Vec<Architecture>, Failure> {
    if draw.trial.is_some() {
        return Err(Failure::input("--trial: needs a study").help("with a space, give --text or --seed"));
    }
    let (mut space, task) = space::opened(args, &draw.of, &draw.task)?;
    let name = space.info()?.name;
    let one = match &draw.text {
        Some(text) => parsed(&mut *space, &task, &name, "--text", text)?,
        None => sampled(&mut *space, &task, &name, draw.seed.unwrap_or(0))?,
    };
    let Some(against) = &draw.against else { return Ok(vec![one]) };
    let other = match (space.parse(against)?, against.parse()) {
        (Err(_), Ok(seed)) => sampled(&mut *space, &task, &name, seed)?,
        _ => parsed(&mut *space, &task, &name, "--against", against)?,
    };
    Ok(vec![one, other])
}

fn parsed(space: &mut dyn OpenSpace, task: &Task, name: &str, flag: &str, text: &str) -> Result<Architecture, Failure> {
    let genotype = parse(space, flag, text)?;
    Architecture::of(space, &genotype, task, name.to_owned())
}

fn sampled(space: &mut dyn OpenSpace, task: &Task, name: &str, seed: u32) -> Result<Architecture, Failure> {
    let genotype = space.sample(seed)?;
    Architecture::of(space, &genotype, task, format!("{name}, seed {seed}"))
}

fn of_study(args: &Args, draw: &Draw) -> Result<Vec<Architecture>, Failure> {
    let given = [("--text", draw.text.is_some()), ("--seed", draw.seed.is_some())];
    if let Some((flag, _)) = given.into_iter().chain(draw.task.given()).find(|(_, given)| *given) {
        return Err(
            Failure::input(format!("{flag}: needs a space")).help("with a study, choose a network with --trial")
        );
    }
    let registry = plugins::registry(args)?;
    let trial = |file: &str, wanted: &str| -> Result<Architecture, Failure> {
        let record = StudyRecord::read(Path::new(file))?;
        let trial = train::chosen(&record, wanted)?;
        let mut space = space_of(&record.header, &registry)?;
        of_trial(&mut *space, &record, trial)
    };
    let mut drawn = vec![trial(&draw.of, draw.trial.as_deref().unwrap_or("best"))?];
    if let Some(against) = &draw.against {
        let other = if is_study(against) { trial(against, "best")? } else { trial(&draw.of, against)? };
        drawn.push(other);
    }
    Ok(drawn)
}

/// Returns the architecture of a trial. Its title gives the trial's value of the first objective.
///
/// # Errors
/// The trial is a relaxed candidate, or the space cannot build its graph.
pub fn of_trial(space: &mut dyn OpenSpace, record: &StudyRecord, trial: &TrialRecord) -> Result<Architecture, Failure> {
    let genotype = trial.genotype().ok_or_else(|| {
        Failure::input(format!("trial {} is a relaxed candidate, which cannot be drawn", trial.trial))
    })?;
    let objective = record.header.objectives.first().map(|objective| objective.metric.as_str()).unwrap_or_default();
    let measured = trial.metric(objective).map(|value| format!(", {objective} {}", print::number(value)));
    let title = format!("{}, trial {}{}", record.header.space.identity.name, trial.trial, measured.unwrap_or_default());
    Architecture::of(space, &genotype.to_vec(), &record.header.task, title)
}

impl From<DrawError> for Failure {
    fn from(error: DrawError) -> Self {
        match error {
            DrawError::Broken(_) => Self::broken(error.to_string()),
            DrawError::Graph(_) | DrawError::TooLarge { .. } => Self::input(error.to_string()),
        }
    }
}
