//! Imports nodes with several inputs.

use super::node::{OnnxNode, float, int};
use super::pattern::weight;
use super::reader::Reader;
use super::value_facts::Fact;

/// Imports a node with several inputs. Returns `false` if it has an operator of another kind.
///
/// # Errors
/// Fails if the operator has inputs or attributes that are not supported here.
pub fn read<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>) -> Result<bool, String> {
    match onnx.node.op_type.as_str() {
        "Add" if bias(reader, onnx)? => {}
        op @ ("Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min") if onnx.inputs.len() == 2 => {
            let operands = operands(reader, onnx)?;
            onnx.replace_with(reader, op, &operands, Vec::new())?;
        }
        op @ ("Sum" | "Max" | "Min") => {
            let operands = operands(reader, onnx)?;
            match (op, &operands[..]) {
                ("Sum", _) => onnx.replace_with(reader, op, &operands, Vec::new())?,
                (_, [first, rest @ ..]) if !rest.is_empty() => {
                    let mut last = *first;
                    for next in &rest[..rest.len() - 1] {
                        last = onnx.emit(reader, op, &[last, *next], Vec::new())?.0;
                    }
                    onnx.replace_with(reader, op, &[last, rest[rest.len() - 1]], Vec::new())?;
                }
                _ => return onnx.refuse("has too few inputs"),
            }
        }
        "Concat" => {
            let operands = operands(reader, onnx)?;
            onnx.replace_with(reader, "Concat", &operands, vec![int("axis", onnx.int("axis", i64::MIN)?)])?;
        }
        "MatMul" => match onnx.input(1)? {
            Fact::Tensor { dims, transposed, .. } if dims.len() == 2 && (*transposed || !reader.ours) => {
                linear(reader, onnx, dims[0], dims[1], false)?;
            }
            _ => {
                let operands = operands(reader, onnx)?;
                onnx.replace_with(reader, "MatMul", &operands, Vec::new())?;
            }
        },
        "Gemm" => {
            let one = |name: &str| Ok::<_, String>(onnx.float(name)?.unwrap_or(1.0) == 1.0);
            let (_, dims) = onnx.weight(1)?;
            let &[from, to] = &dims[..] else { return onnx.refuse("multiplies by weights that are not a matrix") };
            let (from, to) = if onnx.int("transB", 0)? == 0 { (from, to) } else { (to, from) };
            let bias = onnx.optional(2).is_some();
            if onnx.int("transA", 0)? != 0 || !one("alpha")? || (bias && !one("beta")?) {
                return onnx.refuse("transposes or scales its operands");
            }
            if bias {
                onnx.check_weight(2, &[to])?;
            }
            linear(reader, onnx, from, to, bias)?;
        }
        "Attention" => attention(reader, onnx)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Returns the inputs as values of the network. Tensors of the file become learned values or constants.
fn operands<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>) -> Result<Vec<u32>, String> {
    let ranks = onnx.inputs.iter().flatten().filter_map(|fact| match fact {
        Fact::Node { shape, .. } => Some(shape.len()),
        _ => None,
    });
    let Some(rank) = ranks.max() else { return onnx.refuse("computes nothing from the network's input") };
    let mut operands = Vec::with_capacity(onnx.inputs.len());
    for position in 0..onnx.inputs.len() {
        operands.push(match onnx.input(position)? {
            Fact::Node { node, .. } => *node,
            Fact::Float(value) => onnx.emit(reader, "Constant", &[], vec![float("value_float", *value)])?.0,
            Fact::Tensor { tensor, dims, .. } => {
                // A size of 1 in the batch's place means that every example has the same value.
                let dims = if dims.len() > rank && dims[0] == 1 { &dims[1..] } else { &dims[..] };
                let number = dims.iter().all(|&size| size == 1) && tensor.data_location == 0;
                weight(reader, onnx, tensor, if number { &[] } else { dims })?.0
            }
            _ => return onnx.refuse(format!("cannot take its input {}", position + 1)),
        });
    }
    Ok(operands)
}

/// Imports an addition of weights to a matrix product that no other node reads as the product's bias.
fn bias<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>) -> Result<bool, String> {
    for (value, weights) in [(0, 1), (1, 0)] {
        let (Some(Fact::Node { node, shape }), Some(Fact::Tensor { dims, .. })) =
            (onnx.optional(value), onnx.optional(weights))
        else {
            continue;
        };
        let product = &reader.graph.nodes[*node as usize];
        let free = product.op == "Gemm" && product.int("bias", Some(1)) == Ok(0);
        if free
            && shape.last().is_some_and(|&width| dims[..] == [width])
            && reader.readers(&onnx.node.input[value]) == 1
        {
            let node = *node;
            reader.graph.nodes[node as usize].attributes.retain(|(name, _)| name != "bias");
            reader.rename(node, &onnx.node.name);
            onnx.define_output(reader, Fact::Node { node, shape: shape.clone() })?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Imports a fully connected layer. It is tied to an earlier one with the same weights.
fn linear<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>, from: i64, to: i64, bias: bool) -> Result<(), String> {
    let (value, shape) = onnx.value(0)?;
    if shape.last() != Some(&from) {
        return onnx.refuse(format!("multiplies values of the shape {shape:?} by weights for {from} features"));
    }
    let (tensor, _) = onnx.weight(1)?;
    let mut attributes = vec![int("out_features", to)];
    if !bias {
        attributes.push(int("bias", 0));
    }
    let owner = reader.owner(tensor);
    if let Some(owner) = owner {
        let owner = &reader.graph.nodes[owner as usize];
        if !matches!(owner.op.as_str(), "Gemm" | "Gather") {
            return onnx.refuse(format!("shares its weights with a {}", owner.op));
        }
        attributes.push(super::node::text("tied", &owner.name.clone()));
    }
    let (node, shape) = onnx.emit(reader, "Gemm", &[value], attributes)?;
    if owner.is_none() {
        reader.own(tensor, node);
    }
    onnx.define_output(reader, Fact::Node { node, shape })
}

fn attention<'m>(reader: &mut Reader<'m>, onnx: &OnnxNode<'m>) -> Result<(), String> {
    onnx.allow_attributes(&[
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
        let (node, shape) = onnx.value(position)?;
        if shape.len() != 2 {
            return onnx.refuse("takes queries, keys and values of two axes beside the batch");
        }
        inputs.push(node);
    }
    if onnx.inputs.iter().skip(4).any(Option::is_some) {
        return onnx.refuse("takes past keys and values, which networks here do not");
    }
    let causal = onnx.int("is_causal", 0)?;
    let mut attributes = vec![
        int("q_num_heads", onnx.int("q_num_heads", 0)?),
        int("kv_num_heads", onnx.int("kv_num_heads", 0)?),
        int("is_causal", causal),
    ];
    for name in ["scale", "softcap"] {
        if let Some(value) = onnx.float(name)?.filter(|&value| name == "scale" || value != 0.0) {
            attributes.push(float(name, value));
        }
    }
    match onnx.optional(3) {
        None => {}
        Some(Fact::Window(window)) if causal == 1 => attributes.push(int("window", *window)),
        Some(_) => return onnx.refuse("has a mask that is neither causal nor a window"),
    }
    onnx.replace_with(reader, "Attention", &inputs, attributes)
}
