//! Writes the page: titles, drawings side by side, the legend.

use std::collections::BTreeSet;

use graphlay::{Point, Rect};

use crate::DrawError;
use crate::kind::Kind;
use crate::layout::{self, BEHIND, HEAD, HEADER, LABEL, LEADING, LINE, PADDING, Placed, STRIPE};
use crate::plan::{Drawing, Plan, Tile};
use crate::svg::{self, Anchor, Svg, number};
use crate::text;

const MARGIN: f64 = 24.0;
const GAP: f64 = 36.0;
/// The ratio of width to height that a picture with many blocks should have.
const ASPECT: f64 = 1.5;
const INK: &str = "#1B1B1B";
const GREY: &str = "#555555";
const PALE: &str = "#BBBBBB";
/// The colour of differences. It is dark beside every other colour, and its lines are also thick and dashed.
const MARK: &str = "#882255";

/// One network of the page.
pub(crate) struct Side<'p> {
    pub title: &'p str,
    pub text: &'p str,
    pub costs: &'p str,
    pub plan: &'p Plan,
}

/// A drawing with its title and notes.
struct Panel<'p> {
    drawing: &'p Drawing,
    placed: Placed,
    title: String,
    notes: Vec<String>,
    width: f64,
    height: f64,
}

/// Writes the page as SVG, with lines about the differences above two networks.
pub(crate) fn page(sides: &[Side<'_>], differences: &[String]) -> Result<String, DrawError> {
    let mut svg = Svg::default();
    let mut top = MARGIN;
    let mut width: f64 = 0.0;
    if !differences.is_empty() {
        let title = sides.iter().map(|side| text::shortened(side.title, 60)).collect::<Vec<_>>().join(" and ");
        top += 18.0;
        svg.words(&title, Point::new(MARGIN, top), 18.0, true, INK, Anchor::Start);
        width = width.max(text::width(&title, 18.0, true));
        for line in differences {
            let line = text::shortened(line, 120);
            top += LEADING + 2.0;
            svg.words(&line, Point::new(MARGIN, top), 12.0, false, INK, Anchor::Start);
            width = width.max(text::width(&line, 12.0, false));
        }
        top += GAP / 2.0;
    }
    let mut left = MARGIN;
    let mut bottom = top;
    for (number, side) in sides.iter().enumerate() {
        if number > 0 {
            left += GAP;
        }
        let size = draw_side(&mut svg, side, Point::new(left, top))?;
        left += size.x;
        bottom = bottom.max(top + size.y);
    }
    width = width.max(left - MARGIN);
    if sides.len() > 1 {
        // A little more space below two networks.
        bottom += 4.0;
    }
    let kinds = sides.iter().flat_map(|side| std::iter::once(&side.plan.whole).chain(&side.plan.blocks));
    let tiles: Vec<&Tile> = kinds.flat_map(|drawing| &drawing.tiles).collect();
    let (legend_width, legend_height) =
        legend(&mut svg, &tiles, Point::new(MARGIN, bottom + GAP * 0.6), width.max(480.0));
    let width = width.max(legend_width) + 2.0 * MARGIN;
    let height = bottom + GAP * 0.6 + legend_height + MARGIN;
    let title = sides.iter().map(|side| side.title).collect::<Vec<_>>().join(" and ");
    Ok(svg.finish(width, height, &text::shortened(&title, 200)))
}

fn panel<'p>(drawing: &'p Drawing, title: &str) -> Result<Panel<'p>, DrawError> {
    let placed = layout::place(drawing)?;
    let mut notes: Vec<String> = drawing.notes.iter().map(|note| text::shortened(note, 70)).collect();
    if let Some(shape) = drawing.usual_shape() {
        let all = drawing.edges.iter().all(|edge| edge.shape == *shape);
        let which = if all { "every arrow carries" } else { "arrows without a shape carry" };
        notes.push(format!("{which} {}", text::shape(shape)));
    }
    let lines = notes.iter().map(|note| text::width(note, LINE, false)).fold(text::width(title, 15.0, true), f64::max);
    let above = if title.is_empty() { 0.0 } else { 22.0 + notes.len() as f64 * LEADING + 10.0 };
    let (width, height) = (placed.size.width.max(lines), placed.size.height + above);
    Ok(Panel { drawing, placed, title: title.to_owned(), notes, width, height })
}

