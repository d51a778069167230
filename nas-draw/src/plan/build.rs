//! Turns groups and rows into boxes and arrows.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use nas_api::graph::Shape;

use super::levels::Levels;
use super::names::{base_name, common_prefix, range, relative_to};
use super::{Drawing, Edge, Frame, MAX_BOXES, Plan, Tile};
use crate::fold::{Item, Segment, Unit};
use crate::kind::{Kind, label};
use crate::text::{self, shortened};
use crate::{DrawError, Subject};

/// The largest number of characters in a line of a box.
pub(super) const MAX_CHARACTERS: usize = 34;
/// The largest number of nodes in a tooltip.
const MAX_TOOLTIP_NODES: usize = 12;
/// The largest number of drawings of blocks.
const MAX_BLOCKS: usize = 16;
/// The largest number of places in the notes of a block.
const MAX_NOTES: usize = 8;
/// A unit that does not repeat.
const ONCE: Segment = Segment { start: 0, period: 1, times: 1, parallel: false };
/// The box of a node that is not in the drawing.
const NOWHERE: u32 = u32::MAX;

/// A block with a drawing of its own.
struct Block {
    form: u32,
    /// The group that is drawn.
    group: usize,
    /// Where the block occurs: names, repetitions, shapes of input and output.
    places: Vec<(String, usize, String)>,
    /// How many nodes it stands for in all places.
    covers: usize,
}

/// Builds the drawings of a network.
pub(super) struct Builder<'t, 'g, 's> {
    pub subject: &'s Subject<'s>,
    shapes: &'s [Shape],
    /// Whether no output needs each node.
    pub unused: Vec<bool>,
    pub levels: Levels<'t, 'g>,
    blocks: Vec<Block>,
    /// The blocks that are not drawn yet.
    pending: VecDeque<usize>,
}

/// A drawing that is being made.
pub(super) struct Draft {
    pub drawing: Drawing,
    /// The path of the group that is drawn, to which names are relative.
    pub base: String,
    /// The position of every node's box.
    tiles: Vec<u32>,
    /// The rows that each node is in, by number, with its repetition in each.
    rows: HashMap<u32, Vec<(u32, u32)>>,
    row_count: u32,
}

impl<'t, 'g, 's> Builder<'t, 'g, 's> {
    pub fn new(subject: &'s Subject<'s>, shapes: &'s [Shape], levels: Levels<'t, 'g>) -> Self {
        let unused = nas_api::graph::needed(subject.graph).into_iter().map(|needed| !needed).collect();
        Self { subject, shapes, unused, levels, blocks: Vec::new(), pending: VecDeque::new() }
    }

    /// Folds the network into its drawings.
    ///
    /// # Errors
    /// Fails if a drawing would have too many boxes, or there would be too many drawings.
    pub fn plan(mut self) -> Result<Plan, DrawError> {
        let whole = self.draw(0)?;
        let mut drawings: Vec<(usize, Drawing)> = Vec::new();
        while let Some(block) = self.pending.pop_front() {
            if drawings.len() == MAX_BLOCKS {
                let (nodes, boxes) = (self.subject.graph.nodes.len(), drawings.iter().map(|d| d.1.tiles.len()).sum());
                return Err(DrawError::TooLarge { nodes, boxes, place: String::new(), most: MAX_BOXES });
            }
            let drawing = self.draw(self.blocks[block].group)?;
            drawings.push((block, drawing));
        }
        // Blocks with the most nodes of the network come first.
        drawings.sort_by_key(|(block, _)| (std::cmp::Reverse(self.blocks[*block].covers), *block));
        let mut letters = vec![String::new(); self.blocks.len()];
        for (place, (block, drawing)) in drawings.iter_mut().enumerate() {
            let it = &self.blocks[*block];
            letters[*block] = letter(place);
            drawing.title = format!("{}: {}", letter(place), base_name(&self.levels.tree.groups[it.group].path));
            drawing.notes = notes(it);
        }
        let mut plan = Plan { whole, blocks: drawings.into_iter().map(|(_, drawing)| drawing).collect() };
        for tile in std::iter::once(&mut plan.whole).chain(&mut plan.blocks).flat_map(|drawing| &mut drawing.tiles) {
            if let Some(block) = tile.block {
                tile.head = format!("{}: {}", letters[block], tile.head);
            }
        }
        Ok(plan)
    }

    fn draw(&mut self, group: usize) -> Result<Drawing, DrawError> {
        let tree = self.levels.tree;
        let base = tree.groups[group].path.clone();
        let mut draft = Draft {
            drawing: Drawing::default(),
            base,
            tiles: vec![NOWHERE; tree.graph.nodes.len()],
            rows: HashMap::new(),
            row_count: 0,
        };
        self.expand(&mut draft, group, None)?;
        for (leaf, &tile) in (0_u32..).zip(&draft.tiles) {
            if tile != NOWHERE {
                let tile = &mut draft.drawing.tiles[tile as usize];
                tile.covers += 1;
                if tile.covers <= MAX_TOOLTIP_NODES {
                    let node = &tree.graph.nodes[leaf as usize];
                    let shape = text::shape(&self.shapes[leaf as usize]);
                    let line = format!("{}: {}, gives {shape}", shortened(&node.name, 80), label(node));
                    tile.tooltip.push_str(if tile.tooltip.is_empty() { "" } else { "\n" });
                    tile.tooltip.push_str(&line);
                } else if tile.covers == MAX_TOOLTIP_NODES + 1 {
                    tile.tooltip.push_str("\n…");
                }
            }
        }
        self.connect(&mut draft, group);
        Ok(draft.drawing)
    }

