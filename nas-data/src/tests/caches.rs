//! Tests of the cache of prepared data.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::{config, text};
use crate::cache::{self, Lock};
use crate::{Data, DataConfig, Kind, prepared_file};

/// A table with missing values, whose prepared data exceed one mebibyte.
fn large(folder: &Path) -> DataConfig {
    let line = |row: usize| {
        let city = ["Bern", "Rome", "NA"][row % 3];
        format!("{},{city},{}\n", (row * 7919) % 1000, ["a", "b"][row % 2])
    };
    let path = folder.join("large.csv");
    fs::write(&path, format!("x,city,y\n{}", (0..70_000).map(line).collect::<String>())).unwrap();
    config(path)
}

fn kept(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn same(one: &Data, other: &Data) {
    assert_eq!((&one.train, &one.validation, &one.test), (&other.train, &other.validation, &other.test));
    assert_eq!((&one.normalization, &one.encoding), (&other.normalization, &other.encoding));
    assert_eq!((&one.vocabulary, &one.tokenizer), (&other.vocabulary, &other.tokenizer));
    assert_eq!((&one.classes, one.kind), (&other.classes, other.kind));
    assert_eq!(one.fingerprint, other.fingerprint);
}

#[test]
fn cached_data_equal_prepared_data() {
    let folder = tempfile::tempdir().unwrap();
    let cache_folder = folder.path().join("cache");
    let table = large(folder.path());
    let value = DataConfig { kind: Kind::Regression, target: "x".into(), ..table.clone() };
    let plays = DataConfig { context: 100, ..text(folder.path(), "to be, or not to be? ".repeat(20_000)) };
    let images = super::boxes::simple(10);
    let boxes = DataConfig { size: 128, kind: Kind::Detection, ..config(images.path()) };
    for config in [table, value, plays, boxes] {
        let fresh = Data::open(&config).unwrap();
        for _ in 0..2 {
            let opened = cache::open(&config, &cache_folder).unwrap();
            same(&opened, &fresh);
            // Joining two mapped sets needs no copy, and gives the same examples.
            assert_eq!(opened.train.and(&opened.validation), fresh.train.and(&fresh.validation));
        }
    }
    let files = kept(&cache_folder);
    assert_eq!(files.len(), 4, "{files:?}");
    assert!(files.iter().all(|path| path.extension().unwrap() == "data"));
}

#[test]
fn other_parameters_and_changed_files_are_prepared_anew() {
    let folder = tempfile::tempdir().unwrap();
    let cache_folder = folder.path().join("cache");
    let config = large(folder.path());
    let first = cache::open(&config, &cache_folder).unwrap();
    let other = cache::open(&DataConfig { split_seed: 1, ..config.clone() }, &cache_folder).unwrap();
    assert_ne!(first.train, other.train);
    assert_eq!(kept(&cache_folder).len(), 2);
    let before = fs::metadata(&config.source).unwrap().modified().unwrap();
    let changed = fs::read_to_string(&config.source).unwrap().replace("Rome", "Oslo");
    fs::write(&config.source, changed).unwrap();
    // The changed file gets the modification time of the old one, as with a copy that keeps times.
    fs::File::options().append(true).open(&config.source).unwrap().set_modified(before).unwrap();
    let again = cache::open(&config, &cache_folder).unwrap();
    assert!(again.encoding.unwrap().features().contains(&"city=Oslo".to_owned()));
    // Data that are in use stay as they were after their file is removed.
    kept(&cache_folder).iter().for_each(|path| fs::remove_file(path).unwrap());
    assert!(first.encoding.as_ref().unwrap().features().contains(&"city=Rome".to_owned()));
    same(&first, &first.clone());
}

#[test]
fn a_copy_has_the_same_fingerprint_and_every_edit_changes_it() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let config = large(folder.path());
    let fresh = |config: &DataConfig| Data::open(config).unwrap().fingerprint;
    let first = fresh(&config);
    assert_eq!(first.len(), 64);
    let copied = DataConfig { source: copy.path().join("copy.csv").to_str().unwrap().to_owned(), ..config.clone() };
    fs::copy(&config.source, &copied.source).unwrap();
    assert_eq!(fresh(&copied), first);
    // The edits change a number in a row, a category, a target, and a column's name.
    let content = fs::read_to_string(&config.source).unwrap();
    let mut seen = vec![first];
    for (from, to) in [("\n919,", "\n918,"), ("Rome", "Oslo"), (",b\n", ",a\n"), ("x,city,y", "z,city,y")] {
        fs::write(&copied.source, content.replacen(from, to, 1)).unwrap();
        let changed = fresh(&copied);
        assert!(!seen.contains(&changed), "{from} was {to}");
        seen.push(changed);
    }
}

