//! Writes a network as a readable module of PyTorch, and its `state_dict` as safetensors.

mod forward;
mod helpers;
mod layers;
mod names;

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use nas_api::graph::GraphError;

use crate::safetensors_writer::{Entry, write_entries};
use crate::{ExportError, Model, Weights, write_text};
use forward::{Context, Value, expression};
use names::{PythonNames, list, quoted};
use nas_api::graph::weights::{TensorSpec, shared_owner, tensor_specs};

/// Writes the module to `path` (`net.py`) and its weights beside it (`net.safetensors`), and returns both paths.
///
/// # Errors
/// Fails if the graph has an operator that the export does not know, the weights are not those of the network, or a
/// file cannot be written.
pub fn write(model: &Model, weights: &Weights, path: &Path) -> Result<Vec<PathBuf>, ExportError> {
    let slots = tensor_specs(&model.graph, &model.shapes)?;
    let Generated { text, keys } = generate(model, &slots)?;
    let entries: Vec<Entry<'_>> =
        keys.into_iter().map(|(name, slot)| Entry { name, slot: slot.map(|slot| &slots[slot]) }).collect();
    let beside = path.with_extension("safetensors");
    write_entries(model, &entries, weights, &beside)?;
    write_text(path, &text)?;
    Ok(vec![path.to_owned(), beside])
}

/// Returns the module's text.
///
/// # Errors
/// Fails if the graph has an operator that the export does not know.
pub fn module(model: &Model) -> Result<String, ExportError> {
    Ok(generate(model, &tensor_specs(&model.graph, &model.shapes)?)?.text)
}

struct Generated {
    text: String,
    /// The keys of `state_dict` with their slots; `None` for the count of batches that a normalisation has processed.
    keys: Vec<(String, Option<usize>)>,
}

fn generate(model: &Model, slots: &[TensorSpec]) -> Result<Generated, GraphError> {
    let mut names = PythonNames::new();
    let (mut init, mut body) = (String::new(), String::new());
    let mut keys = Vec::new();
    let mut modules: HashMap<&str, String> = HashMap::new();
    let mut values: Vec<Value> = Vec::with_capacity(model.graph.nodes.len());
    let mut input = String::new();
    // The first slot of this node or of a later one.
    let mut next = 0;
    for (position, node) in model.graph.nodes.iter().enumerate() {
        let shape = model.shape(position as u32);
        let name = names.identifier(&node.name);
        next += slots[next..].iter().take_while(|slot| slot.node < position).count();
        if node.op == "Input" {
            input.clone_from(&name);
            values.push(Value { text: name, shape: shape.to_vec(), batched: true });
            continue;
        }
        let first = node.inputs.first().map_or(&[][..], |&input| model.shape(input));
        let owner = match node.text("tied", "")? {
            "" => None,
            source => {
                let known = modules.get(source).cloned();
                Some(known.ok_or_else(|| GraphError::attribute(node, "tied", "names a node without a weight"))?)
            }
        };
        let mut module = String::new();
        if let (Some(owner), Some(_)) = (&owner, shared_owner(node)?) {
            module.clone_from(owner);
        } else if let Some(layer) = layers::layer(node, first, shape)? {
            module = format!("self.{name}");
            // Writing to a string cannot fail.
            let _ = writeln!(init, "        {module} = {layer}");
            let own = slots[next..].iter().take_while(|slot| slot.node == position);
            for (at, slot) in (next..).zip(own) {
                let end =
                    layers::keys(node)?.into_iter().find(|(_, what)| *what == slot.what).map_or("", |(end, _)| end);
                keys.push((if end.is_empty() { name.clone() } else { format!("{name}.{end}") }, Some(at)));
            }
            if node.op == "BatchNormalization" {
                keys.push((format!("{name}.num_batches_tracked"), None));
            }
            modules.insert(&node.name, module.clone());
        }
        let tied = owner.map_or_else(String::new, |owner| format!("{owner}.weight"));
        let inputs: Vec<Value> = node.inputs.iter().map(|&input| values[input as usize].clone()).collect();
        let context = Context { node, shape, inputs: &inputs, module: &module, tied: &tied, input: &input };
        let (text, batched) = expression(&context)?;
        let text = if matches!(node.op.as_str(), "Weight" | "Constant") {
            text
        } else {
            let sizes = if batched { format!("batch, {}", list(shape)) } else { list(shape) };
            let _ = writeln!(body, "        {name} = {text}  # [{}]", sizes.trim_end_matches(", "));
            name
        };
        values.push(Value { text, shape: shape.to_vec(), batched });
    }
    let returned: Vec<String> =
        model.graph.outputs.iter().map(|&output| values[output as usize].with_batch(&input)).collect();

    let mut text =
        String::from("\"\"\"A network of `nas`; `load()` returns it with the weights beside this file.\"\"\"\n\n");
    text.push_str(
        "from pathlib import Path\n\nimport torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n",
    );
    let _ = writeln!(text, "SPACE = {}\nGENOTYPE = {}\n", quoted(&model.about.space), quoted(&model.about.text));
    for (name, helper) in helpers::HELPERS.iter().filter(|(name, _)| body.contains(&format!(" {name}("))) {
        debug_assert!(helper.starts_with(&format!("def {name}(")));
        let _ = writeln!(text, "\n{helper}");
    }
    let pass = if init.is_empty() { "" } else { "\n" };
    let _ = write!(
        text,
        "\nclass Network(nn.Module):\n    def __init__(self):\n        super().__init__()\n{init}{pass}    \
         def forward(self, {input}):  # [batch, {}]\n{body}        return {}\n\n\n",
        list(model.shape(input_position(model))),
        returned.join(", ")
    );
    text.push_str(
        "def load(path=Path(__file__).with_suffix(\".safetensors\")):\n    from safetensors.torch import load_file\n\n\
         \x20   network = Network()\n    network.load_state_dict(load_file(path))\n    return network.eval()\n",
    );
    Ok(Generated { text, keys })
}

fn input_position(model: &Model) -> u32 {
    // Shape inference has checked that there is one.
    model.graph.nodes.iter().position(|node| node.op == "Input").unwrap_or(0) as u32
}
