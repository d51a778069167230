//! Choice spaces: decisions, conditions and a chain of layers, written in TOML without code. `docs/spaces.md` describes
//! the format with an example.

mod attribute;
mod decisions;
mod expand;
mod fault;
mod spec;
mod suggest;
mod template;
#[cfg(test)]
mod tests;

pub use attribute::{ChainOperator, chain_operators};
use nas_api::graph::shape;
use nas_api::{Decision, Error, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

use crate::definition;
use decisions::Decisions;
use expand::Expansion;
use fault::Fault;
use spec::Spec;
use template::Step;

/// A space that is defined by a TOML text.
#[derive(Clone, Debug)]
pub struct ChoiceSpace {
    info: SpaceInfo,
    decisions: Decisions,
    steps: Vec<Step>,
}

impl ChoiceSpace {
    /// Reads the definition of a space. Everything that does not depend on the task is checked here.
    ///
    /// # Errors
    /// If the text is empty, not TOML or not a valid definition. The message names the line and the
    /// column, and the decision or the layer.
    pub fn from_toml(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            let remedy = "set its parameter 'definition' to the TOML text of a space (docs/spaces.md)";
            return Err(Error::new(format!("a choice space needs a definition: {remedy}")));
        }
        let spec: Spec = definition::read(text, "choice space")?;
        let wrong = |fault: Fault| {
            let place = fault.position(text).map(|(line, column)| format!(", line {line}, column {column}"));
            Error::new(format!("choice space '{}'{}: {}", spec.name, place.unwrap_or_default(), fault.text))
        };
        definition::check_name(&spec.name).map_err(|problem| wrong(Fault::at_key("name", problem)))?;
        let decisions = Decisions::new(&spec.decisions).map_err(wrong)?;
        let steps = template::steps(&spec.layers).map_err(wrong)?;
        let expansion = Expansion { decisions: &decisions, steps: &steps };
        let structural = expansion.structural().map_err(wrong)?;
        let structures = decisions.structures(&structural).map_err(|problem| wrong(problem.into()))?;
        expansion.check(&structures, &structural).map_err(wrong)?;
        let info = SpaceInfo {
            name: spec.name,
            version: spec.version,
            log10_size: Some(crate::layered::log10_sum(structures.iter().map(|(_, size)| *size))),
            decisions: decisions.decisions.clone(),
            conditional: decisions.conditional,
            standard: !decisions.conditional,
            description: spec.description,
            reference: spec.reference,
        };
        Ok(Self { info, decisions, steps })
    }
}

impl SearchSpace for ChoiceSpace {
    fn parameters() -> Vec<Parameter> {
        vec![Parameter::text("definition", "", "The TOML text that defines the space (format: docs/spaces.md).")]
    }

    fn open(settings: &Settings) -> Result<Self> {
        Self::from_toml(settings.text("definition")?)
    }

    fn info(&self) -> SpaceInfo {
        self.info.clone()
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.next(prefix)
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        self.validate(genotype)?;
        if self.steps.is_empty() {
            let name = &self.info.name;
            return Err(Error::new(format!("the choice space '{name}' defines no [[layer]], so it has no networks")));
        }
        let expansion = Expansion { decisions: &self.decisions, steps: &self.steps };
        let graph = expansion.build(&self.decisions.states(genotype), task.outputs)?;
        // The user wrote the chain, so tell them here whether it fits the task, before it is trained.
        let shapes = shape::infer(&graph, &task.input_shape).map_err(|error| Error::new(error.to_string()))?;
        match shapes.last() {
            Some(shape) if shape[..] == [i64::from(task.outputs)] => Ok(graph),
            shape => Err(Error::new(format!(
                "the chain ends in a value of shape {:?}, but the task needs [{}]; end it with Flatten and Gemm with \
                 out_features = \"$outputs\"",
                shape.map_or(&[][..], Vec::as_slice),
                task.outputs
            ))),
        }
    }
}
