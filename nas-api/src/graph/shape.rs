//! Shape inference and validation of graphs.
//!
//! A graph can come from a hostile component. Arithmetic on sizes is therefore checked against fixed limits, and no
//! allocation is proportional to a number in the graph.

use std::collections::HashSet;

use foldhash::{HashMap, HashMapExt};

use super::training::AUXILIARY;
use super::{Graph, Node, operators};

/// The shape of a value, without the batch: one size per axis.
pub type Shape = Vec<i64>;

/// The maximum number of nodes of a graph.
pub const MAX_NODES: usize = 100_000;
/// The maximum number of axes of a value.
pub const MAX_RANK: usize = 8;
/// The maximum number of elements of a value, and of the weights of a node.
pub const MAX_ELEMENTS: u64 = 1 << 31;

/// The maximum number of inputs that need no allocated list.
const FEW: usize = 4;

/// Why a graph is not valid. The message names the node and its operator, or the graph if the problem is not in one
/// node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", location(.node, .op))]
pub struct GraphError {
    /// The node's name; empty for the graph as a whole.
    pub node: String,
    /// The node's operator; empty for the graph as a whole.
    pub op: String,
    /// What is wrong.
    pub problem: String,
}

fn location(node: &str, op: &str) -> String {
    if op.is_empty() && node.is_empty() { "the graph".into() } else { format!("node '{node}' ({op})") }
}

/// Shortens a name for a message, because a hostile graph can have names of megabytes.
fn quoted(name: &str) -> String {
    const LONGEST: usize = 120;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &name[..end]),
        None => name.to_owned(),
    }
}

impl GraphError {
    /// Returns the error that a node has this problem.
    pub fn new(node: &Node, problem: impl Into<String>) -> Self {
        Self { node: quoted(&node.name), op: quoted(&node.op), problem: problem.into() }
    }

    /// Returns the error that an attribute of a node has this problem.
    pub fn attribute(node: &Node, name: &str, problem: &str) -> Self {
        Self::new(node, format!("attribute '{}' {problem}", quoted(name)))
    }

    /// Returns the error that the graph as a whole has this problem.
    pub fn whole(problem: impl Into<String>) -> Self {
        Self { node: String::new(), op: String::new(), problem: problem.into() }
    }
}

/// Infers the shape of every node's value, in the order of the nodes. `input_shape` is the shape of one example.
///
/// A graph for which this succeeds is valid: operators, attributes and sizes are checked, it has exactly one `Input`,
/// nodes have unique names and read earlier nodes only, outputs exist, and no `Auxiliary` is an output or read by a
/// node.
///
/// # Errors
///
/// Returns an error that names the first node that breaks a rule.
pub fn infer(graph: &Graph, input_shape: &[i64]) -> Result<Vec<Shape>, GraphError> {
    check_structure(graph)?;
    let mut names: HashMap<&str, usize> = HashMap::with_capacity(graph.nodes.len());
    let mut shapes: Vec<Shape> = Vec::with_capacity(graph.nodes.len());
    for (position, node) in graph.nodes.iter().enumerate() {
        if node.name.is_empty() {
            return Err(GraphError::new(node, "has no name; every node needs one of its own"));
        }
        // Most nodes have few inputs, for which nothing is allocated.
        let mut few: [&[i64]; FEW] = [&[]; FEW];
        let mut many: Vec<&[i64]> = Vec::new();
        for (at, &input) in node.inputs.iter().enumerate() {
            let shape = shapes.get(input as usize).ok_or_else(|| {
                let problem = format!("is node {position} and reads node {input}, which does not come before it");
                GraphError::new(node, problem)
            })?;
            let source = &graph.nodes[input as usize];
            if source.op == AUXILIARY {
                let problem =
                    format!("reads '{}', an {AUXILIARY}, which training alone may read", quoted(&source.name));
                return Err(GraphError::new(node, problem));
            }
            if node.inputs.len() <= FEW {
                few[at] = shape;
            } else {
                many.push(shape);
            }
        }
        let inputs = if many.is_empty() { &few[..node.inputs.len()] } else { &many[..] };
        let weight = |at: usize| graph.nodes[node.inputs[at] as usize].op == "Weight";
        let shape = node_shape(node, inputs, weight, input_shape)?;
        if node.attribute("tied").is_some() {
            let owner = names.get(node.text("tied", "")?).ok_or_else(|| operators::unknown_owner(node))?;
            let owner = &graph.nodes[*owner];
            let read = owner.inputs.first().map_or(&[][..], |&input| &shapes[input as usize]);
            operators::tied(node, inputs[0], owner, read)?;
        }
        shapes.push(shape);
        if names.insert(node.name.as_str(), position).is_some() {
            return Err(GraphError::new(node, "an earlier node has the same name"));
        }
    }
    for &output in &graph.outputs {
        // `check_structure` has checked that the output exists.
        let node = &graph.nodes[output as usize];
        if shapes[output as usize].is_empty() || node.op == "Weight" {
            let kind = if node.op == "Weight" { "weight" } else { "constant" };
            return Err(GraphError::new(node, format!("a {kind} cannot be an output")));
        }
        if node.op == AUXILIARY {
            let problem = "is read in training alone, so it cannot be an output of the graph: leave it out of them";
            return Err(GraphError::new(node, problem));
        }
    }
    Ok(shapes)
}

