//! Lays out boxes, frames and arrows.

use graphlay::{GraphBuilder, LayoutOptions, NodeId, Point, Rect, Shape, Size, options};

use crate::DrawError;
use crate::plan::{Drawing, Frame, Tile, repetitions};
use crate::text;

/// The font size of the first line of a box.
pub(crate) const HEAD: f64 = 13.0;
/// The font size of the other lines.
pub(crate) const LINE: f64 = 11.0;
/// The font size of labels of arrows.
pub(crate) const LABEL: f64 = 10.5;
/// The distance between the lines of a box.
pub(crate) const LEADING: f64 = 15.0;
/// The width of the coloured stripe at the left of a box.
pub(crate) const STRIPE: f64 = 6.0;
/// The space above and below the lines of a box.
pub(crate) const PADDING: f64 = 7.0;
/// The distance between the boxes that stand behind a box for several nodes.
pub(crate) const BEHIND: f64 = 4.0;
/// The space for a frame's name.
pub(crate) const HEADER: f64 = 16.0;
/// The diameter of a round box.
const CIRCLE: f64 = 26.0;

/// The places of everything in a drawing.
pub(crate) struct Placed {
    pub tiles: Vec<Rect>,
    pub frames: Vec<Rect>,
    pub arrows: Vec<Arrow>,
    pub size: Size,
}

/// The points of an arrow, and the centre of its label.
pub(crate) struct Arrow {
    pub points: Vec<Point>,
    pub label: Option<Point>,
}

/// Returns the first line of a box.
pub(crate) fn head(tile: &Tile) -> String {
    format!("{}{}", tile.head, repetitions(tile.times, tile.parallel))
}

/// Returns the name of a frame.
pub(crate) fn frame_label(frame: &Frame) -> String {
    format!("{}{}", frame.label, repetitions(frame.times, frame.parallel))
}

fn size(tile: &Tile) -> Size {
    if tile.round {
        return Size::new(CIRCLE, CIRCLE);
    }
    let lines = tile.lines.iter().map(|line| text::width(line, LINE, false));
    let choice = tile.choice.iter().map(|choice| text::width(choice, LINE, true));
    let words = lines.chain(choice).fold(text::width(&head(tile), HEAD, true), f64::max);
    let count = 1 + tile.lines.len() + usize::from(tile.choice.is_some());
    Size::new((words + STRIPE + 20.0).max(64.0), count as f64 * LEADING + 2.0 * PADDING)
}

/// Lays out a drawing from top to bottom, with its upper left corner at (0, 0).
pub(crate) fn place(drawing: &Drawing) -> Result<Placed, DrawError> {
    let mut options = LayoutOptions::process_map();
    options.spacing.layer_gap = 26.0;
    options.spacing.node_gap = 28.0;
    options.spacing.dummy_gap = 22.0;
    options.spacing.compound_header = HEADER;
    options.spacing.compound_padding = 14.0;
    options.spacing.edge_label_margin = 20.0;
    options.spacing.stub = 10.0;
    // With frames, space that is reserved for labels at a frame's border would also be reserved inside it.
    options.labels.reservation = match drawing.frames.is_empty() {
        true => options::LabelReservation::Always,
        false => options::LabelReservation::WhenNeeded,
    };
    options.labels.clearance = 3.0;
    let mut graph = GraphBuilder::new();
    let mut frames: Vec<NodeId> = Vec::with_capacity(drawing.frames.len());
    for frame in &drawing.frames {
        let width = text::width(&frame_label(frame), LINE, true) + 24.0;
        let parent = frame.frame.map(|frame| frames[frame]);
        frames.push(graph.add_node(graphlay::Node {
            size: Size::new(width, 20.0),
            parent,
            ..graphlay::Node::default()
        }));
    }
    for tile in &drawing.tiles {
        let behind = if tile.times > 1 { 2.0 * BEHIND } else { 0.0 };
        graph.add_node(graphlay::Node {
            size: size(tile),
            shape: if tile.round { Shape::Ellipse } else { Shape::default() },
            parent: tile.frame.map(|frame| frames[frame]),
            margin: graphlay::Margins { cross_pos: behind, along_pos: behind, ..graphlay::Margins::default() },
            ..graphlay::Node::default()
        });
    }
    let usual = drawing.usual_shape();
    let labelled: Vec<bool> = drawing.edges.iter().map(|edge| usual != Some(&edge.shape)).collect();
    let node = |tile: usize| NodeId((drawing.frames.len() + tile) as u32);
    for (edge, labelled) in drawing.edges.iter().zip(&labelled) {
        let words = text::shape(&edge.shape);
        let label_size = labelled.then(|| Size::new(text::width(&words, LABEL, false) + 4.0, LABEL + 2.0));
        graph.add_edge(graphlay::Edge {
            label_size,
            thickness: 1.5,
            ..graphlay::Edge::new(node(edge.source), node(edge.target))
        });
    }
    let layout = graphlay::layout(&graph.build(), &options)?;
    let origin = layout.bounds.min;
    let moved = |point: Point| Point::new(point.x - origin.x, point.y - origin.y);
    let rects = layout.nodes.iter().map(|node| Rect::from_center(moved(node.center), node.size));
    let mut frames: Vec<Rect> = rects.collect();
    let tiles = frames.split_off(drawing.frames.len());
    let arrows = layout.edges.into_iter().zip(labelled).map(|(edge, labelled)| Arrow {
        points: edge.points.into_iter().map(moved).collect(),
        label: edge.label_anchor.filter(|_| labelled).map(moved),
    });
    let arrows: Vec<Arrow> = arrows.collect();
    let half = |at: usize| text::width(&text::shape(&drawing.edges[at].shape), LABEL, false) / 2.0;
    let labels = arrows.iter().enumerate().filter_map(|(at, arrow)| Some(arrow.label?.x + half(at)));
    let width = labels.fold(layout.bounds.max.x - origin.x, f64::max);
    let size = Size::new(width + 2.0 * BEHIND, layout.bounds.max.y - origin.y + 2.0 * BEHIND);
    Ok(Placed { tiles, frames, arrows, size })
}
