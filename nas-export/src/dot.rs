//! Writes a network in Graphviz's DOT language.

use std::fmt::Write;

use nas_api::{Attribute, Node};

use crate::Model;

/// Returns the graph as DOT. Each node is a box with its name, its operator with attributes, and its shape.
pub fn dot(model: &Model) -> String {
    let mut text = String::from("digraph network {\n");
    text.push_str("  rankdir=TB; node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=10];\n");
    let title = quoted(&[&model.about.space, " ", &model.about.text].concat());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  label={title}; labelloc=t;");
    for (position, (node, shape)) in model.whole.nodes.iter().zip(&model.whole_shapes).enumerate() {
        let sizes: Vec<String> = shape.iter().map(i64::to_string).collect();
        let label = [node.name.clone(), operator(node), sizes.join("×")].join("\n");
        let bold = if model.whole.outputs.contains(&(position as u32)) { ", penwidth=2" } else { "" };
        let _ = writeln!(text, "  n{position} [label={}{bold}];", quoted(&label));
    }
    for (position, node) in model.whole.nodes.iter().enumerate() {
        for input in &node.inputs {
            let _ = writeln!(text, "  n{input} -> n{position};");
        }
    }
    text.push_str("}\n");
    text
}

/// The operator with the attributes that differ from their defaults, such as `Conv 16, 3×3, strides 2×2`.
fn operator(node: &Node) -> String {
    let mut parts = Vec::new();
    for (name, value) in &node.attributes {
        let words = match value {
            Attribute::Ints(values) if values.iter().all(|&value| value == i64::from(name != "pads")) => continue,
            Attribute::Ints(values) => values.iter().map(i64::to_string).collect::<Vec<_>>().join("×"),
            Attribute::Floats(values) => values.iter().map(f64::to_string).collect::<Vec<_>>().join(" "),
            Attribute::Int(value) => value.to_string(),
            Attribute::Float(value) => value.to_string(),
            Attribute::Text(value) => value.clone(),
        };
        parts.push(match name.as_str() {
            "out_channels" | "out_features" | "kernel_shape" => words,
            "bias" if words == "1" => continue,
            "bias" => "no bias".to_owned(),
            "group" if words == "1" => continue,
            _ => format!("{name} {words}"),
        });
    }
    format!("{} {}", node.op, parts.join(", ")).trim_end().to_owned()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
