//! Finds annotations and their images in a folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::folder::{TEST, TRAIN, VALIDATION};

/// Names of a file of annotations beside its images; Roboflow's exports have the second one.
const ANNOTATION_FILES: [&str; 2] = ["annotations.json", "_annotations.coco.json"];
/// The folder of annotations in COCO's own layout.
const FOLDER: &str = "annotations";
/// The prefix of their names, before the name of the part.
const INSTANCES: &str = "instances_";
/// The folder that may hold images instead of the one with the annotations.
const IMAGES: &str = "images";
/// The name of the only part in CVAT's exports that are not split.
const DEFAULT: &str = "default";

/// The annotations of one part.
#[derive(Debug, PartialEq)]
pub struct Part {
    /// The file of annotations.
    pub annotations: PathBuf,
    /// Folders in which its images may be.
    pub images: Vec<PathBuf>,
}

/// The annotations of all parts.
#[derive(Debug, PartialEq)]
pub struct Layout {
    pub train: Part,
    pub validation: Option<Part>,
    pub test: Option<Part>,
}

/// Whether a folder has annotations in one of the known layouts.
pub fn is_folder(folder: &Path) -> bool {
    let parts = TRAIN.iter().chain(&VALIDATION).chain(&TEST);
    beside(folder).is_some()
        || instances(folder).is_ok_and(|files| !files.is_empty())
        || parts.into_iter().any(|part| beside(&folder.join(part)).is_some())
}

impl Layout {
    /// The layout of a folder for which [`is_folder`] is true.
    ///
    /// # Errors
    ///
    /// Fails if there are no annotations for training, or if there are several for one part.
    pub fn of(folder: &Path) -> Result<Self, DataError> {
        let files = instances(folder)?;
        let parts = TRAIN.iter().chain(&VALIDATION).chain(&TEST).find_map(|part| beside(&folder.join(part)));
        let own = beside(folder);
        let named_file = files.first().map(|(_, path)| path);
        let places =
            [own.as_ref().map(|own| &own.annotations), named_file, parts.as_ref().map(|part| &part.annotations)];
        if let [one, other, ..] = places.into_iter().flatten().collect::<Vec<_>>()[..] {
            let problem = format!("it has annotations in '{}' and in '{}'", one.display(), other.display());
            return Err(wrong(folder, format!("{problem}, which are two different layouts: keep one of them")));
        }
        if let Some(train) = own {
            return Ok(Self { train, validation: None, test: None });
        }
        let part = |names: &[&str]| match files.is_empty() {
            true => Ok(names.iter().find_map(|name| beside(&folder.join(name)))),
            false => named(folder, &files, names),
        };
        let train = match part(&TRAIN)? {
            Some(train) => Some(train),
            None => part(&[DEFAULT])?,
        };
        let Some(train) = train else {
            let problem = "it has annotations, but none for training: name them annotations.json, \
                           train/annotations.json or annotations/instances_train.json";
            return Err(wrong(folder, problem.to_owned()));
        };
        Ok(Self { train, validation: part(&VALIDATION)?, test: part(&TEST)? })
    }
}

fn wrong(folder: &Path, problem: String) -> DataError {
    DataError::Folder { folder: folder.to_owned(), problem }
}

/// Annotations with their images in one folder.
fn beside(folder: &Path) -> Option<Part> {
    let annotations = ANNOTATION_FILES.iter().map(|name| folder.join(name)).find(|path| path.is_file())?;
    Some(Part { annotations, images: vec![folder.to_owned(), folder.join(IMAGES)] })
}

/// The files `annotations/instances_PART.json`, sorted by name, with the names of their parts.
fn instances(folder: &Path) -> Result<Vec<(String, PathBuf)>, DataError> {
    let annotations = folder.join(FOLDER);
    if !annotations.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |error| DataError::read(&annotations, error);
    let mut files = Vec::new();
    for entry in fs::read_dir(&annotations).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let part = name.strip_prefix(INSTANCES).and_then(|name| name.strip_suffix(".json"));
        if let Some(part) = part.filter(|_| path.is_file()) {
            files.push((part.to_owned(), path.clone()));
        }
    }
    files.sort();
    Ok(files)
}

/// The only one of these files whose part begins with one of `names`: `train2017` begins with `train`.
fn named(folder: &Path, files: &[(String, PathBuf)], names: &[&str]) -> Result<Option<Part>, DataError> {
    let mut fit = files.iter().filter(|(part, _)| names.iter().any(|name| part.starts_with(name)));
    let Some((part, path)) = fit.next() else { return Ok(None) };
    if let Some((other, _)) = fit.next() {
        let problem = format!("it has annotations of '{part}' and of '{other}': keep one of them");
        return Err(wrong(folder, problem));
    }
    let images = folder.join(IMAGES);
    let images = vec![folder.join(part), images.join(part), images, folder.to_owned()];
    Ok(Some(Part { annotations: path.clone(), images }))
}
