//! Attention, rotary position embeddings, and the routing of mixtures of experts.

use super::Cost;
use super::check::{above_zero, divides, flag, last, number, plus, product, rank, size, times, within};
use crate::graph::Node;
use crate::graph::shape::{GraphError, MAX_ELEMENTS, Shape};

/// The checked sizes of an attention.
struct Heads {
    /// The number of query positions.
    queries: i64,
    /// The maximum number of key positions that a query position sees.
    seen: i64,
    /// The number of query heads.
    heads: i64,
    /// The width of one head's keys.
    key: i64,
    /// The width of one head's values.
    value: i64,
}

impl Heads {
    fn of(node: &Node, inputs: &[&[i64]]) -> Result<Self, GraphError> {
        for input in inputs {
            rank(node, input, &[2])?;
        }
        let &[&[queries, query_width], &[keys, key_width], &[values, value_width]] = inputs else {
            return Err(GraphError::new(node, "takes three values of 2 axes"));
        };
        let (heads, groups) = (size(node, "q_num_heads")?, size(node, "kv_num_heads")?);
        divides(node, "kv_num_heads", groups, heads, "heads of the queries")?;
        divides(node, "q_num_heads", heads, query_width, "numbers of a query")?;
        divides(node, "kv_num_heads", groups, key_width, "numbers of a key")?;
        divides(node, "kv_num_heads", groups, value_width, "numbers of a value")?;
        let (key, value) = (query_width / heads, value_width / groups);
        if key != key_width / groups {
            let other = key_width / groups;
            return Err(GraphError::new(node, format!("a head has {key} numbers in a query, but {other} in a key")));
        }
        if keys != values {
            return Err(GraphError::new(node, format!("there are {keys} keys, but {values} values")));
        }
        let causal = flag(node, "is_causal", 0)?;
        if causal && queries != keys {
            let problem = format!("needs as many queries as keys, not {queries} and {keys}");
            return Err(GraphError::attribute(node, "is_causal", &problem));
        }
        let window = within(node, "window", node.int("window", Some(0))?, 0, MAX_ELEMENTS as i64)?;
        if window > 0 && !causal {
            return Err(GraphError::attribute(node, "window", "needs is_causal = 1"));
        }
        let seen = if window > 0 { window.min(keys) } else { keys };
        Ok(Self { queries, seen, heads, key, value })
    }
}

pub fn attention(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let Heads { queries, heads, value, .. } = Heads::of(node, inputs)?;
    if node.attribute("scale").is_some() {
        above_zero(node, "scale", 1.0)?;
    }
    number(node, "softcap", 0.0, 0.0, f64::INFINITY)?;
    // This cannot overflow: both factors are at most 2^31.
    Ok(vec![queries, heads * value])
}

/// Counts two products per head: of queries with keys, and of the result with values. A window reduces the count; the
/// causal mask does not.
pub fn attention_cost(node: &Node, inputs: &[&[i64]], _output: &[i64]) -> Result<Cost, GraphError> {
    let Heads { queries, seen, heads, key, value } = Heads::of(node, inputs)?;
    let pairs = product(node, &[queries, seen, heads])?;
    let macs = times(node, pairs, plus(node, product(node, &[key])?, product(node, &[value])?)?)?;
    Ok(Cost { macs, ..Cost::default() })
}

/// Returns the number of elements that a causal attention caches per position: the keys and values of all heads.
/// Returns `None` for other nodes.
pub fn cached(node: &Node, shapes: &[Shape]) -> Result<Option<u64>, GraphError> {
    if node.op != "Attention" || !flag(node, "is_causal", 0)? {
        return Ok(None);
    }
    let width = |at: usize| {
        let shape = node.inputs.get(at).and_then(|&input| shapes.get(input as usize));
        product(node, &[shape.and_then(|shape| shape.last().copied()).unwrap_or(0)])
    };
    plus(node, width(1)?, width(2)?).map(Some)
}

pub fn rotary(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    rank(node, inputs[0], &[2])?;
    let heads = size(node, "num_heads")?;
    let width = last(node, inputs[0])?;
    divides(node, "num_heads", heads, width, "numbers of a position")?;
    let head = width / heads;
    let rotated = within(node, "rotary_embedding_dim", node.int("rotary_embedding_dim", Some(0))?, 0, head)?;
    let rotated = if rotated == 0 { head } else { rotated };
    if rotated % 2 != 0 {
        return Err(GraphError::new(node, format!("rotates pairs, but {rotated} numbers of a head are odd in number")));
    }
    above_zero(node, "base", 10_000.0)?;
    flag(node, "interleaved", 0)?;
    Ok(inputs[0].to_vec())
}

pub fn routing(node: &Node, inputs: &[&[i64]]) -> Result<Shape, GraphError> {
    let experts = last(node, inputs[0])?;
    within(node, "k", node.int("k", None)?, 1, experts)?;
    Ok(inputs[0].to_vec())
}
