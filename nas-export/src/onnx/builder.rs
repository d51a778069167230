//! Builds an ONNX graph: unique names, small constants, and values with or without a batch.

use std::collections::HashMap;

use prost::bytes::Bytes;

use super::proto::{self, Attribute, FLOAT, INT64, Tensor};
use crate::names::Names;

/// The ONNX value of a node of the network.
#[derive(Clone, Debug)]
pub struct Value {
    /// The name of the value in the ONNX graph.
    pub name: String,
    /// The shape of one example.
    pub shape: Vec<i64>,
    /// Whether an axis for the batch comes before `shape`. Constants and learned values get one where it is needed.
    pub batched: bool,
}

/// An ONNX graph that is being built.
#[derive(Debug, Default)]
pub struct Builder {
    /// The nodes in topological order.
    pub nodes: Vec<proto::Node>,
    /// Small tensors, such as shapes, axes and limits.
    pub constants: Vec<Tensor>,
    /// The version of the operator set.
    pub opset: i64,
    value_names: Names,
    /// The names of ONNX nodes, which are separate from those of values. The network's own names are reserved.
    node_names: Names,
    /// The name of the network's node that is being translated.
    pub current: String,
    /// The names of constants by type, shape and bytes.
    constant_names: HashMap<(i32, Vec<i64>, Vec<u8>), String>,
    /// The names of values that the whole network shares, by a description.
    shared: HashMap<String, String>,
    /// The name of the network's input, whose first axis is the batch.
    pub input: String,
    /// Whether the input holds whole numbers.
    pub input_is_whole: bool,
}

impl Builder {
    /// Returns a builder in which these names of weights and of nodes are reserved.
    pub fn new(opset: i64, weights: impl Iterator<Item = String>, nodes: impl Iterator<Item = String>) -> Self {
        let (mut value_names, mut node_names) = (Names::default(), Names::default());
        weights.for_each(|name| value_names.take(name));
        nodes.for_each(|name| node_names.take(name));
        Self { opset, value_names, node_names, ..Self::default() }
    }

    /// Returns an unused name for a value: the wanted one, or that with a number.
    pub fn fresh(&mut self, wanted: &str) -> String {
        self.value_names.fresh(wanted)
    }

    /// Adds a node with one value, and returns the name of the value.
    pub fn node(&mut self, name: &str, op: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        let output = self.fresh(name);
        let name = if name == self.current { name.to_owned() } else { self.node_names.fresh(name) };
        self.nodes.push(proto::Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.clone()],
            name,
            op_type: op.to_owned(),
            attribute: attributes,
            domain: String::new(),
        });
        output
    }

    /// Returns the value with this description, which `make` adds at the first call.
    pub fn shared(&mut self, what: &str, make: impl FnOnce(&mut Self) -> String) -> String {
        if let Some(made) = self.shared.get(what) {
            return made.clone();
        }
        let made = make(self);
        self.shared.insert(what.to_owned(), made.clone());
        made
    }

    fn constant(&mut self, data_type: i32, dims: Vec<i64>, raw: Vec<u8>, wanted: &str) -> String {
        if let Some(name) = self.constant_names.get(&(data_type, dims.clone(), raw.clone())) {
            return name.clone();
        }
        let name = self.fresh(wanted);
        self.constant_names.insert((data_type, dims.clone(), raw.clone()), name.clone());
        self.constants.push(Tensor {
            dims,
            data_type,
            name: name.clone(),
            raw_data: Bytes::from(raw),
            ..Tensor::default()
        });
        name
    }

    /// Returns a constant with one axis of whole numbers.
    pub fn ints(&mut self, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let words: Vec<String> = values.iter().map(i64::to_string).collect();
        self.constant(INT64, vec![values.len() as i64], raw, &format!("ints_{}", words.join("_")))
    }

    /// Returns a constant of one whole number without axes.
    pub fn int(&mut self, value: i64) -> String {
        self.constant(INT64, Vec::new(), value.to_le_bytes().to_vec(), &format!("int_{value}"))
    }

    /// Returns a constant of one 32-bit float without axes.
    pub fn float(&mut self, value: f64) -> String {
        self.constant(FLOAT, Vec::new(), (value as f32).to_le_bytes().to_vec(), &format!("float_{value}"))
    }

    /// Returns a constant of 32-bit floats with this shape.
    pub fn floats(&mut self, dims: &[i64], values: impl IntoIterator<Item = f64>, wanted: &str) -> String {
        let raw = values.into_iter().flat_map(|value| (value as f32).to_le_bytes()).collect();
        self.constant(FLOAT, dims.to_vec(), raw, wanted)
    }

    /// Returns the size of the batch, as one axis with one whole number.
    pub fn batch(&mut self) -> String {
        let input = self.input.clone();
        self.shared("batch", |graph| {
            let ends = vec![Attribute::int("start", 0), Attribute::int("end", 1)];
            graph.node("batch_size", "Shape", &[&input], ends)
        })
    }

    /// Returns the value with an axis for the batch, repeated for every example if it has none.
    pub fn with_batch(&mut self, value: &Value) -> String {
        if value.batched {
            return value.name.clone();
        }
        let (batch, sizes) = (self.batch(), self.ints(&value.shape));
        let shape =
            self.node(&format!("{}.sizes", value.name), "Concat", &[&batch, &sizes], vec![Attribute::int("axis", 0)]);
        self.node(&format!("{}.repeated", value.name), "Expand", &[&value.name, &shape], Vec::new())
    }

    /// Prepares values for numpy's broadcasting: a value with a batch and fewer axes than another gets axes of size 1
    /// after the batch, so that its other axes align as they would without a batch.
    pub fn aligned(&mut self, values: &[&Value]) -> Vec<String> {
        let rank = values.iter().map(|value| value.shape.len()).max().unwrap_or(0);
        values
            .iter()
            .map(|value| {
                if !value.batched || value.shape.len() == rank {
                    return value.name.clone();
                }
                let mut sizes = vec![1; rank - value.shape.len() + 1];
                // `Reshape` keeps an axis whose size is given as 0.
                sizes[0] = 0;
                sizes.extend(&value.shape);
                let sizes = self.ints(&sizes);
                self.node(&format!("{}.aligned", value.name), "Reshape", &[&value.name, &sizes], Vec::new())
            })
            .collect()
    }
}
