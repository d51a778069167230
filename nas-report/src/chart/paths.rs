//! Draws the data of a chart: bands, lines, marks, and names beside the lines' ends.

use std::fmt::Write;

use super::frame::WIDTH;
use super::{Series, stroke};
use crate::colour;
use crate::text::{escaped, shortened};

/// The largest number of letters of a name beside its line.
const MAX_NAME: usize = 24;
const NAME_SIZE: f64 = 14.0;
/// The average width of a letter relative to the font size.
const LETTER: f64 = 0.53;
/// The distance from a line's end to its name.
const LEADER: i32 = 16;

/// Converts values to pixels.
pub(super) struct Scale {
    pub area: [i32; 4],
    pub x: (f64, f64),
    pub y: (f64, f64),
    pub log_x: bool,
    pub log_y: bool,
}

impl Scale {
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let part = |value: f64, (low, high): (f64, f64), log: bool| match log {
            true => (value / low).ln() / (high / low).ln(),
            false => (value - low) / (high - low),
        };
        let [left, right, top, bottom] = self.area.map(f64::from);
        // Values without a logarithm are on the axis. Values far outside, from before the curves settled, are clipped.
        let lowest = if self.log_y { 0.0 } else { -1.0 };
        let up = part(y, self.y, self.log_y).clamp(lowest, 2.0);
        (left + part(x, self.x, self.log_x) * (right - left), bottom - up * (bottom - top))
    }
}

/// Returns the width of the names with the lines that lead to them.
pub(super) fn names_width(strong: &[&Series]) -> u32 {
    let letters = strong.iter().map(|series| series.name.chars().count().min(MAX_NAME)).max().unwrap_or(0);
    (f64::from(LEADER) + 10.0 + NAME_SIZE * LETTER * letters as f64).ceil() as u32
}

/// Returns the points that a line needs, without those inside of its flat stretches.
pub(super) fn essential(points: &[[f64; 4]]) -> Vec<[f64; 4]> {
    let flat = |at: usize| {
        let same = |other: &[f64; 4]| other[1..] == points[at][1..];
        at > 0 && at + 1 < points.len() && same(&points[at - 1]) && same(&points[at + 1])
    };
    (0..points.len()).filter(|&at| !flat(at)).map(|at| points[at]).collect()
}

fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let mut text = String::new();
    for (at, (x, y)) in points.enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{} {}", if at == 0 { "M" } else { "L" }, tenths(x), tenths(y));
    }
    text
}

