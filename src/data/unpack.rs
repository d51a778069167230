//! Unpacks files from a `.tar.gz` archive.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use flate2::read::GzDecoder;
use nas_api::file::write_atomic_with;
use tar::Archive;

/// Unpacks the named members from any folder of the archive into `folder`. Each member is given with its length in
/// bytes. A file never appears half written.
///
/// # Errors
/// The archive cannot be read, a member is missing or has another length, or a file cannot be written.
pub fn unpack(archive: &Path, members: &[(&str, u64)], folder: &Path) -> io::Result<()> {
    let mut found = BTreeSet::new();
    for entry in Archive::new(GzDecoder::new(File::open(archive)?)).entries()? {
        let mut entry = entry?;
        // Only the file name is used, so that the archive cannot write outside the folder.
        let name = entry.path()?.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some((name, bytes)) = members.iter().find(|(member, _)| Some(*member) == name.as_deref()) else { continue };
        // A link or a folder of that name is not the file.
        if !entry.header().entry_type().is_file() {
            continue;
        }
        if entry.size() != *bytes {
            let problem = format!("its file '{name}' has {} bytes, not {bytes}", entry.size());
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        write_atomic_with(&folder.join(name), |out| io::copy(&mut entry, out).map(drop))
            .map_err(|error| error.source)?;
        found.insert(*name);
    }
    let found = found.len();
    if found < members.len() {
        let problem = format!("it contains only {found} of the {} files that it should", members.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    Ok(())
}

/// Whether all members are in the folder with the right lengths.
pub fn is_unpacked(members: &[(&str, u64)], folder: &Path) -> bool {
    members.iter().all(|(name, bytes)| fs::metadata(folder.join(name)).is_ok_and(|file| file.len() == *bytes))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn archive(path: &Path, files: &[(&str, &str)]) {
        let mut builder = tar::Builder::new(GzEncoder::new(File::create(path).unwrap(), Compression::fast()));
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            builder.append_data(&mut header, name, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap();
    }

    #[test]
    fn only_the_named_members_are_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let (path, out) = (folder.path().join("a.tar.gz"), folder.path().join("out"));
        fs::create_dir(&out).unwrap();
        archive(&path, &[("set/readme.html", "no"), ("set/train.bin", "12345"), ("set/test.bin", "67")]);
        let members = [("train.bin", 5), ("test.bin", 2)];
        assert!(!is_unpacked(&members, &out));
        unpack(&path, &members, &out).unwrap();
        assert!(is_unpacked(&members, &out));
        assert_eq!(fs::read_to_string(out.join("train.bin")).unwrap(), "12345");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
        let wrong = |members: &[(&str, u64)]| unpack(&path, members, &out).unwrap_err().to_string();
        assert!(wrong(&[("test.bin", 3)]).contains("has 2 bytes, not 3"));
        assert!(wrong(&[("more.bin", 3)]).contains("0 of the 1 files"));
        assert!(!is_unpacked(&[("test.bin", 3)], &out));
    }

    #[test]
    fn a_link_is_no_member_and_a_member_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tar.gz");
        let mut builder = tar::Builder::new(GzEncoder::new(File::create(&path).unwrap(), Compression::fast()));
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        builder.append_link(&mut link, "empty.bin", "/etc/passwd").unwrap();
        for _ in 0..2 {
            let mut header = tar::Header::new_gnu();
            header.set_size(2);
            builder.append_data(&mut header, "twice.bin", &b"12"[..]).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap();
        let refused = unpack(&path, &[("empty.bin", 0), ("twice.bin", 2)], folder.path()).unwrap_err().to_string();
        assert!(refused.contains("1 of the 2 files"), "{refused}");
        assert!(!folder.path().join("empty.bin").exists());
    }
}
