//! The colour of each strategy, which is the same in every chart.

use plotters::style::RGBColor;

/// Colours that colour-blind people can distinguish as far as possible for twenty (after Okabe & Ito 2008, and P. Tol's
/// qualitative schemes). From the tenth on, lines are dashed.
const COLOURS: [(u8, u8, u8); 20] = [
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (230, 159, 0),
    (86, 180, 233),
    (136, 34, 85),
    (17, 119, 51),
    (51, 34, 136),
    (120, 120, 120),
    (0, 68, 110),
    (204, 102, 119),
    (68, 170, 153),
    (170, 68, 153),
    (153, 153, 51),
    (102, 153, 204),
    (102, 17, 0),
    (136, 204, 238),
    (170, 68, 102),
    (60, 60, 60),
];

/// Returns the colour of the strategy in this place. No two places have the same one, so that it identifies a chart's
/// elements.
pub(crate) fn of(place: usize) -> RGBColor {
    let (red, green, blue) = COLOURS[place % COLOURS.len()];
    RGBColor(red, green, blue.saturating_add((place / COLOURS.len()) as u8))
}

/// Returns the colour in the form of SVG and CSS.
pub(crate) fn hex(place: usize) -> String {
    let RGBColor(red, green, blue) = of(place);
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// Whether the lines of the strategy in this place are dashed.
pub(crate) fn dashed(place: usize) -> bool {
    place % COLOURS.len() >= 9
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_place_has_a_colour_of_its_own() {
        let colours: BTreeSet<String> = (0..60).map(super::hex).collect();
        assert_eq!(colours.len(), 60);
    }
}
