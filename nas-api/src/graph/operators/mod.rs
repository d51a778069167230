//! The operators: what inputs and attributes each takes, the shape that it gives, and what it costs. The table for
//! people is in [`super`]; [`table`] is the same for the program, and the files beside it hold the rules by subject.

mod activation;
mod arrange;
mod attention;
mod check;
mod combine;
mod matrix;
mod norm;
mod reduce;
mod table;
mod tied;
mod window;

use super::shape::{GraphError, Shape};
use super::{Attribute, Node};

pub(super) use attention::cached;
pub(super) use check::{position, product};
pub(super) use tied::{tied, unknown_owner};

/// What one node costs for one example.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// Trainable numbers.
    pub params: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bias additions.
    pub biases: u64,
}

/// The rules of one operator.
pub(super) struct Operator {
    pub name: &'static str,
    inputs: Inputs,
    /// The attributes that it takes.
    attributes: &'static [&'static str],
    /// What may stand beside a value of an example.
    takes: Takes,
    /// A convolution or matrix product, which counts in the depth of a network.
    pub layer: bool,
    /// The shape from those of the inputs; the inputs have been counted.
    shape: fn(&Node, &[&[i64]]) -> Result<Shape, GraphError>,
    /// `None`: it costs nothing.
    pub cost: Option<CostRule>,
}

/// The cost from the inputs' shapes and the own one.
type CostRule = fn(&Node, &[&[i64]], &[i64]) -> Result<Cost, GraphError>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inputs {
    Exactly(usize),
    /// One or more.
    Some,
}

/// A `Constant` has no axes and a `Weight` no batch, so that most operators mean nothing on them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Values of an example alone.
    Values,
    /// Also weights.
    Weights,
    /// Also weights and constants.
    Constants,
}

/// Whether an operator is in the table of [`super`].
pub fn is_known(op: &str) -> bool {
    table::find(op).is_some()
}

/// Whether an operator of the table takes exactly one input, so that it can stand in a chain.
pub fn is_unary(op: &str) -> bool {
    table::find(op).is_some_and(|operator| operator.inputs == Inputs::Exactly(1))
}

/// The attributes that an operator of the table takes; `None` where it is not in the table.
pub fn attributes(op: &str) -> Option<&'static [&'static str]> {
    table::find(op).map(|operator| operator.attributes)
}

/// Every operator of the table by name, in alphabetical order.
pub fn names() -> impl Iterator<Item = &'static str> {
    table::OPERATORS.iter().map(|operator| operator.name)
}

/// The rules of an operator, if it is in the table.
pub(super) fn find(op: &str) -> Option<&'static Operator> {
    table::find(op)
}

/// The shape of a node's value from those of its inputs. `weight` says whether an input is a `Weight`, by its position.
pub(super) fn shape(
    node: &Node,
    inputs: &[&[i64]],
    weight: impl Fn(usize) -> bool,
    input_shape: &[i64],
) -> Result<Shape, GraphError> {
    let Some(operator) = table::find(&node.op) else {
        let known: Vec<&str> = names().collect();
        return Err(GraphError::new(node, format!("the operator is not known (known: {})", known.join(", "))));
    };
    signature(node, operator, inputs.len())?;
    if operator.name == "Input" {
        return Ok(input_shape.to_vec());
    }
    values(node, operator, inputs, weight)?;
    (operator.shape)(node, inputs)
}

fn signature(node: &Node, operator: &Operator, given: usize) -> Result<(), GraphError> {
    match operator.inputs {
        Inputs::Exactly(count) if given != count => {
            return Err(GraphError::new(node, format!("takes {count} inputs, not {given}")));
        }
        Inputs::Some if given == 0 => return Err(GraphError::new(node, "takes at least one input")),
        _ => {}
    }
    let attributes = operator.attributes;
    for (position, (name, _)) in node.attributes.iter().enumerate() {
        if !attributes.contains(&name.as_str()) {
            let known = if attributes.is_empty() { "none".to_owned() } else { attributes.join(", ") };
            return Err(GraphError::attribute(node, name, &format!("is not known (known: {known})")));
        }
        // Bounded: `position` is at most the number of known attributes, else the one before was refused.
        if node.attributes[..position].iter().any(|(earlier, _)| earlier == name) {
            return Err(GraphError::attribute(node, name, "is set twice"));
        }
    }
    Ok(())
}

/// Constants and weights stand only where they mean something, and never alone.
fn values(
    node: &Node,
    operator: &Operator,
    inputs: &[&[i64]],
    weight: impl Fn(usize) -> bool,
) -> Result<(), GraphError> {
    let (mut constants, mut weights) = (0, 0);
    for (at, input) in inputs.iter().enumerate() {
        constants += usize::from(input.is_empty());
        weights += usize::from(weight(at));
    }
    let alone = constants + weights == inputs.len();
    if constants > 0 && (alone || operator.takes != Takes::Constants) {
        let beside = "Add, Sub, Mul, Div, Pow, Max or Min";
        return Err(GraphError::new(node, format!("a constant can only stand beside another value in {beside}")));
    }
    if weights > 0 && (alone || operator.takes == Takes::Values) {
        let beside = "Add, Sub, Mul, Div, Pow, Max, Min, MatMul or Concat";
        return Err(GraphError::new(
            node,
            format!("a weight can only stand beside a value of the example in {beside}"),
        ));
    }
    Ok(())
}

impl Attribute {
    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Int(_) => "a whole number",
            Self::Ints(_) => "whole numbers",
            Self::Float(_) => "a number",
            Self::Floats(_) => "numbers",
            Self::Text(_) => "a text",
        }
    }
}
