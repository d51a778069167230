//! Layers that several places of a network have in common.

use nas_api::{Attribute, Symbol};

use super::known::Known;
use super::node::{At, text};
use super::reader::Reader;

/// A layer with weights. One that has all tensors and attributes of an earlier one is that layer once more.
pub fn layer<'m>(
    reader: &mut Reader<'m>,
    at: &At<'m>,
    value: u32,
    mut attributes: Vec<(Symbol, Attribute)>,
) -> Result<(), String> {
    let op = at.node.op_type.as_str();
    let given = at.inputs.iter().skip(1).flatten();
    // A tensor that is read in another order of its axes is another tensor.
    let tensors: Option<Vec<_>> = given
        .map(|known| match known {
            Known::Tensor { tensor, turned: false, .. } => Some(std::ptr::from_ref(*tensor)),
            _ => None,
        })
        .collect();
    let known = tensors.as_ref().and_then(|tensors| reader.layers.get(tensors));
    let owner = known
        .map(|&known| &reader.graph.nodes[known as usize])
        .filter(|known| known.op == op && known.attributes == attributes)
        .map(|known| known.name.clone());
    if let Some(owner) = &owner {
        attributes.push(text("tied", owner));
    }
    let (node, shape) = at.emit(reader, op, &[value], attributes)?;
    if let (None, Some(tensors)) = (owner, tensors) {
        reader.layers.entry(tensors).or_insert(node);
    }
    at.gives(reader, Known::Node { node, shape })
}
