//! Finds the network that `nas export` and `nas latency measure` are called with: a trial of a study, or an
//! architecture of a space.

use std::path::Path;

use nas_api::{Graph, Task};
use nas_core::study::{Header, Problem, StudyRecord};
use nas_export::About;

use crate::architecture::{build, is_study, parse};
use crate::args::{Args, NetworkFlags};
use crate::failure::Failure;
use crate::{plugins, space, train};

/// The graph that the flags select, with its task and origin.
pub struct SelectedNetwork {
    pub graph: Graph,
    pub task: Task,
    pub about: About,
}

/// Builds the network that the flags select.
///
/// # Errors
/// The study or space cannot be opened, the flags do not select one architecture, or it has no network for the task.
pub fn find(args: &Args, flags: &NetworkFlags) -> Result<SelectedNetwork, Failure> {
    let study = flags.trial.is_some() || is_study(&flags.source);
    if study { of_study(args, flags) } else { of_space(args, flags) }
}

fn of_study(args: &Args, flags: &NetworkFlags) -> Result<SelectedNetwork, Failure> {
    let given = [("--text", flags.text.is_some())];
    if let Some((flag, _)) = given.into_iter().chain(flags.task.given()).find(|(_, given)| *given) {
        let problem = format!("{flag}: cannot be given with a study, which records it");
        return Err(Failure::input(problem).help("leave it out, or name a space"));
    }
    let record = StudyRecord::read(Path::new(&flags.source))?;
    let trial = train::chosen(&record, flags.trial.as_deref().unwrap_or("best"))?;
    let genotype = trial.genotype().ok_or_else(|| {
        Failure::input(format!("trial {} is a relaxed candidate, which has no network of its own", trial.trial))
    })?;
    let registry = plugins::registry(args)?;
    // Only the shapes of the data matter here, and the task has them; so the data need not be there.
    let header = Header { data: None, ..record.header.clone() };
    let mut problem = Problem::reopen(&header, &registry, None)?;
    let network = problem.network(genotype)?;
    let (graph, _) =
        network.map_err(|reason| Failure::broken(format!("trial {} has no network: {reason}", trial.trial)))?;
    let about = About { space: record.header.space.identity.name.clone(), text: trial.text.clone() };
    Ok(SelectedNetwork { graph, task: problem.task, about })
}

fn of_space(args: &Args, flags: &NetworkFlags) -> Result<SelectedNetwork, Failure> {
    let (mut space, task) = space::opened(args, &flags.source, &flags.task)?;
    let info = space.info()?;
    let genotype = match &flags.text {
        Some(text) => parse(&mut *space, "--text", text)?,
        None if info.log10_size == Some(0.0) => space.sample(0)?,
        None => {
            let help = format!("`nas space sample {}` prints some", flags.source);
            return Err(Failure::input("--text: a space has many architectures; name one").help(help));
        }
    };
    let (text, graph) = build(&mut *space, &genotype, &task)?;
    Ok(SelectedNetwork { graph, task, about: About { space: info.name, text } })
}
