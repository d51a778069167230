//! Elements of SVG, written with two decimals at most.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use graphlay::Point;

use crate::text::{self, BOLD, FAMILY, REGULAR};

/// A picture being written.
#[derive(Default)]
pub(crate) struct Svg {
    text: String,
}

/// How a text stands to its point.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
}

/// A number without needless digits.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// As text or attribute of XML; what XML cannot hold is replaced.
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
            // They would turn the rest of a line around.
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

    /// What a pointer on the group shows.
    pub fn hint(&mut self, words: &str) {
        if !words.is_empty() {
            let _ = writeln!(self.text, "<title>{}</title>", escaped(words));
        }
    }

    /// A line of text with its baseline at `y`, as wide as the program's own font makes it.
    pub fn words(&mut self, words: &str, at: Point, size: f64, bold: bool, colour: &str, anchor: Anchor) {
        let words = words.trim();
        if words.is_empty() {
            return;
        }
        let wide = text::width(words, size, bold);
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
            number(wide),
            escaped(words)
        );
    }

    /// The whole picture of this size.
    pub fn finish(self, wide: f64, high: f64, title: &str) -> String {
        let (wide, high) = (number(wide.ceil()), number(high.ceil()));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\" \
             font-family=\"{FAMILY}, Helvetica, Arial, sans-serif\" role=\"img\">\n<title>{}</title>\n\
             <rect width=\"{wide}\" height=\"{high}\" fill=\"#FFFFFF\"/>\n{}</svg>\n",
            escaped(title),
            self.text
        )
    }
}

/// The picture with the font in it, for a file of its own: every viewer that reads fonts shows the same letters. Pictures
/// within a page can do without; their letters have the same places.
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

/// The way through points, corners rounded.
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

/// The head of an arrow that ends with these points.
pub(crate) fn head(points: &[Point]) -> Option<String> {
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
