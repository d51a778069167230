//! Where mappings and tables lie.

use std::fs;
use std::path::{Path, PathBuf};

use crate::TableError;
use crate::map::Map;

/// The mappings that come with the program.
const SHIPPED: [(&str, &str); 1] = [("nas-bench-201", include_str!("../maps/nas-bench-201.toml"))];

/// The user's own tables, where `nas table import` puts them.
pub fn own_folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "nas").map(|folders| folders.data_dir().join("tables"))
}

/// Folders where tables are looked for: the variable `NAS_DATA`, then the user's own.
pub fn folders() -> Vec<PathBuf> {
    let given = std::env::var_os("NAS_DATA").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    given.into_iter().chain(own_folder()).collect()
}

/// A mapping and the file with its numbers.
#[derive(Clone, Debug)]
pub struct Found {
    /// The mapping.
    pub map: Map,
    /// The numbers.
    pub file: PathBuf,
}

/// The table of this name, or of the mapping at this path. `file` overrides where its numbers are.
pub fn find(name: &str, file: &str) -> Result<Found, TableError> {
    let mut folders = folders();
    let map = if name.ends_with(".toml") {
        let path = Path::new(name);
        folders.insert(0, path.parent().unwrap_or(Path::new("")).to_owned());
        read_map(path)?
    } else {
        let own = own_folder().map(|folder| folder.join(format!("{name}.toml"))).filter(|path| path.is_file());
        match (own, SHIPPED.iter().find(|(shipped, _)| *shipped == name)) {
            (Some(path), _) => read_map(&path)?,
            (None, Some((_, text))) => Map::from_toml(text, Path::new(name))?,
            (None, None) => return Err(TableError::Unknown { name: name.to_owned(), known: names().join(", ") }),
        }
    };
    if !file.is_empty() {
        return Ok(Found { map, file: PathBuf::from(file) });
    }
    let found = folders.iter().map(|folder| folder.join(&map.file)).find(|path| path.is_file());
    let file = found.ok_or_else(|| TableError::Missing {
        name: map.name.clone(),
        file: map.file.clone(),
        searched: folders.iter().map(|folder| format!("'{}'", folder.display())).collect::<Vec<_>>().join(", "),
    })?;
    Ok(Found { map, file })
}

fn read_map(path: &Path) -> Result<Map, TableError> {
    let text = fs::read_to_string(path).map_err(|error| TableError::read(path, error))?;
    Map::from_toml(&text, path)
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
