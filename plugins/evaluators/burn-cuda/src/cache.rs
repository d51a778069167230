//! Where compiled kernels and the results of autotune are kept, so that the next candidate and the next process find them.
//!
//! cubecl writes them to one database of its own (Turso, in the format of SQLite) through a write-ahead log that processes
//! share: every entry is added by one statement, what is there stays, a writer waits up to 5 seconds for another and else goes
//! without. So workers side by side may use one file. Compiled kernels are filed under the architecture of the GPU, the compiler
//! and the build of this library; results of autotune under the version of cubecl and the number of the GPU alone, which is why
//! each model of GPU has a file of its own here.

use std::path::{Path, PathBuf};

use cubecl_runtime::config::cache::CacheConfig;
use cubecl_runtime::config::{CubeClRuntimeConfig, RuntimeConfig};

/// The name of cubecl's database where nobody chooses one.
const UNNAMED: &str = "default";

/// Tells cubecl where its cache is, before it computes anything, unless the user has a configuration of cubecl's own. `gpu` is the
/// model.
pub fn open(gpu: &str) {
    let own = std::env::current_dir().is_ok_and(|folder| folder.ancestors().any(configured));
    let Some(folder) = folder().filter(|_| !own) else { return };
    let mut config = CubeClRuntimeConfig::default().override_from_env();
    config.compilation.cache = true;
    config.environment.path = CacheConfig::Directory(folder);
    // `CUBECL_ENVIRONMENT` may have named another.
    if config.environment.name == UNNAMED {
        gpu.clone_into(&mut config.environment.name);
    }
    // False where another evaluator of this process has opened a GPU: then the cache is in its place already.
    let _ = CubeClRuntimeConfig::try_set(config);
}

/// In the user's cache; `None` where the system knows no such folder.
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