    fn expand(&mut self, draft: &mut Draft, group: usize, frame: Option<usize>) -> Result<(), DrawError> {
        let level = self.levels.level(group);
        for segment in &level.segments {
            let row = &level.units[segment.start..segment.start + segment.period];
            let repetition = |turn: usize| &level.units[segment.start + turn * segment.period..][..segment.period];
            let last = repetition(segment.times - 1);
            match row {
                [unit] => self.add_unit(draft, unit, &last[0], segment, frame)?,
                _ => {
                    let paths = |row: &[Unit]| {
                        common_prefix(row.iter().flat_map(|unit| &unit.items).map(|item| self.levels.tree.path(*item)))
                    };
                    let label = range(relative_to(&paths(row), &draft.base), relative_to(&paths(last), &draft.base));
                    let label = if label.is_empty() { "repeated".to_owned() } else { label };
                    let Segment { times, parallel, .. } = *segment;
                    draft.drawing.frames.push(Frame { label, times, parallel, frame });
                    let own = Some(draft.drawing.frames.len() - 1);
                    for unit in row {
                        self.add_unit(draft, unit, unit, &ONCE, own)?;
                    }
                }
            }
            draft.row_count += 1;
            let number = draft.row_count;
            for turn in (1..segment.times).rev() {
                for (unit, copy) in row.iter().zip(repetition(turn)) {
                    let leaves = |unit: &Unit| -> Vec<u32> {
                        unit.items.iter().flat_map(|item| self.levels.tree.leaves(item)).copied().collect()
                    };
                    for (leaf, copied) in leaves(unit).into_iter().zip(leaves(copy)) {
                        draft.tiles[copied as usize] = draft.tiles[leaf as usize];
                        let mut rows = draft.rows.get(&leaf).cloned().unwrap_or_default();
                        rows.push((number, turn as u32));
                        draft.rows.insert(copied, rows);
                        if turn == 1 {
                            draft.rows.entry(leaf).or_default().push((number, 0));
                        }
                    }
                }
            }
            if draft.drawing.tiles.len() > MAX_BOXES {
                return Err(self.too_large(draft));
            }
        }
        Ok(())
    }

    fn too_large(&self, draft: &Draft) -> DrawError {
        DrawError::TooLarge {
            nodes: self.subject.graph.nodes.len(),
            boxes: draft.drawing.tiles.len(),
            place: shortened(&draft.base, 60),
            most: MAX_BOXES,
        }
    }

    /// Adds a unit with all its repetitions, up to `last`.
    fn add_unit(
        &mut self,
        draft: &mut Draft,
        unit: &Unit,
        last: &Unit,
        row: &Segment,
        frame: Option<usize>,
    ) -> Result<(), DrawError> {
        let tree = self.levels.tree;
        let group = match unit.items[..] {
            [Item::Group(group)] if !self.levels.is_chain(group) => group,
            _ => {
                self.tile(draft, unit, last, row, frame);
                return Ok(());
            }
        };
        let end = match last.items[..] {
            [item] => tree.path(item),
            _ => "",
        };
        let (first, end) = (relative_to(tree.path(unit.items[0]), &draft.base), relative_to(end, &draft.base));
        if let Some(form) = self.levels.block(group) {
            self.add_block_box(draft, group, form, [first, end], row, frame);
            return Ok(());
        }
        let level = self.levels.level(group);
        // A chain that occurs once needs no frame: the names show the group.
        if row.times == 1 && self.levels.is_linear(&level) {
            return self.expand(draft, group, frame);
        }
        let Segment { times, parallel, .. } = *row;
        draft.drawing.frames.push(Frame { label: range(first, end), times, parallel, frame });
        let own = Some(draft.drawing.frames.len() - 1);
        self.expand(draft, group, own)
    }

    /// Adds a box that refers to a block.
    fn add_block_box(
        &mut self,
        draft: &mut Draft,
        group: usize,
        form: u32,
        [first, end]: [&str; 2],
        row: &Segment,
        frame: Option<usize>,
    ) {
        let tree = self.levels.tree;
        let number = self.blocks.iter().position(|block| block.form == form).unwrap_or_else(|| {
            self.blocks.push(Block { form, group, places: Vec::new(), covers: 0 });
            self.pending.push_back(self.blocks.len() - 1);
            self.blocks.len() - 1
        });
        let it = &tree.groups[group];
        let shape = |node: Option<&u32>| node.map(|&node| text::shape(&self.shapes[node as usize])).unwrap_or_default();
        let name = range(first, end);
        let (from, to) = (shape(it.inputs.first()), shape(it.outputs.first()));
        let shapes = if from == to { from } else { format!("{from} to {to}") };
        let full = range(&it.path, &format!("{}{}", &it.path[..it.path.len() - first.len().min(it.path.len())], end));
        self.blocks[number].places.push((full, row.times, shapes));
        self.blocks[number].covers += it.leaves.len() * row.times;
        let content = content(&it.leaves, self);
        let tile = Tile {
            path: it.path.clone(),
            kind: Kind::Block,
            round: false,
            head: base_name(&it.path),
            lines: vec![shortened(&name, MAX_CHARACTERS)],
            choice: None,
            covers: 0,
            times: row.times,
            parallel: row.parallel,
            frame,
            tooltip: String::new(),
            content,
            block: Some(number),
            differs: false,
        };
        self.add(draft, tile, &it.leaves);
    }

