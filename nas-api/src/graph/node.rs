//! Reading the attributes of a node.

use super::{Attribute, GraphError, Node, operators};

impl Node {
    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A whole number, or the default where it is not set; `Err` where it is something else.
    pub fn int(&self, name: &str, default: Option<i64>) -> Result<i64, GraphError> {
        match (self.attribute(name), default) {
            (Some(Attribute::Int(value)), _) => Ok(*value),
            (None, Some(value)) => Ok(value),
            (Some(_), _) => Err(GraphError::attribute(self, name, "must be a whole number")),
            (None, None) => Err(GraphError::attribute(self, name, "is missing")),
        }
    }

    /// Exactly `count` whole numbers, or the default for each where it is not set.
    pub fn ints(&self, name: &str, count: usize, default: Option<i64>) -> Result<Vec<i64>, GraphError> {
        match (self.attribute(name), default) {
            (Some(Attribute::Ints(values)), _) if values.len() == count => Ok(values.clone()),
            (Some(_), _) => Err(GraphError::attribute(self, name, &format!("must be {count} whole numbers"))),
            (None, Some(value)) => Ok(vec![value; count]),
            (None, None) => Err(GraphError::attribute(self, name, "is missing")),
        }
    }

    /// A number, or the default where it is not set.
    pub fn float(&self, name: &str, default: f64) -> Result<f64, GraphError> {
        match self.attribute(name) {
            Some(Attribute::Float(value)) => Ok(*value),
            Some(Attribute::Int(value)) => Ok(*value as f64),
            Some(_) => Err(GraphError::attribute(self, name, "must be a number")),
            None => Ok(default),
        }
    }

    /// An axis as ONNX counts it, the batch being 0 and −1 the last, as a position in a shape of `rank` axes, which has no
    /// batch; `Err` where there is none.
    pub fn axis(&self, name: &str, default: Option<i64>, rank: usize) -> Result<usize, GraphError> {
        operators::position(self, name, self.int(name, default)?, rank)
    }

    /// A text, or the default where it is not set.
    pub fn text<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str, GraphError> {
        match self.attribute(name) {
            Some(Attribute::Text(value)) => Ok(value),
            Some(_) => Err(GraphError::attribute(self, name, "must be a text")),
            None => Ok(default),
        }
    }
}
