//! Single architectures that are looked at: of a space, or of a study.

use nas_api::{Genotype, Graph, OpenSpace, Task};
use nas_core::plugin::Registry;
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
        let text = space.format(genotype)?;
        let graph = space.build(genotype, task)?.map_err(|reason| {
            Failure::input(format!("{text} has no network for this task: {reason}\n  help: try another --input"))
        })?;
        let mut choices = Vec::with_capacity(genotype.len());
        for (at, &choice) in genotype.iter().enumerate() {
            if let Some(decision) = space.next(&genotype[..at])? {
                let name = decision.choices.get(choice as usize).cloned().unwrap_or_default();
                choices.push((decision.name, name));
            }
        }
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
