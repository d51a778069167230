use std::path::{Path, PathBuf};

use crate::plugin::{Identity, PluginError};

/// Why a study cannot be planned, run, resumed or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The description of the study is wrong.
    #[error("{place}: {problem}{}", help(.remedy))]
    Spec {
        /// The key, flag or file.
        place: String,
        /// What is wrong.
        problem: String,
        /// What to do; empty if the problem already says it.
        remedy: String,
    },
    /// A file cannot be used.
    #[error("{}: {problem}{}", .path.display(), help(.remedy))]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A plugin could not be found or opened, before any trial.
    #[error("{0}")]
    Open(PluginError),
    /// A plugin broke down while the study ran. Every record up to then is kept.
    #[error("{0}")]
    Broken(PluginError),
    /// The study was begun with another plugin.
    #[error("the study was begun with the {recorded}{}, and this is the {found}{}{}",
        digest(.recorded), digest(.found), help(.remedy))]
    Differs {
        /// What the study's record says.
        recorded: Box<Identity>,
        /// What was opened now.
        found: Box<Identity>,
        /// What to do.
        remedy: String,
    },
    /// A strategy that replayed its own log proposed something else.
    #[error("replaying the log, the {strategy}{} proposed something else for trial {trial}: recorded {recorded}, now {found}{}",
        digest(.strategy), help(.remedy))]
    Replay {
        /// The first trial that differs.
        trial: u32,
        /// Which strategy.
        strategy: Box<Identity>,
        /// The proposal in the log.
        recorded: String,
        /// The proposal now.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// The study's file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Database {
        /// Which file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

fn help(remedy: &str) -> String {
    if remedy.is_empty() { String::new() } else { format!("\n  help: {remedy}") }
}

fn digest(identity: &Identity) -> String {
    identity
        .digest
        .as_ref()
        .map(|digest| format!(" [sha256 {}]", digest.get(..16).unwrap_or(digest)))
        .unwrap_or_default()
}

impl StudyError {
    /// An error in the description of a study.
    pub(crate) fn spec(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Spec { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// An error about a file.
    pub(crate) fn file(path: &Path, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), problem: problem.into(), remedy: remedy.into() }
    }

    /// A study's file holds what no study could have written.
    pub(crate) fn damaged(path: &Path, problem: impl std::fmt::Display) -> Self {
        let file = path.display();
        let remedy =
            format!("go back to a copy of it, or save what can be read: nas recover {file} --out {file}.recovered");
        Self::file(path, format!("the study is damaged: {problem}"), remedy)
    }

    /// Whether the pruner is incompatible with the strategy or the evaluator; an unknown name is a different error.
    pub(crate) fn refuses_pruner(&self) -> bool {
        matches!(self, Self::Spec { place, .. } if place == "pruner" || place == "pruner.metric")
    }

    /// Whether the user's input is at fault, so that nothing was run: exit code 2 at the command line.
    pub fn is_input(&self) -> bool {
        !matches!(self, Self::Broken(_) | Self::Replay { .. } | Self::Database { .. })
    }
}
