//! Charts as SVG, and the numbers behind them for who points at them.

use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde_json::{Value, json};

use crate::{ReportError, colour, text};

const WIDTH: u32 = 720;
const HEIGHT: u32 = 400;
const FONT: &str = "sans-serif";
const LABELS: u32 = 15;
/// What is smaller than this part of the greatest value is not told apart on a logarithmic axis.
const DECADES: f64 = 1e-4;
const GREY: RGBColor = RGBColor(90, 90, 90);

/// A drawn chart.
pub(crate) struct Chart {
    /// The picture. Elements of the strategy in place N have the class `sN`.
    pub svg: String,
    /// Where the axes lie in it, what they span, and all points; `null` where there is nothing to point at.
    pub points: Value,
}

/// What the axes are.
pub(crate) struct Axes<'a> {
    pub x: &'a str,
    pub y: &'a str,
    pub log_x: bool,
    pub log_y: bool,
    /// Curves: what lies before this share of the longest one does not decide the height.
    pub settled_after: f64,
}

/// One strategy's points.
pub(crate) struct Series {
    pub name: String,
    /// The strategy's place, for its colour.
    pub place: usize,
    /// x, y, and the band's lower and upper end.
    pub points: Vec<[f64; 4]>,
    /// Points are marked, and joined by steps.
    pub steps: bool,
}

fn failed(error: impl ToString) -> ReportError {
    ReportError::Draw(error.to_string())
}

/// The range of values, a little wider.
fn range(values: impl Iterator<Item = f64>, log: bool, margin: f64) -> Option<(f64, f64)> {
    let values = values.filter(|value| value.is_finite() && (!log || *value > 0.0));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), value| (l.min(value), h.max(value)));
    if low > high {
        return None;
    }
    if log {
        // Below, it is rounding.
        let low = low.max(high * DECADES);
        let factor = (high / low).powf(margin).max(1.05);
        return Some((low / factor, high * factor));
    }
    let more = if high > low { (high - low) * margin } else { high.abs().max(1.0) * 0.05 };
    Some((low - more, high + more))
}

/// Curves or fronts of several strategies; `None` where there is nothing to draw.
pub(crate) fn lines(axes: &Axes<'_>, mut series: Vec<Series>) -> Result<Option<Chart>, ReportError> {
    let all = || series.iter().flat_map(|series| &series.points);
    let last = all().map(|point| point[0]).fold(0.0, f64::max);
    let margin = if axes.settled_after > 0.0 || axes.log_x { 0.0 } else { 0.04 };
    let settled =
        all().filter(|point| point[0] >= last * axes.settled_after).flat_map(|point| [point[1], point[2], point[3]]);
    let (Some(x), Some(y)) = (range(all().map(|point| point[0]), axes.log_x, margin), range(settled, axes.log_y, 0.05))
    else {
        return Ok(None);
    };
    // What a logarithm cannot show, and what came before, is drawn at the edge.
    for point in series.iter_mut().flat_map(|series| &mut series.points) {
        point[1..].iter_mut().for_each(|value| *value = value.clamp(y.0, y.1));
    }
    let mut svg = String::new();
    let area = match (axes.log_x, axes.log_y) {
        (false, false) => draw(&mut svg, x.0..x.1, y.0..y.1, axes, &series),
        (true, false) => draw(&mut svg, (x.0..x.1).log_scale(), y.0..y.1, axes, &series),
        (false, true) => draw(&mut svg, x.0..x.1, (y.0..y.1).log_scale(), axes, &series),
        (true, true) => draw(&mut svg, (x.0..x.1).log_scale(), (y.0..y.1).log_scale(), axes, &series),
    }?;
    let shown = |series: &Series| {
        let points: Vec<Value> = series.points.iter().map(|point| json!(point.map(short))).collect();
        json!({"name": series.name, "place": series.place, "points": points})
    };
    let points = json!({
        "area": area, "x": [x.0, x.1], "y": [y.0, y.1], "logX": axes.log_x, "logY": axes.log_y,
        "labels": [axes.x, axes.y], "series": series.iter().map(shown).collect::<Vec<_>>(),
    });
    Ok(Some(Chart { svg: classed(svg, series.iter().map(|series| series.place)), points }))
}

