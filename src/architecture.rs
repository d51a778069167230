//! One architecture of a space or a study, as `nas draw` and `nas report` show it.

use std::path::Path;

use nas_api::{Decision, Genotype, Graph, OpenSpace, Task};
use nas_core::plugin::{Kind, Registry};
use nas_core::study::{Header, StudyError};
use nas_draw::Subject;

use crate::failure::Failure;

/// The graph of an architecture with the texts that are shown beside it.
pub struct Architecture {
    /// The graph that the space builds for the task.
    pub graph: Graph,
    /// The shape of one example, without the batch.
    pub input_shape: Vec<i64>,
    /// The title of the drawing, such as the space and the seed.
    pub title: String,
    /// The architecture in the space's own notation.
    pub text: String,
    /// The name of every decision with the name of the chosen alternative.
    pub choices: Vec<(String, String)>,
}

impl Architecture {
    /// Builds the graph of a valid genotype.
    ///
    /// # Errors
    /// The space fails, or it has no network for this task.
    pub fn of(space: &mut dyn OpenSpace, genotype: &Genotype, task: &Task, title: String) -> Result<Self, Failure> {
        let (text, graph) = build(space, genotype, task)?;
        let chosen = |(decision, choice): (Decision, u32)| {
            let name = decision.choices.get(choice as usize).cloned().unwrap_or_default();
            (decision.name, name)
        };
        let choices = decisions(space, genotype)?.into_iter().map(chosen).collect();
        Ok(Self { graph, input_shape: task.input_shape.clone(), title, text, choices })
    }

    /// The same architecture as input of `nas-draw`.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            graph: &self.graph,
            input_shape: &self.input_shape,
            title: self.title.clone(),
            text: self.text.clone(),
            choices: self.choices.clone(),
        }
    }
}

/// Parses the text that was given with `flag`.
///
/// # Errors
/// The space fails, or the text is not an architecture of it.
pub fn parse(space: &mut dyn OpenSpace, flag: &str, text: &str) -> Result<Genotype, Failure> {
    space.parse(text)?.map_err(|reason| Failure::input(format!("{flag} '{text}': {reason}")))
}

/// Returns the text and the graph of a valid genotype.
///
/// # Errors
/// The space fails, or it has no network for this task.
pub fn build(space: &mut dyn OpenSpace, genotype: &Genotype, task: &Task) -> Result<(String, Graph), Failure> {
    let text = space.format(genotype)?;
    match space.build(genotype, task)? {
        Ok(graph) => Ok((text, graph)),
        Err(reason) => {
            let help = "try another --input";
            Err(Failure::input(format!("{text} has no network for this task: {reason}")).help(help))
        }
    }
}

/// Returns the decisions of a genotype in order, each with the index of its choice.
///
/// # Errors
/// The space fails.
pub fn decisions(space: &mut dyn OpenSpace, genotype: &Genotype) -> Result<Vec<(Decision, u32)>, Failure> {
    let mut decisions = Vec::with_capacity(genotype.len());
    for (position, &choice) in genotype.iter().enumerate() {
        if let Some(decision) = space.next(&genotype[..position])? {
            decisions.push((decision, choice));
        }
    }
    Ok(decisions)
}

/// Whether the reference names a study: a file that is not a space.
pub fn is_study(reference: &str) -> bool {
    let path = Path::new(reference);
    let has_extension = path.extension().is_some_and(|extension| extension == "study");
    has_extension || (path.is_file() && !Kind::Space.is_file_of(path))
}

/// Opens the space of a study without opening its evaluator.
///
/// # Errors
/// The space cannot be opened, or it is not the recorded one.
pub fn space_of(header: &Header, registry: &Registry) -> Result<Box<dyn OpenSpace>, Failure> {
    let source = registry.space(&header.space.reference)?;
    let (recorded, found) = (&header.space.identity, source.identity());
    if !recorded.same_plugin(found) {
        return Err(StudyError::Differs {
            recorded: Box::new(recorded.clone()),
            found: Box::new(found.clone()),
            remedy: "restore the space that the study was started with".to_owned(),
        }
        .into());
    }
    Ok(source.open(&header.space.settings)?)
}
