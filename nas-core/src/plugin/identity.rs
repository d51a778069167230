//! Kinds, origins and identities of plugins.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::PluginError;
use crate::shown::{MAX_NAME, is_control, shown};

/// The kind of a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A search space, which answers questions about genotypes and builds their graphs.
    Space,
    /// A strategy, which proposes candidates.
    Strategy,
    /// An evaluator, which measures candidates.
    Evaluator,
}

/// The file name endings of native libraries on all systems.
pub(crate) const LIBRARY: &[&str] = &["so", "dylib", "dll"];

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Space, Self::Strategy, Self::Evaluator];

    /// The file name endings of plugins of this kind.
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Space => &["wasm", "toml", "onnx"],
            Self::Strategy => &["wasm"],
            Self::Evaluator => &["wasm", "so", "dylib", "dll"],
        }
    }

    /// Whether a file's name ends like that of a plugin of this kind.
    pub fn is_file_of(self, path: &Path) -> bool {
        has_ending(path, self.endings())
    }
}

/// Whether a file's name has one of these endings.
pub(crate) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|ending| endings.contains(&ending))
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Space => "space",
            Self::Strategy => "strategy",
            Self::Evaluator => "evaluator",
        })
    }
}

/// Where a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "from", content = "file")]
pub enum Origin {
    /// It is part of the program.
    BuiltIn,
    /// It is a WebAssembly component.
    Component(PathBuf),
    /// It is a space that a TOML or ONNX file describes.
    Table(PathBuf),
    /// It is a native library.
    Library(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::Component(path) | Self::Table(path) | Self::Library(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The identity of a plugin, which a study records and a resume compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The kind of the plugin.
    pub kind: Kind,
    /// The name that the plugin gives itself.
    pub name: String,
    /// The version that the plugin gives itself.
    pub version: String,
    /// Where it comes from.
    pub origin: Origin,
    /// The SHA-256 digest of the file in hexadecimal; `None` if the plugin is built in.
    pub digest: Option<String>,
}

impl Identity {
    /// Whether both are the same plugin. Its file may have moved, but its content may not have changed.
    pub fn same_plugin(&self, other: &Self) -> bool {
        (self.kind, &self.name, &self.version, &self.digest) == (other.kind, &other.name, &other.version, &other.digest)
    }

    /// Takes the name and version that the plugin gives itself.
    ///
    /// # Errors
    /// One of them is too long, or contains what a terminal would obey.
    pub(super) fn name_itself(&mut self, name: &str, version: &str) -> Result<(), PluginError> {
        for (what, word) in [("name", name), ("version", version)] {
            if word.chars().nth(MAX_NAME).is_some() || word.contains(is_control) {
                let problem = format!("its {what} has control characters, or more than {MAX_NAME} characters");
                return Err(PluginError::new(self, "describe", problem)
                    .remedy("this is a defect of the plugin: report it to its author"));
            }
        }
        (self.name, self.version) = (name.to_owned(), version.to_owned());
        Ok(())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, version) = (shown(&self.name, MAX_NAME), shown(&self.version, MAX_NAME));
        write!(f, "{} '{name}' {version} ({})", self.kind, self.origin)
    }
}

/// A plugin that a name can stand for.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name that finds it.
    pub name: String,
    /// The plugin's identity, or why its file cannot be used.
    pub identity: Result<Identity, PluginError>,
    /// Whether the name stands for this plugin rather than for another one of the same name.
    pub wins: bool,
}

/// The SHA-256 digest in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
