//! Access to the attributes of a node.

use super::{Attribute, GraphError, Node, operators};

impl Node {
    /// Returns the attribute with this name, if it is set.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Returns an attribute that is a whole number, or the default if it is not set.
    ///
    /// # Errors
    ///
    /// Returns an error if the attribute is not a whole number, or if it is not set and has no default.
    pub fn int(&self, name: &str, default: Option<i64>) -> Result<i64, GraphError> {
        match (self.attribute(name), default) {
            (Some(Attribute::Int(value)), _) => Ok(*value),
            (None, Some(value)) => Ok(value),
            (Some(_), _) => Err(GraphError::attribute(self, name, "must be a whole number")),
            (None, None) => Err(GraphError::attribute(self, name, "is missing")),
        }
    }

    /// Returns an attribute that is a list of `count` whole numbers, or `count` times the default if it is not set.
    ///
    /// # Errors
    ///
    /// Returns an error if the attribute is not such a list, or if it is not set and has no default.
    pub fn ints(&self, name: &str, count: usize, default: Option<i64>) -> Result<Vec<i64>, GraphError> {
        match (self.attribute(name), default) {
            (Some(Attribute::Ints(values)), _) if values.len() == count => Ok(values.clone()),
            (Some(_), _) => Err(GraphError::attribute(self, name, &format!("must be {count} whole numbers"))),
            (None, Some(value)) => Ok(vec![value; count]),
            (None, None) => Err(GraphError::attribute(self, name, "is missing")),
        }
    }

    /// Returns an attribute that is a number, or the default if it is not set.
    ///
    /// # Errors
    ///
    /// Returns an error if the attribute is not a number.
    pub fn float(&self, name: &str, default: f64) -> Result<f64, GraphError> {
        match self.attribute(name) {
            Some(Attribute::Float(value)) => Ok(*value),
            Some(Attribute::Int(value)) => Ok(*value as f64),
            Some(_) => Err(GraphError::attribute(self, name, "must be a number")),
            None => Ok(default),
        }
    }

    /// Returns an attribute that names an axis, as an index into a shape of `rank` axes. The attribute counts the
    /// batch, as in ONNX (1 is the first axis of the shape, −1 the last one); the index does not.
    ///
    /// # Errors
    ///
    /// Returns an error if the attribute is not a whole number, names the batch or no axis, or is not set and has no
    /// default.
    pub fn axis(&self, name: &str, default: Option<i64>, rank: usize) -> Result<usize, GraphError> {
        operators::position(self, name, self.int(name, default)?, rank)
    }

    /// Returns an attribute that is a text, or the default if it is not set.
    ///
    /// # Errors
    ///
    /// Returns an error if the attribute is not a text.
    pub fn text<'a>(&'a self, name: &str, default: &'a str) -> Result<&'a str, GraphError> {
        match self.attribute(name) {
            Some(Attribute::Text(value)) => Ok(value),
            Some(_) => Err(GraphError::attribute(self, name, "must be a text")),
            None => Ok(default),
        }
    }
}
