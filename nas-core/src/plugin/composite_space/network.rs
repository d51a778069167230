//! The networks of a product, which join those of its parts into one graph.

use nas_api::graph::shape::infer;
use nas_api::{Attribute, Genotype, Graph, Network, Node, OpenSpace, Parameter, Result, Setting, Settings, Task};

use super::Join;
use super::space::{Part, Product};

impl Part {
    /// The task of this part's network, with the product's settings under the part's label.
    fn task(&mut self, task: &Task, input_shape: Vec<i64>, outputs: u32) -> Task {
        let own = |setting: &Setting| {
            let name = setting.name.strip_prefix(&self.label)?.strip_prefix('.')?;
            Some(Setting { name: name.to_owned(), value: setting.value.clone() })
        };
        let settings = Settings(task.settings.0.iter().filter_map(own).collect());
        Task { input_shape, outputs, kind: task.kind.clone(), settings }
    }
}

/// A graph that joins the graphs of parts.
struct JoinedGraph {
    nodes: Vec<Node>,
    /// The output node of each part.
    outputs: Vec<u32>,
}

impl JoinedGraph {
    fn new() -> Self {
        let input = Node { name: "input".into(), op: "Input".into(), inputs: Vec::new(), attributes: Vec::new() };
        Self { nodes: vec![input], outputs: Vec::new() }
    }

    /// Adds a part's graph and replaces its input by the node `input`.
    fn add(&mut self, label: &str, graph: Graph, input: u32) -> Result<(), String> {
        let [output] = graph.outputs[..] else {
            return Err(format!("'{label}' has {} outputs, and can be joined with one alone", graph.outputs.len()));
        };
        let mut positions = Vec::with_capacity(graph.nodes.len());
        let within = |name: &str| format!("{label}.{name}");
        for mut node in graph.nodes {
            if node.op == "Input" {
                positions.push(input);
                continue;
            }
            node.name = within(&node.name);
            // The graph is not checked yet and may come from a broken component.
            for input in &mut node.inputs {
                let position = positions.get(*input as usize).copied();
                *input = position.ok_or_else(|| {
                    format!("'{label}': node '{}' reads node {input}, which does not come before it", node.name)
                })?;
            }
            for (name, value) in &mut node.attributes {
                // Both attributes name something within the part.
                if let (true, Attribute::Text(named)) = (name == "tied" || name == "decision", value) {
                    *named = within(named);
                }
            }
            // The number fits, because graphs have far fewer nodes.
            positions.push(self.nodes.len() as u32);
            self.nodes.push(node);
        }
        let position = positions.get(output as usize).copied();
        self.outputs
            .push(position.ok_or_else(|| format!("'{label}': there is no node {output}, which is its output"))?);
        Ok(())
    }

    fn finish(mut self, join: Join) -> Graph {
        let output = match join {
            Join::Series => self.outputs.last().copied().unwrap_or(0),
            Join::Sum => {
                let sum = Node { name: "sum".into(), op: "Sum".into(), inputs: self.outputs, attributes: Vec::new() };
                self.nodes.push(sum);
                self.nodes.len() as u32 - 1
            }
        };
        Graph { nodes: self.nodes, outputs: vec![output] }
    }
}

impl Product {
    /// Builds the parts' graphs and joins them; `None` if a part has no graph.
    fn joined_graph(
        &mut self,
        task: &Task,
        mut build: impl FnMut(usize, &mut dyn OpenSpace, &Task) -> Result<Result<Option<Graph>, String>>,
    ) -> Result<Result<Option<Graph>, String>> {
        let (join, last) = (self.join, self.parts.len() - 1);
        let mut joined = JoinedGraph::new();
        let mut shape = task.input_shape.clone();
        for (at, part) in self.parts.iter_mut().enumerate() {
            let within = join == Join::Series && at < last;
            let own = part.task(task, shape.clone(), if within { self.features } else { task.outputs });
            let graph = match build(at, &mut *part.space, &own)? {
                Ok(Some(graph)) => graph,
                Ok(None) => return Ok(Ok(None)),
                Err(reason) => return Ok(Err(format!("'{}': {reason}", part.label))),
            };
            // The next part reads the output of this one. An invalid network is found when the joined graph is checked.
            if within && let (Ok(shapes), Some(&output)) = (infer(&graph, &own.input_shape), graph.outputs.first()) {
                shape.clone_from(&shapes[output as usize]);
            }
            let input = if join == Join::Series { joined.outputs.last().copied().unwrap_or(0) } else { 0 };
            if let Err(reason) = joined.add(&part.label, graph, input) {
                return Ok(Err(reason));
            }
        }
        Ok(Ok(Some(joined.finish(join))))
    }
}

impl Network for Product {
    fn task_parameters(&mut self) -> Result<Vec<Parameter>> {
        let mut all = Vec::new();
        for part in &mut self.parts {
            let own = part.space.task_parameters()?;
            all.extend(own.into_iter().map(|p| Parameter { name: format!("{}.{}", part.label, p.name), ..p }));
        }
        Ok(all)
    }

    fn build(&mut self, genotype: &[u32], task: &Task) -> Result<Result<Graph, String>> {
        let split = self.parts_of(genotype, "build")?;
        let graph = self.joined_graph(task, |at, space, task| Ok(space.build(&split[at], task)?.map(Some)))?;
        Ok(graph.map(Option::unwrap_or_default))
    }

    fn supernet(&mut self, task: &Task) -> Result<Result<Option<Graph>, String>> {
        self.joined_graph(task, |_, space, task| space.supernet(task))
    }

    fn original(&mut self, genotype: &[u32]) -> Result<Genotype> {
        let split = self.parts_of(genotype, "original")?;
        let mut original = Genotype::new();
        for (part, own) in self.parts.iter_mut().zip(&split) {
            original.extend(part.space.original(own)?);
        }
        Ok(original)
    }
}
