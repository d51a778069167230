//! The rules of operators: their inputs, attributes, output shapes and costs.
//!
//! The tables for people are in [`super`]. `table` lists the operators with their rules, and the other modules
//! implement the rules by subject.

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

/// The cost of one node for one example.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    /// The number of trainable parameters.
    pub params: u64,
    /// The number of multiply-accumulates.
    pub macs: u64,
    /// The number of bias additions.
    pub biases: u64,
}

/// The rules of one operator.
pub(super) struct Operator {
    pub name: &'static str,
    inputs: Inputs,
    /// The names of its attributes.
    attributes: &'static [&'static str],
    /// The kinds of inputs that it accepts.
    takes: Takes,
    /// Whether it is a convolution or matrix product, which counts in the depth of a network.
    pub layer: bool,
    /// Computes the output shape from the input shapes, whose number has been checked.
    shape: fn(&Node, &[&[i64]]) -> Result<Shape, GraphError>,
    /// Computes the cost; `None` if it has none.
    pub cost: Option<CostRule>,
}

/// Computes the cost from the input shapes and the output shape.
type CostRule = fn(&Node, &[&[i64]], &[i64]) -> Result<Cost, GraphError>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inputs {
    Exactly(usize),
    /// One or more.
    Some,
}

/// The kinds of inputs. A `Constant` has no axes and a `Weight` no batch, so most operators accept neither.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Values of the example only.
    Values,
    /// Values and weights.
    Weights,
    /// Values, weights and constants.
    Constants,
}

/// Returns whether the operator exists.
pub fn is_known(op: &str) -> bool {
    table::find(op).is_some()
}

/// Returns whether the operator exists and takes exactly one input, so that it can be a link of a chain.
pub fn is_unary(op: &str) -> bool {
    table::find(op).is_some_and(|operator| operator.inputs == Inputs::Exactly(1))
}

/// Returns the names of the operator's attributes, or `None` if it does not exist.
pub fn attributes(op: &str) -> Option<&'static [&'static str]> {
    table::find(op).map(|operator| operator.attributes)
}

/// Returns the names of all operators in alphabetical order.
pub fn names() -> impl Iterator<Item = &'static str> {
    table::OPERATORS.iter().map(|operator| operator.name)
}

/// Returns the rules of an operator, if it exists.
pub(super) fn find(op: &str) -> Option<&'static Operator> {
    table::find(op)
}

/// Infers the shape of a node's value from the shapes of its inputs. `weight` says whether the input at a position is a
/// `Weight`.
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
    check_signature(node, operator, inputs.len())?;
    if operator.name == "Input" {
        return Ok(input_shape.to_vec());
    }
    check_inputs(node, operator, inputs, weight)?;
    (operator.shape)(node, inputs)
}

fn check_signature(node: &Node, operator: &Operator, given: usize) -> Result<(), GraphError> {
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
        // `position` is at most the number of known attributes, or an earlier attribute would have been refused.
        if node.attributes[..position].iter().any(|(earlier, _)| earlier == name) {
            return Err(GraphError::attribute(node, name, "is set twice"));
        }
    }
    Ok(())
}

/// Checks that constants and weights are inputs of operators that accept them, and never the only inputs.
fn check_inputs(
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
    /// Returns the kind of the value, for messages.
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
