//! States of trials that later trials may carry on from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use nas_api::evaluator::UNFINISHED;
use nas_network::weights_file::{self, Archive, StoreError};

/// Where states are kept: a folder, or memory where there is none.
#[derive(Debug)]
pub enum TrialStates {
    /// One file per trial.
    Folder(PathBuf),
    /// For as long as the evaluator lives.
    Memory(Mutex<BTreeMap<u32, Vec<u8>>>),
}

impl TrialStates {
    /// In this folder, made when the first state is kept.
    pub fn new(folder: Option<&std::path::Path>) -> Self {
        match folder {
            Some(folder) => Self::Folder(folder.to_owned()),
            None => Self::Memory(Mutex::default()),
        }
    }

    /// Where a trial is kept while it is trained; `None` where nothing outlives the process anyway.
    pub fn unfinished(&self, trial: u32) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.join(UNFINISHED).join(Self::name(trial))),
            Self::Memory(_) => None,
        }
    }

    fn name(trial: u32) -> String {
        format!("trial-{trial}.safetensors")
    }

    /// Keeps the state of a trial, in place of an older one.
    pub fn put(&self, trial: u32, state: &Archive) -> Result<(), StoreError> {
        let bytes = state.to_bytes()?;
        match self {
            Self::Folder(folder) => weights_file::write(&folder.join(Self::name(trial)), &bytes),
            Self::Memory(states) => {
                // A thread that died while it held the lock left the map whole: insertions are not interrupted.
                states.lock().unwrap_or_else(PoisonError::into_inner).insert(trial, bytes);
                Ok(())
            }
        }
    }

    /// The kept state of a trial, if there is one.
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
