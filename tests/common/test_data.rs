//! Finds the published data that tests read. Other packages include this file with `#[path]`.

use std::path::PathBuf;

/// The path of `name` in the folder that the variable `NAS_DATA` names. Without the variable, a reason is printed and
/// the test is to be skipped; but with the variable `CI`, that is a failure.
pub fn test_data(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("NAS_DATA");
    if folder.is_none() {
        assert!(std::env::var_os("CI").is_none(), "NAS_DATA is not set, and in CI no test may be skipped");
        eprintln!("skipped: NAS_DATA does not name a folder with {name}");
    }
    Some(PathBuf::from(folder?).join(name))
}
