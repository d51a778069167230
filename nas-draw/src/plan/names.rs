//! Names of several things at once.

use crate::text::shortened;

/// Longest name in a box.
const LONGEST: usize = 32;

/// What is left of a path within another one.
pub(super) fn within<'p>(path: &'p str, base: &str) -> &'p str {
    path.strip_prefix(base).map_or(path, |rest| rest.strip_prefix('.').unwrap_or(rest))
}

/// The first to the last of a row: `stage1.cell1–5`.
pub(super) fn range(first: &str, last: &str) -> String {
    let stem = |name: &str| name.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
    let (a, b) = (stem(first), stem(last));
    let text = match () {
        () if first == last => first.to_owned(),
        () if first[..a] == last[..b] && a < first.len() && b < last.len() => format!("{first}–{}", &last[b..]),
        () => format!("{} … {}", shortened(first, LONGEST / 2), shortened(last, LONGEST / 2)),
    };
    shortened(&text, LONGEST)
}

/// The last part of a path without its number: `cell` of `stage1.cell12`.
pub(super) fn word(path: &str) -> String {
    let last = path.rsplit('.').next().unwrap_or(path);
    let word = last.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '_' || letter == '-');
    let word = if word.is_empty() { path.trim_end_matches(|l: char| l.is_ascii_digit() || l == '.') } else { word };
    shortened(if word.is_empty() { "block" } else { word }, LONGEST)
}

/// What paths have in common, whole parts only.
pub(super) fn common<'p>(mut paths: impl Iterator<Item = &'p str>) -> String {
    let Some(first) = paths.next() else { return String::new() };
    let mut parts: Vec<&str> = first.split('.').collect();
    for path in paths {
        let same = parts.iter().zip(path.split('.')).take_while(|(a, b)| **a == *b).count();
        parts.truncate(same);
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rows_and_blocks() {
        assert_eq!(range("stage1.cell1", "stage1.cell5"), "stage1.cell1–5");
        assert_eq!(range("a", "a"), "a");
        assert_eq!(range("a.x", "b.y"), "a.x … b.y");
        assert_eq!(range("é1", "é12"), "é1–12");
        assert_eq!([word("stage1.cell12"), word("layers.3"), word("7")], ["cell", "layers", "block"]);
        assert_eq!(common(["a.b.c", "a.b.d", "a.b"].into_iter()), "a.b");
        assert_eq!(within("a.b.c", "a.b"), "c");
    }
}