/// Infers the shape of one node's value from the shapes of its inputs. The node is not an `Input`, and none of its
/// inputs is a `Weight`. The node's name and what it is tied to are not checked, because they concern the graph.
///
/// # Errors
///
/// Returns an error if the node breaks a rule of its operator.
pub fn of_node(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    node_shape(node, inputs, |_| false, &[])
}

fn node_shape(
    node: &Node,
    inputs: &[&[i64]],
    weight: impl Fn(usize) -> bool,
    input_shape: &[i64],
) -> Result<Shape, GraphError> {
    let shape = operators::shape(node, inputs, weight, input_shape)?;
    elements(&shape).map_err(|problem| GraphError::new(node, problem))?;
    Ok(shape)
}

fn check_structure(graph: &Graph) -> Result<(), GraphError> {
    let count = graph.nodes.len();
    if count > MAX_NODES {
        return Err(GraphError::whole(format!("has {count} nodes; at most {MAX_NODES} are allowed")));
    }
    let inputs = graph.nodes.iter().filter(|node| node.op == "Input").count();
    if inputs != 1 {
        return Err(GraphError::whole(format!("has {inputs} nodes 'Input', and needs exactly one")));
    }
    if graph.outputs.is_empty() {
        return Err(GraphError::whole("has no outputs"));
    }
    let mut seen = HashSet::new();
    for &output in &graph.outputs {
        if output as usize >= count {
            return Err(GraphError::whole(format!("names node {output} as an output, but has only {count} nodes")));
        }
        // Nearly every graph has one output, for which no set is needed.
        if graph.outputs.len() > 1 && !seen.insert(output) {
            return Err(GraphError::whole(format!("names node {output} as an output twice")));
        }
    }
    Ok(())
}

