//! Where mappings and tables lie.

use std::fs;
use std::path::{Path, PathBuf};

use crate::TableError;
use crate::map::Map;

/// The mappings that come with the program.
const SHIPPED: [(&str, &str); 5] = [
    ("hw-gpt-bench-s", include_str!("../maps/hw-gpt-bench-s.toml")),
    ("nas-bench-101", include_str!("../maps/nas-bench-101.toml")),
    ("nas-bench-201", include_str!("../maps/nas-bench-201.toml")),
    ("nas-bench-201-epochs", include_str!("../maps/nas-bench-201-epochs.toml")),
    ("nas-bench-201-hardware", include_str!("../maps/nas-bench-201-hardware.toml")),
];

/// The user's own tables, where `nas table import` puts them.
pub fn own_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "nas").map(|folders| folders.data_dir().join("tables"))
}

/// Folders where tables are looked for: the variable `NAS_DATA`, then the user's own.
pub fn folders() -> Vec<PathBuf> {
    let given = std::env::var_os("NAS_DATA").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    given.into_iter().chain(own_folder()).collect()
}

/// A mapping and the files with its numbers.
#[derive(Clone, Debug)]
pub struct Found {
    /// The mapping.
    pub map: Map,
    /// The numbers.
    pub file: PathBuf,
    /// Further columns, a file for each of [`Map::join`].
    pub joined: Vec<PathBuf>,
    /// The user's own mapping, as it is written but for spaces and comments; empty where it came with the program.
    pub mapping: String,
}

impl Found {
    /// A mapping with this file; those that it joins are looked for beside it, then in `folders`.
    pub fn new(map: Map, file: PathBuf, folders: &[PathBuf]) -> Result<Self, TableError> {
        let mut searched = vec![file.parent().unwrap_or(Path::new("")).to_owned()];
        searched.extend(folders.iter().cloned());
        let joined = map.join.iter().map(|join| located(&map, &join.file, &searched)).collect::<Result<_, _>>()?;
        Ok(Self { map, file, joined, mapping: String::new() })
    }
}

/// The first of the folders that has the file.
fn located(map: &Map, file: &str, folders: &[PathBuf]) -> Result<PathBuf, TableError> {
    let found = folders.iter().map(|folder| folder.join(file)).find(|path| path.is_file());
    found.ok_or_else(|| TableError::Missing {
        name: map.name.clone(),
        file: file.to_owned(),
        searched: folders.iter().map(|folder| format!("'{}'", folder.display())).collect::<Vec<_>>().join(", "),
    })
}

/// The mapping of this name or at this path, and the folders where its files may be.
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

/// The table of this name, or of the mapping at this path. `file` overrides where its numbers are.
pub fn find(name: &str, file: &str) -> Result<Found, TableError> {
    let (map, folders, mapping) = mapping(name)?;
    let file = if file.is_empty() { located(&map, &map.file, &folders)? } else { PathBuf::from(file) };
    Ok(Found { mapping, ..Found::new(map, file, &folders)? })
}

/// A mapping, and its text without what changes no number: prose, and where the files lie.
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

/// The names of all tables, the user's own and those that come with the program.
pub fn names() -> Vec<String> {
    let entries = own_folder().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let own = entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".toml")?.to_owned()));
    let mut names: Vec<String> = own.chain(SHIPPED.iter().map(|(name, _)| (*name).to_owned())).collect();
    names.sort();
    names.dedup();
    names
}
