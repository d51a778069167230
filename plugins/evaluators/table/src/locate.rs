//! Locates mappings and the files of tables.

use std::fs;
use std::path::{Path, PathBuf};

use crate::TableError;
use crate::mapping::Map;

/// The mappings that are built into the program, by name.
const SHIPPED: [(&str, &str); 5] = [
    ("hw-gpt-bench-s", include_str!("../maps/hw-gpt-bench-s.toml")),
    ("nas-bench-101", include_str!("../maps/nas-bench-101.toml")),
    ("nas-bench-201", include_str!("../maps/nas-bench-201.toml")),
    ("nas-bench-201-epochs", include_str!("../maps/nas-bench-201-epochs.toml")),
    ("nas-bench-201-hardware", include_str!("../maps/nas-bench-201-hardware.toml")),
];

/// Returns the folder of the user's tables, into which `nas table import` writes; `None` if the user has no home
/// folder.
pub fn own_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "nas").map(|folders| folders.data_dir().join("tables"))
}

/// Returns the folders that are searched for tables: that of the variable `NAS_DATA`, then the user's.
pub fn folders() -> Vec<PathBuf> {
    let given = std::env::var_os("NAS_DATA").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    given.into_iter().chain(own_folder()).collect()
}

/// A mapping, and the files with its numbers.
#[derive(Clone, Debug)]
pub struct Found {
    /// The mapping.
    pub map: Map,
    /// The main file.
    pub file: PathBuf,
    /// The files with further columns, one for each of [`Map::join`].
    pub joined: Vec<PathBuf>,
    /// The text of the user's mapping without whitespace and comments; empty for a built-in mapping.
    pub mapping: String,
}

impl Found {
    /// Combines a mapping with its main file. Files to join are searched beside it, then in `folders`.
    ///
    /// # Errors
    ///
    /// Returns an error if a file to join does not exist.
    pub fn new(map: Map, file: PathBuf, folders: &[PathBuf]) -> Result<Self, TableError> {
        let mut searched = vec![file.parent().unwrap_or(Path::new("")).to_owned()];
        searched.extend(folders.iter().cloned());
        let joined = map.join.iter().map(|join| locate(&map, &join.file, &searched)).collect::<Result<_, _>>()?;
        Ok(Self { map, file, joined, mapping: String::new() })
    }
}

/// Returns the path of the file in the first of the folders that has it.
fn locate(map: &Map, file: &str, folders: &[PathBuf]) -> Result<PathBuf, TableError> {
    let found = folders.iter().map(|folder| folder.join(file)).find(|path| path.is_file());
    found.ok_or_else(|| TableError::Missing {
        name: map.name.clone(),
        file: file.to_owned(),
        searched: folders.iter().map(|folder| format!("'{}'", folder.display())).collect::<Vec<_>>().join(", "),
    })
}

/// Returns the mapping with this name or path, the folders that may have its files, and its text (see
/// [`Found::mapping`]).
fn mapping(name: &str) -> Result<(Map, Vec<PathBuf>, String), TableError> {
    let mut folders = folders();
    if name.ends_with(".toml") {
        let path = Path::new(name);
        folders.insert(0, path.parent().unwrap_or(Path::new("")).to_owned());
        let (map, text) = read_map(path)?;
        return Ok((map, folders, text));
    }
    let own = own_folder().map(|folder| folder.join(format!("{name}.toml"))).filter(|path| path.is_file());
    let (map, text) = match (own, SHIPPED.iter().find(|(shipped, _)| *shipped == name)) {
        (Some(path), _) => read_map(&path)?,
        (None, Some((_, text))) => (Map::from_toml(text, Path::new(name))?, String::new()),
        (None, None) => return Err(TableError::Unknown { name: name.to_owned(), known: names().join(", ") }),
    };
    Ok((map, folders, text))
}

/// Finds the table with this name, or with the mapping at this path if the name ends with `.toml`. `file` overrides the
/// path of the main file unless it is empty.
///
/// # Errors
///
/// Returns an error if there is no such mapping, if it is not valid, or if one of its files does not exist.
pub fn find(name: &str, file: &str) -> Result<Found, TableError> {
    let (map, folders, mapping) = mapping(name)?;
    let file = if file.is_empty() { locate(&map, &map.file, &folders)? } else { PathBuf::from(file) };
    Ok(Found { mapping, ..Found::new(map, file, &folders)? })
}

/// Reads a mapping. Its text is returned without what does not affect any number: descriptions and file names.
fn read_map(path: &Path) -> Result<(Map, String), TableError> {
    let text = fs::read_to_string(path).map_err(|error| TableError::read(path, error))?;
    let map = Map::from_toml(&text, path)?;
    let mut keys: toml::Table = text.parse().unwrap_or_default();
    for name in ["file", "description", "reference"] {
        keys.remove(name);
    }
    let joined = keys.get_mut("join").and_then(toml::Value::as_array_mut).into_iter().flatten();
    for table in joined.filter_map(toml::Value::as_table_mut) {
        table.remove("file");
    }
    Ok((map, keys.to_string()))
}

/// Returns the names of all tables, the user's and the built-in ones, in alphabetical order.
pub fn names() -> Vec<String> {
    let entries = own_folder().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let own = entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_owned()));
    let mut names: Vec<String> = own.chain(SHIPPED.iter().map(|(name, _)| (*name).to_owned())).collect();
    names.sort();
    names.dedup();
    names
}
