//! Reads PNG and JPEG images from a folder for each class: `train/CLASS/*.png`, with `test/` and perhaps `val/` beside
//! `train/`, or just `CLASS/*.png`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::decode::{Format, Header};
use crate::error::DataError;
use crate::examples::{Examples, Targets};
use crate::lazy_images::ImageFiles;

/// The endings of files that are read.
const READ: [&str; 3] = ["png", "jpg", "jpeg"];
/// The endings of images that are refused, because a user would miss them if they were silently skipped.
const NOT_READ: [&str; 10] = ["bmp", "gif", "webp", "tif", "tiff", "avif", "heic", "ppm", "pgm", "jp2"];
/// The names that the folder of each part may have.
pub const TRAIN: [&str; 1] = ["train"];
pub const VALIDATION: [&str; 3] = ["val", "valid", "validation"];
pub const TEST: [&str; 1] = ["test"];

/// Images as they are read: decoded, or still in files.
#[derive(Debug)]
pub struct Images<S> {
    /// The images for training, and for the sets that have no folder of their own.
    pub all: S,
    /// The images of `val`.
    pub validation: Option<S>,
    /// The images of `test`.
    pub test: Option<S>,
    /// The names of the classes, in order; empty if they have none.
    pub classes: Vec<String>,
}

impl Images<Examples> {
    /// Images without a separate validation set and without names of classes.
    pub fn new(all: Examples, test: Option<Examples>) -> Self {
        Self { all, validation: None, test, classes: Vec::new() }
    }
}

/// Whether a folder holds folders, for classes or for parts.
pub fn is_folder(folder: &Path) -> bool {
    folders(folder).is_ok_and(|folders| !folders.is_empty())
}

/// Whether a folder, or its folder for training, holds folders for at least two classes.
pub fn has_classes(folder: &Path) -> bool {
    let train = folder.join(TRAIN[0]);
    classes(if train.is_dir() { &train } else { folder }).is_ok()
}

/// Finds all images. They will be resized to `size` by `size` pixels unless it is 0. If all are grey, they have one
/// channel.
///
/// # Errors
///
/// Fails if the folders do not hold usable images of at least two classes, or if sizes differ and `size` is 0.
pub fn read(folder: &Path, size: usize) -> Result<Images<ImageFiles>, DataError> {
    let part = |names: &[&str]| names.iter().map(|name| folder.join(name)).find(|path| path.is_dir());
    let (train, validation, test) = (part(&TRAIN), part(&VALIDATION), part(&TEST));
    if train.is_none() && (validation.is_some() || test.is_some()) {
        return Err(wrong(folder, "it has a folder 'test' or 'val', but none named 'train'".to_owned()));
    }
    let root = train.as_deref().unwrap_or(folder);
    let classes = classes(root)?;
    let list = |part: &Path| files(part, root, &classes);
    let all = list(root)?;
    let separate = [&validation, &test].map(|part| part.as_deref().map(list).transpose());
    let [validation, test] = separate;
    let (validation, test) = (validation?, test?);
    let known = [Some(&all), validation.as_ref(), test.as_ref()];
    let paths = known.into_iter().flatten().flatten().map(|file| file.path.as_path());
    let headers = paths.map(|path| Ok((path, Header::of(path, true)?)));
    let format = Format::of(headers, folder, size, true)?;
    let pictures = |files: Vec<Labelled>| {
        let (paths, labels) = files.into_iter().map(|file| (file.path, file.class)).unzip();
        let targets = Targets::Labels { labels, classes: classes.len() as u32 };
        ImageFiles { format, folder: folder.to_owned(), paths, targets }
    };
    let (validation, test) = (validation.map(pictures), test.map(pictures));
    Ok(Images { all: pictures(all), validation, test, classes })
}

/// A file and its class.
struct Labelled {
    path: PathBuf,
    class: u32,
}

fn wrong(folder: &Path, problem: String) -> DataError {
    DataError::Folder { folder: folder.to_owned(), problem }
}

/// The entries of a folder, sorted by name, without hidden ones.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let failed = |error| DataError::read(folder, error);
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_name().to_string_lossy().starts_with('.') {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The names of the classes, sorted.
fn classes(root: &Path) -> Result<Vec<String>, DataError> {
    let mut classes: Vec<String> = folders(root)?.iter().map(|path| name(path)).collect();
    classes.sort();
    match &classes[..] {
        [] => Err(wrong(root, "it needs a folder of images for each class".to_owned())),
        [class] => {
            let origin = format!("the folder '{}'", root.display());
            Err(DataError::SingleClass { origin, class: class.clone() })
        }
        _ => Ok(classes),
    }
}

/// The images of one part, class by class.
fn files(part: &Path, root: &Path, classes: &[String]) -> Result<Vec<Labelled>, DataError> {
    let mut files = Vec::new();
    for folder in folders(part)? {
        let class = classes.binary_search(&name(&folder));
        let class = class.map_err(|_| {
            let class = name(&folder);
            wrong(part, format!("it has a class '{class}' that '{}' lacks: add it there, or remove it", root.display()))
        })?;
        let before = files.len();
        for path in entries(&folder)? {
            let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
            if path.is_dir() {
                let inner = name(&path);
                return Err(wrong(&folder, format!("images must be directly in it, but it holds a folder '{inner}'")));
            }
            if NOT_READ.contains(&ending.as_str()) {
                return Err(wrong(&folder, format!("'{}' is neither PNG nor JPEG: convert it", name(&path))));
            }
            if READ.contains(&ending.as_str()) {
                files.push(Labelled { path, class: class as u32 });
            }
        }
        if part == root && files.len() == before {
            return Err(wrong(&folder, "it holds no file that ends in .png, .jpg or .jpeg".to_owned()));
        }
    }
    if files.is_empty() {
        return Err(wrong(part, "it holds no images".to_owned()));
    }
    Ok(files)
}
