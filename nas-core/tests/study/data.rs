//! Data that changed while a study was not running are noticed.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use nas_core::study::{Problem, ResumeOptions, StudyError};

use crate::common::{go_on, go_on_with, message, read, records, registry, run, run_with, spec};
use crate::evaluator::read_data;

/// Starts a study of eight trials and stops it at once.
fn begun(label: &str, file: &Path) {
    let stop = AtomicBool::new(true);
    run_with(&spec(label, "random-search", 8), file, &stop, &mut ()).unwrap();
}

fn reopened(file: &Path) -> Result<(), StudyError> {
    Problem::reopen(&read(file).header, &registry().unwrap(), None).map(drop)
}

#[test]
fn changed_data_are_refused_wherever_a_study_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    read_data("edited", "/sets/mine", "aaaabbbbccccdddd");
    begun("edited", &file);
    assert_eq!(read(&file).header.data.unwrap().source, "/sets/mine");
    reopened(&file).unwrap();

    read_data("edited", "/sets/mine", "0000bbbbccccdddd");
    let before = records(&file);
    let warm = ResumeOptions { warm_start: true, ..ResumeOptions::default() };
    for refused in [go_on(&file).map(drop), go_on_with(&file, &warm, &mut ()).map(drop), reopened(&file)] {
        let error = refused.unwrap_err();
        assert!(error.is_input());
        let words = error.to_string();
        for part in
            ["data '/sets/mine': they have changed", "aaaabbbbcccc then, 0000bbbbcccc now", "help: bring the data"]
        {
            assert!(words.contains(part), "{words}");
        }
    }
    assert_eq!(records(&file), before);

    // The same data at another path are accepted.
    read_data("edited", "/moved/mine", "aaaabbbbccccdddd");
    go_on(&file).unwrap();
    assert_eq!(read(&file).trials.len(), 8);
    read_data("edited", "/moved/mine", "other");
    message(go_on(&file), &["data '/moved/mine', which were '/sets/mine'"]);
}

#[test]
fn studies_without_recorded_data_are_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, file) = (folder.path().join("whole"), folder.path().join("study"));
    run(&spec("unsaid", "random-search", 8), &whole).unwrap();
    begun("unsaid", &file);
    // Older study files have not recorded their data.
    assert_eq!(read(&file).header.data, None);
    read_data("unsaid", "/sets/mine", "aaaabbbbccccdddd");
    go_on(&file).unwrap();
    assert_eq!(records(&file), records(&whole));
    // A new search in the same file records them.
    let warm = ResumeOptions { warm_start: true, ..ResumeOptions::default() };
    go_on_with(&file, &warm, &mut ()).unwrap();
    read_data("unsaid", "/sets/mine", "other");
    message(go_on(&file), &["they have changed"]);
}
