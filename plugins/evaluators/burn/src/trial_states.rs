//! The saved states of trials, from which later trials may resume.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use nas_api::evaluator::unfinished_file;
use nas_network::weights_file::{self, Archive, StoreError};

/// The place where states are saved: a folder or, without one, memory.
#[derive(Debug)]
pub enum TrialCheckpoints {
    /// One file per trial.
    Folder(PathBuf),
    /// The states, which live as long as the evaluator.
    Memory(Mutex<BTreeMap<u32, Vec<u8>>>),
}

impl TrialCheckpoints {
    /// Saves states in this folder, which is created with the first one.
    pub fn new(folder: Option<&std::path::Path>) -> Self {
        match folder {
            Some(folder) => Self::Folder(folder.to_owned()),
            None => Self::Memory(Mutex::default()),
        }
    }

    /// The file for checkpoints of a running trial; `None` without a folder, as nothing would outlive the process.
    pub fn unfinished(&self, trial: u32) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(unfinished_file(folder, trial)),
            Self::Memory(_) => None,
        }
    }

    fn name(trial: u32) -> String {
        format!("trial-{trial}.safetensors")
    }

    /// Saves the state of a trial, replacing an older one.
    ///
    /// # Errors
    ///
    /// Fails if the state cannot be written.
    pub fn put(&self, trial: u32, state: &Archive) -> Result<(), StoreError> {
        let bytes = state.to_bytes()?;
        match self {
            Self::Folder(folder) => weights_file::write(&folder.join(Self::name(trial)), &bytes),
            Self::Memory(states) => {
                // A thread that died while it held the lock left the map intact, since insertions are not interrupted.
                states.lock().unwrap_or_else(PoisonError::into_inner).insert(trial, bytes);
                Ok(())
            }
        }
    }

    /// The saved state of a trial, if there is one.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or is damaged.
    pub fn get(&self, trial: u32) -> Result<Option<Archive>, StoreError> {
        let (origin, bytes) = match self {
            Self::Folder(folder) => {
                let path = folder.join(Self::name(trial));
                (path.display().to_string(), weights_file::read(&path)?)
            }
            Self::Memory(states) => {
                let states = states.lock().unwrap_or_else(PoisonError::into_inner);
                (Self::name(trial), states.get(&trial).cloned())
            }
        };
        bytes.map(|bytes| Archive::from_bytes(&bytes, &origin)).transpose()
    }
}
