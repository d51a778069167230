//! Helpers that the tests of the plugin host share.

use std::path::{Path, PathBuf};

use nas_api::{Decision, Error, Graph, Result, SearchSpace, Settings, SpaceInfo, Task};

/// A component that `cargo xtask plugins` has built.
pub fn component(kind: &str, name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../target/plugins/{kind}/{name}.wasm"));
    assert!(path.is_file(), "the components have not been built: run `cargo xtask plugins`");
    path
}

/// A fixture component that misbehaves.
#[allow(dead_code)]
pub fn fixture(name: &str) -> PathBuf {
    component("fixtures", name)
}

/// A space with two decisions and without networks.
pub struct Pair {
    decisions: Vec<Decision>,
}

impl Default for Pair {
    fn default() -> Self {
        Self { decisions: vec![Decision::new("first", ["a", "b", "c"]), Decision::new("second", ["x", "y"])] }
    }
}

impl SearchSpace for Pair {
    fn open(_settings: &Settings) -> Result<Self> {
        Ok(Self::default())
    }

    fn info(&self) -> SpaceInfo {
        SpaceInfo {
            name: "pair".into(),
            version: "0.1.0".into(),
            log10_size: None,
            decisions: self.decisions.clone(),
            conditional: false,
            standard: true,
            description: String::new(),
            reference: String::new(),
        }
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.get(prefix.len())
    }

    fn build(&self, _genotype: &[u32], _task: &Task) -> Result<Graph> {
        Err(Error::new("this space has no networks"))
    }
}
