//! Images that are decoded once it is known which of them are used.

use std::path::{Path, PathBuf};

use crate::decode::Format;
use crate::error::DataError;
use crate::examples::{Examples, Targets};

/// Images of which some are taken.
pub trait Source {
    /// What belongs to each.
    fn targets(&self) -> &Targets;

    /// Those of these rows, in this order.
    fn rows(&self, rows: &[usize]) -> Result<Examples, DataError>;

    /// All of them.
    fn whole(self) -> Result<Examples, DataError>;
}

impl Source for Examples {
    fn targets(&self) -> &Targets {
        &self.targets
    }

    fn rows(&self, rows: &[usize]) -> Result<Examples, DataError> {
        Ok(self.rows(rows))
    }

    fn whole(self) -> Result<Examples, DataError> {
        Ok(self)
    }
}

/// Files of images.
#[derive(Debug)]
pub struct Pictures {
    /// What they become.
    pub format: Format,
    /// What errors name.
    pub folder: PathBuf,
    /// One for each target.
    pub paths: Vec<PathBuf>,
    /// What belongs to each; sides of boxes are in pixels of `format`.
    pub targets: Targets,
}

impl Pictures {
    fn decoded<'f>(
        &'f self,
        paths: impl ExactSizeIterator<Item = &'f Path>,
        targets: Targets,
    ) -> Result<Examples, DataError> {
        let inputs = self.format.read(&self.folder, paths)?;
        Ok(Examples { shape: self.format.shape(), inputs: inputs.into(), targets })
    }
}

impl Source for Pictures {
    fn targets(&self) -> &Targets {
        &self.targets
    }

    fn rows(&self, rows: &[usize]) -> Result<Examples, DataError> {
        self.decoded(rows.iter().map(|&row| self.paths[row].as_path()), self.targets.rows(rows))
    }

    fn whole(self) -> Result<Examples, DataError> {
        self.decoded(self.paths.iter().map(PathBuf::as_path), self.targets.clone())
    }
}
