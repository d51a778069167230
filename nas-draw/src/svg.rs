//! Writes SVG, with at most two decimals.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use graphlay::Point;

use crate::text::{self, BOLD, FAMILY, REGULAR};

/// A picture that is being written.
#[derive(Default)]
pub(crate) struct Svg {
    text: String,
}

/// Where the point of a text is: at its start or its middle.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
}

/// Formats a number with at most two decimals.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Escapes a text for XML text and attributes. Characters that XML forbids, and those that change the direction of
/// writing, are replaced by U+FFFD.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' => safe.push_str("&#10;"),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            // These would reverse the rest of a line.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

// Writing to a string cannot fail.
impl Svg {
    pub fn open(&mut self, tag: &str, attributes: &[(&str, String)]) {
        self.element(tag, attributes, ">\n");
    }

    pub fn close(&mut self, tag: &str) {
        let _ = writeln!(self.text, "</{tag}>");
    }

    pub fn empty(&mut self, tag: &str, attributes: &[(&str, String)]) {
        self.element(tag, attributes, "/>\n");
    }

    fn element(&mut self, tag: &str, attributes: &[(&str, String)], end: &str) {
        let _ = write!(self.text, "<{tag}");
        for (name, value) in attributes {
            let _ = write!(self.text, " {name}=\"{}\"", escaped(value));
        }
        self.text.push_str(end);
    }

    /// Adds a tooltip to the open group.
    pub fn tooltip(&mut self, words: &str) {
        if !words.is_empty() {
            let _ = writeln!(self.text, "<title>{}</title>", escaped(words));
        }
    }

    /// Adds a line of text with its baseline at `at.y`. It has the width that it has in the built-in font.
    pub fn words(&mut self, words: &str, at: Point, size: f64, bold: bool, colour: &str, anchor: Anchor) {
        let words = words.trim();
        if words.is_empty() {
            return;
        }
        let width = text::width(words, size, bold);
        let weight = if bold { " font-weight=\"700\"" } else { "" };
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
        };
        let _ = writeln!(
            self.text,
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{weight}{anchor} fill=\"{colour}\" textLength=\"{}\" \
             lengthAdjust=\"spacingAndGlyphs\">{}</text>",
            number(at.x),
            number(at.y),
            number(size),
            number(width),
            escaped(words)
        );
    }

    /// Returns the picture with this size.
    pub fn finish(self, width: f64, height: f64, title: &str) -> String {
        let (width, height) = (number(width.ceil()), number(height.ceil()));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"{FAMILY}, Helvetica, Arial, sans-serif\" role=\"img\">\n\
             <title>{}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#FFFFFF\"/>\n{}</svg>\n",
            escaped(title),
            self.text
        )
    }
}

/// Embeds the font in a picture, for a file of its own, so that viewers that read fonts show the same letters. Pictures
/// within a page need no font, because their texts have fixed widths.
pub fn with_font(svg: &str) -> String {
    let face = |font: &[u8], weight: u32| {
        let data = STANDARD.encode(font);
        format!("@font-face{{font-family:{FAMILY};font-weight:{weight};src:url(data:font/ttf;base64,{data})}}\n")
    };
    let style = format!("<style>\n{}{}</style>\n", face(REGULAR, 400), face(BOLD, 700));
    match svg.find(">\n") {
        Some(end) => format!("{}{style}{}", &svg[..end + 2], &svg[end + 2..]),
        None => svg.to_owned(),
    }
}

/// Returns the path through points, with rounded corners.
pub(crate) fn path(points: &[Point]) -> String {
    let Some((first, rest)) = points.split_first() else { return String::new() };
    let mut path = format!("M{} {}", number(first.x), number(first.y));
    let mut before = *first;
    for (at, corner) in rest.iter().enumerate() {
        let Some(next) = rest.get(at + 1) else {
            let _ = write!(path, "L{} {}", number(corner.x), number(corner.y));
            break;
        };
        let toward = |from: Point| {
            let (x, y) = (from.x - corner.x, from.y - corner.y);
            let length = x.hypot(y);
            let part = if length > 0.0 { (6.0_f64).min(length / 2.0) / length } else { 0.0 };
            Point::new(corner.x + x * part, corner.y + y * part)
        };
        let (enter, leave) = (toward(before), toward(*next));
        let _ = write!(
            path,
            "L{} {}Q{} {} {} {}",
            number(enter.x),
            number(enter.y),
            number(corner.x),
            number(corner.y),
            number(leave.x),
            number(leave.y)
        );
        before = *corner;
    }
    path
}

/// Returns the path of the head of an arrow that ends with these points.
pub(crate) fn arrow_head(points: &[Point]) -> Option<String> {
    let [.., before, tip] = points else { return None };
    let (x, y) = (tip.x - before.x, tip.y - before.y);
    let length = x.hypot(y);
    if length == 0.0 {
        return None;
    }
    let (x, y) = (x / length, y / length);
    let (back_x, back_y) = (tip.x - 7.0 * x, tip.y - 7.0 * y);
    let corners =
        [*tip, Point::new(back_x - 3.2 * y, back_y + 3.2 * x), Point::new(back_x + 3.2 * y, back_y - 3.2 * x)];
    let corners: Vec<String> =
        corners.iter().map(|corner| format!("{} {}", number(corner.x), number(corner.y))).collect();
    Some(format!("M{}Z", corners.join("L")))
}
