//! Draws the trials of one study by the choice of one decision: a row of points for each choice, with its median.

use std::fmt::Write;

use serde_json::Value;

use super::frame::ticks;
use super::{BACKGROUND, Chart, FONT, range};
use crate::colour;
use crate::text::{escaped, number, shortened};

const WIDTH: i32 = 580;
/// The left end of the axis.
const LEFT: i32 = 190;
const RIGHT: i32 = 560;
const ROW: i32 = 22;
/// The largest number of letters of a choice.
const MAX_NAME: usize = 26;

/// Draws rows of values, each with its name and its median.
pub(crate) fn strips(title: &str, rows: &[(String, Vec<f64>, f64)], metric: &str) -> Option<Chart> {
    let (low, high) = range(rows.iter().flat_map(|(_, values, _)| values.iter().copied()), false, 0.04)?;
    let height = 62 + ROW * rows.len() as i32;
    let at = |value: f64| f64::from(LEFT) + (value - low) / (high - low) * f64::from(RIGHT - LEFT);
    let mut svg = format!(
        "<svg class=\"strips\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"{FONT}\" font-size=\"13\" role=\"img\" aria-label=\"{0} against {1}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n{BACKGROUND}<text x=\"8\" y=\"18\" font-weight=\"bold\">{1}</text>\n",
        escaped(metric),
        escaped(title),
    );
    let foot = height - 34;
    // Writing to a string cannot fail.
    for tick in ticks((low, high)).into_iter().step_by(2) {
        let (x, label) = (at(tick), number(tick));
        let _ = writeln!(
            svg,
            "<path stroke=\"#E4E4E4\" d=\"M{x:.1} 26V{foot}\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" \
             fill=\"#505050\">{label}</text>",
            foot + 16
        );
    }
    for (place, (name, values, median)) in rows.iter().enumerate() {
        let y = 40 + ROW * place as i32;
        let name = escaped(&shortened(name, MAX_NAME));
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>", LEFT - 12, y + 4);
        for x in values.iter().map(|value| at(*value)) {
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y}\" r=\"3\" fill=\"{}\" fill-opacity=\"0.35\"/>",
                colour::hex(0)
            );
        }
        if median.is_finite() {
            let x = at(*median);
            let _ = writeln!(
                svg,
                "<path stroke=\"{}\" stroke-width=\"3\" d=\"M{x:.1} {}V{}\"/>",
                colour::hex(1),
                y - 8,
                y + 8
            );
        }
    }
    let _ = writeln!(
        svg,
        "<path stroke=\"#505050\" d=\"M{LEFT} {foot}H{RIGHT}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text></svg>",
        (LEFT + RIGHT) / 2,
        height - 3,
        escaped(metric),
    );
    Some(Chart { svg, points: Value::Null })
}
