//! An ONNX graph being written: fresh names, small constants, and values with or without a batch.

use std::collections::HashMap;

use prost::bytes::Bytes;

use super::proto::{self, Attribute, FLOAT, INT64, Tensor};
use crate::names::Names;

/// What a node of the network became.
#[derive(Clone, Debug)]
pub struct Value {
    /// Its name in the ONNX graph.
    pub name: String,
    /// The sizes of one example.
    pub shape: Vec<i64>,
    /// Its first axis is the batch, before `shape`. Constants and learned values have none until somebody needs it.
    pub batched: bool,
}

/// An ONNX graph being written.
#[derive(Debug, Default)]
pub struct Builder {
    /// In order.
    pub nodes: Vec<proto::Node>,
    /// Small tensors: shapes, axes, limits.
    pub constants: Vec<Tensor>,
    /// The version of the operator set that is written for.
    pub opset: i64,
    used: Names,
    /// Names of nodes, which are apart from those of values; the network's own are kept for its nodes.
    named: Names,
    /// The name of the network's node that is being written.
    pub current: String,
    known: HashMap<(i32, Vec<i64>, Vec<u8>), String>,
    /// Values that are the same for the whole network, by what they are.
    shared: HashMap<String, String>,
    /// The network's input, whose first axis is the batch.
    pub input: String,
    /// The input holds whole numbers.
    pub input_is_whole: bool,
}

impl Builder {
    /// A builder in whose graph these names of weights and of nodes are taken.
    pub fn new(opset: i64, weights: impl Iterator<Item = String>, nodes: impl Iterator<Item = String>) -> Self {
        let (mut used, mut named) = (Names::default(), Names::default());
        weights.for_each(|name| used.take(name));
        nodes.for_each(|name| named.take(name));
        Self { opset, used, named, ..Self::default() }
    }

    /// A name that nothing else has.
    pub fn fresh(&mut self, wanted: &str) -> String {
        self.used.fresh(wanted)
    }

    /// Adds a node whose only value has a name of its own, which is returned.
    pub fn node(&mut self, name: &str, op: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        let output = self.fresh(name);
        let name = if name == self.current { name.to_owned() } else { self.named.fresh(name) };
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

    /// A node that is made once, whoever asks for it.
    pub fn shared(&mut self, what: &str, make: impl FnOnce(&mut Self) -> String) -> String {
        if let Some(known) = self.shared.get(what) {
            return known.clone();
        }
        let made = make(self);
        self.shared.insert(what.to_owned(), made.clone());
        made
    }

    fn constant(&mut self, data_type: i32, dims: Vec<i64>, raw: Vec<u8>, wanted: &str) -> String {
        if let Some(known) = self.known.get(&(data_type, dims.clone(), raw.clone())) {
            return known.clone();
        }
        let name = self.fresh(wanted);
        self.known.insert((data_type, dims.clone(), raw.clone()), name.clone());
        self.constants.push(Tensor {
            dims,
            data_type,
            name: name.clone(),
            raw_data: Bytes::from(raw),
            ..Tensor::default()
        });
        name
    }

    /// Whole numbers in a row.
    pub fn ints(&mut self, values: &[i64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let words: Vec<String> = values.iter().map(i64::to_string).collect();
        self.constant(INT64, vec![values.len() as i64], raw, &format!("ints_{}", words.join("_")))
    }

    /// One whole number without axes.
    pub fn int(&mut self, value: i64) -> String {
        self.constant(INT64, Vec::new(), value.to_le_bytes().to_vec(), &format!("int_{value}"))
    }

    /// One number without axes.
    pub fn float(&mut self, value: f64) -> String {
        self.constant(FLOAT, Vec::new(), (value as f32).to_le_bytes().to_vec(), &format!("float_{value}"))
    }

    /// Numbers in these axes.
    pub fn floats(&mut self, dims: &[i64], values: impl IntoIterator<Item = f64>, wanted: &str) -> String {
        let raw = values.into_iter().flat_map(|value| (value as f32).to_le_bytes()).collect();
        self.constant(FLOAT, dims.to_vec(), raw, wanted)
    }

    /// The size of the batch, as a row of one whole number.
    pub fn batch(&mut self) -> String {
        let input = self.input.clone();
        self.shared("batch", |graph| {
            let ends = vec![Attribute::int("start", 0), Attribute::int("end", 1)];
            graph.node("batch_size", "Shape", &[&input], ends)
        })
    }

    /// The value once for each example.
    pub fn with_batch(&mut self, value: &Value) -> String {
        if value.batched {
            return value.name.clone();
        }
        let (batch, sizes) = (self.batch(), self.ints(&value.shape));
        let shape =
            self.node(&format!("{}.sizes", value.name), "Concat", &[&batch, &sizes], vec![Attribute::int("axis", 0)]);
        self.node(&format!("{}.repeated", value.name), "Expand", &[&value.name, &shape], Vec::new())
    }

    /// The values such that numpy's rule joins them as if there were no batch: a value with a batch and fewer axes than
    /// another gets axes of size 1 after the batch.
    pub fn aligned(&mut self, values: &[&Value]) -> Vec<String> {
        let rank = values.iter().map(|value| value.shape.len()).max().unwrap_or(0);
        values
            .iter()
            .map(|value| {
                if !value.batched || value.shape.len() == rank {
                    return value.name.clone();
                }
                let mut sizes = vec![1; rank - value.shape.len() + 1];
                // 0 keeps the size that is there.
                sizes[0] = 0;
                sizes.extend(&value.shape);
                let sizes = self.ints(&sizes);
                self.node(&format!("{}.aligned", value.name), "Reshape", &[&value.name, &sizes], Vec::new())
            })
            .collect()
    }
}
