//! Names of rows, groups and blocks.

use crate::text::shortened;

/// The largest number of characters of a name in a box.
const MAX_CHARACTERS: usize = 32;

/// Returns a path relative to a group's.
pub(super) fn relative_to<'p>(path: &'p str, base: &str) -> &'p str {
    path.strip_prefix(base).map_or(path, |rest| rest.strip_prefix('.').unwrap_or(rest))
}

/// Returns the names of a row from the first to the last: `stage1.cell1–5`.
pub(super) fn range(first: &str, last: &str) -> String {
    let stem = |name: &str| name.trim_end_matches(|letter: char| letter.is_ascii_digit()).len();
    let (a, b) = (stem(first), stem(last));
    let text = match () {
        () if first == last => first.to_owned(),
        () if first[..a] == last[..b] && a < first.len() && b < last.len() => format!("{first}–{}", &last[b..]),
        () => format!("{} … {}", shortened(first, MAX_CHARACTERS / 2), shortened(last, MAX_CHARACTERS / 2)),
    };
    shortened(&text, MAX_CHARACTERS)
}

/// Returns the last part of a path without its number: `cell` for `stage1.cell12`.
pub(super) fn base_name(path: &str) -> String {
    let last = path.rsplit('.').next().unwrap_or(path);
    let word = last.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '_' || letter == '-');
    let word = if word.is_empty() { path.trim_end_matches(|l: char| l.is_ascii_digit() || l == '.') } else { word };
    shortened(if word.is_empty() { "block" } else { word }, MAX_CHARACTERS)
}

/// Returns the parts at the beginning that all paths have in common.
pub(super) fn common_prefix<'p>(mut paths: impl Iterator<Item = &'p str>) -> String {
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
    fn rows_and_blocks_are_named_after_their_members() {
        assert_eq!(range("stage1.cell1", "stage1.cell5"), "stage1.cell1–5");
        assert_eq!(range("a", "a"), "a");
        assert_eq!(range("a.x", "b.y"), "a.x … b.y");
        assert_eq!(range("é1", "é12"), "é1–12");
        assert_eq!(["stage1.cell12", "layers.3", "7"].map(base_name), ["cell", "layers", "block"]);
        assert_eq!(common_prefix(["a.b.c", "a.b.d", "a.b"].into_iter()), "a.b");
        assert_eq!(relative_to("a.b.c", "a.b"), "c");
    }
}
