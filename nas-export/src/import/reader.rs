//! Builds a graph from the messages of a file, node by node.

use std::collections::HashMap;

use nas_api::graph::shape::{MAX_NODES, MAX_RANK, infer};
use nas_api::{Attribute, Graph, Node, Symbol};

use super::node::OnnxNode;
use super::value_facts::{self, Fact};
use super::{multi_input, operators, pattern, quoted};
use crate::names::Names;
use crate::onnx::proto::{self, INT32, INT64};

/// The versions of ONNX's operator set that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=25;

/// A graph that is being imported.
pub struct Reader<'m> {
    /// The nodes so far.
    pub graph: Graph,
    /// The version of the operator set.
    pub opset: i64,
    /// Whether nas exported the file. It transposes the weights of fully connected layers, so that a product with a
    /// tensor as it is must be a `MatMul`.
    pub ours: bool,
    /// The shapes of the nodes' values for one example.
    shapes: Vec<Vec<i64>>,
    /// The size of the batch, if the file fixes it.
    pub batch: Option<i64>,
    /// What is known about each value, by the value's name.
    facts: HashMap<&'m str, Fact<'m>>,
    /// How often each value is read.
    readers: HashMap<&'m str, usize>,
    names: Names,
    /// The node that owns each tensor of weights.
    owners: HashMap<*const proto::Tensor, u32>,
    /// The first layer with these tensors in this order.
    pub layers: HashMap<Vec<*const proto::Tensor>, u32>,
}

/// Returns the graph, the shape of one example, and how many numbers the first output has.
///
/// # Errors
/// Fails with the problem, worded to follow the file's name.
pub fn read(model: &proto::Model) -> Result<(Graph, Vec<i64>, u32), String> {
    let graph = model.graph.as_ref().ok_or("it is not an ONNX file: it holds no graph")?;
    let opset = model.opset_import.iter().find(|set| is_standard(&set.domain)).and_then(|set| set.version);
    let opset = opset.ok_or("it does not say which version of ONNX's operators it uses")?;
    if !OPSETS.contains(&opset) {
        let (first, last) = (OPSETS.start(), OPSETS.end());
        return Err(format!("it uses version {opset} of ONNX's operators; {first} to {last} are read"));
    }
    if graph.node.len() > MAX_NODES {
        return Err(format!("it has {} nodes; at most {MAX_NODES} are allowed", graph.node.len()));
    }
    let mut reader = Reader {
        graph: Graph::default(),
        opset,
        ours: model.producer_name == "nas",
        shapes: Vec::new(),
        batch: None,
        facts: HashMap::new(),
        readers: HashMap::new(),
        names: Names::default(),
        owners: HashMap::new(),
        layers: HashMap::new(),
    };
    let outputs = graph.output.iter().map(|output| output.name.as_str());
    for name in graph.node.iter().flat_map(|node| node.input.iter().map(String::as_str)).chain(outputs) {
        *reader.readers.entry(name).or_default() += 1;
    }
    for tensor in &graph.initializer {
        value_facts::check(tensor)?;
        reader.define(&tensor.name, Fact::Tensor { tensor, dims: tensor.dims.clone(), transposed: false })?;
    }
    let input_shape = reader.input(graph)?;
    for node in &graph.node {
        reader.node(node)?;
    }
    let mut outputs = 0;
    for output in &graph.output {
        let name = output.name.as_str();
        match reader.facts.get(name) {
            Some(Fact::Node { node, shape }) => {
                if reader.graph.outputs.is_empty() {
                    outputs = u32::try_from(shape.iter().product::<i64>()).unwrap_or(u32::MAX);
                }
                let node = *node;
                reader.graph.outputs.push(node);
            }
            Some(_) => return Err(format!("its output {} does not depend on its input", quoted(name))),
            None => return Err(format!("its output {} is computed by no node", quoted(name))),
        }
    }
    infer(&reader.graph, &input_shape).map_err(|error| error.to_string())?;
    Ok((reader.graph, input_shape, outputs))
}

/// Whether a domain is the one of ONNX's own operators.
fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

