//! The one network that a command is about: of a study, or of a space.

use std::path::Path;

use nas_api::{Graph, Task};
use nas_core::study::{Header, Problem, StudyRecord};
use nas_export::About;

use crate::architecture::{build, is_study, parse};
use crate::args::{Args, NetworkFlags};
use crate::failure::Failure;
use crate::{plugins, space, train};

/// A network and what it is for.
pub struct Found {
    pub graph: Graph,
    pub task: Task,
    pub about: About,
}

/// The network that the flags name.
pub fn find(args: &Args, flags: &NetworkFlags) -> Result<Found, Failure> {
    let study = flags.trial.is_some() || is_study(&flags.source);
    if study { of_study(args, flags) } else { of_space(args, flags) }
}

fn of_study(args: &Args, flags: &NetworkFlags) -> Result<Found, Failure> {
    let given = [("--text", flags.text.is_some())];
    if let Some((flag, _)) = given.into_iter().chain(flags.task.given()).find(|(_, given)| *given) {
        return Err(Failure::input(format!("{flag}: the study says it already; leave it out, or name a space")));
    }
    let record = StudyRecord::read(Path::new(&flags.source))?;
    let trial = train::chosen(&record, flags.trial.as_deref().unwrap_or("best"))?;
    let genotype = trial.genotype().ok_or_else(|| {
        Failure::input(format!("trial {} is a mixture of architectures, not one that can be exported", trial.trial))
    })?;
    let registry = plugins::registry(args)?;
    // Of the data only the shapes matter here, which are in the task.
    let header = Header { data: None, ..record.header.clone() };
    let mut problem = Problem::reopen(&header, &registry, None)?;
    let network = problem.network(genotype)?;
    let (graph, _) =
        network.map_err(|reason| Failure::broken(format!("trial {} has no network: {reason}", trial.trial)))?;
    let about = About { space: record.header.space.identity.name.clone(), text: trial.text.clone() };
    Ok(Found { graph, task: problem.task, about })
}

fn of_space(args: &Args, flags: &NetworkFlags) -> Result<Found, Failure> {
    let (mut space, task) = space::opened(args, &flags.source, &flags.task)?;
    let info = space.info()?;
    let genotype = match &flags.text {
        Some(text) => parse(&mut *space, "--text", text)?,
        None if info.log10_size == Some(0.0) => space.sample(0)?,
        None => {
            let help = format!("`nas space sample {}` writes some", flags.source);
            return Err(Failure::input("--text: a space has many architectures; say which").help(help));
        }
    };
    let (text, graph) = build(&mut *space, &genotype, &task)?;
    Ok(Found { graph, task, about: About { space: info.name, text } })
}
