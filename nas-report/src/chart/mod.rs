//! Draws charts as SVG, with their numbers for the page's script.

mod critical;
mod frame;
mod paths;
mod scatter;
mod strips;

use serde_json::{Value, json};

pub(crate) use critical::critical_difference;
use frame::{Frame, HEIGHT, WIDTH};
use paths::Scale;
pub(crate) use scatter::{Mark, scatter};
pub(crate) use strips::strips;

use crate::text::escaped;
use crate::{ReportError, colour};

/// A logarithmic axis begins at this share of the greatest value, if not later.
const MIN_SHARE: f64 = 1e-4;
/// The font of the page. A PNG uses the built-in font.
const FONT: &str = "sans-serif";

/// A white background, for pictures outside of the page.
const BACKGROUND: &str = "<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n";

/// A drawn chart.
pub(crate) struct Chart {
    /// The picture. The elements of the strategy in place N have the class `sN`.
    pub svg: String,
    /// The places and ranges of the axes, and all points, for the page's script; `null` for a chart without tooltips.
    pub points: Value,
}

/// The labels and scales of a chart's axes.
pub(crate) struct Axes<'a> {
    pub x: &'a str,
    pub y: &'a str,
    pub log_x: bool,
    pub log_y: bool,
    /// The share of the longest curve before which points do not count for the vertical range.
    pub settled_after: f64,
}

/// The points of one strategy.
pub(crate) struct Series {
    pub name: String,
    /// The strategy's place in the report, which decides its colour.
    pub place: usize,
    /// x, y, and the lower and upper end of the band.
    pub points: Vec<[f64; 4]>,
    /// Whether points have marks and are joined by steps.
    pub steps: bool,
    /// Whether it is a thick line with its name that counts for the vertical range, or a thin one.
    pub strong: bool,
    /// Whether its band is always shown, or only when the pointer is on it.
    pub banded: bool,
}

/// Returns the range of values with a margin; `None` if no value can be shown.
fn range(values: impl Iterator<Item = f64>, log: bool, margin: f64) -> Option<(f64, f64)> {
    let values = values.filter(|value| value.is_finite() && (!log || *value > 0.0));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), value| (l.min(value), h.max(value)));
    if low > high {
        return None;
    }
    if log {
        // Smaller values are rounding errors.
        let low = low.max(high * MIN_SHARE);
        let factor = (high / low).powf(margin).max(1.05);
        return Some((low / factor, high * factor));
    }
    let more = if high > low { (high - low) * margin } else { high.abs().max(1.0) * 0.05 };
    Some((low - more, high + more))
}

/// Draws curves or fronts of strategies, the best first. Returns `None` if there is no point.
pub(crate) fn lines(axes: &Axes<'_>, series: Vec<Series>) -> Result<Option<Chart>, ReportError> {
    let all = || series.iter().flat_map(|series| &series.points);
    let last = all().map(|point| point[0]).fold(0.0, f64::max);
    let margin = if axes.settled_after > 0.0 || axes.log_x { 0.0 } else { 0.04 };
    let height = |strong: bool, after: f64| {
        let points = series.iter().filter(|series| series.strong || !strong).flat_map(|series| &series.points);
        // A band that ends at 0 would make a logarithmic axis infinite.
        let low = |[_, middle, low, _]: &[f64; 4]| if axes.log_y { *middle } else { *low };
        let values = points.filter(|point| point[0] >= after).flat_map(|point| [point[1], low(point), point[3]]);
        range(values, axes.log_y, 0.05)
    };
    let (Some(x), Some(whole)) = (range(all().map(|point| point[0]), axes.log_x, margin), height(false, 0.0)) else {
        return Ok(None);
    };
    let y = height(true, last * axes.settled_after).unwrap_or(whole);
    let names: Vec<&Series> = series.iter().filter(|series| series.strong && !series.points.is_empty()).collect();
    let Frame { svg: frame, area } = frame::frame(axes, x, y, paths::names_width(&names))?;
    let scale = Scale { area, x, y, log_x: axes.log_x, log_y: axes.log_y };
    let svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"{FONT}\" role=\"img\" aria-label=\"{} over {}\" xmlns=\"http://www.w3.org/2000/svg\">\n\
         {BACKGROUND}<g class=\"whole\">\n{frame}{}{}</g>\n</svg>\n",
        escaped(axes.y),
        escaped(axes.x),
        paths::data(&scale, &series),
        paths::names(&scale, &names),
    );
    let shown = |series: &Series| {
        let number = |value: &f64| json!(rounded(*value));
        let point = |[x, y, low, high]: &[f64; 4]| -> Vec<Value> {
            let ends = if low < high { [Some(low), Some(high)] } else { [None, None] };
            [Some(x), Some(y)].into_iter().chain(ends).flatten().map(number).collect()
        };
        let points: Vec<Vec<Value>> = paths::essential(&series.points).iter().map(point).collect();
        json!({"place": series.place, "strong": series.strong, "banded": series.banded, "points": points})
    };
    let points = json!({
        "area": area, "x": [x.0, x.1], "y": [y.0, y.1], "allY": [whole.0, whole.1],
        "logX": axes.log_x, "logY": axes.log_y,
        "steps": series.iter().any(|series| series.steps), "labels": [axes.x, axes.y],
        "series": series.iter().map(shown).collect::<Vec<_>>(),
    });
    Ok(Some(Chart { svg, points }))
}

/// Rounds to six significant digits, which are more than a screen shows.
fn rounded(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// Returns the attributes of a strategy's line.
fn stroke(place: usize) -> String {
    let dashes = if colour::dashed(place) { " stroke-dasharray=\"7 4\"" } else { "" };
    format!("stroke=\"{}\"{dashes}", colour::hex(place))
}
