//! The font, the width of texts in it, and ways to shorten texts.

use std::sync::LazyLock;

use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// The font's name in SVG. Viewers that lack it use another sans-serif at the same widths.
pub(crate) const FAMILY: &str = "Roboto";
/// Latin and Greek letters and some symbols, without ligatures and kerning. Apache-2.0, see `font/`.
pub(crate) const REGULAR: &[u8] = include_bytes!("../font/Roboto-Regular.ttf");
/// The same characters in bold.
pub(crate) const BOLD: &[u8] = include_bytes!("../font/Roboto-Bold.ttf");

/// The advance widths at size 1 of the first Unicode characters, and one for all others.
struct Widths {
    known: Vec<f64>,
    other: f64,
}

static WIDTHS: LazyLock<[Widths; 2]> = LazyLock::new(|| [REGULAR, BOLD].map(widths));

fn widths(font: &[u8]) -> Widths {
    // Wide enough for most letters of any script.
    let other = 1.0;
    let Ok(font) = FontRef::new(font) else { return Widths { known: Vec::new(), other } };
    let metrics = font.glyph_metrics(Size::new(1.0), LocationRef::default());
    let map = font.charmap();
    let width = |code: u32| map.map(code).and_then(|glyph| metrics.advance_width(glyph)).map_or(other, f64::from);
    Widths { known: (0..0x2300).map(width).collect(), other }
}

/// Returns the width of a text in the unit of its font size.
pub(crate) fn width(text: &str, size: f64, bold: bool) -> f64 {
    let widths = &WIDTHS[usize::from(bold)];
    size * text.chars().map(|letter| widths.known.get(letter as usize).copied().unwrap_or(widths.other)).sum::<f64>()
}

/// Returns at most this many characters. A cut text ends with an ellipsis.
pub(crate) fn shortened(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some(_) => {
            let kept: String = text.chars().take(max.saturating_sub(1)).collect();
            format!("{kept}…")
        }
        None => text.to_owned(),
    }
}

/// Breaks a text after separators into at most `max_lines` lines of at most `max_width`.
pub(crate) fn wrapped(text: &str, size: f64, max_width: f64, max_lines: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find([',', ' ', '|', '+', ';']).map_or(rest.len(), |at| at + 1);
        let (word, after) = rest.split_at(end);
        if !line.is_empty() && width(&line, size, false) + width(word.trim_end(), size, false) > max_width {
            lines.push(std::mem::take(&mut line));
            if lines.len() == max_lines {
                break;
            }
        }
        // A word that is wider than a line is cut.
        let letters = (max_width / size * 2.0) as usize;
        line.push_str(&shortened(word, letters));
        rest = after;
    }
    if !line.trim().is_empty() {
        lines.push(line);
    }
    if !rest.is_empty() {
        lines.truncate(max_lines);
        if let Some(last) = lines.last_mut() {
            last.push('…');
        }
    }
    lines.into_iter().map(|line| line.trim().to_owned()).collect()
}

/// Formats a shape: `16×32×32`.
pub(crate) fn shape(shape: &[i64]) -> String {
    match shape {
        [] => "scalar".to_owned(),
        _ => shape.iter().map(i64::to_string).collect::<Vec<_>>().join("×"),
    }
}

/// Formats a whole number with separators of thousands.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_font() {
        // Roboto's advance widths in 2048ths: "m" 1795, space 507.
        assert!((width("m m", 10.0, false) - 10.0 * f64::from(2 * 1795 + 507) / 2048.0).abs() < 0.05);
        assert!(width("Conv", 10.0, true) > width("Conv", 10.0, false));
        assert_eq!(width("\u{4E2D}", 10.0, false), 10.0);
    }

    #[test]
    fn long_words_are_cut_and_long_texts_are_wrapped() {
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("abcd", 4), "abcd");
        let lines = wrapped("width=32,kernel=3,depth=2,activation=relu", 10.0, 90.0, 9);
        assert!(lines.len() > 1 && lines.iter().all(|line| width(line, 10.0, false) <= 90.0), "{lines:?}");
        assert_eq!(lines.concat(), "width=32,kernel=3,depth=2,activation=relu");
        let cut = wrapped(&"word ".repeat(100), 10.0, 90.0, 3);
        assert!(cut.len() == 3 && cut[2].ends_with('…'), "{cut:?}");
        assert_eq!(number(1_531_546), "1,531,546");
        assert_eq!(shape(&[3, 32, 32]), "3×32×32");
    }
}
