use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Answers questions about genotypes and builds networks.
    Space,
    /// Proposes candidates.
    Strategy,
    /// Measures candidates.
    Evaluator,
}

/// Native libraries, whatever the system.
pub(crate) const LIBRARY: &[&str] = &["so", "dylib", "dll"];

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Space, Self::Strategy, Self::Evaluator];

    /// How the names of its files end.
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Space => &["wasm", "toml", "onnx"],
            Self::Strategy => &["wasm"],
            Self::Evaluator => &["wasm", "so", "dylib", "dll"],
        }
    }

    /// Whether a file's name ends like those of this kind.
    pub fn is_file_of(self, path: &Path) -> bool {
        has_ending(path, self.endings())
    }
}

/// Whether a file's name ends in one of these.
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
    /// Part of the program.
    BuiltIn,
    /// A WebAssembly component.
    Component(PathBuf),
    /// A file that is a space: TOML or ONNX.
    Table(PathBuf),
    /// A native library.
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

/// Which plugin it is: what a study records, and what a resume compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// What it is for.
    pub kind: Kind,
    /// As it calls itself.
    pub name: String,
    /// As it says.
    pub version: String,
    /// Where it comes from.
    pub origin: Origin,
    /// SHA-256 of the file, in hexadecimal; `None` where it is built in.
    pub digest: Option<String>,
}

impl Identity {
    /// The same plugin: its file may have moved, its content may not have changed.
    pub fn same_plugin(&self, other: &Self) -> bool {
        (self.kind, &self.name, &self.version, &self.digest) == (other.kind, &other.name, &other.version, &other.digest)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}' {} ({})", self.kind, self.name, self.version, self.origin)
    }
}

/// SHA-256 in hexadecimal.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