/// Returns the number of elements of a shape, or why it is not valid.
pub(super) fn elements(shape: &[i64]) -> Result<u64, String> {
    if shape.len() > MAX_RANK {
        return Err(format!("a value of {} axes; at most {MAX_RANK} are allowed", shape.len()));
    }
    let mut product: u64 = 1;
    for &size in shape {
        let size = u64::try_from(size).ok().filter(|&size| size > 0);
        let size = size.ok_or_else(|| format!("a value of shape {shape:?}; every axis needs at least 1"))?;
        let next = product.checked_mul(size).filter(|&product| product <= MAX_ELEMENTS);
        product = next.ok_or_else(|| format!("a value of shape {shape:?}, more than {MAX_ELEMENTS} numbers"))?;
    }
    Ok(product)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::{Attribute, GraphBuilder, Window};

    #[test]
    fn shapes_of_a_small_convolutional_network() {
        let mut graph = GraphBuilder::new();
        let x = graph.input();
        let x = graph.conv("conv", x, 8, Window::same(3, 2));
        let x = graph.op("bn", "BatchNormalization", &[x]);
        let x = graph.pool("pool", "MaxPool", x, Window { kernel: 2, stride: 2, padding: 0 });
        let y = graph.zeros("zeros", x);
        let both = vec![("axis".into(), Attribute::Int(1))];
        let x = graph.node("both", "Concat", &[x, y], both);
        let x = graph.op("average", "GlobalAveragePool", &[x]);
        let x = graph.op("flat", "Flatten", &[x]);
        let x = graph.gemm("head", x, 10);
        let shapes = infer(&graph.finish(&[x]), &[1, 9, 28]).unwrap();
        let [h, w] = [2, 7];
        let expected: Vec<Shape> = vec![
            vec![1, 9, 28],
            vec![8, 5, 14],
            vec![8, 5, 14],
            vec![8, h, w],
            vec![],
            vec![8, h, w],
            vec![16, h, w],
            vec![16, 1, 1],
            vec![16],
            vec![10],
        ];
        assert_eq!(shapes, expected);
    }

    fn node(name: &str, op: &'static str, inputs: &[u32]) -> Node {
        Node { name: name.into(), op: op.into(), inputs: inputs.to_vec(), attributes: Vec::new() }
    }

    fn refused(nodes: Vec<Node>, outputs: &[u32], input: &[i64]) -> String {
        infer(&Graph { nodes, outputs: outputs.to_vec() }, input).unwrap_err().to_string()
    }

    #[test]
    fn invalid_structure_is_refused_with_a_reason() {
        let input = || node("input", "Input", &[]);
        assert_eq!(refused(vec![], &[0], &[4]), "the graph: has 0 nodes 'Input', and needs exactly one");
        assert!(refused(vec![input(), node("b", "Input", &[])], &[0], &[4]).contains("has 2 nodes 'Input'"));
        assert!(refused(vec![input()], &[], &[4]).contains("no outputs"));
        assert!(refused(vec![input()], &[1], &[4]).contains("only 1 nodes"));
        assert!(refused(vec![input()], &[0, 0], &[4]).contains("twice"));
        assert!(refused(vec![input(), node("input", "Relu", &[0])], &[1], &[4]).contains("same name"));
        assert!(refused(vec![input(), node("", "Relu", &[0])], &[1], &[4]).contains("no name"));
        let itself = refused(vec![input(), node("r", "Relu", &[1])], &[1], &[4]);
        assert!(itself.starts_with("node 'r' (Relu): is node 1 and reads node 1"), "{itself}");
        assert!(refused(vec![node("r", "Relu", &[1]), input()], &[1], &[4]).contains("node 'r' (Relu)"));
        let mut constant = node("c", "Constant", &[]);
        assert!(refused(vec![input(), constant.clone()], &[1], &[4]).contains("'value_float' is missing"));
        constant.attributes.push(("value_float".into(), Attribute::Float(1.0)));
        assert!(refused(vec![input(), constant], &[1], &[4]).contains("a constant cannot be an output"));
    }

    #[test]
    fn invalid_input_shapes_are_refused() {
        for shape in [&[0][..], &[-3, 4, 4], &[i64::MAX, i64::MAX, 2], &[1 << 20, 1 << 12], &[1; 9]] {
            let words = refused(vec![node("input", "Input", &[])], &[0], shape);
            assert!(words.starts_with("node 'input' (Input): a value of"), "{words}");
        }
    }

    #[test]
    fn errors_about_huge_graphs_are_short() {
        let mut nodes = vec![node("input", "Input", &[])];
        nodes.extend((0..MAX_NODES).map(|i| node(&i.to_string(), "Relu", &[0])));
        assert!(refused(nodes, &[0], &[1]).contains("100001 nodes"));
        let long = "é".repeat(1_000_000);
        assert!(
            refused(
                vec![node("input", "Input", &[]), Node { op: long.clone().into(), ..node(&long, "", &[0]) }],
                &[0],
                &[1]
            )
            .len()
                < 2000
        );
    }
}
