//! Which settings of a study are paths, and which folder they are relative to.

use std::path::Path;

use crate::plugin::{Kind, has_ending};

/// A relative path is taken from this folder. A name stays a name; whatever is written like a path is one, whether or
/// not the file exists.
pub(crate) fn relocate(reference: &mut String, folder: &Path) {
    let is_path = reference.contains(['/', '\\']) || is_file(reference);
    if is_path && let Some(moved) = folder.join(&*reference).to_str() {
        *reference = moved.to_owned();
    }
}

/// Data as they are recorded, so that they mean the same in every folder: the absolute path of an existing file or
/// folder, looked for in `folder` first and then in the current folder. `TABLE/PROBLEM` looks like a path, so only what
/// exists counts as one.
pub(crate) fn located(data: &str, folder: Option<&Path>) -> String {
    let places = folder.into_iter().chain([Path::new("")]);
    let mut there = places.map(|folder| folder.join(data)).filter(|path| path.exists());
    // A file that does not exist is recognised by its ending. `MAPPING.toml/PROBLEM`: the mapping is the path.
    let written_as_path = is_file(data) || data.rsplit_once('/').is_some_and(|(mapping, _)| is_file(mapping));
    let found = there.next().and_then(|path| std::path::absolute(path).ok());
    let meant = found.or_else(|| folder.filter(|_| written_as_path).map(|folder: &Path| folder.join(data)));
    meant.as_deref().and_then(Path::to_str).unwrap_or(data).to_owned()
}

/// A setting's path in a form that means the same in every folder: a name stays one; what has a separator or an ending
/// is a file.
pub(crate) fn located_path(text: &str, folder: Option<&Path>) -> String {
    let is_path = text.contains(['/', '\\']) || Path::new(text).extension().is_some();
    if is_path { located(text, folder) } else { text.to_owned() }
}

/// As [`relocate`], if there is a folder.
pub(crate) fn relocated(reference: &str, folder: Option<&Path>) -> String {
    let mut reference = reference.to_owned();
    if let Some(folder) = folder {
        relocate(&mut reference, folder);
    }
    reference
}

/// Whether data that were recorded as a name would now be taken for something in the current folder.
pub(crate) fn is_hidden(name: &str) -> bool {
    let path = Path::new(name);
    path.is_relative() && path.exists()
}

fn is_file(text: &str) -> bool {
    let path = Path::new(text);
    Kind::ALL.iter().any(|kind| kind.is_file_of(path)) || has_ending(path, &["csv", "idx"])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn data_beside_the_file_are_found_whatever_their_form() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["m.parquet", "m.csv.gz", "prose.txt", "plain"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        std::fs::create_dir(folder.path().join("flowers")).unwrap();
        for there in ["m.parquet", "m.csv.gz", "prose.txt", "plain", "flowers", "./flowers"] {
            assert_eq!(PathBuf::from(located(there, Some(folder.path()))), folder.path().join(there), "{there}");
        }
        for name in ["digits", "nas-bench-201/c10", "gone.parquet", ""] {
            assert_eq!(located(name, Some(Path::new("no-such-folder"))), name);
        }
        for missing in ["gone.csv", "gone.toml/c10"] {
            assert_eq!(PathBuf::from(located(missing, Some(folder.path()))), folder.path().join(missing));
        }
        // The tests run in the folder of the crate.
        let here = std::env::current_dir().unwrap().join("src");
        assert_eq!(PathBuf::from(located("src", Some(folder.path()))), here);
        assert_eq!(PathBuf::from(located("src", None)), here);
        assert!(is_hidden("src") && !is_hidden("digits") && !is_hidden(here.to_str().unwrap()));
    }
}
