//! Operators on sequences: embeddings, attention, rotary positions, routing to experts.

use nas_api::graph::GraphError;

use super::builder::Builder;
use super::lower::Context;
use super::proto::{Attribute, INT64};

/// Writes a node of this family; the name of its value comes back.
pub fn lower(graph: &mut Builder, at: &Context<'_>, x: &str) -> Result<String, GraphError> {
    match at.node.op.as_str() {
        "Gather" => Ok(embedding(graph, at, x)),
        "Attention" => attention(graph, at, x),
        "RotaryEmbedding" => rotary(graph, at, x),
        _ => routing(graph, at, x),
    }
}

/// Indices come as whole numbers from the input, or as floats that hold whole numbers.
fn embedding(graph: &mut Builder, at: &Context<'_>, x: &str) -> String {
    let whole = x == graph.input && graph.input_is_whole;
    let indices = if whole {
        x.to_owned()
    } else {
        graph.node(&at.step("indices"), "Cast", &[x], vec![Attribute::int("to", i64::from(INT64))])
    };
    at.node(graph, &[at.weight("weight"), &indices], vec![Attribute::int("axis", 0)])
}

fn attention(graph: &mut Builder, at: &Context<'_>, query: &str) -> Result<String, GraphError> {
    let node = at.node;
    let [_, key, value] = &at.inputs[..] else { return Err(GraphError::new(node, "takes three inputs")) };
    let (from, to) = (at.first_shape()[0], key.shape[0]);
    let (key, value) = (graph.with_batch(key), graph.with_batch(value));
    let mut attributes = vec![
        Attribute::int("q_num_heads", node.int("q_num_heads", None)?),
        Attribute::int("kv_num_heads", node.int("kv_num_heads", None)?),
        Attribute::int("is_causal", node.int("is_causal", Some(0))?),
        Attribute::float("softcap", node.float("softcap", 0.0)?),
    ];
    if node.attribute("scale").is_some() {
        attributes.push(Attribute::float("scale", node.float("scale", 0.0)?));
    }
    let window = node.int("window", Some(0))?;
    if window == 0 {
        return Ok(at.node(graph, &[query, &key, &value], attributes));
    }
    // The causal mask is the operator's own; this one hides what lies further back.
    let mask = graph.shared(&format!("window {window} of {from} to {to}"), |graph| {
        let (zero, one) = (graph.int(0), graph.int(1));
        let positions = |graph: &mut Builder, count: i64, axis: i64| {
            let count = graph.int(count);
            let row = graph.node("window.positions", "Range", &[&zero, &count, &one], Vec::new());
            let axis = graph.ints(&[axis]);
            graph.node("window.axis", "Unsqueeze", &[&row, &axis], Vec::new())
        };
        let (queries, keys) = (positions(graph, from, 1), positions(graph, to, 0));
        let distance = graph.node("window.distance", "Sub", &[&queries, &keys], Vec::new());
        let window = graph.int(window);
        graph.node("window.mask", "Less", &[&distance, &window], Vec::new())
    });
    Ok(at.node(graph, &[query, &key, &value, &mask], attributes))
}

/// Angles are position · base^(−2i / d) (Su et al. 2021, "RoFormer", section 3.2.2); the tables are constants.
fn rotary(graph: &mut Builder, at: &Context<'_>, x: &str) -> Result<String, GraphError> {
    let node = at.node;
    let heads = node.int("num_heads", None)?;
    let [positions, width] = *at.shape else { return Err(GraphError::new(node, "takes a value of 2 axes")) };
    let given = node.int("rotary_embedding_dim", Some(0))?;
    let rotated = if given == 0 { width / heads } else { given };
    let (half, base) = (rotated / 2, node.float("base", 10_000.0)?);
    let angles = || {
        (0..positions).flat_map(move |position| {
            (0..half).map(move |i| position as f64 * libm::pow(base, -2.0 * i as f64 / rotated as f64))
        })
    };
    let name = format!("rotary_{positions}_{rotated}");
    let cos = graph.floats(&[positions, half], angles().map(libm::cos), &format!("{name}_cos"));
    let sin = graph.floats(&[positions, half], angles().map(libm::sin), &format!("{name}_sin"));
    let ids = graph.shared(&format!("positions {positions}"), |graph| {
        let (zero, count, one) = (graph.int(0), graph.int(positions), graph.int(1));
        let row = graph.node("positions", "Range", &[&zero, &count, &one], Vec::new());
        let (batch, length) = (graph.batch(), graph.ints(&[positions]));
        let shape = graph.node("positions.sizes", "Concat", &[&batch, &length], vec![Attribute::int("axis", 0)]);
        graph.node("positions.repeated", "Expand", &[&row, &shape], Vec::new())
    });
    let attributes = vec![
        Attribute::int("num_heads", heads),
        Attribute::int("interleaved", node.int("interleaved", Some(0))?),
        Attribute::int("rotary_embedding_dim", given),
    ];
    Ok(at.node(graph, &[x, &cos, &sin, &ids], attributes))
}

/// Softmax over the k largest, put back into a row of zeros.
fn routing(graph: &mut Builder, at: &Context<'_>, x: &str) -> Result<String, GraphError> {
    let k = graph.ints(&[at.node.int("k", None)?]);
    let (values, indices) = (graph.fresh(&at.step("largest")), graph.fresh(&at.step("places")));
    graph.nodes.push(super::proto::Node {
        input: vec![x.to_owned(), k],
        output: vec![values.clone(), indices.clone()],
        name: values.clone(),
        op_type: "TopK".into(),
        attribute: vec![Attribute::int("axis", -1)],
        domain: String::new(),
    });
    let gates = graph.node(&at.step("gates"), "Softmax", &[&values], vec![Attribute::int("axis", -1)]);
    let shape = graph.node(&at.step("sizes"), "Shape", &[x], Vec::new());
    let zeros = graph.node(&at.step("zeros"), "ConstantOfShape", &[&shape], Vec::new());
    let axis = vec![Attribute::int("axis", -1)];
    Ok(graph.node(&at.node.name, "ScatterElements", &[&zeros, &indices, &gates], axis))
}
