//! An imported network as a space with one genotype, which makes no decisions.

use nas_api::graph::shape::infer;
use nas_api::{Decision, Error, Genotype, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

use super::Imported;

/// The text and the key of the only genotype.
const ONLY: &str = "imported";

/// A space with one network.
#[derive(Clone, Debug)]
pub struct ImportedSpace(Imported);

impl SearchSpace for ImportedSpace {
    fn parameters() -> Vec<Parameter> {
        vec![Parameter::text(
            "definition",
            "",
            "The network as JSON, as `nas_export::definition` returns it for a file.",
        )]
    }

    fn open(settings: &Settings) -> Result<Self> {
        let wrong = |problem: String| Error::new(format!("the imported network is damaged: {problem}"));
        let imported: Imported =
            serde_json::from_str(settings.text("definition")?).map_err(|error| wrong(error.to_string()))?;
        infer(&imported.graph, &imported.input_shape).map_err(|error| wrong(error.to_string()))?;
        Ok(Self(imported))
    }

    fn info(&self) -> SpaceInfo {
        SpaceInfo {
            name: self.0.name.clone(),
            version: "1".into(),
            log10_size: Some(0.0),
            decisions: Vec::new(),
            conditional: false,
            standard: false,
            description: format!("One network, read from an ONNX file: {} nodes.", self.0.graph.nodes.len()),
            reference: String::new(),
        }
    }

    fn next(&self, _prefix: &[u32]) -> Option<&Decision> {
        None
    }

    fn build(&self, _genotype: &[u32], task: &Task) -> Result<Graph> {
        let Imported { input_shape, outputs, .. } = &self.0;
        if task.input_shape != *input_shape {
            let given = &task.input_shape;
            return Err(Error::new(format!("the file's network takes inputs of {input_shape:?}, not of {given:?}")));
        }
        if task.outputs != *outputs {
            return Err(Error::new(format!("the file's network has {outputs} outputs, not {}", task.outputs)));
        }
        Ok(self.0.graph.clone())
    }

    fn key(&self, _genotype: &[u32]) -> String {
        ONLY.into()
    }

    fn format(&self, _genotype: &[u32]) -> String {
        ONLY.into()
    }

    fn parse(&self, text: &str) -> Result<Genotype> {
        if text.trim() == ONLY {
            return Ok(Genotype::new());
        }
        Err(Error::new(format!("an imported network is called '{ONLY}', not '{text}'")))
    }
}
