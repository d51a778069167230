//! Which numbers a study was measured by.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::TableError;
use crate::find::Found;

/// SHA-256 of the table's files as they lie on the disk, one after the other, in hexadecimal digits.
pub fn of_files(found: &Found) -> Result<String, TableError> {
    let mut digest = Sha256::new();
    for file in std::iter::once(&found.file).chain(&found.joined) {
        let length = update(&mut digest, file).map_err(|error| TableError::read(file, error))?;
        digest.update(length.to_le_bytes());
    }
    Ok(hexadecimal(digest))
}

/// That of these files as the user's own mapping reads them; a mapping that came with the program is of its version.
pub fn with_mapping(of_files: &str, mapping: &str) -> String {
    if mapping.is_empty() {
        of_files.to_owned()
    } else {
        hexadecimal(Sha256::new().chain_update(of_files).chain_update(mapping))
    }
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes in a file, which may not fit into memory; its length.
fn update(digest: &mut Sha256, path: &Path) -> io::Result<u64> {
    let mut file = File::open(path)?;
    let (mut piece, mut length) = (vec![0; 1 << 16], 0);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(length),
            Ok(count) => {
                digest.update(&piece[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
