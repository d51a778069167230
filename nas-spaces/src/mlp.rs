//! Multilayer perceptrons of one to three hidden layers.

use nas_api::{Decision, Error, Genotype, Graph, GraphBuilder, Result, SearchSpace, Settings, SpaceInfo, Task};

const LAYERS: u32 = 3;
const WIDTHS: [i64; 3] = [32, 64, 128];
/// Name and ONNX operator of each choice.
const ACTIVATIONS: [(&str, &str); 4] = [("relu", "Relu"), ("sigmoid", "Sigmoid"), ("tanh", "Tanh"), ("gelu", "Gelu")];

/// The space `mlp`: the number of hidden layers, then width and activation of each. Different genotypes build different
/// networks, so that the choices are the key.
#[derive(Clone, Debug)]
pub struct Mlp {
    /// The decision `layers`, followed by `width` and `activation` of each layer.
    decisions: Vec<Decision>,
}

impl Mlp {
    /// The space, which has no parameters.
    pub fn new() -> Self {
        let mut decisions = vec![Decision::new("layers", (1..=LAYERS).map(|layers| layers.to_string())).ordered()];
        for layer in 1..=LAYERS {
            let widths = WIDTHS.iter().map(i64::to_string);
            decisions.push(Decision::new(format!("width{layer}"), widths).ordered());
            decisions.push(Decision::new(format!("activation{layer}"), ACTIVATIONS.iter().map(|(name, _)| *name)));
        }
        Self { decisions }
    }
}

impl Default for Mlp {
    fn default() -> Self {
        Self::new()
    }
}

/// The length of a genotype: one choice for the number of layers, and two for each layer.
fn genotype_length(layers_choice: u32) -> usize {
    3 + 2 * layers_choice as usize
}

impl SearchSpace for Mlp {
    fn open(_settings: &Settings) -> Result<Self> {
        Ok(Self::new())
    }

    fn info(&self) -> SpaceInfo {
        let per_layer = (WIDTHS.len() * ACTIVATIONS.len()) as f64;
        let size: f64 = (1..=LAYERS).map(|layers| libm::pow(per_layer, f64::from(layers))).sum();
        SpaceInfo {
            name: "mlp".into(),
            version: "1".into(),
            log10_size: Some(libm::log10(size)),
            decisions: self.decisions.clone(),
            conditional: true,
            standard: false,
            description: "Multilayer perceptrons of 1 to 3 hidden layers, each with its own width and activation."
                .into(),
            reference: String::new(),
        }
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        match prefix.first() {
            Some(&layers) if prefix.len() >= genotype_length(layers) => None,
            _ => self.decisions.get(prefix.len()),
        }
    }

    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph> {
        self.validate(genotype)?;
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let mut value = graph.op("flatten", "Flatten", &[input]);
        for (layer, choices) in (1..).zip(genotype[1..].chunks_exact(2)) {
            value = graph.gemm(format!("hidden{layer}"), value, WIDTHS[choices[0] as usize]);
            value = graph.op(format!("activation{layer}"), ACTIVATIONS[choices[1] as usize].1, &[value]);
        }
        let logits = graph.gemm("head", value, i64::from(task.outputs));
        Ok(graph.finish(&[logits]))
    }

    fn parse(&self, text: &str) -> Result<Genotype> {
        let explain = |error| {
            Error::new(format!(
                "{error}; a genotype reads like layers=1,width1=64,activation1=relu, with one pair for each decision"
            ))
        };
        nas_api::space_defaults::parse(self, text).map_err(explain)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use nas_api::graph::{count, shape};

    #[test]
    fn the_size_is_the_number_of_genotypes() {
        let space = Mlp::new();
        let mut complete = 0;
        let mut open = vec![Genotype::new()];
        while let Some(prefix) = open.pop() {
            match space.next(&prefix) {
                Some(decision) => open.extend((0..decision.len()).map(|choice| [&prefix[..], &[choice]].concat())),
                None => complete += 1,
            }
        }
        assert_eq!(complete, 12 + 12 * 12 + 12 * 12 * 12);
        assert!((space.info().log10_size.unwrap() - f64::from(complete).log10()).abs() < 1e-12);
    }

    #[test]
    fn a_network_has_the_layers_that_its_text_names() {
        let space = Mlp::new();
        let text = "layers=2,width1=128,activation1=tanh,width2=32,activation2=gelu";
        let genotype = space.parse(text).unwrap();
        assert_eq!(genotype, [1, 2, 2, 0, 3]);
        let task = Task {
            input_shape: vec![1, 8, 8],
            outputs: 10,
            kind: "classification".into(),
            settings: Settings::default(),
        };
        let graph = space.build(&genotype, &task).unwrap();
        let ops: Vec<&str> = graph.nodes.iter().map(|node| node.op.as_str()).collect();
        assert_eq!(ops, ["Input", "Flatten", "Gemm", "Tanh", "Gemm", "Gelu", "Gemm"]);
        let shapes = shape::infer(&graph, &task.input_shape).unwrap();
        assert_eq!(shapes[6], [10]);
        let counts = count::count(&graph, &shapes).unwrap();
        assert_eq!(counts.params, 64 * 128 + 128 + 128 * 32 + 32 + 32 * 10 + 10);
        assert_eq!(counts.depth, 3);
    }
}
