//! The rows of every group, and the choice of groups that get a drawing of their own.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::fold::{Item, Segment, Signatures, Tree, Unit, segments, units};
use crate::kind::Kind;

/// The largest number of nodes of a chain that is one box.
const MAX_CHAIN: usize = 12;
/// The largest number of convolutions and products among them.
const MAX_CHAIN_PRODUCTS: usize = 4;
/// The largest number of rows of a chain that is always drawn in place.
const MAX_CHAIN_ROWS: usize = 4;
/// The largest number of boxes of a group that is drawn in place because it occurs once.
const MAX_BOXES_IN_PLACE: usize = 6;
/// The largest number of boxes of a group that is drawn in place within a block.
const MAX_BOXES_IN_BLOCK: usize = 12;

/// The units of one group, without what is inside of its own groups.
pub(super) struct Level {
    pub units: Vec<Unit>,
    pub segments: Vec<Segment>,
}

/// The levels of all groups, and the groups that are drawn as blocks.
pub(super) struct Levels<'t, 'g> {
    pub tree: &'t Tree<'g>,
    pub signatures: &'t Signatures,
    /// The levels so far, by group.
    levels: HashMap<usize, Rc<Level>>,
    /// How often each form occurs.
    occurrences: HashMap<u32, usize>,
    /// The forms of the blocks.
    blocks: HashSet<u32>,
}

impl<'t, 'g> Levels<'t, 'g> {
    pub fn new(tree: &'t Tree<'g>, signatures: &'t Signatures) -> Self {
        Self { tree, signatures, levels: HashMap::new(), occurrences: HashMap::new(), blocks: HashSet::new() }
    }

    pub fn level(&mut self, group: usize) -> Rc<Level> {
        if let Some(level) = self.levels.get(&group) {
            return Rc::clone(level);
        }
        let units = units(self.tree, group);
        let segments = segments(self.tree, self.signatures, &units);
        let level = Rc::new(Level { units, segments });
        self.levels.insert(group, Rc::clone(&level));
        level
    }

    /// Whether a group is drawn as one box: it has few nodes, each of which reads the one before.
    pub fn is_chain(&self, group: usize) -> bool {
        let it = &self.tree.groups[group];
        let nodes = &self.tree.graph.nodes;
        let constant = |leaf: &u32| nodes[*leaf as usize].op == "Constant";
        let chain: Vec<u32> = it.leaves.iter().copied().filter(|leaf| !constant(leaf)).collect();
        let reads = |pair: &[u32]| {
            let mut inputs = nodes[pair[1] as usize].inputs.iter().filter(|input| !constant(input));
            inputs.all(|input| *input == pair[0])
        };
        let heavy = |leaf: &&u32| {
            let kind = Kind::of(&nodes[**leaf as usize].op);
            matches!(kind, Kind::Convolution | Kind::Linear | Kind::Attention)
        };
        chain.len() <= MAX_CHAIN
            && chain.iter().filter(heavy).count() <= MAX_CHAIN_PRODUCTS
            && it.leaves.len() <= 2 * MAX_CHAIN
            && it.inputs.len() <= 1
            && it.outputs.len() <= 1
            && chain.windows(2).all(reads)
    }

    /// Whether every unit reads the one before it and nothing else.
    pub fn is_linear(&self, level: &Level) -> bool {
        let mut before: Option<HashSet<u32>> = None;
        for unit in &level.units {
            let own: HashSet<u32> = unit.items.iter().flat_map(|item| self.tree.leaves(item)).copied().collect();
            if let Some(before) = &before {
                let inputs = unit.items.iter().flat_map(|item| self.tree.inputs(*item));
                if !inputs.filter(|input| !own.contains(input)).all(|input| before.contains(input)) {
                    return false;
                }
            }
            before = Some(own);
        }
        true
    }

    /// Returns the groups within a group that are more than one box, one for each row, with the row's repetitions.
    fn children(&mut self, group: usize) -> Vec<(usize, usize)> {
        let level = self.level(group);
        let mut found = Vec::new();
        for segment in &level.segments {
            for unit in &level.units[segment.start..segment.start + segment.period] {
                if let [Item::Group(child)] = unit.items[..]
                    && !self.is_chain(child)
                {
                    found.push((child, segment.times));
                }
            }
        }
        found
    }

    fn count_occurrences(&mut self, group: usize) {
        for (child, times) in self.children(group) {
            let form = self.signatures.form(Item::Group(child));
            let count = self.occurrences.entry(form).or_default();
            *count += times;
            if *count == times {
                self.count_occurrences(child);
            }
        }
    }

    /// Whether a group has more structure than a short chain of nodes or a chain of groups.
    fn is_structured(&mut self, group: usize) -> bool {
        let level = self.level(group);
        if level.units.len() < 2 || !self.is_linear(&level) {
            return level.units.len() > 1;
        }
        let groups = self.children(group).len();
        if groups == 0 { level.segments.len() > MAX_CHAIN_ROWS } else { 2 * groups < level.segments.len() }
    }

    /// Chooses the groups that are drawn once as blocks.
    pub fn choose_blocks(&mut self) {
        self.count_occurrences(0);
        let mut open = vec![(0, false)];
        let mut seen = HashSet::new();
        while let Some((group, inside)) = open.pop() {
            for (child, _) in self.children(group) {
                let form = self.signatures.form(Item::Group(child));
                let again = self.occurrences.get(&form).is_some_and(|count| *count > 1);
                let boxes = self.level(child).units.len();
                let large = match (again, inside) {
                    (true, false) => true,
                    (false, false) => boxes > MAX_BOXES_IN_PLACE,
                    (_, true) => boxes > MAX_BOXES_IN_BLOCK,
                };
                let block = large && self.is_structured(child);
                if block {
                    self.blocks.insert(form);
                }
                if seen.insert(form) {
                    open.push((child, inside || block));
                }
            }
        }
    }

    /// Returns the form of a group that is a block; `None` for one that is drawn in place.
    pub fn block(&self, group: usize) -> Option<u32> {
        let form = self.signatures.form(Item::Group(group));
        self.blocks.contains(&form).then_some(form)
    }
}
