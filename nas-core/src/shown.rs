//! Text from outside, made fit for a terminal. Plugins and study files may contain control sequences that set a
//! terminal's clipboard or title, overwrite lines, or reverse the direction of text.

use std::borrow::Cow;

/// The maximum number of characters of a name.
pub const MAX_NAME: usize = 200;
/// The number of characters that are shown of a message or a cell.
pub const MAX_MESSAGE: usize = 2000;

/// Whether a terminal does something with this character other than drawing it: C0 and C1 controls, line and paragraph
/// separators, and what changes the direction of text.
pub const fn is_control(character: char) -> bool {
    matches!(character,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}')
}

/// The text on one line: controls, line breaks included, become U+FFFD, and what exceeds `max` characters is cut.
pub fn shown(text: &str, max: usize) -> Cow<'_, str> {
    cleaned(text, max, is_control)
}

/// As [`shown`], but line breaks and tabs stay.
pub fn shown_lines(text: &str, max: usize) -> Cow<'_, str> {
    cleaned(text, max, |character| is_control(character) && !matches!(character, '\n' | '\t'))
}

fn cleaned(text: &str, max: usize, replaced: impl Fn(char) -> bool) -> Cow<'_, str> {
    let end = if text.len() <= max { None } else { text.char_indices().nth(max).map(|(end, _)| end) };
    if end.is_none() && !text.chars().any(&replaced) {
        return Cow::Borrowed(text);
    }
    let kept = &text[..end.unwrap_or(text.len())];
    let mut cleaned: String = kept.chars().map(|c| if replaced(c) { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if end.is_some() {
        cleaned.push('…');
    }
    Cow::Owned(cleaned)
}

/// What a plugin says, as a part of a message of this program: further lines are indented, so that none of them can
/// pass for a line that the program wrote.
pub(crate) fn quoted(words: &str) -> String {
    shown_lines(words.trim_end(), MAX_MESSAGE).replace('\n', "\n    ")
}

/// A genotype in a message, whose other words would be lost behind thousands of choices.
pub(crate) fn shown_genotype(genotype: &[u32]) -> String {
    match genotype.len() {
        0..=200 => format!("{genotype:?}"),
        length => format!("a genotype of {length} choices"),
    }
}

/// The beginning of a text with at most `max` bytes.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_replaced() {
        assert_eq!(shown("a plain name", 20), "a plain name");
        assert!(matches!(shown("größe ✓", 20), Cow::Borrowed(_)));
        let evil = "x\x1b]52;c;AA\x07\n\u{9b}2J\u{202e}\u{2066}\x7f\u{2028}y";
        assert_eq!(shown(evil, 99), "x�]52;c;AA��\u{fffd}2J����y");
        assert_eq!(shown_lines("a\tb\n\x1b[2Jc\r", 99), "a\tb\n�[2Jc�");
        assert_eq!(quoted("it broke\nerror: forged\n"), "it broke\n    error: forged");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(shown("äöüß", 3), "äöü…");
        assert_eq!(shown("äöüß", 4), "äöüß");
        assert_eq!(shown(&"w".repeat(1 << 20), 10), "wwwwwwwwww…");
        assert_eq!(shown_genotype(&[1, 2]), "[1, 2]");
        assert_eq!(shown_genotype(&[0; 201]), "a genotype of 201 choices");
        assert_eq!((cut("äöü", 3), cut("äöü", 99)), ("ä", "äöü"));
    }
}
