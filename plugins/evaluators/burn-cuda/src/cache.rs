//! The cache of compiled kernels and autotune results, which the next candidate and the next process reuse.
//!
//! cubecl writes them to a database of its own (Turso, in SQLite's format) with a write-ahead log that processes share.
//! Every entry is added by one statement and existing entries stay. A writer waits up to 5 seconds for another and then
//! gives up. So concurrent workers may use one file. Compiled kernels are filed under the architecture of the GPU, the
//! compiler and the build of this library. Autotune results are filed only under the version of cubecl and the number
//! of the GPU, which is why each model of GPU has its own file here.

use std::path::{Path, PathBuf};

use cubecl_runtime::config::cache::CacheConfig;
use cubecl_runtime::config::{CubeClRuntimeConfig, RuntimeConfig};

/// The name of cubecl's database if none is configured.
const UNNAMED: &str = "default";

/// Sets the path of cubecl's cache before it computes anything, unless the user has a configuration for cubecl. `gpu`
/// is the model.
pub fn open(gpu: &str) {
    let own = std::env::current_dir().is_ok_and(|folder| folder.ancestors().any(configured));
    let Some(folder) = folder().filter(|_| !own) else { return };
    let mut config = CubeClRuntimeConfig::default().override_from_env();
    config.compilation.cache = true;
    config.environment.path = CacheConfig::Directory(folder);
    // `CUBECL_ENVIRONMENT` may have set another name.
    if config.environment.name == UNNAMED {
        gpu.clone_into(&mut config.environment.name);
    }
    // This returns false if another evaluator of this process has opened a GPU; the cache is then already set.
    let _ = CubeClRuntimeConfig::try_set(config);
}

/// A folder in the user's cache; `None` if the system has no such folder.
fn folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "nas").map(|folders| folders.cache_dir().join("cubecl"))
}

/// Whether cubecl would read a configuration in this folder.
fn configured(folder: &Path) -> bool {
    let mut whole = CubeClRuntimeConfig::file_names().iter().map(|name| folder.join(name));
    let mut sections = CubeClRuntimeConfig::section_file_names().iter();
    whole.any(|file| file.is_file())
        || sections.any(|(name, section)| {
            let file = folder.join(name);
            file.is_file() && CubeClRuntimeConfig::from_section_file_path(file, section).is_ok()
        })
}
