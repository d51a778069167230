//! Whether two graphs are the same network, however their nodes are named and ordered.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::Graph;
use crate::graph::{Node, Shape, needed};

/// What a node's value is.
#[derive(Clone, Debug)]
enum Value {
    /// Zeros, whatever the input.
    Zero,
    /// A sum of values that operators give, ascending; one for most nodes.
    Sum(Vec<u64>),
}

/// Equal for graphs that compute the same: operators, attributes, shapes and who reads whom, and which weights are
/// shared. Sums may be nested and ordered otherwise, and hold zeros; averages go through them; what reaches no output does
/// not count. Nor does the order in which values are joined: other channels first is another numbering of the weights
/// behind them.
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
            "AveragePool" => averaged(node, shape, &inputs),
            _ => {
                let number = operator(node, shape, &inputs);
                if used {
                    operators.push(number);
                }
                Value::Sum(vec![number])
            }
        };
        values.push(value);
    }
    operators.sort_unstable();
    for output in &graph.outputs {
        operators.push(number(values.get(*output as usize)));
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

/// The average of a sum is the sum of its terms' averages.
fn averaged(node: &Node, shape: &Shape, inputs: &[&Value]) -> Value {
    let [Value::Sum(terms)] = inputs else { return Value::Zero };
    let one = |&term: &u64| operator(node, shape, &[&Value::Sum(vec![term])]);
    let mut terms: Vec<u64> = terms.iter().map(one).collect();
    terms.sort_unstable();
    Value::Sum(terms)
}

fn number(value: Option<&Value>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        None | Some(Value::Zero) => 0_u64.hash(&mut hasher),
        Some(Value::Sum(terms)) => terms.hash(&mut hasher),
    }
    hasher.finish()
}

fn operator(node: &Node, shape: &Shape, inputs: &[&Value]) -> u64 {
    let mut attributes: Vec<String> = node.attributes.iter().map(|attribute| format!("{attribute:?}")).collect();
    attributes.sort_unstable();
    let mut inputs: Vec<u64> = inputs.iter().map(|value| number(Some(value))).collect();
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

    fn of(build: impl Fn(&mut GraphBuilder, NodeId) -> NodeId) -> Vec<u64> {
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
        let one = of(|graph, x| {
            let (a, b) = (conv(graph, "a", x, 1), conv(graph, "b", x, 3));
            graph.op("sum", "Sum", &[a, b, x])
        });
        let other = of(|graph, x| {
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
    fn averages_go_through_sums_and_joins_have_no_order() {
        let pool = |graph: &mut GraphBuilder, op: &'static str, name: &str, from| {
            graph.pool(name, op, from, Window::same(3, 1))
        };
        let pooled = |op: &'static str, whole: bool| {
            of(|graph, x| {
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
            of(|graph, x| {
                let (a, b) = (conv(graph, "a", x, 1), conv(graph, "b", x, 3));
                let both = graph.concat("both", &if turned { [b, a] } else { [a, b] }, 1);
                conv(graph, "c", both, 1)
            })
        };
        assert_eq!(joined(true), joined(false));
    }

    #[test]
    fn operators_wiring_and_sharing_matter() {
        let chain = of(|graph, x| {
            let a = conv(graph, "a", x, 1);
            conv(graph, "b", a, 3)
        });
        let turned = of(|graph, x| {
            let a = conv(graph, "a", x, 3);
            conv(graph, "b", a, 1)
        });
        let shared = of(|graph, x| {
            let a = conv(graph, "a", x, 1);
            graph.op("sum", "Sum", &[a, a])
        });
        let twice = of(|graph, x| {
            let (a, b) = (conv(graph, "a", x, 1), conv(graph, "b", x, 1));
            graph.op("sum", "Sum", &[a, b])
        });
        let all = [&chain, &turned, &shared, &twice];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| other != one), "{at}");
        }
    }
}
