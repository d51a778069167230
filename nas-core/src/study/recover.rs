//! Saves what can be read of a damaged study.

use std::fs;
use std::io;
use std::path::Path;

use super::StudyError;
use super::log::Salvage;
use super::plan::checkpoint_folder;

/// What was saved of a damaged study.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The trials of the new study, those without an outcome among them.
    pub trials: u32,
    /// How many of them stand for a record that could not be read: they are failed, and say so.
    pub lost: u32,
    /// Whether [`resume`](super::resume()) can replay the new study. Otherwise it can be shown and reported, and a warm
    /// start is told of its trials.
    pub resumes: bool,
    /// How many trials would be left of a new study that can be resumed; `None` if there can be none.
    pub resumable: Option<u32>,
}

/// Saves what can be read of the damaged study in `file` into the new study `out`. By default that is every trial whose
/// record can be read. `resumable`: only as many as a strategy can replay, so that the new study can be resumed.
///
/// # Errors
/// Nothing can be read, nothing can be replayed though `resumable` wants it, `out` exists, or it cannot be written.
pub fn recover(file: &Path, out: &Path, resumable: bool) -> Result<Recovery, StudyError> {
    if !file.is_file() {
        return Err(StudyError::file(file, "there is no such file", "name the file of the damaged study"));
    }
    let salvage = Salvage::read(file)?;
    let (trials, replayed) = (salvage.trials(), salvage.resumable());
    if resumable && replayed.is_none() {
        let problem = "cannot be resumed: records of a search before the last one are lost";
        return Err(StudyError::file(file, problem, "leave out --resumable; a warm start can use the other trials"));
    }
    salvage.write(out, resumable)?;
    let states = copy_folder(&checkpoint_folder(file), &checkpoint_folder(out));
    states.map_err(|error| {
        let problem = format!("the checkpoints of its trials cannot be copied: {error}");
        StudyError::file(file, problem, "copy the folder yourself, under the name of the new study")
    })?;
    let resumes = resumable || replayed == Some(trials);
    let kept = if resumes { replayed.unwrap_or(0) } else { trials };
    let lost = if resumes { 0 } else { salvage.lost() };
    Ok(Recovery { trials: kept, lost, resumes, resumable: replayed })
}

/// Copies a folder with its subfolders; no folder is nothing to copy.
fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_folder(&entry.path(), &to)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
