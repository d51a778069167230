//! Groups nodes by their names: `stage1.cell0.conv` is a node of the group `stage1.cell0`.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use nas_api::Graph;

/// The largest number of parts that a name is split into.
const MAX_DEPTH: usize = 8;

/// An element of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    /// A node, by its position in the graph.
    Leaf(u32),
    /// A group, by its position in the tree.
    Group(usize),
}

/// Nodes whose names begin alike. No path of the graph leaves a group and comes back, so that a group can be drawn as
/// one box.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// The common beginning of the names, without the last dot; empty for the whole network.
    pub path: String,
    /// The elements in topological order.
    pub items: Vec<Item>,
    /// All nodes, item by item.
    pub leaves: Vec<u32>,
    /// The nodes outside of the group that it reads, in the order of their first use.
    pub inputs: Vec<u32>,
    /// The nodes of the group that others read or that the network returns.
    pub outputs: Vec<u32>,
}

/// The groups of a graph; the whole network is group 0.
#[derive(Debug)]
pub(crate) struct Tree<'g> {
    pub graph: &'g Graph,
    pub groups: Vec<Group>,
    /// The nodes that read each node.
    pub readers: Vec<Vec<u32>>,
    /// Whether the network returns each node.
    pub returned: Vec<bool>,
}

impl<'g> Tree<'g> {
    /// Groups the nodes of a graph, which must be in topological order.
    pub fn of(graph: &'g Graph) -> Self {
        let mut readers = vec![Vec::new(); graph.nodes.len()];
        for (at, node) in (0..).zip(&graph.nodes) {
            node.inputs.iter().for_each(|&input| readers[input as usize].push(at));
        }
        let mut returned = vec![false; graph.nodes.len()];
        graph.outputs.iter().for_each(|&output| returned[output as usize] = true);
        let mut tree = Self { graph, groups: groups_by_name(graph), readers, returned };
        let mut owners = vec![(usize::MAX, 0); graph.nodes.len()];
        tree.sort_items(0, &mut owners);
        tree.collect_leaves(0);
        tree.find_inputs_and_outputs();
        tree
    }

    fn unsorted_leaves(&self, item: Item, into: &mut Vec<u32>) {
        match item {
            Item::Leaf(leaf) => into.push(leaf),
            Item::Group(group) => self.groups[group].items.iter().for_each(|&item| self.unsorted_leaves(item, into)),
        }
    }

    /// Sorts the items topologically. Groups that prevent this, because a path leaves and comes back, are dissolved.
    fn sort_items(&mut self, group: usize, owners: &mut [(usize, usize)]) {
        loop {
            let items = self.groups[group].items.clone();
            let mut leaves: Vec<Vec<u32>> = Vec::with_capacity(items.len());
            for (at, &item) in items.iter().enumerate() {
                let mut own = Vec::new();
                self.unsorted_leaves(item, &mut own);
                own.iter().for_each(|&leaf| owners[leaf as usize] = (group, at));
                leaves.push(own);
            }
            let mut edges: Vec<(usize, usize)> = Vec::new();
            for (at, own) in leaves.iter().enumerate() {
                for input in own.iter().flat_map(|&leaf| &self.graph.nodes[leaf as usize].inputs) {
                    let (level, source) = owners[*input as usize];
                    if level == group && source != at {
                        edges.push((source, at));
                    }
                }
            }
            let first: Vec<u32> = leaves.iter().map(|own| own.iter().min().copied().unwrap_or(0)).collect();
            let order = sorted(&first, &edges);
            if order.len() == items.len() {
                self.groups[group].items = order.into_iter().map(|at| items[at]).collect();
                break;
            }
            // The other items are on cycles or between them. Dissolving their groups removes the cycles, because single
            // nodes form none.
            let back: Vec<(usize, usize)> = edges.iter().map(|&(source, target)| (target, source)).collect();
            let mut open = vec![true; items.len()];
            order.into_iter().chain(sorted(&first, &back)).for_each(|at| open[at] = false);
            let mut kept = Vec::new();
            for (at, &item) in items.iter().enumerate() {
                match item {
                    Item::Group(child) if open[at] => kept.append(&mut self.groups[child].items),
                    item => kept.push(item),
                }
            }
            self.groups[group].items = kept;
        }
        for item in self.groups[group].items.clone() {
            if let Item::Group(child) = item {
                self.sort_items(child, owners);
            }
        }
    }

    /// Collects the leaves in order, and replaces groups of one item by the item.
    fn collect_leaves(&mut self, group: usize) {
        let mut items = std::mem::take(&mut self.groups[group].items);
        let mut leaves = Vec::new();
        for item in &mut items {
            if let Item::Group(child) = *item {
                self.collect_leaves(child);
                if let [only] = self.groups[child].items[..] {
                    *item = only;
                }
            }
            match *item {
                Item::Leaf(leaf) => leaves.push(leaf),
                Item::Group(child) => leaves.extend_from_slice(&self.groups[child].leaves),
            }
        }
        let it = &mut self.groups[group];
        (it.items, it.leaves) = (items, leaves);
    }

