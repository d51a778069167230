//! An ONNX node with its attributes and what is known about its inputs.

pub use nas_api::graph::builder::{float, int, ints, text};

use super::quoted;
use super::reader::Reader;
use super::value_facts::{self, Fact};
use crate::onnx::proto::{self, Attribute, kind};

/// A node that is being imported.
pub struct OnnxNode<'m> {
    /// The node.
    pub node: &'m proto::Node,
    /// What is known about its inputs; `None` for an input that is left out.
    pub inputs: Vec<Option<Fact<'m>>>,
}

impl<'m> OnnxNode<'m> {
    /// Fails with a problem of this node, which follows the node's name and operator.
    ///
    /// # Errors
    /// Always.
    pub fn refuse<T>(&self, problem: impl std::fmt::Display) -> Result<T, String> {
        let name = if self.node.name.is_empty() { self.node.output.first() } else { Some(&self.node.name) };
        let name = quoted(name.map_or("", String::as_str));
        Err(format!("node {name} ({}): {problem}", quoted(&self.node.op_type).trim_matches('\'')))
    }

    fn attribute(&self, name: &str, wanted: i32) -> Result<Option<&'m Attribute>, String> {
        match self.node.attribute.iter().find(|attribute| attribute.name == name) {
            Some(attribute) if attribute.r#type == wanted => Ok(Some(attribute)),
            Some(_) => self.refuse(format!("attribute '{name}' has the wrong type")),
            None => Ok(None),
        }
    }

    /// Returns a whole number.
    ///
    /// # Errors
    /// Fails if the attribute has another type.
    pub fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        Ok(self.attribute(name, kind::INT)?.and_then(|attribute| attribute.i).unwrap_or(default))
    }

    /// Returns whole numbers, if they are set.
    ///
    /// # Errors
    /// Fails if the attribute has another type or more than 64 numbers.
    pub fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, String> {
        let Some(attribute) = self.attribute(name, kind::INTS)? else { return Ok(None) };
        if attribute.ints.len() > 64 {
            return self.refuse(format!("attribute '{name}' has {} numbers", attribute.ints.len()));
        }
        Ok(Some(attribute.ints.clone()))
    }

    /// Returns a number, if it is set.
    ///
    /// # Errors
    /// Fails if the attribute has another type.
    pub fn float(&self, name: &str) -> Result<Option<f64>, String> {
        Ok(self.attribute(name, kind::FLOAT)?.and_then(|attribute| attribute.f).map(short))
    }

    /// Returns a text, cut to 100 bytes.
    ///
    /// # Errors
    /// Fails if the attribute has another type.
    pub fn text(&self, name: &str, default: &str) -> Result<String, String> {
        let text = self.attribute(name, kind::STRING)?.and_then(|attribute| attribute.s.as_ref());
        Ok(text.map_or_else(
            || default.to_owned(),
            |text| String::from_utf8_lossy(&text[..text.len().min(100)]).into_owned(),
        ))
    }

    /// Returns a tensor, if it is set.
    ///
    /// # Errors
    /// Fails if the attribute has another type.
    pub fn tensor(&self, name: &str) -> Result<Option<&'m proto::Tensor>, String> {
        Ok(self.attribute(name, kind::TENSOR)?.and_then(|attribute| attribute.t.as_deref()))
    }

    /// Refuses attributes other than these, whose meaning would be lost.
    ///
    /// # Errors
    /// Fails if there is another attribute.
    pub fn allow_attributes(&self, names: &[&str]) -> Result<(), String> {
        match self.node.attribute.iter().find(|attribute| !names.contains(&attribute.name.as_str())) {
            Some(attribute) => self.refuse(format!("attribute {} is not known here", quoted(&attribute.name))),
            None => Ok(()),
        }
    }

    /// Returns what is known about an input; `None` if it is left out.
    pub fn optional(&self, position: usize) -> Option<&Fact<'m>> {
        self.inputs.get(position).and_then(Option::as_ref)
    }

    /// Returns what is known about an input.
    ///
    /// # Errors
    /// Fails if the input is left out.
    pub fn input(&self, position: usize) -> Result<&Fact<'m>, String> {
        match self.optional(position) {
            Some(fact) => Ok(fact),
            None => self.refuse(format!("has no input {}", position + 1)),
        }
    }

    /// Returns the node and the shape of an input that must be a value of the network.
    ///
    /// # Errors
    /// Fails if the input is left out or something else.
    pub fn value(&self, position: usize) -> Result<(u32, Vec<i64>), String> {
        match self.input(position)? {
            Fact::Node { node, shape } if !shape.is_empty() => Ok((*node, shape.clone())),
            _ => self.refuse(format!("input {} is not computed from the network's input", position + 1)),
        }
    }

    /// Returns an input that must be a tensor of weights in the file, with its shape.
    ///
    /// # Errors
    /// Fails if the input is left out or something else.
    pub fn weight(&self, position: usize) -> Result<(&'m proto::Tensor, Vec<i64>), String> {
        match self.input(position)? {
            Fact::Tensor { tensor, dims, .. } if value_facts::is_float(tensor.data_type) => Ok((tensor, dims.clone())),
            Fact::Tensor { tensor, .. } => self.refuse(format!(
                "the weights {} are not floats but numbers of type {}",
                quoted(&tensor.name),
                tensor.data_type
            )),
            _ => self.refuse(format!("input {} is not a tensor of weights in the file", position + 1)),
        }
    }

    /// Checks that an input is a tensor of weights with this shape, which axes of size 1 may precede.
    ///
    /// # Errors
    /// Fails if the input is left out, something else, or has another shape.
    pub fn check_weight(&self, position: usize, sizes: &[i64]) -> Result<(), String> {
        let (tensor, dims) = self.weight(position)?;
        let ones = dims.len().saturating_sub(sizes.len());
        if dims[ones..] == *sizes && dims[..ones].iter().all(|&size| size == 1) {
            return Ok(());
        }
        let dims = &dims[..dims.len().min(8)];
        self.refuse(format!("the weights {} have the sizes {dims:?}, not {sizes:?}", quoted(&tensor.name)))
    }

    /// Returns whole numbers from an input, or from an attribute in older versions; `None` if both are absent.
    ///
    /// # Errors
    /// Fails if the numbers are not known before the network runs, or have another type.
    pub fn sizes(&self, position: usize, attribute: &str) -> Result<Option<Vec<i64>>, String> {
        match self.optional(position) {
            Some(Fact::Ints(values)) => Ok(Some(values.clone())),
            Some(Fact::Tensor { tensor, .. }) => {
                value_facts::ints(tensor).map(Some).or_else(|problem| self.refuse(problem))
            }
            Some(_) => self.refuse(format!("input {} must be known before the network runs", position + 1)),
            None => self.ints(attribute),
        }
    }

    /// Returns one number from an input, or from an attribute in older versions; `None` if both are absent.
    ///
    /// # Errors
    /// Fails if the number is not known before the network runs, or has another type.
    pub fn number(&self, position: usize, attribute: &str) -> Result<Option<f64>, String> {
        match self.optional(position) {
            Some(Fact::Float(value)) => Ok(Some(*value)),
            Some(Fact::Tensor { tensor, dims, .. }) if dims.iter().all(|&size| size == 1) => {
                let values = value_facts::floats(tensor).or_else(|problem| self.refuse(problem))?;
                Ok(values.first().map(|&value| short(value as f32)))
            }
            Some(_) => self.refuse(format!("input {} must be one known number", position + 1)),
            None => self.float(attribute),
        }
    }

    /// Adds a node of the network on the way to this node's value, and returns its position and shape.
    ///
    /// # Errors
    /// Fails if the network would be too large, or the operator does not take these inputs.
    pub fn emit(
        &self,
        reader: &mut Reader<'m>,
        op: &str,
        inputs: &[u32],
        attributes: Vec<(nas_api::Symbol, nas_api::Attribute)>,
    ) -> Result<(u32, Vec<i64>), String> {
        let name = if self.node.name.is_empty() { op.to_lowercase() } else { self.node.name.clone() };
        reader.add(&name, op, inputs, attributes).or_else(|problem| self.refuse(problem))
    }

    /// Records what is known about this node's only value.
    ///
    /// # Errors
    /// Fails if the node has no output, or another node writes it, too.
    pub fn define_output(&self, reader: &mut Reader<'m>, fact: Fact<'m>) -> Result<(), String> {
        let Some(output) = self.node.output.first().filter(|output| !output.is_empty()) else {
            return self.refuse("has no output");
        };
        reader.define(output, fact)
    }

    /// Adds a node of the network that computes this node's only value.
    ///
    /// # Errors
    /// Fails as [`OnnxNode::emit`] and [`OnnxNode::define_output`] do.
    pub fn replace_with(
        &self,
        reader: &mut Reader<'m>,
        op: &str,
        inputs: &[u32],
        attributes: Vec<(nas_api::Symbol, nas_api::Attribute)>,
    ) -> Result<(), String> {
        let (node, shape) = self.emit(reader, op, inputs, attributes)?;
        self.define_output(reader, Fact::Node { node, shape })
    }
}

/// Returns the shortest decimal number that rounds to this 32-bit float: 0.1, not 0.10000000149.
pub fn short(value: f32) -> f64 {
    value.to_string().parse().unwrap_or_else(|_| f64::from(value))
}

/// Returns an axis that may count from the end as one that counts from the batch: 1 is the first of `rank` axes.
/// `None` for the batch and for axes that do not exist.
pub fn axis_from_batch(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis.checked_add(rank as i64 + 1)? } else { axis };
    usize::try_from(axis).ok().filter(|axis| (1..=rank).contains(axis))
}
