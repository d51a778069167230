//! Nodes with several inputs.

use super::known::Known;
use super::node::{At, float, int};
use super::pattern::weight;
use super::reader::Reader;

/// Reads a node with several inputs; `false` where it is none.
pub fn read<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<bool, String> {
    match at.node.op_type.as_str() {
        "Add" if bias(reader, at)? => {}
        op @ ("Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min") if at.inputs.len() == 2 => {
            let operands = operands(reader, at)?;
            at.becomes(reader, op, &operands, Vec::new())?;
        }
        op @ ("Sum" | "Max" | "Min") => {
            let operands = operands(reader, at)?;
            match (op, &operands[..]) {
                ("Sum", _) => at.becomes(reader, op, &operands, Vec::new())?,
                (_, [first, rest @ ..]) if !rest.is_empty() => {
                    let mut last = *first;
                    for next in &rest[..rest.len() - 1] {
                        last = at.emit(reader, op, &[last, *next], Vec::new())?.0;
                    }
                    at.becomes(reader, op, &[last, rest[rest.len() - 1]], Vec::new())?;
                }
                _ => return at.wrong("has too few inputs"),
            }
        }
        "Concat" => {
            let operands = operands(reader, at)?;
            at.becomes(reader, "Concat", &operands, vec![int("axis", at.int("axis", i64::MIN)?)])?;
        }
        "MatMul" => match at.input(1)? {
            Known::Tensor { dims, turned, .. } if dims.len() == 2 && (*turned || !reader.ours) => {
                linear(reader, at, dims[0], dims[1], false)?;
            }
            _ => {
                let operands = operands(reader, at)?;
                at.becomes(reader, "MatMul", &operands, Vec::new())?;
            }
        },
        "Gemm" => {
            let one = |name: &str| Ok::<_, String>(at.float(name)?.unwrap_or(1.0) == 1.0);
            let (_, dims) = at.weight(1)?;
            let &[from, to] = &dims[..] else { return at.wrong("multiplies with weights that are no matrix") };
            let (from, to) = if at.int("transB", 0)? == 0 { (from, to) } else { (to, from) };
            let bias = at.optional(2).is_some();
            if at.int("transA", 0)? != 0 || !one("alpha")? || (bias && !one("beta")?) {
                return at.wrong("turns or scales its operands");
            }
            if bias {
                at.weight_of(2, &[to])?;
            }
            linear(reader, at, from, to, bias)?;
        }
        "Attention" => attention(reader, at)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The inputs as values of the network; tensors of the file become learned values or constants.
fn operands<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<Vec<u32>, String> {
    let ranks = at.inputs.iter().flatten().filter_map(|known| match known {
        Known::Node { shape, .. } => Some(shape.len()),
        _ => None,
    });
    let Some(rank) = ranks.max() else { return at.wrong("computes nothing from the network's input") };
    let mut operands = Vec::with_capacity(at.inputs.len());
    for position in 0..at.inputs.len() {
        operands.push(match at.input(position)? {
            Known::Node { node, .. } => *node,
            Known::Float(value) => at.emit(reader, "Constant", &[], vec![float("value_float", *value)])?.0,
            Known::Tensor { tensor, dims, .. } => {
                // An axis of size 1 where the batch is says that the value is the same for every example.
                let dims = if dims.len() > rank && dims[0] == 1 { &dims[1..] } else { &dims[..] };
                let number = dims.iter().all(|&size| size == 1) && tensor.data_location == 0;
                weight(reader, at, tensor, if number { &[] } else { dims })?.0
            }
            _ => return at.wrong(format!("cannot take its input {}", position + 1)),
        });
    }
    Ok(operands)
}

/// An addition of weights to a matrix product that nobody else reads is its bias.
fn bias<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<bool, String> {
    for (value, weights) in [(0, 1), (1, 0)] {
        let (Some(Known::Node { node, shape }), Some(Known::Tensor { dims, .. })) =
            (at.optional(value), at.optional(weights))
        else {
            continue;
        };
        let product = &reader.graph.nodes[*node as usize];
        let free = product.op == "Gemm" && product.int("bias", Some(1)) == Ok(0);
        if free && shape.last().is_some_and(|&width| dims[..] == [width]) && reader.readers(&at.node.input[value]) == 1
        {
            let node = *node;
            reader.graph.nodes[node as usize].attributes.retain(|(name, _)| name != "bias");
            reader.rename(node, &at.node.name);
            at.gives(reader, Known::Node { node, shape: shape.clone() })?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// A fully connected layer. Two that have the same weights are tied.
fn linear<'m>(reader: &mut Reader<'m>, at: &At<'m>, from: i64, to: i64, bias: bool) -> Result<(), String> {
    let (value, shape) = at.value(0)?;
    if shape.last() != Some(&from) {
        return at.wrong(format!("multiplies values of the sizes {shape:?} with weights for {from}"));
    }
    let (tensor, _) = at.weight(1)?;
    let mut attributes = vec![int("out_features", to)];
    if !bias {
        attributes.push(int("bias", 0));
    }
    let owner = reader.owner(tensor);
    if let Some(owner) = owner {
        let owner = &reader.graph.nodes[owner as usize];
        if !matches!(owner.op.as_str(), "Gemm" | "Gather") {
            return at.wrong(format!("shares its weights with a {}", owner.op));
        }
        attributes.push(super::node::text("tied", &owner.name.clone()));
    }
    let (node, shape) = at.emit(reader, "Gemm", &[value], attributes)?;
    if owner.is_none() {
        reader.own(tensor, node);
    }
    at.gives(reader, Known::Node { node, shape })
}

fn attention<'m>(reader: &mut Reader<'m>, at: &At<'m>) -> Result<(), String> {
    at.only(&[
        "q_num_heads",
        "kv_num_heads",
        "is_causal",
        "softcap",
        "scale",
        "qk_matmul_output_mode",
        "softmax_precision",
    ])?;
    let mut inputs = Vec::new();
    for position in 0..3 {
        let (node, shape) = at.value(position)?;
        if shape.len() != 2 {
            return at.wrong("takes queries, keys and values of two axes beside the batch");
        }
        inputs.push(node);
    }
    if at.inputs.iter().skip(4).any(Option::is_some) {
        return at.wrong("takes earlier keys and values, which networks here do not");
    }
    let causal = at.int("is_causal", 0)?;
    let mut attributes = vec![
        int("q_num_heads", at.int("q_num_heads", 0)?),
        int("kv_num_heads", at.int("kv_num_heads", 0)?),
        int("is_causal", causal),
    ];
    for name in ["scale", "softcap"] {
        if let Some(value) = at.float(name)?.filter(|&value| name == "scale" || value != 0.0) {
            attributes.push(float(name, value));
        }
    }
    match at.optional(3) {
        None => {}
        Some(Known::Window(window)) if causal == 1 => attributes.push(int("window", *window)),
        Some(_) => return at.wrong("has a mask that is neither causal nor a window"),
    }
    at.becomes(reader, "Attention", &inputs, attributes)
}
