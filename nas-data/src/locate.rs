//! Locates data sets that are given by name.

use std::path::{Path, PathBuf};

use crate::config::DIGITS;

/// The user's own data folder, into which `nas data get` writes.
pub fn own_data_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "nas").map(|folders| folders.data_dir().join("data"))
}

/// The folders that are searched for a name: the one that the variable `NAS_DATA` names, then the user's own.
pub fn data_folders() -> Vec<PathBuf> {
    let given = std::env::var_os("NAS_DATA").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    given.into_iter().chain(own_data_folder()).collect()
}

/// The file or folder that a name stands for. Paths, and names that are not found, are returned as they are.
pub fn located(source: &str) -> String {
    located_in(source, &data_folders())
}

fn located_in(source: &str, folders: &[PathBuf]) -> String {
    let path = Path::new(source);
    let word = path.components().count() == 1 && path.file_name().is_some();
    if source == DIGITS || path.exists() || !word {
        return source.to_owned();
    }
    let places = folders.iter().flat_map(|folder| [folder.join(source), folder.join(format!("{source}.txt"))]);
    let mut found = places.filter(|path| path.exists());
    found.next().map_or_else(|| source.to_owned(), |path| path.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    #[test]
    fn names_are_looked_up_folder_by_folder() {
        let folder = tempfile::tempdir().unwrap();
        let folders = ["one", "two"].map(|name| folder.path().join(name));
        for folder in &folders {
            fs::create_dir_all(folder.join("some-set")).unwrap();
        }
        fs::write(folders[1].join("plays.txt"), "text").unwrap();
        let found = |name: &str| PathBuf::from(located_in(name, &folders));
        assert_eq!(found("some-set"), folders[0].join("some-set"));
        assert_eq!(found("plays"), folders[1].join("plays.txt"));
        for other in ["digits", "no-such-set", "./some-set", "/plays", ".."] {
            assert_eq!(found(other), PathBuf::from(other));
        }
    }
}
