//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::ExportError;

/// Writes a file through `fill`, under another name until it is complete; makes its folder.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<(), ExportError>) -> Result<(), ExportError> {
    let access = |source| ExportError::access(path, source);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(access)?;
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    let written = (|| {
        let mut out = BufWriter::new(File::create(&partial).map_err(access)?);
        fill(&mut out)?;
        out.flush().map_err(access)?;
        fs::rename(&partial, path).map_err(access)
    })();
    if written.is_err() {
        // The file that could not be finished is of no use; that it cannot be removed is no further news.
        let _ = fs::remove_file(&partial);
    }
    written
}

/// Writes a text.
pub fn text(path: &Path, text: &str) -> Result<(), ExportError> {
    write(path, |out| out.write_all(text.as_bytes()).map_err(|source| ExportError::access(path, source)))
}
