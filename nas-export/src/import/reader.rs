//! From the messages of a file to a graph, node by node.

use std::collections::HashMap;

use nas_api::graph::shape::{MAX_NODES, MAX_RANK, infer};
use nas_api::{Attribute, Graph, Node, Symbol};

use super::known::{self, Known};
use super::node::At;
use super::{joining, operators, pattern, quoted};
use crate::names::Names;
use crate::onnx::proto::{self, INT32, INT64};

/// The versions of ONNX's operator set that are read.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=25;

/// A graph being read.
pub struct Reader<'m> {
    /// What has been read.
    pub graph: Graph,
    /// The version of the operator set.
    pub opset: i64,
    /// The file was exported by nas, which writes fully connected layers with turned weights.
    pub ours: bool,
    /// The sizes of the nodes' values.
    shapes: Vec<Vec<i64>>,
    /// The size of the batch where the file fixes it.
    pub batch: Option<i64>,
    known: HashMap<&'m str, Known<'m>>,
    /// How often each value is read.
    readers: HashMap<&'m str, usize>,
    names: Names,
    /// The node that has each tensor of weights.
    owners: HashMap<*const proto::Tensor, u32>,
    /// The first layer that has all these tensors, in this order.
    pub layers: HashMap<Vec<*const proto::Tensor>, u32>,
}

/// The graph, the sizes of one example, and how many numbers the first output has.
pub fn read(model: &proto::Model) -> Result<(Graph, Vec<i64>, u32), String> {
    let graph = model.graph.as_ref().ok_or("it is no ONNX file: it holds no graph")?;
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
        known: HashMap::new(),
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
        known::check(tensor)?;
        reader.define(&tensor.name, Known::Tensor { tensor, dims: tensor.dims.clone(), turned: false })?;
    }
    let input_shape = reader.input(graph)?;
    for node in &graph.node {
        reader.node(node)?;
    }
    let mut outputs = 0;
    for output in &graph.output {
        let name = output.name.as_str();
        match reader.known.get(name) {
            Some(Known::Node { node, shape }) => {
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

/// Whether a domain is that of ONNX's own operators.
fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

impl<'m> Reader<'m> {
    /// The network's input: the one that is no initializer.
    fn input(&mut self, graph: &'m proto::Graph) -> Result<Vec<i64>, String> {
        let inputs: Vec<&proto::ValueInfo> =
            graph.input.iter().filter(|input| !self.known.contains_key(input.name.as_str())).collect();
        let [input] = inputs[..] else {
            return Err(format!("it has {} inputs; networks here have one", inputs.len()));
        };
        let name = quoted(&input.name);
        let tensor = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
        // Whole numbers, too: tokens.
        if let Some(kind) = tensor
            .map(|tensor| tensor.elem_type)
            .filter(|&kind| !known::is_float(kind) && !matches!(kind, INT32 | INT64))
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
        self.define(&input.name, Known::Node { node: 0, shape: fixed.clone() })?;
        Ok(fixed)
    }

    /// Says what a value is; every value has one writer.
    pub fn define(&mut self, name: &'m str, known: Known<'m>) -> Result<(), String> {
        match self.known.insert(name, known) {
            Some(_) => Err(format!("the value {} is written twice", quoted(name))),
            None => Ok(()),
        }
    }

    /// Whether the value of a node has these sizes.
    pub fn is_of(&self, node: u32, sizes: &[i64]) -> bool {
        self.shapes[node as usize] == sizes
    }

    /// How often a value is read.
    pub fn readers(&self, value: &str) -> usize {
        self.readers.get(value).copied().unwrap_or(0)
    }

    /// The node that has a tensor of weights already.
    pub fn owner(&self, weight: &'m proto::Tensor) -> Option<u32> {
        self.owners.get(&std::ptr::from_ref(weight)).copied()
    }

    /// Says that a node has a tensor of weights.
    pub fn own(&mut self, weight: &'m proto::Tensor, node: u32) {
        self.owners.insert(weight, node);
    }

    fn fresh(&mut self, wanted: &str, otherwise: &str) -> String {
        let wanted: String = if wanted.is_empty() { otherwise } else { wanted }.chars().take(200).collect();
        self.names.fresh(&wanted)
    }

    /// Gives a node the name of the one that finished it.
    pub fn rename(&mut self, node: u32, wanted: &str) {
        if !wanted.is_empty() {
            let name = self.fresh(wanted, "");
            self.graph.nodes[node as usize].name = name;
        }
    }

    /// Adds a node; its number and the sizes of its value come back.
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
        let mut at = At { node, inputs: Vec::with_capacity(node.input.len()) };
        if !is_standard(&node.domain) {
            return at.wrong(format!("belongs to {}, not to ONNX's own operators", quoted(&node.domain)));
        }
        for input in &node.input {
            let known = match input.as_str() {
                "" => None,
                name => match self.known.get(name) {
                    Some(known) => Some(known.clone()),
                    None => {
                        let name = quoted(name);
                        return at
                            .wrong(format!("reads {name}, which no earlier node writes: there is a cycle or a gap"));
                    }
                },
            };
            at.inputs.push(known);
        }
        // Each knows some nodes by their operator and inputs, and says whether it has read this one.
        if pattern::read(self, &at)? || joining::read(self, &at)? || operators::read(self, &at)? {
            return Ok(());
        }
        at.wrong("this operator is not known here, or not with inputs of this kind")
    }
}
