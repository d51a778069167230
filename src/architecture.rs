//! Single architectures that are looked at: of a space, or of a study.

use std::path::Path;

use nas_api::{Decision, Genotype, Graph, OpenSpace, Task};
use nas_core::plugin::{Kind, Registry};
use nas_core::study::{Header, StudyError};
use nas_draw::Subject;

use crate::failure::Failure;

/// A network with what people want to read beside it.
pub struct Architecture {
    /// The network.
    pub graph: Graph,
    /// The shape of one example.
    pub input_shape: Vec<i64>,
    /// What it is.
    pub title: String,
    /// As the space writes it.
    pub text: String,
    /// Every decision with what was chosen.
    pub choices: Vec<(String, String)>,
}

impl Architecture {
    /// Builds the network of a valid genotype.
    pub fn of(space: &mut dyn OpenSpace, genotype: &Genotype, task: &Task, title: String) -> Result<Self, Failure> {
        let (text, graph) = build(space, genotype, task)?;
        let chosen = |(decision, choice): (Decision, u32)| {
            let name = decision.choices.get(choice as usize).cloned().unwrap_or_default();
            (decision.name, name)
        };
        let choices = decisions(space, genotype)?.into_iter().map(chosen).collect();
        Ok(Self { graph, input_shape: task.input_shape.clone(), title, text, choices })
    }

    /// As it is drawn.
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

/// The genotype that a flag names as text.
pub fn parse(space: &mut dyn OpenSpace, flag: &str, text: &str) -> Result<Genotype, Failure> {
    space.parse(text)?.map_err(|reason| Failure::input(format!("{flag} '{text}': {reason}")))
}

/// A valid genotype as text, and its network.
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

/// The decisions that a genotype makes, in order, with the choices.
pub fn decisions(space: &mut dyn OpenSpace, genotype: &Genotype) -> Result<Vec<(Decision, u32)>, Failure> {
    let mut made = Vec::with_capacity(genotype.len());
    for (at, &choice) in genotype.iter().enumerate() {
        if let Some(decision) = space.next(&genotype[..at])? {
            made.push((decision, choice));
        }
    }
    Ok(made)
}

/// Whether this names a study: a file that is no space.
pub fn is_study(reference: &str) -> bool {
    let path = Path::new(reference);
    let study = path.extension().is_some_and(|ending| ending == "study");
    study || (path.is_file() && !Kind::Space.is_file_of(path))
}

/// The space of a study, without its evaluator. Another space than the recorded one is refused.
pub fn space_of(header: &Header, registry: &Registry) -> Result<Box<dyn OpenSpace>, Failure> {
    let source = registry.space(&header.space.reference)?;
    let (recorded, found) = (&header.space.identity, source.identity());
    if !recorded.same_plugin(found) {
        return Err(StudyError::Differs {
            recorded: Box::new(recorded.clone()),
            found: Box::new(found.clone()),
            remedy: "bring back the space that the study was begun with".to_owned(),
        }
        .into());
    }
    Ok(source.open(&header.space.settings)?)
}
