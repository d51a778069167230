//! Draws critical-difference diagrams.

use std::fmt::Write;

use serde_json::Value;

use super::{BACKGROUND, Chart, FONT, stroke};
use crate::text;

/// The largest number of strategies for a diagram of half the page's width.
const MAX_NARROW: usize = 8;
/// The distance between two rows of names.
const ROW: i32 = 20;
/// The distance between two bars.
const BAR: i32 = 10;
const GREY: &str = "#505050";
const BLACK: &str = "#000000";

/// Draws mean ranks on a scale, the best at the left, with bars that join strategies without a significant difference
/// (Demšar 2006, figure 1). `names` are the strategies with their places, `mean` has their mean ranks, and `apart` is
/// the critical difference.
pub(crate) fn critical_difference(
    names: &[(String, usize)],
    mean: &[f64],
    cliques: &[Vec<usize>],
    apart: f64,
) -> Chart {
    let mut order: Vec<usize> = (0..mean.len()).collect();
    order.sort_by(|&a, &b| mean[a].total_cmp(&mean[b]));
    let half = mean.len().div_ceil(2);
    let narrow = mean.len() <= MAX_NARROW;
    // The width of the diagram, the space for names at each side, and the letters that fit there.
    let (width, side, letters) = if narrow { (640, 225, 24) } else { (1000, 265, 28) };
    let (left, right, axis) = (side, width - side, 58);
    let bars = BAR * cliques.len() as i32;
    let height = axis + bars + ROW * half as i32 + 22;
    let last = mean.len().max(2) as f64;
    let at = |rank: f64| left + ((rank - 1.0) / (last - 1.0) * f64::from(right - left)).round() as i32;
    let mut svg = format!(
        "<svg class=\"ranks{}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"{FONT}\" font-size=\"14\" role=\"img\" aria-label=\"mean ranks\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n{BACKGROUND}",
        if narrow { "" } else { " wide" }
    );
    // Writing to a string cannot fail.
    let label = |svg: &mut String, x: i32, y: i32, anchor: &str, fill: &str, label: &str| {
        let label = text::escaped(label);
        let _ =
            writeln!(svg, "<text x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\" fill=\"{fill}\">{label}</text>", y + 5);
    };
    let line = |svg: &mut String, from: (i32, i32), to: (i32, i32), look: &str| {
        let _ = writeln!(svg, "<path fill=\"none\" {look} d=\"M{} {}L{} {}\"/>", from.0, from.1, to.0, to.1);
    };
    let thin = format!("stroke=\"{GREY}\"");
    line(&mut svg, (left, axis), (right, axis), &thin);
    for rank in (1..=mean.len()).step_by(mean.len().div_ceil(20)) {
        let x = at(rank as f64);
        line(&mut svg, (x, axis - 5), (x, axis), &thin);
        label(&mut svg, x, axis - 14, "middle", GREY, &rank.to_string());
    }
    let far = at(1.0 + apart.min(last - 1.0));
    line(&mut svg, (left, 18), (far, 18), "stroke=\"#000000\" stroke-width=\"2\"");
    for end in [left, far] {
        line(&mut svg, (end, 14), (end, 22), "stroke=\"#000000\" stroke-width=\"2\"");
    }
    label(&mut svg, far + 8, 18, "start", BLACK, &format!("critical difference {}", text::number(apart)));
    for (position, &strategy) in order.iter().enumerate() {
        let (name, place) = &names[strategy];
        let x = at(mean[strategy]);
        let better = position < half;
        let level = if better { position } else { mean.len() - 1 - position };
        let y = axis + bars + 18 + ROW * level as i32;
        let (end, anchor, from) =
            if better { (left - 14, "end", left - 18) } else { (right + 14, "start", right + 18) };
        let _ = writeln!(
            svg,
            "<g class=\"s{place} name\"><path class=\"s{place} line\" fill=\"none\" {} stroke-width=\"1.5\" \
             d=\"M{x} {axis}L{x} {y}L{end} {y}\"/>",
            stroke(*place)
        );
        let shown = format!("{} {}", text::shortened(name, letters), text::fixed(mean[strategy], 2));
        label(&mut svg, from, y, anchor, BLACK, &shown);
        svg.push_str("</g>\n");
    }
    // The bars lie on top of the lines that they join.
    for (level, clique) in cliques.iter().enumerate() {
        let ranks = || clique.iter().map(|&member| mean[member]);
        let y = axis + 9 + BAR * level as i32;
        let ends = (at(ranks().fold(f64::INFINITY, f64::min)) - 4, at(ranks().fold(0.0, f64::max)) + 4);
        line(&mut svg, (ends.0, y), (ends.1, y), "stroke=\"#000000\" stroke-width=\"4\"");
    }
    svg.push_str("</svg>\n");
    Chart { svg, points: Value::Null }
}