/// Six significant digits are more than a screen shows.
fn short(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

type Pixels = [i32; 4];

fn draw<X, Y>(svg: &mut String, x: X, y: Y, axes: &Axes<'_>, series: &[Series]) -> Result<Pixels, ReportError>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let root = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(10)
        .margin_right(24)
        .x_label_area_size(48)
        .y_label_area_size(80)
        .build_cartesian_2d(x, y)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .axis_style(GREY)
        .x_labels(8)
        .y_labels(7)
        .x_desc(axes.x)
        .y_desc(axes.y)
        .x_label_formatter(&|value| text::number(*value))
        .y_label_formatter(&|value| text::number(*value))
        .label_style((FONT, LABELS).into_font().color(&GREY))
        .axis_desc_style((FONT, LABELS + 1).into_font().color(&BLACK))
        .draw()
        .map_err(failed)?;
    for Series { place, points, .. } in series {
        let band = points.iter().map(|[x, _, low, _]| (*x, *low));
        let band: Vec<_> = band.chain(points.iter().rev().map(|[x, _, _, high]| (*x, *high))).collect();
        if points.iter().any(|[_, _, low, high]| low < high) {
            chart.draw_series([Polygon::new(band, colour::of(*place).mix(0.13))]).map_err(failed)?;
        }
    }
    for Series { place, points, steps, .. } in series {
        let style = colour::of(*place).stroke_width(2);
        let mut line: Vec<(f64, f64)> = Vec::with_capacity(points.len());
        for [x, y, ..] in points {
            if let Some((_, before)) = line.last().copied().filter(|_| *steps) {
                line.push((*x, before));
            }
            line.push((*x, *y));
        }
        chart.draw_series(LineSeries::new(line, style)).map_err(failed)?;
        if *steps {
            let mark = |[x, y, ..]: &[f64; 4]| Circle::new((*x, *y), 3, colour::of(*place).filled());
            chart.draw_series(points.iter().map(mark)).map_err(failed)?;
        }
    }
    let (across, down) = chart.plotting_area().get_pixel_range();
    drop(chart);
    root.present().map_err(failed)?;
    drop(root);
    Ok([across.start, across.end, down.start, down.end])
}

/// Every element of a strategy's colour gets its class, and its dashes.
fn classed(mut svg: String, places: impl Iterator<Item = usize>) -> String {
    for place in places {
        let hex = colour::hex(place);
        let dashes = if colour::dashed(place) { " stroke-dasharray=\"7 4\"" } else { "" };
        svg = svg.replace(&format!("stroke=\"{hex}\""), &format!("class=\"s{place}\"{dashes} stroke=\"{hex}\""));
        svg = svg.replace(&format!("fill=\"{hex}\""), &format!("class=\"s{place}\" fill=\"{hex}\""));
    }
    svg
}

/// A critical-difference diagram (Demšar 2006, figure 1): mean ranks on a scale, the best at the left; who is joined by a
/// bar cannot be told apart.
pub(crate) fn critical_difference(
    names: &[(String, usize)],
    mean: &[f64],
    cliques: &[Vec<usize>],
    apart: f64,
) -> Result<Chart, ReportError> {
    let mut order: Vec<usize> = (0..mean.len()).collect();
    order.sort_by(|&a, &b| mean[a].total_cmp(&mean[b]));
    let half = mean.len().div_ceil(2);
    let bars = 14 * cliques.len() as i32;
    let (axis, row) = (64, 20);
    let height = axis + bars + row * half as i32 + 24;
    let (left, right) = (190, WIDTH as i32 - 190);
    let last = mean.len().max(2) as f64;
    let at = |rank: f64| left + ((rank - 1.0) / (last - 1.0) * f64::from(right - left)).round() as i32;
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (WIDTH, height as u32)).into_drawing_area();
    let font = (FONT, LABELS).into_font();
    let words = |x: i32, y: i32, words: String, anchor: HPos, colour: RGBColor| {
        let style = font.clone().color(&colour).pos(Pos::new(anchor, VPos::Center));
        root.draw(&Text::new(words, (x, y), style)).map_err(failed)
    };
    let line = |points: Vec<(i32, i32)>, style: ShapeStyle| root.draw(&PathElement::new(points, style)).map_err(failed);
    line(vec![(left, axis), (right, axis)], GREY.stroke_width(1))?;
    let every = mean.len().div_ceil(10);
    for rank in (1..=mean.len()).step_by(every) {
        let x = at(rank as f64);
        line(vec![(x, axis - 5), (x, axis)], GREY.stroke_width(1))?;
        words(x, axis - 14, rank.to_string(), HPos::Center, GREY)?;
    }
    let wide = at(1.0 + apart.min(last - 1.0)) - left;
    line(vec![(left, 22), (left + wide, 22)], BLACK.stroke_width(2))?;
    words(left + wide + 8, 22, format!("critical difference {}", text::number(apart)), HPos::Left, BLACK)?;
    for (level, clique) in cliques.iter().enumerate() {
        let ranks = || clique.iter().map(|&member| mean[member]);
        let y = axis + 12 + 14 * level as i32;
        let ends = (at(ranks().fold(f64::INFINITY, f64::min)) - 4, at(ranks().fold(0.0, f64::max)) + 4);
        line(vec![(ends.0, y), (ends.1, y)], BLACK.stroke_width(4))?;
    }
    for (position, &strategy) in order.iter().enumerate() {
        let (name, place) = &names[strategy];
        let (x, colour) = (at(mean[strategy]), colour::of(*place));
        let better = position < half;
        let level = if better { position } else { mean.len() - 1 - position };
        let y = axis + bars + 20 + row * level as i32;
        let (end, anchor, from) =
            if better { (left - 14, HPos::Right, left - 18) } else { (right + 14, HPos::Left, right + 18) };
        line(vec![(x, axis), (x, y), (end, y)], colour.stroke_width(1))?;
        words(from, y, format!("{name} {}", text::fixed(mean[strategy], 2)), anchor, BLACK)?;
    }
    root.present().map_err(failed)?;
    drop(root);
    Ok(Chart { svg: classed(svg, names.iter().map(|(_, place)| *place)), points: Value::Null })
}
