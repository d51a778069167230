use std::fmt;
use std::path::PathBuf;

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
