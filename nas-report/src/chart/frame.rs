//! Axes with their marks and words.

use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;

use super::{Axes, FONT};
use crate::{ReportError, text};

pub(super) const WIDTH: u32 = 620;
pub(super) const HEIGHT: u32 = 380;
/// Drawn at four fifths of it.
const WORDS: u32 = 17;
const GREY: RGBColor = RGBColor(80, 80, 80);

/// The empty chart.
pub(super) struct Frame {
    /// Elements, without the `svg` around them.
    pub svg: String,
    /// Left, right, top and bottom of the plot.
    pub area: [i32; 4],
}

fn failed(error: impl ToString) -> ReportError {
    ReportError::Draw(error.to_string())
}

/// Axes over these ranges, with so much room at the right.
pub(super) fn frame(axes: &Axes<'_>, x: (f64, f64), y: (f64, f64), right: u32) -> Result<Frame, ReportError> {
    let (x, y) = (x.0..x.1, y.0..y.1);
    match (axes.log_x, axes.log_y) {
        (false, false) => draw(x, y, axes, right),
        (true, false) => draw(x.log_scale(), y, axes, right),
        (false, true) => draw(x, y.log_scale(), axes, right),
        (true, true) => draw(x.log_scale(), y.log_scale(), axes, right),
    }
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
        .label_style((FONT, WORDS).into_font().color(&GREY))
        .axis_desc_style((FONT, WORDS + 1).into_font().color(&BLACK))
        .draw()
        .map_err(failed)?;
    let (across, down) = chart.plotting_area().get_pixel_range();
    drop(chart);
    root.present().map_err(failed)?;
    drop(root);
    let inside = svg.find('>').and_then(|start| svg[start..].rfind("</svg>").map(|end| &svg[start + 1..start + end]));
    let inside = inside.ok_or_else(|| failed("its axes are no picture"))?;
    Ok(Frame { svg: inside.trim_start().to_owned(), area: [across.start, across.end, down.start, down.end] })
}