    fn find_inputs_and_outputs(&mut self) {
        let mut within = vec![usize::MAX; self.graph.nodes.len()];
        let mut read = vec![usize::MAX; self.graph.nodes.len()];
        for (at, group) in self.groups.iter_mut().enumerate() {
            group.leaves.iter().for_each(|&leaf| within[leaf as usize] = at);
            for &leaf in &group.leaves {
                for &input in &self.graph.nodes[leaf as usize].inputs {
                    if within[input as usize] != at && read[input as usize] != at {
                        read[input as usize] = at;
                        group.inputs.push(input);
                    }
                }
                let outside = |reader: &u32| within[*reader as usize] != at;
                if self.returned[leaf as usize] || self.readers[leaf as usize].iter().any(outside) {
                    group.outputs.push(leaf);
                }
            }
        }
    }

    /// Returns the nodes outside of an item that it reads; those of a single node may repeat.
    pub fn inputs(&self, item: Item) -> &[u32] {
        match item {
            Item::Leaf(leaf) => &self.graph.nodes[leaf as usize].inputs,
            Item::Group(group) => &self.groups[group].inputs,
        }
    }

    /// Returns the nodes of an item that others read.
    pub fn outputs<'t>(&'t self, item: &'t Item) -> &'t [u32] {
        match item {
            Item::Leaf(leaf) => std::slice::from_ref(leaf),
            Item::Group(group) => &self.groups[*group].outputs,
        }
    }

    /// Returns all nodes of an item, in an order that is equal for items of the same structure.
    pub fn leaves<'t>(&'t self, item: &'t Item) -> &'t [u32] {
        match item {
            Item::Leaf(leaf) => std::slice::from_ref(leaf),
            Item::Group(group) => &self.groups[*group].leaves,
        }
    }

    /// Returns the name of a node or the path of a group.
    pub fn path(&self, item: Item) -> &str {
        match item {
            Item::Leaf(leaf) => &self.graph.nodes[leaf as usize].name,
            Item::Group(group) => &self.groups[group].path,
        }
    }
}

/// Returns a topological order of the items that have one. Where several items may come next, the first of the network
/// does.
fn sorted(first: &[u32], edges: &[(usize, usize)]) -> Vec<usize> {
    let mut targets: Vec<Vec<usize>> = vec![Vec::new(); first.len()];
    let mut missing = vec![0_usize; first.len()];
    for &(source, target) in edges {
        targets[source].push(target);
        missing[target] += 1;
    }
    let ready = (0..first.len()).filter(|&at| missing[at] == 0).map(|at| Reverse((first[at], at)));
    let mut ready: BinaryHeap<_> = ready.collect();
    let mut order = Vec::with_capacity(first.len());
    while let Some(Reverse((_, at))) = ready.pop() {
        order.push(at);
        for &target in &targets[at] {
            missing[target] -= 1;
            if missing[target] == 0 {
                ready.push(Reverse((first[target], target)));
            }
        }
    }
    order
}

/// Returns the groups of the names, whose items are unsorted.
fn groups_by_name(graph: &Graph) -> Vec<Group> {
    let mut groups = vec![Group::default()];
    let mut known: HashMap<(usize, &str), usize> = HashMap::new();
    let mut parents = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let mut parent = 0;
        let mut rest = node.name.as_str();
        let mut length = 0;
        for _ in 1..MAX_DEPTH {
            let Some((part, after)) = rest.split_once('.') else { break };
            length += part.len() + usize::from(length > 0 || parent > 0);
            parent = *known.entry((parent, part)).or_insert_with(|| {
                groups.push(Group { path: node.name[..length.min(node.name.len())].to_owned(), ..Group::default() });
                groups.len() - 1
            });
            rest = after;
        }
        parents.push((parent, rest));
    }
    // A group takes the place of its first node.
    let mut placed = vec![false; groups.len()];
    let mut above = vec![0; groups.len()];
    known.iter().for_each(|((parent, _), group)| above[*group] = *parent);
    for (at, (parent, last)) in (0..).zip(parents) {
        // `attention` beside `attention.q`: the node belongs to the group of its name.
        let home = known.get(&(parent, last)).copied().unwrap_or(parent);
        groups[home].items.push(Item::Leaf(at));
        let mut group = home;
        while group != 0 && !placed[group] {
            placed[group] = true;
            groups[above[group]].items.push(Item::Group(group));
            group = above[group];
        }
    }
    groups
}