impl<'m> Reader<'m> {
    /// Adds the network's input, the only one that is no initializer, and returns its shape.
    fn input(&mut self, graph: &'m proto::Graph) -> Result<Vec<i64>, String> {
        let inputs: Vec<&proto::ValueInfo> =
            graph.input.iter().filter(|input| !self.facts.contains_key(input.name.as_str())).collect();
        let [input] = inputs[..] else {
            return Err(format!("it has {} inputs; networks here have one", inputs.len()));
        };
        let name = quoted(&input.name);
        let tensor = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
        // Tokens are whole numbers.
        if let Some(kind) = tensor
            .map(|tensor| tensor.elem_type)
            .filter(|&kind| !value_facts::is_float(kind) && !matches!(kind, INT32 | INT64))
        {
            return Err(format!(
                "its input {name} holds values of type {kind}; networks here take floats or whole numbers"
            ));
        }
        let shape = tensor.and_then(|tensor| tensor.shape.as_ref());
        let shape = shape.ok_or_else(|| format!("its input {name} does not say its sizes"))?;
        let [batch, sizes @ ..] = &shape.dim[..] else {
            return Err(format!("its input {name} has no axis for the batch"));
        };
        if sizes.is_empty() || sizes.len() > MAX_RANK {
            return Err(format!(
                "its input {name} has {} axes beside the batch; it must have 1 to {MAX_RANK}",
                sizes.len()
            ));
        }
        self.batch = batch.dim_value.filter(|&size| size > 0);
        let mut fixed = Vec::with_capacity(sizes.len());
        for (axis, size) in sizes.iter().enumerate() {
            match size.dim_value {
                Some(size) if size > 0 => fixed.push(size),
                _ => {
                    let axis = axis + 1;
                    return Err(format!(
                        "axis {axis} of its input {name} has no fixed size; only the batch (axis 0) may be open"
                    ));
                }
            }
        }
        let name = self.fresh(&input.name, "input");
        self.graph.nodes.push(Node { name, op: "Input".into(), inputs: Vec::new(), attributes: Vec::new() });
        infer(&Graph { outputs: vec![0], ..self.graph.clone() }, &fixed).map_err(|error| error.to_string())?;
        self.shapes.push(fixed.clone());
        self.define(&input.name, Fact::Node { node: 0, shape: fixed.clone() })?;
        Ok(fixed)
    }

    /// Records what is known about a value.
    ///
    /// # Errors
    /// Fails if another node writes the value, too.
    pub fn define(&mut self, name: &'m str, fact: Fact<'m>) -> Result<(), String> {
        match self.facts.insert(name, fact) {
            Some(_) => Err(format!("the value {} is written twice", quoted(name))),
            None => Ok(()),
        }
    }

    /// Whether the value of a node has this shape.
    pub fn has_shape(&self, node: u32, shape: &[i64]) -> bool {
        self.shapes[node as usize] == shape
    }

    /// Returns how often a value is read.
    pub fn readers(&self, value: &str) -> usize {
        self.readers.get(value).copied().unwrap_or(0)
    }

    /// Returns the node that owns a tensor of weights.
    pub fn owner(&self, weight: &'m proto::Tensor) -> Option<u32> {
        self.owners.get(&std::ptr::from_ref(weight)).copied()
    }

    /// Makes a node the owner of a tensor of weights.
    pub fn own(&mut self, weight: &'m proto::Tensor, node: u32) {
        self.owners.insert(weight, node);
    }

    fn fresh(&mut self, wanted: &str, otherwise: &str) -> String {
        let wanted: String = if wanted.is_empty() { otherwise } else { wanted }.chars().take(200).collect();
        self.names.fresh(&wanted)
    }

    /// Renames a node, such as after the ONNX node that completed it. An empty name changes nothing.
    pub fn rename(&mut self, node: u32, wanted: &str) {
        if !wanted.is_empty() {
            let name = self.fresh(wanted, "");
            self.graph.nodes[node as usize].name = name;
        }
    }

    /// Adds a node, and returns its position and the shape of its value.
    ///
    /// # Errors
    /// Fails if the network would be too large, or the operator does not take these inputs.
    pub fn add(
        &mut self,
        name: &str,
        op: &str,
        inputs: &[u32],
        attributes: Vec<(Symbol, Attribute)>,
    ) -> Result<(u32, Vec<i64>), String> {
        if self.graph.nodes.len() >= MAX_NODES {
            return Err(format!("makes the network larger than {MAX_NODES} nodes"));
        }
        let name = self.fresh(name, op);
        let given: Vec<&[i64]> = inputs.iter().map(|&input| &self.shapes[input as usize][..]).collect();
        let node = Node { name, op: op.to_owned().into(), inputs: inputs.to_vec(), attributes };
        let shape = nas_api::graph::shape::of_node(&node, &given).map_err(|error| error.problem)?;
        let number = self.graph.nodes.len() as u32;
        self.graph.nodes.push(node);
        self.shapes.push(shape.clone());
        Ok((number, shape))
    }

    fn node(&mut self, node: &'m proto::Node) -> Result<(), String> {
        let mut onnx = OnnxNode { node, inputs: Vec::with_capacity(node.input.len()) };
        if !is_standard(&node.domain) {
            return onnx.refuse(format!("belongs to {}, not to ONNX's own operators", quoted(&node.domain)));
        }
        for input in &node.input {
            let fact = match input.as_str() {
                "" => None,
                name => match self.facts.get(name) {
                    Some(fact) => Some(fact.clone()),
                    None => {
                        let name = quoted(name);
                        return onnx
                            .refuse(format!("reads {name}, which no earlier node writes: there is a cycle or a gap"));
                    }
                },
            };
            onnx.inputs.push(fact);
        }
        // Each imports some operators, and says whether this node was one of them.
        if pattern::read(self, &onnx)? || multi_input::read(self, &onnx)? || operators::read(self, &onnx)? {
            return Ok(());
        }
        onnx.refuse("this operator is not known here, or not with inputs of this kind")
    }
}
