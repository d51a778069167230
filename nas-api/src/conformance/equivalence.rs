//! Equivalence of graphs: whether two graphs compute the same function, whatever the names and order of their nodes.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::Graph;
use crate::graph::{Node, Shape, needed};

/// The canonical form of a node's value.
#[derive(Clone, Debug)]
enum Value {
    /// Zeros for any input.
    Zero,
    /// A sum of operators' values, given by their hashes in ascending order. Most nodes have one term.
    Sum(Vec<u64>),
}

/// Returns a fingerprint that is equal for equivalent graphs. It covers operators, attributes, shapes, connections, and
/// which nodes share a value.
///
/// Sums may differ in nesting, order and zero terms, and averages are moved into them. Nodes that reach no output do
/// not count. The order of the inputs of `Concat` does not matter, because it only renumbers the weights of the nodes
/// behind it.
pub(super) fn fingerprint(graph: &Graph, shapes: &[Shape]) -> Vec<u64> {
    let mut values: Vec<Value> = Vec::with_capacity(graph.nodes.len());
    let mut operators = Vec::new();
    for ((node, shape), used) in graph.nodes.iter().zip(shapes).zip(needed(graph)) {
        let inputs: Vec<&Value> = node.inputs.iter().filter_map(|&input| values.get(input as usize)).collect();
        let value = match node.op.as_str() {
            "Identity" | "DropPath" => inputs.first().map_or(Value::Zero, |value| (*value).clone()),
            "Constant" if node.float("value_float", 1.0) == Ok(0.0) => Value::Zero,
            "Mul" if inputs.iter().any(|value| matches!(value, Value::Zero)) => Value::Zero,
            "Relu" | "AveragePool" | "MaxPool" | "GlobalAveragePool" if matches!(inputs[..], [Value::Zero]) => {
                Value::Zero
            }
            "Sum" | "Add" => sum(&inputs),
            "AveragePool" => average(node, shape, &inputs),
            _ => {
                let hash = operator_hash(node, shape, &inputs);
                if used {
                    operators.push(hash);
                }
                Value::Sum(vec![hash])
            }
        };
        values.push(value);
    }
    operators.sort_unstable();
    for output in &graph.outputs {
        operators.push(value_hash(values.get(*output as usize)));
    }
    operators
}

fn sum(inputs: &[&Value]) -> Value {
    let mut terms: Vec<u64> = Vec::new();
    for input in inputs {
        if let Value::Sum(more) = input {
            terms.extend(more);
        }
    }
    terms.sort_unstable();
    if terms.is_empty() { Value::Zero } else { Value::Sum(terms) }
}

/// Moves an average into a sum: the average of a sum is the sum of its terms' averages.
fn average(node: &Node, shape: &Shape, inputs: &[&Value]) -> Value {
    let [Value::Sum(terms)] = inputs else { return Value::Zero };
    let one = |&term: &u64| operator_hash(node, shape, &[&Value::Sum(vec![term])]);
    let mut terms: Vec<u64> = terms.iter().map(one).collect();
    terms.sort_unstable();
    Value::Sum(terms)
}

fn value_hash(value: Option<&Value>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        None | Some(Value::Zero) => 0_u64.hash(&mut hasher),
        Some(Value::Sum(terms)) => terms.hash(&mut hasher),
    }
    hasher.finish()
}

fn operator_hash(node: &Node, shape: &Shape, inputs: &[&Value]) -> u64 {
    let mut attributes: Vec<String> = node.attributes.iter().map(|attribute| format!("{attribute:?}")).collect();
    attributes.sort_unstable();
    let mut inputs: Vec<u64> = inputs.iter().map(|value| value_hash(Some(value))).collect();
    if matches!(node.op.as_str(), "Mul" | "Max" | "Min" | "Concat") {
        inputs.sort_unstable();
    }
    let mut hasher = DefaultHasher::new();
    (&node.op, attributes, shape, inputs).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::graph::shape::infer;
    use crate::{GraphBuilder, NodeId, Window};

    fn fingerprint_of(build: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Vec<u64> {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let output = build(&mut graph, input);
        let graph = graph.finish(&[output]);
        fingerprint(&graph, &infer(&graph, &[4, 8, 8]).unwrap())
    }

    fn conv(graph: &mut GraphBuilder, name: &str, from: NodeId, kernel: i64) -> NodeId {
        graph.conv(name, from, 4, Window::same(kernel, 1))
    }

    #[test]
    fn names_order_and_zeros_do_not_matter() {
        let one = fingerprint_of(|graph, x| {
            let (a, b) = (conv(graph, "a", x, 1), conv(graph, "b", x, 3));
            graph.op("sum", "Sum", &[a, b, x])
        });
        let other = fingerprint_of(|graph, x| {
            let b = conv(graph, "first", x, 3);
            let zeros = graph.zeros("zeros", x);
            let pooled = graph.pool("pooled", "MaxPool", zeros, Window::same(3, 1));
            conv(graph, "dead", x, 5);
            let part = graph.op("part", "Sum", &[x, b, pooled]);
            let a = conv(graph, "second", x, 1);
            graph.op("all", "Add", &[part, a])
        });
        assert_eq!(one, other);
    }

    #[test]
    fn averages_move_into_sums_and_the_order_of_concat_does_not_matter() {
        let pool = |graph: &mut GraphBuilder, op: &'static str, name: &str, from| {
            graph.pool(name, op, from, Window::same(3, 1))
        };
        let pooled = |op: &'static str, whole: bool| {
            fingerprint_of(|graph, x| {
                let (a, b) = (conv(graph, "a", x, 1), conv(graph, "b", x, 3));
                if whole {
                    let sum = graph.add("sum", a, b);
                    return pool(graph, op, "pool", sum);
                }
                let (a, b) = (pool(graph, op, "pool_a", a), pool(graph, op, "pool_b", b));
                graph.add("sum", a, b)
            })
        };
        assert_eq!(pooled("AveragePool", true), pooled("AveragePool", false));
        assert_ne!(pooled("MaxPool", true), pooled("MaxPool", false));
        let joined = |turned: bool| {
            fingerprint_of(|graph, x| {
                let (a, b) = (conv(graph, "a", x, 1), conv(graph, "b", x, 3));
                let both = graph.concat("both", &if turned { [b, a] } else { [a, b] }, 1);
                conv(graph, "c", both, 1)
            })
        };
        assert_eq!(joined(true), joined(false));
    }

    #[test]
    fn operators_connections_and_sharing_matter() {
        let chain = fingerprint_of(|graph, x| {
            let a = conv(graph, "a", x, 1);
            conv(graph, "b", a, 3)
        });
        let turned = fingerprint_of(|graph, x| {
            let a = conv(graph, "a", x, 3);
            conv(graph, "b", a, 1)
        });
        let shared = fingerprint_of(|graph, x| {
            let a = conv(graph, "a", x, 1);
            graph.op("sum", "Sum", &[a, a])
        });
        let twice = fingerprint_of(|graph, x| {
            let (a, b) = (conv(graph, "a", x, 1), conv(graph, "b", x, 1));
            graph.op("sum", "Sum", &[a, b])
        });
        let all = [&chain, &turned, &shared, &twice];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other != one), "{at}");
        }
    }
}
