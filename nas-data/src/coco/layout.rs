//! Where annotations and their images lie.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::folder::{TEST, TRAIN, VALIDATION};

/// A file of annotations beside its images; the second name is that of exports of Roboflow.
const BESIDE: [&str; 2] = ["annotations.json", "_annotations.coco.json"];
/// The folder of COCO's own files.
const FOLDER: &str = "annotations";
/// What they are called before the name of the part.
const INSTANCES: &str = "instances_";
/// Images may lie here instead of beside the annotations.
const IMAGES: &str = "images";
/// The part of exports of CVAT that are in no parts.
const DEFAULT: &str = "default";

/// The annotations of one part.
#[derive(Debug, PartialEq)]
pub struct Part {
    /// The file.
    pub annotations: PathBuf,
    /// Folders in which its images may lie.
    pub images: Vec<PathBuf>,
}

/// What is where.
#[derive(Debug, PartialEq)]
pub struct Layout {
    pub train: Part,
    pub validation: Option<Part>,
    pub test: Option<Part>,
}

/// Whether a folder has annotations in one of the ways that are known.
pub fn is_folder(folder: &Path) -> bool {
    let parts = TRAIN.iter().chain(&VALIDATION).chain(&TEST);
    beside(folder).is_some()
        || instances(folder).is_ok_and(|files| !files.is_empty())
        || parts.into_iter().any(|part| beside(&folder.join(part)).is_some())
}

impl Layout {
    /// Of a folder that [`is_folder`] says yes to.
    pub fn of(folder: &Path) -> Result<Self, DataError> {
        let files = instances(folder)?;
        let parts = TRAIN.iter().chain(&VALIDATION).chain(&TEST).find_map(|part| beside(&folder.join(part)));
        let own = beside(folder);
        let named_file = files.first().map(|(_, path)| path);
        let places =
            [own.as_ref().map(|own| &own.annotations), named_file, parts.as_ref().map(|part| &part.annotations)];
        if let [one, other, ..] = places.into_iter().flatten().collect::<Vec<_>>()[..] {
            let problem = format!("it has annotations in '{}' and in '{}'", one.display(), other.display());
            return Err(wrong(
                folder,
                format!("{problem}, which are different ways to lay them out: leave one of them"),
            ));
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
            let problem = "it has annotations, but none for training: name them annotations.json, train/annotations.json \
                           or annotations/instances_train.json";
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
    let annotations = BESIDE.iter().map(|name| folder.join(name)).find(|path| path.is_file())?;
    Some(Part { annotations, images: vec![folder.to_owned(), folder.join(IMAGES)] })
}

/// The files `annotations/instances_PART.json`, by name, with the names of their parts.
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

/// The one of these files whose part begins with one of these names, such as `train2017`.
fn named(folder: &Path, files: &[(String, PathBuf)], names: &[&str]) -> Result<Option<Part>, DataError> {
    let mut fit = files.iter().filter(|(part, _)| names.iter().any(|name| part.starts_with(name)));
    let Some((part, path)) = fit.next() else { return Ok(None) };
    if let Some((other, _)) = fit.next() {
        let problem = format!("it has annotations of '{part}' and of '{other}': leave one of them");
        return Err(wrong(folder, problem));
    }
    let images = folder.join(IMAGES);
    let images = vec![folder.join(part), images.join(part), images, folder.to_owned()];
    Ok(Some(Part { annotations: path.clone(), images }))
}
