//! The rows of every group, and which groups get a drawing of their own.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::fold::{Item, Segment, Signatures, Tree, Unit, segments, units};
use crate::kind::Kind;

/// A chain of so many nodes is one box,
const CHAIN: usize = 12;
/// with so many convolutions and products at most.
const HEAVY: usize = 4;
/// A chain of so many rows is drawn where it stands, however often.
const SHORT: usize = 4;
/// A group that occurs once is drawn where it stands if it has no more boxes than this,
const SMALL: usize = 6;
/// within a block, as one that occurs again, no more than this.
const NESTED: usize = 12;

/// What stands on the level of one group.
pub(super) struct Level {
    pub units: Vec<Unit>,
    pub segments: Vec<Segment>,
}

pub(super) struct Levels<'t, 'g> {
    pub tree: &'t Tree<'g>,
    pub signatures: &'t Signatures,
    known: HashMap<usize, Rc<Level>>,
    /// How often a form occurs.
    occurs: HashMap<u32, usize>,
    blocks: HashSet<u32>,
}

impl<'t, 'g> Levels<'t, 'g> {
    pub fn new(tree: &'t Tree<'g>, signatures: &'t Signatures) -> Self {
        Self { tree, signatures, known: HashMap::new(), occurs: HashMap::new(), blocks: HashSet::new() }
    }

    pub fn level(&mut self, group: usize) -> Rc<Level> {
        if let Some(level) = self.known.get(&group) {
            return Rc::clone(level);
        }
        let units = units(self.tree, group);
        let segments = segments(self.tree, self.signatures, &units);
        let level = Rc::new(Level { units, segments });
        self.known.insert(group, Rc::clone(&level));
        level
    }

    /// A group of few nodes, each of which reads the one before: one box.
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
        chain.len() <= CHAIN
            && chain.iter().filter(heavy).count() <= HEAVY
            && it.leaves.len() <= 2 * CHAIN
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

    /// The groups within a group that are more than a box, the first of each row.
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

    fn count(&mut self, group: usize) {
        for (child, times) in self.children(group) {
            let form = self.signatures.form(Item::Group(child));
            let count = self.occurs.entry(form).or_default();
            *count += times;
            if *count == times {
                self.count(child);
            }
        }
    }

    /// A group with more structure than a short chain, and than a chain of such groups.
    fn is_structured(&mut self, group: usize) -> bool {
        let level = self.level(group);
        if level.units.len() < 2 || !self.is_linear(&level) {
            return level.units.len() > 1;
        }
        let groups = self.children(group).len();
        if groups == 0 { level.segments.len() > SHORT } else { 2 * groups < level.segments.len() }
    }

    /// Finds the groups that are drawn once, by themselves.
    pub fn choose_blocks(&mut self) {
        self.count(0);
        let mut open = vec![(0, false)];
        let mut seen = HashSet::new();
        while let Some((group, inside)) = open.pop() {
            for (child, _) in self.children(group) {
                let form = self.signatures.form(Item::Group(child));
                let again = self.occurs.get(&form).is_some_and(|occurs| *occurs > 1);
                let boxes = self.level(child).units.len();
                let large = match (again, inside) {
                    (true, false) => true,
                    (false, false) => boxes > SMALL,
                    (_, true) => boxes > NESTED,
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

    /// The number of the block's form; `None` for a group that is drawn where it stands.
    pub fn block(&self, group: usize) -> Option<u32> {
        let form = self.signatures.form(Item::Group(group));
        self.blocks.contains(&form).then_some(form)
    }
}
