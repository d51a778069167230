//! Digests that identify the numbers of a table.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::TableError;
use crate::locate::Found;

/// Returns the SHA-256 digest of the table's files on disk, in order, each followed by its length. The digest is in
/// hexadecimal digits.
///
/// # Errors
///
/// Returns an error if a file cannot be read.
pub fn of_files(found: &Found) -> Result<String, TableError> {
    let mut digest = Sha256::new();
    for file in std::iter::once(&found.file).chain(&found.joined) {
        let length = update(&mut digest, file).map_err(|error| TableError::read(file, error))?;
        digest.update(length.to_le_bytes());
    }
    Ok(hexadecimal(digest))
}

/// Combines the digest of the files with the user's mapping, which determines how they are read. A built-in mapping is
/// empty here, because it cannot change within a version of the program.
pub fn with_mapping(of_files: &str, mapping: &str) -> String {
    if mapping.is_empty() {
        of_files.to_owned()
    } else {
        hexadecimal(Sha256::new().chain_update(of_files).chain_update(mapping))
    }
}

fn hexadecimal(digest: Sha256) -> String {
    hex::encode(digest.finalize())
}

/// Adds a file, which need not fit into memory, to a digest. Returns its length in bytes.
fn update(digest: &mut Sha256, path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let (mut buffer, mut length) = (vec![0; 1 << 16], 0);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(length),
            Ok(count) => {
                digest.update(&buffer[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