fn tenths(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// Draws bands below lines, thin lines below thick ones, and the best on top, clipped to the plotting area.
pub(super) fn data(scale: &Scale, series: &[Series]) -> String {
    let [left, right, top, bottom] = scale.area;
    let (width, height) = (right - left, bottom - top);
    let mut svg = format!(
        "<svg x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" viewBox=\"{left} {top} {width} {height}\" \
         overflow=\"hidden\" fill=\"none\" stroke-linejoin=\"round\">\n"
    );
    let mut order: Vec<&Series> = series.iter().rev().collect();
    order.sort_by_key(|series| series.strong);
    for Series { place, points, strong, banded, .. } in &order {
        if points.iter().any(|[_, _, low, high]| low < high) {
            let points = essential(points);
            let lower = points.iter().map(|[x, _, low, _]| scale.at(*x, *low));
            let upper = points.iter().rev().map(|[x, _, _, high]| scale.at(*x, *high));
            let class = if *strong { "" } else { " rest" };
            let opacity = if *banded { "0.13" } else { "0" };
            let (fill, shape) = (colour::hex(*place), path(lower.chain(upper)));
            let _ = writeln!(
                svg,
                "<path class=\"s{place} band{class}\" fill=\"{fill}\" fill-opacity=\"{opacity}\" d=\"{shape}Z\"/>"
            );
        }
    }
    for Series { place, points, steps, strong, .. } in &order {
        let mut line: Vec<(f64, f64)> = Vec::with_capacity(points.len());
        for [x, y, ..] in essential(points) {
            if let Some((_, before)) = line.last().copied().filter(|_| *steps) {
                line.push((x, before));
            }
            line.push((x, y));
        }
        let (class, look) =
            if *strong { ("", "stroke-width=\"2\"") } else { (" rest", "stroke-width=\"1\" stroke-opacity=\"0.45\"") };
        let (colours, shape) = (stroke(*place), path(line.iter().map(|(x, y)| scale.at(*x, *y))));
        let _ = writeln!(svg, "<path class=\"s{place} line{class}\" {colours} {look} d=\"{shape}\"/>");
        if *steps {
            for (x, y) in points.iter().map(|[x, y, ..]| scale.at(*x, *y)) {
                let (fill, x, y) = (colour::hex(*place), tenths(x), tenths(y));
                let _ = writeln!(
                    svg,
                    "<circle class=\"s{place} mark{class}\" fill=\"{fill}\" cx=\"{x}\" cy=\"{y}\" r=\"3\"/>"
                );
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Draws the names of thick lines beside their ends, one below the other where ends are close.
pub(super) fn names(scale: &Scale, strong: &[&Series]) -> String {
    let [_, right, top, bottom] = scale.area.map(f64::from);
    let end = |series: &&Series| {
        let [x, y, ..] = series.points.last()?;
        let y = if series.steps { top } else { scale.at(*x, *y).1.clamp(top, bottom) };
        Some((y, series.place, series.name.clone()))
    };
    let mut ends: Vec<(f64, usize, String)> = strong.iter().filter_map(end).collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    let row = NAME_SIZE + 3.0;
    // Rows are placed from the top down. Those that went too far are moved up from the bottom.
    let mut rows: Vec<f64> = Vec::new();
    for (y, ..) in &ends {
        rows.push(rows.last().map_or(top + row / 2.0, |above| above + row).max(*y));
    }
    let mut limit = bottom;
    for y in rows.iter_mut().rev() {
        *y = y.min(limit);
        limit = *y - row;
    }
    let mut svg = String::new();
    let steps = strong.iter().any(|series| series.steps);
    for ((from, place, name), y) in ends.iter().zip(rows) {
        let from = if steps { y } else { *from };
        let words = right + f64::from(LEADER);
        let lead = path([(right + 1.0, from), (words - 8.0, y), (words - 3.0, y)].into_iter());
        let _ = writeln!(
            svg,
            "<g class=\"s{place} name\"><path fill=\"none\" stroke=\"{}\" stroke-width=\"2\" d=\"{lead}\"/>\
             <text x=\"{}\" y=\"{}\" font-size=\"{NAME_SIZE}\" fill=\"#1B1B1B\">{}</text></g>",
            colour::hex(*place),
            tenths(words),
            tenths(y + NAME_SIZE * 0.35),
            escaped(&shortened(name, MAX_NAME)),
        );
    }
    debug_assert!(right < f64::from(WIDTH));
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ends_of_a_flat_stretch_are_kept() {
        let points: Vec<[f64; 4]> =
            [1.0, 2.0, 2.0, 2.0, 2.0, 3.0].iter().zip(0..).map(|(y, x)| [f64::from(x), *y, *y, *y]).collect();
        let kept: Vec<f64> = essential(&points).iter().map(|point| point[0]).collect();
        assert_eq!(kept, [0.0, 1.0, 4.0, 5.0]);
        assert!(essential(&[]).is_empty());
    }

    #[test]
    fn names_never_overlap() {
        let scale = Scale { area: [0, 400, 0, 300], x: (0.0, 1.0), y: (0.0, 1.0), log_x: false, log_y: false };
        let series = |place: usize, end: f64| Series {
            name: format!("<{place}>"),
            place,
            points: vec![[1.0, end, end, end]],
            steps: false,
            strong: true,
            banded: true,
        };
        for ends in [[0.0, 0.0, 0.01, 0.02, 0.5], [1.0, 1.0, 1.0, 0.99, 0.98], [0.5, 0.5, 0.5, 0.5, 9.0]] {
            let all: Vec<Series> = ends.iter().enumerate().map(|(place, end)| series(place, *end)).collect();
            let svg = names(&scale, &all.iter().collect::<Vec<_>>());
            assert!(!svg.contains("><0>") && svg.contains("&lt;0&gt;"), "{svg}");
            let y = |part: &str| part.split('"').next().and_then(|y| y.parse::<f64>().ok());
            let rows: Vec<f64> = svg.split(" y=\"").skip(1).filter_map(y).collect();
            assert_eq!(rows.len(), 5);
            assert!(rows.windows(2).all(|pair| pair[1] - pair[0] > NAME_SIZE), "{rows:?}");
            assert!(rows.iter().all(|y| *y > 0.0 && *y < 310.0), "{rows:?}");
        }
    }
}