#[test]
fn small_data_and_failures_leave_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let cache_folder = folder.path().join("cache");
    let small = text(folder.path(), "abc".repeat(1000));
    cache::open(&small, &cache_folder).unwrap();
    let broken = DataConfig { target: "z".into(), ..large(folder.path()) };
    assert!(cache::open(&broken, &cache_folder).is_err());
    assert!(kept(&cache_folder).is_empty());
    // This cache folder cannot be created, since its parent is a file.
    let config = large(folder.path());
    same(&cache::open(&config, &folder.path().join("large.csv/cache")).unwrap(), &Data::open(&config).unwrap());
}

#[test]
fn damaged_files_are_replaced_and_old_ones_removed() {
    let folder = tempfile::tempdir().unwrap();
    let cache_folder = folder.path().join("cache");
    let config = large(folder.path());
    let fresh = Data::open(&config).unwrap();
    cache::open(&config, &cache_folder).unwrap();
    let path = kept(&cache_folder).remove(0);
    let whole = fs::read(&path).unwrap();
    let mut other = whole.clone();
    other[20] = b'?';
    for damaged in [&whole[..whole.len() - 4], &whole[..40], &whole[..3], b"", &other[..]] {
        // The file is replaced as another process would do it: written under another name, then renamed.
        fs::write(cache_folder.join("new"), damaged).unwrap();
        fs::rename(cache_folder.join("new"), &path).unwrap();
        assert!(prepared_file::read(&path).is_none());
        same(&cache::open(&config, &cache_folder).unwrap(), &fresh);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
    let old = SystemTime::now() - Duration::from_secs(40 * 24 * 3600);
    fs::File::options().append(true).open(&path).unwrap().set_modified(old).unwrap();
    fs::write(cache_folder.join("notes.txt"), "not ours").unwrap();
    fs::File::options().append(true).open(cache_folder.join("notes.txt")).unwrap().set_modified(old).unwrap();
    cache::open(&DataConfig { split_seed: 9, ..config }, &cache_folder).unwrap();
    assert!(!path.exists() && cache_folder.join("notes.txt").exists());
}

#[test]
fn threads_that_open_the_same_data_share_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let cache_folder = folder.path().join("cache");
    let config = large(folder.path());
    let fresh = Data::open(&config).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| same(&cache::open(&config, &cache_folder).unwrap(), &fresh));
        }
    });
    assert_eq!(kept(&cache_folder).len(), 1);
}

#[test]
fn a_file_that_another_process_writes_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.data");
    let (first, mut written) = cache::new_partial(&path).unwrap();
    written.write_all(b"half").unwrap();
    // A process in another container may have the same number, as this one has.
    let (second, _) = cache::new_partial(&path).unwrap();
    assert_ne!(first, second);
    assert_eq!(fs::read(first).unwrap(), b"half");
}

#[test]
fn data_are_not_cached_if_the_lock_cannot_be_taken() {
    let folder = tempfile::tempdir().unwrap();
    let cache_folder = folder.path().join("cache");
    let config = large(folder.path());
    // A folder at the lock's path cannot be locked.
    let lock = cache_folder.join(format!("{}.lock", cache::key(&config).unwrap()));
    fs::create_dir_all(&lock).unwrap();
    same(&cache::open(&config, &cache_folder).unwrap(), &Data::open(&config).unwrap());
    assert_eq!(kept(&cache_folder), [lock]);
}

#[test]
#[cfg(unix)]
fn only_the_holder_of_a_lock_removes_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.lock");
    let first = Lock::wait(path.clone()).unwrap();
    assert!(first.is_own());
    // The first lock's file is gone, and another lock holds a new file.
    fs::remove_file(&path).unwrap();
    let second = Lock::wait(path.clone()).unwrap();
    assert!(!first.is_own() && second.is_own());
    drop(first);
    assert!(path.exists());
    drop(second);
    assert!(!path.exists());
}

/// If this fails, the same sources give other bytes than before. Raise `FORMAT`, so that no library maps files that
/// older code has prepared, and write the new digest here.
#[test]
fn prepared_bytes_change_only_with_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let line = |row: usize| {
        let (city, member) = (["Bern", "Rome", "NA"][row % 3], ["yes", "no"][row % 2]);
        format!("{},{city},{member},{}\n", (row * 37) % 100, ["a", "b"][row / 2 % 2])
    };
    fs::write(&path, format!("x,city,member,y\n{}", (0..60).map(line).collect::<String>())).unwrap();
    let table = config(path);
    let value = DataConfig { kind: Kind::Regression, target: "x".into(), ..table.clone() };
    let plays = text(folder.path(), "to be, or not to be? ".repeat(20));
    let images = DataConfig { size: 5, ..config("digits") };
    let pictures = super::boxes::simple(10);
    let kind = Kind::Detection;
    let pictures = DataConfig { kind, size: 8, ..config(pictures.path()) };
    let mut digest = Sha256::new();
    for (number, config) in [table, value, plays, images, pictures].iter().enumerate() {
        let path = folder.path().join(number.to_string());
        prepared_file::write(&Data::open(config).unwrap(), fs::File::create(&path).unwrap()).unwrap();
        digest.update(fs::read(path).unwrap());
    }
    let digest: String = digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((cache::FORMAT, digest.as_str()), (3, "d588565b6062a0a7"));
}
