//! An ONNX node with its attributes and what is known of its inputs.

pub use nas_api::graph::builder::{float, int, ints, text};

use super::known::{self, Known};
use super::quoted;
use super::reader::Reader;
use crate::onnx::proto::{self, Attribute, kind};

/// A node being read.
pub struct At<'m> {
    /// The node.
    pub node: &'m proto::Node,
    /// What is known of its inputs; `None` where one is left out.
    pub inputs: Vec<Option<Known<'m>>>,
}

impl<'m> At<'m> {
    /// A problem of this node.
    pub fn wrong<T>(&self, problem: impl std::fmt::Display) -> Result<T, String> {
        let name = if self.node.name.is_empty() { self.node.output.first() } else { Some(&self.node.name) };
        let name = quoted(name.map_or("", String::as_str));
        Err(format!("node {name} ({}): {problem}", quoted(&self.node.op_type).trim_matches('\'')))
    }

    fn attribute(&self, name: &str, wanted: i32) -> Result<Option<&'m Attribute>, String> {
        match self.node.attribute.iter().find(|attribute| attribute.name == name) {
            Some(attribute) if attribute.r#type == wanted => Ok(Some(attribute)),
            Some(_) => self.wrong(format!("attribute '{name}' is of the wrong type")),
            None => Ok(None),
        }
    }

    /// A whole number.
    pub fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        Ok(self.attribute(name, kind::INT)?.and_then(|attribute| attribute.i).unwrap_or(default))
    }

    /// Whole numbers, where they are set.
    pub fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, String> {
        let Some(attribute) = self.attribute(name, kind::INTS)? else { return Ok(None) };
        if attribute.ints.len() > 64 {
            return self.wrong(format!("attribute '{name}' has {} numbers", attribute.ints.len()));
        }
        Ok(Some(attribute.ints.clone()))
    }

    /// A number, where it is set.
    pub fn float(&self, name: &str) -> Result<Option<f64>, String> {
        Ok(self.attribute(name, kind::FLOAT)?.and_then(|attribute| attribute.f).map(short))
    }

    /// A text.
    pub fn text(&self, name: &str, default: &str) -> Result<String, String> {
        let text = self.attribute(name, kind::STRING)?.and_then(|attribute| attribute.s.as_ref());
        Ok(text.map_or_else(
            || default.to_owned(),
            |text| String::from_utf8_lossy(&text[..text.len().min(100)]).into_owned(),
        ))
    }

    /// A tensor.
    pub fn tensor(&self, name: &str) -> Result<Option<&'m proto::Tensor>, String> {
        Ok(self.attribute(name, kind::TENSOR)?.and_then(|attribute| attribute.t.as_deref()))
    }

    /// Refuses attributes whose meaning would be lost.
    pub fn only(&self, known: &[&str]) -> Result<(), String> {
        match self.node.attribute.iter().find(|attribute| !known.contains(&attribute.name.as_str())) {
            Some(attribute) => self.wrong(format!("attribute {} is not known here", quoted(&attribute.name))),
            None => Ok(()),
        }
    }

    /// What is known of an input that may be left out.
    pub fn optional(&self, position: usize) -> Option<&Known<'m>> {
        self.inputs.get(position).and_then(Option::as_ref)
    }

    /// What is known of an input.
    pub fn input(&self, position: usize) -> Result<&Known<'m>, String> {
        match self.optional(position) {
            Some(known) => Ok(known),
            None => self.wrong(format!("has no input {}", position + 1)),
        }
    }

    /// An input that must be a value of the network: its node and sizes.
    pub fn value(&self, position: usize) -> Result<(u32, Vec<i64>), String> {
        match self.input(position)? {
            Known::Node { node, shape } if !shape.is_empty() => Ok((*node, shape.clone())),
            _ => self.wrong(format!("input {} is not computed from the network's input", position + 1)),
        }
    }

    /// An input that must be a tensor of the file: itself and its sizes.
    pub fn weight(&self, position: usize) -> Result<(&'m proto::Tensor, Vec<i64>), String> {
        match self.input(position)? {
            Known::Tensor { tensor, dims, .. } if known::is_float(tensor.data_type) => Ok((tensor, dims.clone())),
            Known::Tensor { tensor, .. } => self.wrong(format!(
                "the weights {} are no floats, but numbers of type {}",
                quoted(&tensor.name),
                tensor.data_type
            )),
            _ => self.wrong(format!("input {} is no tensor of weights in the file", position + 1)),
        }
    }

    /// An input that must be a tensor of the file of these sizes, but for sizes of 1 before them.
    pub fn weight_of(&self, position: usize, sizes: &[i64]) -> Result<(), String> {
        let (tensor, dims) = self.weight(position)?;
        let ones = dims.len().saturating_sub(sizes.len());
        if dims[ones..] == *sizes && dims[..ones].iter().all(|&size| size == 1) {
            return Ok(());
        }
        let dims = &dims[..dims.len().min(8)];
        self.wrong(format!("the weights {} have the sizes {dims:?}, not {sizes:?}", quoted(&tensor.name)))
    }

    /// Whole numbers that come as an input, or as an attribute in older versions; `None` where neither is there.
    pub fn sizes(&self, position: usize, attribute: &str) -> Result<Option<Vec<i64>>, String> {
        match self.optional(position) {
            Some(Known::Ints(values)) => Ok(Some(values.clone())),
            Some(Known::Tensor { tensor, .. }) => known::ints(tensor).map(Some).or_else(|problem| self.wrong(problem)),
            Some(_) => self.wrong(format!("input {} must be known before the network runs", position + 1)),
            None => self.ints(attribute),
        }
    }

    /// One number that comes as an input, or as an attribute in older versions; `None` where neither is there.
    pub fn number(&self, position: usize, attribute: &str) -> Result<Option<f64>, String> {
        match self.optional(position) {
            Some(Known::Float(value)) => Ok(Some(*value)),
            Some(Known::Tensor { tensor, dims, .. }) if dims.iter().all(|&size| size == 1) => {
                let values = known::floats(tensor).or_else(|problem| self.wrong(problem))?;
                Ok(values.first().map(|&value| short(value as f32)))
            }
            Some(_) => self.wrong(format!("input {} must be one known number", position + 1)),
            None => self.float(attribute),
        }
    }

    /// Adds a node of the network that computes this node's value, which has the sizes `shape` or those that follow.
    pub fn emit(
        &self,
        reader: &mut Reader<'m>,
        op: &str,
        inputs: &[u32],
        attributes: Vec<(nas_api::Symbol, nas_api::Attribute)>,
    ) -> Result<(u32, Vec<i64>), String> {
        let name = if self.node.name.is_empty() { op.to_lowercase() } else { self.node.name.clone() };
        reader.add(&name, op, inputs, attributes).or_else(|problem| self.wrong(problem))
    }

    /// Says what this node's only value is.
    pub fn gives(&self, reader: &mut Reader<'m>, known: Known<'m>) -> Result<(), String> {
        let Some(output) = self.node.output.first().filter(|output| !output.is_empty()) else {
            return self.wrong("has no output");
        };
        reader.define(output, known)
    }

    /// [`At::emit`] and [`At::gives`].
    pub fn becomes(
        &self,
        reader: &mut Reader<'m>,
        op: &str,
        inputs: &[u32],
        attributes: Vec<(nas_api::Symbol, nas_api::Attribute)>,
    ) -> Result<(), String> {
        let (node, shape) = self.emit(reader, op, inputs, attributes)?;
        self.gives(reader, Known::Node { node, shape })
    }
}

/// The shortest decimal number that is this 32-bit float: 0.1, not 0.10000000149.
pub fn short(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}

/// An axis as ONNX writes it, negative from the end, counted from the batch: 1 is the first of a shape of `rank` axes.
pub fn counted(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis.checked_add(rank as i64 + 1)? } else { axis };
    usize::try_from(axis).ok().filter(|axis| (1..=rank).contains(axis))
}
