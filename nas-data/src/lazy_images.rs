//! Images that are decoded only once it is known which of them are used.

use std::path::{Path, PathBuf};

use crate::decode::Format;
use crate::error::DataError;
use crate::examples::{Examples, Targets};

/// Images from which some can be taken.
pub trait Source {
    /// The targets of all images.
    fn targets(&self) -> &Targets;

    /// The images of these rows with their targets, in this order.
    ///
    /// # Errors
    ///
    /// Fails if an image cannot be decoded.
    fn rows(&self, rows: &[usize]) -> Result<Examples, DataError>;

    /// All images with their targets.
    ///
    /// # Errors
    ///
    /// Fails if an image cannot be decoded.
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

/// Image files that are not decoded yet.
#[derive(Debug)]
pub struct ImageFiles {
    /// The format that they are decoded to.
    pub format: Format,
    /// The folder that error messages name.
    pub folder: PathBuf,
    /// The files, one for each target.
    pub paths: Vec<PathBuf>,
    /// The targets of the files; sides of boxes are in pixels of `format`.
    pub targets: Targets,
}

impl ImageFiles {
    fn decoded<'f>(
        &'f self,
        paths: impl ExactSizeIterator<Item = &'f Path>,
        targets: Targets,
    ) -> Result<Examples, DataError> {
        let inputs = self.format.read(&self.folder, paths)?;
        Ok(Examples { shape: self.format.shape(), inputs: inputs.into(), targets })
    }
}

impl Source for ImageFiles {
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
