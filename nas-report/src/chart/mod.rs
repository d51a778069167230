//! Charts as SVG, and the numbers behind them for who points at them.

mod critical;
mod frame;
mod paths;

use serde_json::{Value, json};

pub(crate) use critical::critical_difference;
use frame::{Frame, HEIGHT, WIDTH};
use paths::Scale;

use crate::text::escaped;
use crate::{ReportError, colour};

/// What is smaller than this part of the greatest value is not told apart on a logarithmic axis.
const DECADES: f64 = 1e-4;
/// As everywhere on the page; a PNG has the program's own font.
const FONT: &str = "sans-serif";

/// A picture by itself may lie on any background.
const PAPER: &str = "<rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>\n";

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
    /// It stands out with its name, and decides how high the chart is; else it is a thin line.
    pub strong: bool,
    /// Its band is shown before somebody points at it.
    pub banded: bool,
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

/// Curves or fronts of several strategies, the best first; `None` where there is nothing to draw.
pub(crate) fn lines(axes: &Axes<'_>, series: Vec<Series>) -> Result<Option<Chart>, ReportError> {
    let all = || series.iter().flat_map(|series| &series.points);
    let last = all().map(|point| point[0]).fold(0.0, f64::max);
    let margin = if axes.settled_after > 0.0 || axes.log_x { 0.0 } else { 0.04 };
    let height = |strong: bool, after: f64| {
        let points = series.iter().filter(|series| series.strong || !strong).flat_map(|series| &series.points);
        // A band that reaches down to nothing would make a logarithmic axis endless.
        let low = |[_, middle, low, _]: &[f64; 4]| if axes.log_y { *middle } else { *low };
        let values = points.filter(|point| point[0] >= after).flat_map(|point| [point[1], low(point), point[3]]);
        range(values, axes.log_y, 0.05)
    };
    let (Some(x), Some(whole)) = (range(all().map(|point| point[0]), axes.log_x, margin), height(false, 0.0)) else {
        return Ok(None);
    };
    let y = height(true, last * axes.settled_after).unwrap_or(whole);
    let names: Vec<&Series> = series.iter().filter(|series| series.strong && !series.points.is_empty()).collect();
    let Frame { svg: frame, area } = frame::frame(axes, x, y, paths::room(&names))?;
    let scale = Scale { area, x, y, log_x: axes.log_x, log_y: axes.log_y };
    let svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"{FONT}\" role=\"img\" aria-label=\"{} over {}\" xmlns=\"http://www.w3.org/2000/svg\">\n\
         {PAPER}<g class=\"whole\">\n{frame}{}{}</g>\n</svg>\n",
        escaped(axes.y),
        escaped(axes.x),
        paths::drawn(&scale, &series),
        paths::names(&scale, &names),
    );
    let shown = |series: &Series| {
        let number = |value: &f64| json!(short(*value));
        let point = |[x, y, low, high]: &[f64; 4]| -> Vec<Value> {
            let ends = if low < high { [Some(low), Some(high)] } else { [None, None] };
            [Some(x), Some(y)].into_iter().chain(ends).flatten().map(number).collect()
        };
        let points: Vec<Vec<Value>> = paths::essential(&series.points).iter().map(point).collect();
        json!({"place": series.place, "strong": series.strong, "banded": series.banded, "points": points})
    };
    let points = json!({
        "area": area, "x": [x.0, x.1], "y": [y.0, y.1], "allY": [whole.0, whole.1], "logX": axes.log_x, "logY": axes.log_y,
        "steps": series.iter().any(|series| series.steps), "labels": [axes.x, axes.y],
        "series": series.iter().map(shown).collect::<Vec<_>>(),
    });
    Ok(Some(Chart { svg, points }))
}

/// Six significant digits are more than a screen shows.
fn short(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

/// The attributes of a strategy's line.
fn stroke(place: usize) -> String {
    let dashes = if colour::dashed(place) { " stroke-dasharray=\"7 4\"" } else { "" };
    format!("stroke=\"{}\"{dashes}", colour::hex(place))
}
