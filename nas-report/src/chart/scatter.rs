//! Draws the trials of one study: every trial as a point, and steps through the best ones.

use std::fmt::Write;

use serde_json::Value;

use super::frame::{Frame, HEIGHT, WIDTH, frame};
use super::paths::Scale;
use super::{Axes, BACKGROUND, Chart, FONT, range};
use crate::text::escaped;
use crate::{ReportError, colour};

/// The most points that have a label; with more, labels would cover each other.
const MAX_LABELS: usize = 40;
const GREY: &str = "#9A9A9A";

/// One trial of a chart.
pub(crate) struct Mark {
    pub at: [f64; 2],
    /// The label of a point that stands out, such as the trial's number; `None` for an ordinary one.
    pub label: Option<String>,
}

/// Draws all marks, those with labels on top. They are joined by steps in the order in which they are given, if
/// `stepped`. Returns `None` if no mark can be shown.
pub(crate) fn scatter(axes: &Axes<'_>, marks: &[Mark], stepped: bool) -> Result<Option<Chart>, ReportError> {
    let ends = |at: usize, log: bool| range(marks.iter().map(|mark| mark.at[at]), log, 0.05);
    let (Some(x), Some(y)) = (ends(0, axes.log_x), ends(1, axes.log_y)) else { return Ok(None) };
    let Frame { svg: inside, area } = frame(axes, x, y, 30)?;
    let scale = Scale { area, x, y, log_x: axes.log_x, log_y: axes.log_y };
    let place = |mark: &Mark| scale.at(mark.at[0], mark.at[1]);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"{FONT}\" role=\"img\" aria-label=\"{} against {}\" xmlns=\"http://www.w3.org/2000/svg\">\n\
         {BACKGROUND}{inside}",
        escaped(axes.y),
        escaped(axes.x),
    );
    // Writing to a string cannot fail.
    for (x, y) in marks.iter().filter(|mark| mark.label.is_none()).map(place) {
        let _ = writeln!(svg, "<circle fill=\"{GREY}\" fill-opacity=\"0.6\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
    }
    let best: Vec<&Mark> = marks.iter().filter(|mark| mark.label.is_some()).collect();
    let strong = colour::hex(0);
    if stepped && best.len() > 1 {
        let mut shape = String::new();
        let mut before: Option<f64> = None;
        for (x, y) in best.iter().map(|mark| place(mark)) {
            let _ = match before {
                None => write!(shape, "M{x:.1} {y:.1}"),
                Some(height) => write!(shape, "L{x:.1} {height:.1}L{x:.1} {y:.1}"),
            };
            before = Some(y);
        }
        let _ = writeln!(svg, "<path fill=\"none\" stroke=\"{strong}\" stroke-width=\"1.5\" d=\"{shape}\"/>");
    }
    for mark in &best {
        let (x, y) = place(mark);
        let _ = writeln!(svg, "<circle fill=\"{strong}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>");
        if let Some(label) = mark.label.as_ref().filter(|label| !label.is_empty() && best.len() <= MAX_LABELS) {
            let (x, y, label) = (x + 5.0, y - 5.0, escaped(label));
            let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"11\" fill=\"#1B1B1B\">{label}</text>");
        }
    }
    svg.push_str("</svg>\n");
    Ok(Some(Chart { svg, points: Value::Null }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_trial_is_a_point_and_the_best_have_labels() {
        let mark = |x: f64, label: Option<&str>| Mark { at: [x, 10.0 - x], label: label.map(str::to_owned) };
        let marks = [mark(1.0, None), mark(2.0, Some("<7>")), mark(3.0, Some("9")), mark(4.0, None)];
        let axes = Axes { x: "a", y: "b", log_x: false, log_y: false, settled_after: 0.0 };
        let chart = scatter(&axes, &marks, true).unwrap().unwrap();
        assert_eq!(chart.svg.matches("<circle").count(), 4);
        assert!(chart.svg.contains(">&lt;7&gt;</text>") && chart.svg.contains(">9</text>"), "{}", chart.svg);
        assert!(scatter(&axes, &[], true).unwrap().is_none());
    }
}
