//! A damaged file is recognised, and what can be read of it is saved.

use std::fs;
use std::path::{Path, PathBuf};

use nas_core::study::{End, State, StudyRecord, recover};

use crate::common::{assert_same_records, go_on, go_on_with, message, read, records, run, spec, warm, with};

const PAGE: usize = 4096;

/// A finished study of many pages, and its records.
fn finished(folder: &Path) -> (PathBuf, String) {
    let file = folder.join("whole");
    run(&with(spec("recovered", "regularized-evolution", 250), &[("fail", "10")]), &file).unwrap();
    let expected = records(&file);
    (file, expected)
}

/// Bytes that mean nothing.
fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Whether the file can be read; if not, the message names the damage and the way out.
fn is_readable(file: &Path) -> bool {
    match StudyRecord::read(file) {
        Ok(_) => true,
        Err(error) => {
            let error = error.to_string();
            assert!(
                error.contains("nas recover") && error.contains("damaged") | error.contains("not a study"),
                "{error}"
            );
            false
        }
    }
}

#[test]
fn whichever_page_is_overwritten_the_rest_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (file, expected) = finished(folder.path());
    let whole = fs::read(&file).unwrap();
    let pages = whole.len() / PAGE;
    assert!(pages > 30, "{pages} pages");
    let (mut unreadable, mut lost) = (0, Vec::new());
    for page in 0..pages {
        let copy = folder.path().join(format!("page-{page}"));
        let mut bytes = whole.clone();
        bytes[page * PAGE..][..PAGE].copy_from_slice(&noise(PAGE, page as u32));
        fs::write(&copy, bytes).unwrap();
        unreadable += u32::from(!is_readable(&copy));
        let (all, resumable) = (copy.with_extension("all"), copy.with_extension("resumable"));
        match recover(&copy, &all, false) {
            Ok(recovery) => {
                let record = read(&all);
                let marked = record.trials.iter().filter(|trial| trial.reason.starts_with("lost")).count();
                assert_eq!((record.trials.len(), marked), (recovery.trials as usize, recovery.lost as usize));
                assert!(recovery.trials - recovery.lost > 80, "page {page}: {recovery:?}");
                if recovery.resumes {
                    assert_eq!(go_on(&all).unwrap(), End::Trials);
                    assert_same_records(&expected, &records(&all), &format!("page {page}, all"));
                } else {
                    message(go_on(&all), &["recovered from a damaged file", "--warm-start"]);
                }
            }
            Err(error) => {
                message::<()>(Err(error), &["nothing can be recovered"]);
                assert!(!all.exists());
                lost.push(page);
                continue;
            }
        }
        let recovery = recover(&copy, &resumable, true).unwrap();
        assert!(recovery.resumes, "page {page}");
        assert_eq!(go_on(&resumable).unwrap(), End::Trials);
        assert_same_records(&expected, &records(&resumable), &format!("page {page}, resumable"));
    }
    assert!(unreadable > pages as u32 / 2, "{unreadable} of {pages} are noticed");
    // The description of the study, and the roots of the tables. Those of the curves should cost the curves alone.
    assert!(lost.len() <= 5, "nothing could be saved without one of the pages {lost:?}");
}

#[test]
fn a_truncated_file_is_saved_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (file, expected) = finished(folder.path());
    let whole = fs::read(&file).unwrap();
    let mut kept = Vec::new();
    for percent in [75, 85, 95] {
        let copy = folder.path().join(format!("cut-{percent}"));
        fs::write(&copy, &whole[..whole.len() * percent / 100]).unwrap();
        assert!(!is_readable(&copy), "{percent} %");
        assert!(go_on(&copy).is_err());
        let out = copy.with_extension("resumable");
        let recovery = recover(&copy, &out, true).unwrap();
        kept.push(recovery.trials);
        assert_eq!(go_on(&out).unwrap(), End::Trials);
        assert_same_records(&expected, &records(&out), &format!("{percent} %"));
    }
    assert!(kept.is_sorted() && kept[1] > 100 && kept[2] > 200, "{kept:?}");
    let short = folder.path().join("short");
    fs::write(&short, &whole[..10_000]).unwrap();
    message(recover(&short, &folder.path().join("out"), false), &["nothing can be recovered", "a copy of the file"]);
}

#[test]
fn trials_after_the_damage_are_kept_for_a_warm_start() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = finished(folder.path());
    let db = rusqlite::Connection::open(&file).unwrap();
    db.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM trials WHERE trial IN (30, 31)").unwrap();
    drop(db);
    message(StudyRecord::read(&file), &["damaged", "trial 30 is missing", "nas recover"]);
    let out = folder.path().join("out");
    let recovery = recover(&file, &out, false).unwrap();
    assert!(!recovery.resumes && recovery.lost >= 2 && recovery.resumable == Some(30), "{recovery:?}");
    let record = read(&out);
    assert_eq!((record.trials.len(), record.trials[30].state), (250, State::Failed));
    assert_eq!(record.trials[200].text, record.trial(200).unwrap().text);
    go_on_with(&out, &warm("local-search", 5), &mut ()).unwrap();
    assert_eq!(read(&out).trials.len(), 255);
    go_on(&out).unwrap();
    message(recover(&file, &out, false), &["already exists"]);
}

#[test]
fn checkpoints_go_with_the_study_and_other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = finished(folder.path());
    let states = folder.path().join("whole.state");
    fs::create_dir_all(states.join("unfinished")).unwrap();
    fs::write(states.join("unfinished/trial-3"), "kept").unwrap();
    let out = folder.path().join("out");
    assert!(recover(&file, &out, false).unwrap().resumes, "a sound study is copied");
    assert_eq!(fs::read_to_string(folder.path().join("out.state/unfinished/trial-3")).unwrap(), "kept");
    let text = folder.path().join("text");
    fs::write(&text, "not a database".repeat(1000)).unwrap();
    message(recover(&text, &folder.path().join("x"), false), &["nothing can be recovered"]);
    message(recover(&folder.path().join("missing"), &folder.path().join("x"), false), &["there is no such file"]);
    assert!(!folder.path().join("x").exists());
}
