//! Numbers for items that are equal if their operators, attributes and connections are.

use std::collections::HashMap;

use nas_api::graph::Shape;
use nas_api::{Attribute, Node, Symbol};

use super::tree::{Item, Tree};

/// Two numbers for every node and group: the exact one and the one without sizes.
pub(crate) struct Signatures {
    leaves: Vec<[u32; 2]>,
    groups: Vec<[u32; 2]>,
}

/// Attributes that are sizes.
const SIZES: [&str; 8] =
    ["out_channels", "out_features", "num_embeddings", "embedding_dim", "shape", "num_groups", "group", "tied"];

impl Signatures {
    /// Computes all numbers in time proportional to the graph.
    pub fn of(tree: &Tree<'_>, shapes: &[Shape]) -> Self {
        let mut words: HashMap<String, u32> = HashMap::new();
        let mut leaf = |text: String| {
            let next = words.len() as u32;
            *words.entry(text).or_insert(next)
        };
        let leaves: Vec<[u32; 2]> = tree
            .graph
            .nodes
            .iter()
            .zip(shapes)
            .map(|(node, shape)| [leaf(exact(node, shape)), leaf(form(node))])
            .collect();
        let mut found = Self { leaves, groups: vec![[0; 2]; tree.groups.len()] };
        // Groups are numbered after the nodes, so that no number is used twice.
        let nodes = words.len() as u32;
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut sizes: HashMap<&[i64], u32> = HashMap::new();
        let mut places = vec![(u32::MAX, 0, 0); tree.graph.nodes.len()];
        // Children come after their parents, so that reverse order visits children first.
        for group in (0..tree.groups.len()).rev() {
            let it = &tree.groups[group];
            for (at, item) in (0..).zip(&it.items) {
                for (port, &output) in (0..).zip(tree.outputs(item)) {
                    places[output as usize] = (group as u32, at, port);
                }
            }
            let outside: HashMap<u32, u32> = it.inputs.iter().copied().zip(0..).collect();
            for (place, precise) in [(0, true), (1, false)] {
                let mut key = vec![u32::from(precise), it.items.len() as u32];
                for &item in &it.items {
                    key.push(found.number(item)[place]);
                    for input in tree.inputs(item) {
                        match outside.get(input) {
                            Some(&number) => key.extend([1, number]),
                            None => {
                                let (_, at, port) = places[*input as usize];
                                key.extend([2, at, port]);
                            }
                        }
                    }
                    key.push(3);
                }
                key.extend(it.outputs.iter().filter_map(|output| {
                    let (owner, at, _) = places[*output as usize];
                    (owner == group as u32).then_some(at)
                }));
                if precise {
                    for input in &it.inputs {
                        let next = sizes.len() as u32;
                        key.extend([4, *sizes.entry(&shapes[*input as usize]).or_insert(next)]);
                    }
                }
                let next = nodes + known.len() as u32;
                found.groups[group][place] = *known.entry(key).or_insert(next);
            }
        }
        found
    }

    fn number(&self, item: Item) -> [u32; 2] {
        match item {
            Item::Leaf(leaf) => self.leaves[leaf as usize],
            Item::Group(group) => self.groups[group],
        }
    }

    /// Returns a number that is equal for items of the same structure, sizes included.
    pub fn exact(&self, item: Item) -> u32 {
        self.number(item)[0]
    }

    /// Returns a number that is equal for items of the same structure, whatever their numbers of channels and features.
    pub fn form(&self, item: Item) -> u32 {
        self.number(item)[1]
    }
}

fn exact(node: &Node, shape: &[i64]) -> String {
    // Slices that take different parts of a value count as equal.
    let place = |name: &str| node.op == "Slice" && matches!(name, "start" | "end");
    let mut attributes: Vec<&(Symbol, Attribute)> = node.attributes.iter().filter(|(name, _)| !place(name)).collect();
    attributes.sort_by(|a, b| a.0.cmp(&b.0));
    format!("{} {attributes:?} {shape:?}", node.op)
}

fn form(node: &Node) -> String {
    let mut attributes: Vec<&(Symbol, Attribute)> =
        node.attributes.iter().filter(|(name, _)| !SIZES.contains(&name.as_str()) && node.op != "Slice").collect();
    attributes.sort_by(|a, b| a.0.cmp(&b.0));
    let group = match node.int("group", Some(1)) {
        Ok(1) => "",
        Ok(group) if node.int("out_channels", None) == Ok(group) => "depthwise",
        _ => "grouped",
    };
    format!("~{} {attributes:?} {group}", node.op)
}
