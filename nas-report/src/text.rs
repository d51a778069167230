//! Formats numbers and texts for reports.

/// Returns four significant digits without trailing zeros; an empty text for a value that is not finite.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return String::new();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let digits = value.abs().log10().floor() as i32;
    if !(-4..7).contains(&digits) {
        return format!("{value:.2e}");
    }
    let places = (3 - digits).clamp(0, 7) as usize;
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Returns a fixed number of decimals, which aligns the points of a column; an empty text if the value is not finite.
pub(crate) fn fixed(value: f64, places: usize) -> String {
    if value.is_finite() { format!("{value:.places$}") } else { String::new() }
}

/// Returns the number of decimals that shows how these values differ: three significant digits of their spread.
pub(crate) fn places(values: impl Iterator<Item = f64> + Clone) -> usize {
    let finite = || values.clone().filter(|value| value.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), value| (l.min(value), h.max(value)));
    let spread = if high > low { high - low } else { high.abs().max(1e-12) };
    if !spread.is_finite() {
        return 2;
    }
    (2 - spread.log10().floor() as i32).clamp(0, 6) as usize
}

/// Returns a p value; an empty text if it is not finite.
pub(crate) fn probability(p: f64) -> String {
    match p {
        _ if !p.is_finite() => String::new(),
        _ if p < 1e-10 => "<1e-10".to_owned(),
        _ if p < 0.001 => format!("{p:.0e}"),
        _ => format!("{p:.3}"),
    }
}

/// Returns at most `max` characters. A long text is cut in the middle, because names often differ at their ends.
pub(crate) fn shortened(text: &str, max: usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.len() <= max {
        return text.to_owned();
    }
    let last = max / 3;
    let first = max.saturating_sub(last + 1);
    letters[..first].iter().chain(&['…']).chain(&letters[letters.len() - last..]).collect()
}

/// Escapes a text for text and attributes of HTML and SVG. Characters that XML forbids, and those that change the
/// direction of writing, are replaced by U+FFFD.
pub(crate) fn escaped(text: &str) -> String {
    nas_draw::escaped(&text.replace(['\n', '\t'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_for_reading() {
        let shown = [94.3712, 0.5, 12_345.6, 0.000_123_4, 1e-9, -3.0, 0.0, 2.0e9].map(number);
        assert_eq!(shown, ["94.37", "0.5", "12346", "0.0001234", "1.00e-9", "-3", "0", "2.00e9"]);
        assert_eq!(number(f64::NAN), "");
        assert_eq!(places([94.1, 94.3].into_iter()), 3);
        assert_eq!(places([12.0, 250.0].into_iter()), 0);
        assert_eq!([0.2, 0.000_04, 1e-30].map(probability), ["0.200", "4e-5", "<1e-10"]);
    }

    #[test]
    fn hostile_texts_are_escaped() {
        assert_eq!(escaped("<a href='x'>\"&\u{1}\u{202e}"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\u{fffd}\u{fffd}");
        assert_eq!((shortened("abc", 3), shortened("äöüß", 3)), ("abc".to_owned(), "ä…ß".to_owned()));
    }
}
