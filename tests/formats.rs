//! Files that other people's files and plugins depend on are not changed by accident.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

/// Each folder with what must not change in it. A released version of the contract or of the tables of studies is never
/// edited: add the next version beside it. Before its release, a change is meant where its line here changes too.
const GUARDED: [(&str, &str); 2] = [("wit/0.1", "wit"), ("nas-core/src/study/log", "sql")];

#[test]
fn the_contract_and_the_tables_of_studies_are_those_of_their_versions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = String::new();
    for (folder, ending) in GUARDED {
        let entries = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == ending)).collect();
        files.sort();
        for file in files {
            let name = file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            // Line ends are not part of a format.
            let text = fs::read_to_string(&file).unwrap().replace("\r\n", "\n");
            writeln!(found, "{}  {name}", hex::encode(Sha256::digest(text))).unwrap();
        }
    }
    let expected = fs::read_to_string(root.join("tests/formats.sha256")).unwrap();
    assert_eq!(
        found, expected,
        "a format has changed; if its version is not released yet, and every reader of it is changed as well, write \
         what is found here into tests/formats.sha256 (sha256sum wit/0.1/*.wit nas-core/src/study/log/*.sql)"
    );
}
