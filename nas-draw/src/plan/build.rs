//! From groups and rows to boxes and arrows.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use nas_api::graph::Shape;

use super::levels::Levels;
use super::names::{common, range, within, word};
use super::{Drawing, Edge, Frame, MOST_BOXES, Plan, Tile};
use crate::fold::{Item, Segment, Unit};
use crate::kind::{Kind, label};
use crate::text::{self, shortened};
use crate::{DrawError, Subject};

/// Longest line of a box.
pub(super) const LONGEST: usize = 34;
/// Names in a hint.
const HINTED: usize = 12;
/// Drawings of blocks at most.
const MOST_BLOCKS: usize = 16;
/// Places that a block's notes name.
const MOST_NOTES: usize = 8;
/// No row.
const ONCE: Segment = Segment { start: 0, period: 1, times: 1, parallel: false };
const NOWHERE: u32 = u32::MAX;

/// A block that is drawn by itself.
struct Block {
    form: u32,
    /// The one that is drawn.
    group: usize,
    /// Where it occurs: names, how often, shapes that go in and come out.
    places: Vec<(String, usize, String)>,
    covers: usize,
}

pub(super) struct Builder<'t, 'g, 's> {
    pub subject: &'s Subject<'s>,
    shapes: &'s [Shape],
    /// No output needs the node.
    pub unused: Vec<bool>,
    pub levels: Levels<'t, 'g>,
    blocks: Vec<Block>,
    /// Blocks whose drawing is still to be made.
    open: VecDeque<usize>,
}

/// One drawing being made.
pub(super) struct Page {
    pub drawing: Drawing,
    /// The path of the group that is drawn; names are shown within it.
    pub base: String,
    /// The box of every node.
    tiles: Vec<u32>,
    /// Of which repetitions of which rows every node is part.
    rows: HashMap<u32, Vec<(u32, u32)>>,
    count: u32,
}

impl<'t, 'g, 's> Builder<'t, 'g, 's> {
    pub fn new(subject: &'s Subject<'s>, shapes: &'s [Shape], levels: Levels<'t, 'g>) -> Self {
        let unused = nas_api::graph::needed(subject.graph).into_iter().map(|needed| !needed).collect();
        Self { subject, shapes, unused, levels, blocks: Vec::new(), open: VecDeque::new() }
    }