/// Draws a network with its upper left corner here, and returns its size.
fn draw_side(svg: &mut Svg, side: &Side<'_>, corner: Point) -> Result<Point, DrawError> {
    let whole = panel(&side.plan.whole, if side.plan.blocks.is_empty() { "" } else { "network" })?;
    let blocks = side.plan.blocks.iter().map(|block| panel(block, &block.title)).collect::<Result<Vec<_>, _>>()?;
    // Blocks fill columns whose height keeps the picture somewhat wider than high.
    let area: f64 = blocks.iter().map(|block| (block.width + GAP) * (block.height + GAP)).sum();
    let tallest = blocks.iter().map(|block| block.height).fold(whole.height.max((area / ASPECT).sqrt()), f64::max);
    let mut places = vec![Point::new(0.0, 0.0)];
    let (mut x, mut y, mut column) = (whole.width + GAP, 0.0, 0.0_f64);
    for block in &blocks {
        if y > 0.0 && y + block.height > tallest {
            (x, y, column) = (x + column + GAP, 0.0, 0.0);
        }
        places.push(Point::new(x, y));
        y += block.height + GAP;
        column = column.max(block.width);
    }
    let width = if blocks.is_empty() { whole.width } else { x + column };
    let mut top = corner.y + 18.0;
    let title = text::shortened(side.title, 90);
    svg.words(&title, Point::new(corner.x, top), 18.0, true, INK, Anchor::Start);
    let room = width.max(560.0);
    let mut widest = width.max(text::width(&title, 18.0, true));
    for (words, colour) in [(side.text, INK), (side.costs, GREY)] {
        for line in text::wrapped(words, 12.0, room, 6) {
            top += LEADING + 2.0;
            svg.words(&line, Point::new(corner.x, top), 12.0, false, colour, Anchor::Start);
            widest = widest.max(text::width(&line, 12.0, false));
        }
    }
    top += GAP * 0.7;
    let mut bottom = top;
    for (panel, place) in std::iter::once(&whole).chain(&blocks).zip(places) {
        panel.draw(svg, Point::new(corner.x + place.x, top + place.y));
        bottom = bottom.max(top + place.y + panel.height);
    }
    Ok(Point::new(widest, bottom - corner.y))
}

impl Panel<'_> {
    fn draw(&self, svg: &mut Svg, corner: Point) {
        let mut top = corner.y;
        if !self.title.is_empty() {
            top += 15.0;
            svg.words(&self.title, Point::new(corner.x, top), 15.0, true, INK, Anchor::Start);
            for note in &self.notes {
                top += LEADING;
                svg.words(note, Point::new(corner.x, top), LINE, false, GREY, Anchor::Start);
            }
            top += 17.0;
        }
        let shift = format!("translate({} {})", number(corner.x), number(top));
        svg.open("g", &[("class", "drawing".into()), ("transform", shift)]);
        for (frame, rect) in self.drawing.frames.iter().zip(&self.placed.frames) {
            draw_frame(svg, &layout::frame_label(frame), frame.times, rect);
        }
        for (edge, arrow) in self.drawing.edges.iter().zip(&self.placed.arrows) {
            let (colour, stroke_width) = if edge.differs { (MARK, "2.6") } else { ("#666666", "1.3") };
            svg.empty(
                "path",
                &[
                    ("d", svg::path(&arrow.points)),
                    ("fill", "none".into()),
                    ("stroke", colour.into()),
                    ("stroke-width", stroke_width.into()),
                ],
            );
            if let Some(head) = svg::arrow_head(&arrow.points) {
                svg.empty("path", &[("d", head), ("fill", colour.into())]);
            }
        }
        for (edge, arrow) in self.drawing.edges.iter().zip(&self.placed.arrows) {
            if let Some(label) = arrow.label {
                draw_label(svg, &text::shape(&edge.shape), label);
            }
        }
        for (tile, rect) in self.drawing.tiles.iter().zip(&self.placed.tiles) {
            draw_tile(svg, tile, rect);
        }
        svg.close("g");
    }
}

fn rect(rect: &Rect, radius: f64, fill: &str, stroke: &str, stroke_width: f64) -> Vec<(&'static str, String)> {
    vec![
        ("x", number(rect.min.x)),
        ("y", number(rect.min.y)),
        ("width", number(rect.width())),
        ("height", number(rect.height())),
        ("rx", number(radius)),
        ("fill", fill.to_owned()),
        ("stroke", stroke.to_owned()),
        ("stroke-width", number(stroke_width)),
    ]
}

fn draw_frame(svg: &mut Svg, label: &str, times: usize, place: &Rect) {
    let mut attributes = rect(place, 8.0, "#FAFAFC", PALE, if times > 1 { 2.2 } else { 1.0 });
    attributes.push(("class", "frame".into()));
    if times == 1 {
        attributes.push(("stroke-dasharray", "5 3".into()));
    }
    svg.empty("rect", &attributes);
    let at = Point::new(place.min.x + 8.0, place.min.y + HEADER - 1.0);
    svg.words(label, at, LINE, true, GREY, Anchor::Start);
}

