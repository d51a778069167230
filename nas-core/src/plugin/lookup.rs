//! Finds the file that the name of a plugin stands for, and says which native libraries may be loaded.

use std::path::{Path, PathBuf};

use super::identity::{LIBRARY, has_ending};
use super::unknown::refused;
use super::{Identity, Kind, PluginError, Registry, native};

impl Registry {
    /// Refuses to load a library that nobody has allowed.
    pub(super) fn check_allowed(&self, path: &Path) -> Result<(), PluginError> {
        let wanted = path.canonicalize().ok();
        let allowed = |allowed: &PathBuf| allowed == path || wanted.is_some() && allowed.canonicalize().ok() == wanted;
        if self.options.allow_native.iter().any(allowed) || !path.is_file() {
            return Ok(());
        }
        let shown = path.display().to_string();
        let problem = "is native code, which runs with your rights, and nothing but a file names it";
        let remedy = format!("if you trust it, add `--allow-native {shown}`");
        Err(refused(Kind::Evaluator, &shown, problem, &remedy))
    }

    /// What is known of the evaluator with this name or path without running any of its code, if it is a native library:
    /// where it is, and its digest. `None` for any other evaluator.
    ///
    /// # Errors
    /// The library cannot be read.
    pub fn library(&self, reference: &str) -> Result<Option<Identity>, PluginError> {
        match self.locate(Kind::Evaluator, reference) {
            Some(path) if has_ending(&path, LIBRARY) => native::identify(&path).map(Some),
            _ => Ok(None),
        }
    }

    /// The file that a reference stands for: the path itself, or the first file with that name on the search path.
    pub(super) fn locate(&self, kind: Kind, reference: &str) -> Option<PathBuf> {
        let path = Path::new(reference);
        if is_path(path) {
            return Some(path.to_owned());
        }
        self.files().into_iter().find(|(of, name, _)| *of == kind && name == reference).map(|(_, _, path)| path)
    }

    /// The plugin files on the search path: kind, name and path. Their folder decides the kind.
    pub(super) fn files(&self) -> Vec<(Kind, String, PathBuf)> {
        let mut found = Vec::new();
        for folder in &self.options.search_path {
            for kind in Kind::ALL {
                let within = folder.join(match kind {
                    Kind::Space => "spaces",
                    Kind::Strategy => "strategies",
                    Kind::Evaluator => "evaluators",
                });
                let Ok(read) = std::fs::read_dir(within) else { continue };
                let mut files: Vec<PathBuf> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
                files.sort();
                for path in files.into_iter().filter(|path| kind.is_file_of(path)) {
                    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
                    found.push((kind, name, path));
                }
            }
        }
        found
    }
}

/// Whether a reference is a path rather than a name.
pub(super) fn is_path(path: &Path) -> bool {
    path.components().count() > 1 || path.is_absolute() || Kind::ALL.iter().any(|kind| kind.is_file_of(path))
}
