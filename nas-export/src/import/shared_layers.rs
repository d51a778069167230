//! Imports layers that share all their weights.

use nas_api::{Attribute, Symbol};

use super::node::{OnnxNode, text};
use super::reader::Reader;
use super::value_facts::Fact;

/// Imports a layer with weights. It is tied to an earlier layer with the same tensors and attributes.
///
/// # Errors
/// Fails if the operator does not take the input.
pub fn layer<'m>(
    reader: &mut Reader<'m>,
    onnx: &OnnxNode<'m>,
    value: u32,
    mut attributes: Vec<(Symbol, Attribute)>,
) -> Result<(), String> {
    let op = onnx.node.op_type.as_str();
    let given = onnx.inputs.iter().skip(1).flatten();
    // A transposed tensor counts as another tensor.
    let tensors: Option<Vec<_>> = given
        .map(|fact| match fact {
            Fact::Tensor { tensor, transposed: false, .. } => Some(std::ptr::from_ref(*tensor)),
            _ => None,
        })
        .collect();
    let earlier = tensors.as_ref().and_then(|tensors| reader.layers.get(tensors));
    let owner = earlier
        .map(|&layer| &reader.graph.nodes[layer as usize])
        .filter(|layer| layer.op == op && layer.attributes == attributes)
        .map(|layer| layer.name.clone());
    if let Some(owner) = &owner {
        attributes.push(text("tied", owner));
    }
    let (node, shape) = onnx.emit(reader, op, &[value], attributes)?;
    if let (None, Some(tensors)) = (owner, tensors) {
        reader.layers.entry(tensors).or_insert(node);
    }
    onnx.define_output(reader, Fact::Node { node, shape })
}