/// Draws a label on white, so that no arrow crosses it.
fn draw_label(svg: &mut Svg, words: &str, middle: Point) {
    let width = text::width(words, LABEL, false) + 4.0;
    let back = Rect::from_center(middle, graphlay::Size::new(width, LABEL + 1.0));
    let mut attributes = rect(&back, 2.0, "#FFFFFF", "none", 0.0);
    attributes.push(("fill-opacity", "0.85".into()));
    svg.empty("rect", &attributes);
    svg.words(words, Point::new(middle.x, middle.y + LABEL * 0.36), LABEL, false, GREY, Anchor::Middle);
}

fn draw_tile(svg: &mut Svg, tile: &Tile, place: &Rect) {
    let [full, light] = tile.kind.colours();
    let end = tile.kind == Kind::Border;
    let class = if tile.differs { "box differs" } else { "box" };
    svg.open("g", &[("class", class.into()), ("data-nodes", tile.covers.to_string())]);
    svg.tooltip(&tile.tooltip);
    let radius = if tile.round || end { place.height().min(28.0) / 2.0 } else { 5.0 };
    for behind in (1..=if tile.times > 1 { 2 } else { 0 }).rev().map(|step| f64::from(step) * BEHIND) {
        let back = Rect {
            min: Point::new(place.min.x + behind, place.min.y + behind),
            max: Point::new(place.max.x + behind, place.max.y + behind),
        };
        svg.empty("rect", &rect(&back, radius, light, full, 1.0));
    }
    let (stroke, stroke_width) = match (tile.differs, &tile.choice) {
        (true, _) => (MARK, 3.0),
        (false, Some(_)) => (INK, 2.2),
        (false, None) => (full, 1.2),
    };
    let mut attributes = rect(place, radius, light, stroke, stroke_width);
    attributes.push(("class", "face".into()));
    if tile.differs {
        attributes.push(("stroke-dasharray", "7 3".into()));
    }
    svg.empty("rect", &attributes);
    let middle = f64::midpoint(place.min.x, place.max.x);
    if tile.round {
        let y = f64::midpoint(place.min.y, place.max.y) + 5.5;
        svg.words(&tile.head, Point::new(middle, y), 16.0, true, INK, Anchor::Middle);
        svg.close("g");
        return;
    }
    if !end {
        let stripe = Rect {
            min: Point::new(place.min.x + 3.0, place.min.y + 4.0),
            max: Point::new(place.min.x + 3.0 + STRIPE - 2.0, place.max.y - 4.0),
        };
        svg.empty("rect", &rect(&stripe, 2.0, full, "none", 0.0));
    }
    let middle = if end { middle } else { middle + STRIPE / 2.0 };
    let mut y = place.min.y + PADDING + HEAD * 0.85;
    svg.words(&layout::head(tile), Point::new(middle, y), HEAD, true, INK, Anchor::Middle);
    for line in &tile.lines {
        y += LEADING;
        svg.words(line, Point::new(middle, y), LINE, false, GREY, Anchor::Middle);
    }
    if let Some(choice) = &tile.choice {
        y += LEADING;
        svg.words(choice, Point::new(middle, y), LINE, true, INK, Anchor::Middle);
    }
    svg.close("g");
}

/// Draws the legend of the colours and lines that occur, and returns its width and height.
fn legend(svg: &mut Svg, tiles: &[&Tile], corner: Point, room: f64) -> (f64, f64) {
    let kinds: BTreeSet<Kind> = tiles.iter().map(|tile| tile.kind).filter(|kind| *kind != Kind::Border).collect();
    let mut items: Vec<(String, [&str; 2], f64, bool)> = Kind::ALL
        .into_iter()
        .filter(|kind| kinds.contains(kind))
        .map(|kind| (kind.words().to_owned(), kind.colours(), 1.2, false))
        .collect();
    if tiles.iter().any(|tile| tile.choice.is_some()) {
        items.push(("made by the decision it names".to_owned(), [INK, "#FFFFFF"], 2.2, false));
    }
    if tiles.iter().any(|tile| tile.differs) {
        items.push(("not the same on the other side".to_owned(), [MARK, "#FFFFFF"], 3.0, true));
    }
    let (mut x, mut y, mut width) = (corner.x, corner.y, 0.0_f64);
    svg.open("g", &[("class", "legend".into())]);
    for (words, [full, light], line, dashed) in items {
        let own = 24.0 + text::width(&words, LINE, false) + 18.0;
        if x > corner.x && x + own > corner.x + room {
            (x, y) = (corner.x, y + 20.0);
        }
        let sample = Rect { min: Point::new(x, y), max: Point::new(x + 18.0, y + 12.0) };
        let mut attributes = rect(&sample, 3.0, light, full, line);
        if dashed {
            attributes.push(("stroke-dasharray", "5 2".into()));
        }
        svg.empty("rect", &attributes);
        svg.words(&words, Point::new(x + 24.0, y + 10.0), LINE, false, GREY, Anchor::Start);
        x += own;
        width = width.max(x - corner.x);
    }
    svg.close("g");
    (width, y - corner.y + 14.0)
}
