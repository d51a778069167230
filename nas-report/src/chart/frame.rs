//! Draws axes with their ticks and labels.

use plotters::coord::combinators::BindKeyPoints;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;

use super::{Axes, FONT};
use crate::{ReportError, text};

pub(super) const WIDTH: u32 = 580;
pub(super) const HEIGHT: u32 = 360;
/// The font size of labels, which plotters draws at four fifths of it.
const LABEL_SIZE: u32 = 17;
/// The approximate number of ticks of an axis.
const TICKS: f64 = 8.0;
const GREY: RGBColor = RGBColor(80, 80, 80);

/// A chart without data.
pub(super) struct Frame {
    /// The elements, without the `svg` element around them.
    pub svg: String,
    /// Left, right, top and bottom of the plotting area in pixels.
    pub area: [i32; 4],
}

fn failed(error: impl ToString) -> ReportError {
    ReportError::Draw(error.to_string())
}

/// Draws axes over these ranges, with a margin of `right` pixels at the right.
pub(super) fn frame(axes: &Axes<'_>, x: (f64, f64), y: (f64, f64), right: u32) -> Result<Frame, ReportError> {
    let (ticks_x, ticks_y) = (ticks(x), ticks(y));
    let (x, y) = (x.0..x.1, y.0..y.1);
    match (axes.log_x, axes.log_y) {
        (false, false) => draw(x, y, axes, right),
        (true, false) => draw(x.log_scale().with_key_points(ticks_x), y, axes, right),
        (false, true) => draw(x, y.log_scale().with_key_points(ticks_y), axes, right),
        (true, true) => {
            draw(x.log_scale().with_key_points(ticks_x), y.log_scale().with_key_points(ticks_y), axes, right)
        }
    }
}

/// Returns round values between the ends of a logarithmic axis: powers of ten, with their doubles and fivefolds if
/// there are few, or even steps on a short axis.
pub(super) fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let inside = |value: &f64| *value >= low && *value <= high;
    if high / low > 20.0 {
        let digits: &[f64] = if high / low > 1000.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let value = |power: i32| digits.iter().map(move |digit| digit * 10_f64.powi(power));
        return powers.flat_map(value).filter(inside).collect();
    }
    let least = (high - low) / TICKS;
    let power = 10_f64.powf(least.log10().floor());
    let step = power * [1.0, 2.0, 5.0, 10.0].into_iter().find(|digit| digit * power >= least).unwrap_or(10.0);
    let first = (low / step).ceil();
    let value = |count: u32| (first + f64::from(count)) * step;
    (0..50).map(value).take_while(|value| *value <= high).filter(inside).collect()
}

fn draw<X, Y>(x: X, y: Y, axes: &Axes<'_>, right: u32) -> Result<Frame, ReportError>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(8)
        .margin_right(right)
        .x_label_area_size(46)
        .y_label_area_size(72)
        .build_cartesian_2d(x, y)
        .map_err(failed)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(228, 228, 228))
        .axis_style(GREY)
        .x_labels(6)
        .y_labels(6)
        .x_desc(axes.x)
        .y_desc(axes.y)
        .x_label_formatter(&|value| text::number(*value))
        .y_label_formatter(&|value| text::number(*value))
        .label_style((FONT, LABEL_SIZE).into_font().color(&GREY))
        .axis_desc_style((FONT, LABEL_SIZE + 1).into_font().color(&BLACK))
        .draw()
        .map_err(failed)?;
    let (across, down) = chart.plotting_area().get_pixel_range();
    drop(chart);
    root.present().map_err(failed)?;
    drop(root);
    let inside = svg.find('>').and_then(|start| svg[start..].rfind("</svg>").map(|end| &svg[start + 1..start + end]));
    let inside = inside.ok_or_else(|| failed("its axes are not an SVG element"))?;
    Ok(Frame { svg: inside.trim_start().to_owned(), area: [across.start, across.end, down.start, down.end] })
}

#[cfg(test)]
mod tests {
    use super::ticks;

    #[test]
    fn ticks_are_round_and_neither_few_nor_many() {
        assert_eq!(ticks((10.0, 100.0)), [20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks((0.7, 130.0)), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
        assert_eq!(ticks((0.5, 90_000.0)), [1.0, 10.0, 100.0, 1000.0, 10_000.0]);
        for (low, high) in [(0.19, 0.41), (93.1, 94.4), (1e-9, 3e-9), (2.0, 39.0), (1e-4, 1e7), (1e9, 1e9 + 7.0)] {
            let found = ticks((low, high));
            assert!((3..13).contains(&found.len()), "{low} to {high}: {found:?}");
            assert!(found.iter().all(|value| (low..=high).contains(value)) && found.is_sorted(), "{found:?}");
        }
    }
}