    pub fn plan(mut self) -> Result<Plan, DrawError> {
        let whole = self.draw(0)?;
        let mut drawings: Vec<(usize, Drawing)> = Vec::new();
        while let Some(block) = self.open.pop_front() {
            if drawings.len() == MOST_BLOCKS {
                let (nodes, boxes) = (self.subject.graph.nodes.len(), drawings.iter().map(|d| d.1.tiles.len()).sum());
                return Err(DrawError::TooLarge { nodes, boxes, place: String::new(), most: MOST_BOXES });
            }
            let drawing = self.draw(self.blocks[block].group)?;
            drawings.push((block, drawing));
        }
        // What most of the network is made of comes first.
        drawings.sort_by_key(|(block, _)| (std::cmp::Reverse(self.blocks[*block].covers), *block));
        let mut letters = vec![String::new(); self.blocks.len()];
        for (place, (block, drawing)) in drawings.iter_mut().enumerate() {
            let it = &self.blocks[*block];
            letters[*block] = letter(place);
            drawing.title = format!("{}: {}", letter(place), word(&self.levels.tree.groups[it.group].path));
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
        let mut page = Page {
            drawing: Drawing::default(),
            base,
            tiles: vec![NOWHERE; tree.graph.nodes.len()],
            rows: HashMap::new(),
            count: 0,
        };
        self.expand(&mut page, group, None)?;
        for (leaf, &tile) in (0_u32..).zip(&page.tiles) {
            if tile != NOWHERE {
                let tile = &mut page.drawing.tiles[tile as usize];
                tile.covers += 1;
                if tile.covers <= HINTED {
                    let node = &tree.graph.nodes[leaf as usize];
                    let shape = text::shape(&self.shapes[leaf as usize]);
                    let line = format!("{}: {}, gives {shape}", shortened(&node.name, 80), label(node));
                    tile.hint.push_str(if tile.hint.is_empty() { "" } else { "\n" });
                    tile.hint.push_str(&line);
                } else if tile.covers == HINTED + 1 {
                    tile.hint.push_str("\n…");
                }
            }
        }
        self.connect(&mut page, group);
        Ok(page.drawing)
    }

    fn expand(&mut self, page: &mut Page, group: usize, frame: Option<usize>) -> Result<(), DrawError> {
        let level = self.levels.level(group);
        for segment in &level.segments {
            let row = &level.units[segment.start..segment.start + segment.period];
            let again = |turn: usize| &level.units[segment.start + turn * segment.period..][..segment.period];
            let last = again(segment.times - 1);
            match row {
                [unit] => self.place(page, unit, &last[0], segment, frame)?,
                _ => {
                    let paths = |row: &[Unit]| {
                        common(row.iter().flat_map(|unit| &unit.items).map(|item| self.levels.tree.path(*item)))
                    };
                    let label = range(within(&paths(row), &page.base), within(&paths(last), &page.base));
                    let label = if label.is_empty() { "repeated".to_owned() } else { label };
                    let Segment { times, parallel, .. } = *segment;
                    page.drawing.frames.push(Frame { label, times, parallel, frame });
                    let own = Some(page.drawing.frames.len() - 1);
                    for unit in row {
                        self.place(page, unit, unit, &ONCE, own)?;
                    }
                }
            }
            page.count += 1;
            let number = page.count;
            for turn in (1..segment.times).rev() {
                for (unit, copy) in row.iter().zip(again(turn)) {
                    let leaves = |unit: &Unit| -> Vec<u32> {
                        unit.items.iter().flat_map(|item| self.levels.tree.leaves(item)).copied().collect()
                    };
                    for (leaf, copied) in leaves(unit).into_iter().zip(leaves(copy)) {
                        page.tiles[copied as usize] = page.tiles[leaf as usize];
                        let mut rows = page.rows.get(&leaf).cloned().unwrap_or_default();
                        rows.push((number, turn as u32));
                        page.rows.insert(copied, rows);
                        if turn == 1 {
                            page.rows.entry(leaf).or_default().push((number, 0));
                        }
                    }
                }
            }
            if page.drawing.tiles.len() > MOST_BOXES {
                return Err(self.too_large(page));
            }
        }
        Ok(())
    }

    fn too_large(&self, page: &Page) -> DrawError {
        DrawError::TooLarge {
            nodes: self.subject.graph.nodes.len(),
            boxes: page.drawing.tiles.len(),
            place: shortened(&page.base, 60),
            most: MOST_BOXES,
        }
    }

    /// A unit with all its repetitions, up to `last`.
    fn place(
        &mut self,
        page: &mut Page,
        unit: &Unit,
        last: &Unit,
        row: &Segment,
        frame: Option<usize>,
    ) -> Result<(), DrawError> {
        let tree = self.levels.tree;
        let group = match unit.items[..] {
            [Item::Group(group)] if !self.levels.is_chain(group) => group,
            _ => {
                self.tile(page, unit, last, row, frame);
                return Ok(());
            }
        };
        let end = match last.items[..] {
            [item] => tree.path(item),
            _ => "",
        };
        let (first, end) = (within(tree.path(unit.items[0]), &page.base), within(end, &page.base));
        if let Some(form) = self.levels.block(group) {
            self.refer(page, group, form, [first, end], row, frame);
            return Ok(());
        }
        let level = self.levels.level(group);
        // Names say enough of a chain that occurs once.
        if row.times == 1 && self.levels.is_linear(&level) {
            return self.expand(page, group, frame);
        }
        let Segment { times, parallel, .. } = *row;
        page.drawing.frames.push(Frame { label: range(first, end), times, parallel, frame });
        let own = Some(page.drawing.frames.len() - 1);
        self.expand(page, group, own)
    }

    /// A box for a block that is drawn by itself.
    fn refer(
        &mut self,
        page: &mut Page,
        group: usize,
        form: u32,
        [first, end]: [&str; 2],
        row: &Segment,
        frame: Option<usize>,
    ) {
        let tree = self.levels.tree;
        let number = self.blocks.iter().position(|block| block.form == form).unwrap_or_else(|| {
            self.blocks.push(Block { form, group, places: Vec::new(), covers: 0 });
            self.open.push_back(self.blocks.len() - 1);
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
            head: word(&it.path),
            lines: vec![shortened(&name, LONGEST)],
            choice: None,
            covers: 0,
            times: row.times,
            parallel: row.parallel,
            frame,
            hint: String::new(),
            content,
            block: Some(number),
            differs: false,
        };
        self.add(page, tile, &it.leaves);
    }

    pub fn add(&self, page: &mut Page, tile: Tile, leaves: &[u32]) {
        let number = page.drawing.tiles.len() as u32;
        leaves.iter().for_each(|&leaf| page.tiles[leaf as usize] = number);
        page.drawing.tiles.push(tile);
    }

    /// Arrows between the boxes, and the ends of a block.
    fn connect(&self, page: &mut Page, group: usize) {
        let tree = self.levels.tree;
        let it = &tree.groups[group];
        let many = it.inputs.len() > 1;
        let mut ends: HashMap<u32, usize> = HashMap::new();
        for (number, &input) in (1..).zip(&it.inputs) {
            let head = if many { format!("input {number}") } else { "input".to_owned() };
            ends.insert(input, page.drawing.tiles.len());
            page.drawing.tiles.push(end(head));
        }
        let mut known = HashSet::new();
        for &target in &it.leaves {
            for &source in &tree.graph.nodes[target as usize].inputs {
                let from = match page.tiles[source as usize] {
                    NOWHERE => ends.get(&source).copied(),
                    tile => Some(tile as usize),
                };
                let (Some(from), to) = (from, page.tiles[target as usize] as usize) else { continue };
                if from == to || !same_turn(page.rows.get(&source), page.rows.get(&target)) {
                    continue;
                }
                if known.insert((from, to)) {
                    let shape = self.shapes[source as usize].clone();
                    page.drawing.edges.push(Edge { source: from, target: to, shape, differs: false });
                }
            }
        }
        let outputs = if group == 0 { &tree.graph.outputs } else { &it.outputs };
        for (number, &output) in (1..).zip(outputs) {
            let head = if outputs.len() > 1 { format!("output {number}") } else { "output".to_owned() };
            let (source, target) = (page.tiles[output as usize] as usize, page.drawing.tiles.len());
            page.drawing.tiles.push(end(head));
            let shape = self.shapes[output as usize].clone();
            page.drawing.edges.push(Edge { source, target, shape, differs: false });
        }
    }
}

/// Two nodes of one row are joined only where they belong to the same repetition of it.
fn same_turn(a: Option<&Vec<(u32, u32)>>, b: Option<&Vec<(u32, u32)>>) -> bool {
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
        hint: String::new(),
        content: 0,
        block: None,
        differs: false,
    }
}

/// The same for the same operators, attributes and shapes, in any network.
pub(super) fn content(leaves: &[u32], builder: &Builder<'_, '_, '_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for &leaf in leaves {
        let node = &builder.subject.graph.nodes[leaf as usize];
        (&node.op, format!("{:?}", node.attributes), &builder.shapes[leaf as usize]).hash(&mut hasher);
        // The sizes of weights follow from what is read.
        node.inputs.iter().for_each(|&input| builder.shapes[input as usize].hash(&mut hasher));
    }
    hasher.finish()
}

/// A, B, … Z, then AA.
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
        if number + 1 == MOST_NOTES && block.places.len() > MOST_NOTES {
            notes.push(format!("and {} more places, {total} in all", block.places.len() - MOST_NOTES));
            break;
        }
    }
    notes
}