    pub fn add(&self, draft: &mut Draft, tile: Tile, leaves: &[u32]) {
        let number = draft.drawing.tiles.len() as u32;
        leaves.iter().for_each(|&leaf| draft.tiles[leaf as usize] = number);
        draft.drawing.tiles.push(tile);
    }

    /// Adds arrows between the boxes, and boxes for inputs and outputs.
    fn connect(&self, draft: &mut Draft, group: usize) {
        let tree = self.levels.tree;
        let it = &tree.groups[group];
        let many = it.inputs.len() > 1;
        let mut ends: HashMap<u32, usize> = HashMap::new();
        for (number, &input) in (1..).zip(&it.inputs) {
            let head = if many { format!("input {number}") } else { "input".to_owned() };
            ends.insert(input, draft.drawing.tiles.len());
            draft.drawing.tiles.push(end(head));
        }
        let mut known = HashSet::new();
        for &target in &it.leaves {
            for &source in &tree.graph.nodes[target as usize].inputs {
                let from = match draft.tiles[source as usize] {
                    NOWHERE => ends.get(&source).copied(),
                    tile => Some(tile as usize),
                };
                let (Some(from), to) = (from, draft.tiles[target as usize] as usize) else { continue };
                if from == to || !same_repetition(draft.rows.get(&source), draft.rows.get(&target)) {
                    continue;
                }
                if known.insert((from, to)) {
                    let shape = self.shapes[source as usize].clone();
                    draft.drawing.edges.push(Edge { source: from, target: to, shape, differs: false });
                }
            }
        }
        let outputs = if group == 0 { &tree.graph.outputs } else { &it.outputs };
        for (number, &output) in (1..).zip(outputs) {
            let head = if outputs.len() > 1 { format!("output {number}") } else { "output".to_owned() };
            let (source, target) = (draft.tiles[output as usize] as usize, draft.drawing.tiles.len());
            draft.drawing.tiles.push(end(head));
            let shape = self.shapes[output as usize].clone();
            draft.drawing.edges.push(Edge { source, target, shape, differs: false });
        }
    }
}

/// Whether two nodes belong to the same repetition of every row that both are in. Only then an arrow joins their boxes.
fn same_repetition(a: Option<&Vec<(u32, u32)>>, b: Option<&Vec<(u32, u32)>>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return true };
    a.iter().all(|(row, turn)| b.iter().all(|(other, its)| row != other || turn == its))
}

fn end(head: String) -> Tile {
    Tile {
        path: head.clone(),
        kind: Kind::Border,
        round: false,
        head,
        lines: Vec::new(),
        choice: None,
        covers: 0,
        times: 1,
        parallel: false,
        frame: None,
        tooltip: String::new(),
        content: 0,
        block: None,
        differs: false,
    }
}

/// Returns a hash that is equal for equal operators, attributes and shapes, in any network.
pub(super) fn content(leaves: &[u32], builder: &Builder<'_, '_, '_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for &leaf in leaves {
        let node = &builder.subject.graph.nodes[leaf as usize];
        (&node.op, format!("{:?}", node.attributes), &builder.shapes[leaf as usize]).hash(&mut hasher);
        // The shapes of weights depend on the inputs' shapes.
        node.inputs.iter().for_each(|&input| builder.shapes[input as usize].hash(&mut hasher));
    }
    hasher.finish()
}

/// Returns A, B, … Z, then AA and so on.
fn letter(number: usize) -> String {
    let last = char::from(b'A' + (number % 26) as u8).to_string();
    if number < 26 { last } else { format!("{}{last}", letter(number / 26 - 1)) }
}

fn notes(block: &Block) -> Vec<String> {
    let mut notes = Vec::new();
    let total: usize = block.places.iter().map(|(_, times, _)| times).sum();
    for (number, (name, times, shapes)) in block.places.iter().enumerate() {
        let often = if *times > 1 { format!(" ×{times}") } else { String::new() };
        let drawn = if number == 0 && block.places.len() > 1 { " (drawn)" } else { "" };
        notes.push(format!("{name}{often}: {shapes}{drawn}"));
        if number + 1 == MAX_NOTES && block.places.len() > MAX_NOTES {
            notes.push(format!("and {} more places, {total} in all", block.places.len() - MAX_NOTES));
            break;
        }
    }
    notes
}
