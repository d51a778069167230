//! Translates operators on sequences: embeddings, attention, rotary positions, routing to experts.

use nas_api::graph::GraphError;

use super::builder::Builder;
use super::lower::Context;
use super::proto::{Attribute, INT64};

/// Adds the nodes that compute an operator on sequences, and returns the name of its value.
///
/// # Errors
/// Fails if an attribute or an input is missing or invalid.
pub fn lower(graph: &mut Builder, context: &Context<'_>, x: &str) -> Result<String, GraphError> {
    match context.node.op.as_str() {
        "Gather" => Ok(embedding(graph, context, x)),
        "Attention" => attention(graph, context, x),
        "RotaryEmbedding" => rotary(graph, context, x),
        _ => routing(graph, context, x),
    }
}

/// Looks up rows. The indices are whole numbers from the input, or floats that hold whole numbers and are cast.
fn embedding(graph: &mut Builder, context: &Context<'_>, x: &str) -> String {
    let whole = x == graph.input && graph.input_is_whole;
    let indices = if whole {
        x.to_owned()
    } else {
        graph.node(&context.step("indices"), "Cast", &[x], vec![Attribute::int("to", i64::from(INT64))])
    };
    context.node(graph, &[context.weight("weight"), &indices], vec![Attribute::int("axis", 0)])
}

fn attention(graph: &mut Builder, context: &Context<'_>, query: &str) -> Result<String, GraphError> {
    let node = context.node;
    let [_, key, value] = &context.inputs[..] else { return Err(GraphError::new(node, "takes three inputs")) };
    let (from, to) = (context.first_shape()[0], key.shape[0]);
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
        return Ok(context.node(graph, &[query, &key, &value], attributes));
    }
    // The operator has a causal mask of its own; this mask hides keys at a distance of the window or more.
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
    Ok(context.node(graph, &[query, &key, &value, &mask], attributes))
}

/// Rotates by angles of position · base^(−2i / d) (Su et al. 2021, "RoFormer", section 3.2.2) from constant tables.
fn rotary(graph: &mut Builder, context: &Context<'_>, x: &str) -> Result<String, GraphError> {
    let node = context.node;
    let heads = node.int("num_heads", None)?;
    let [positions, width] = *context.shape else { return Err(GraphError::new(node, "takes a value of 2 axes")) };
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
    Ok(context.node(graph, &[x, &cos, &sin, &ids], attributes))
}

/// Scatters the softmax over the k largest numbers into zeros.
fn routing(graph: &mut Builder, context: &Context<'_>, x: &str) -> Result<String, GraphError> {
    let k = graph.ints(&[context.node.int("k", None)?]);
    let (values, indices) = (graph.fresh(&context.step("largest")), graph.fresh(&context.step("places")));
    graph.nodes.push(super::proto::Node {
        input: vec![x.to_owned(), k],
        output: vec![values.clone(), indices.clone()],
        name: values.clone(),
        op_type: "TopK".into(),
        attribute: vec![Attribute::int("axis", -1)],
        domain: String::new(),
    });
    let gates = graph.node(&context.step("gates"), "Softmax", &[&values], vec![Attribute::int("axis", -1)]);
    let shape = graph.node(&context.step("sizes"), "Shape", &[x], Vec::new());
    let zeros = graph.node(&context.step("zeros"), "ConstantOfShape", &[&shape], Vec::new());
    let axis = vec![Attribute::int("axis", -1)];
    Ok(graph.node(&context.node.name, "ScatterElements", &[&zeros, &indices, &gates], axis))
}
