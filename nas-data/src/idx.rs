//! Reads folders of idx files, the format of MNIST and Fashion-MNIST (LeCun, Cortes & Burges, "The MNIST database"): a
//! magic number and sizes, both big endian, then bytes.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::DataError;
use crate::examples::{Examples, Targets};

/// Magic number of three axes of unsigned bytes.
const IMAGES: u32 = 0x0000_0803;
/// Magic number of one axis of unsigned bytes.
const LABELS: u32 = 0x0000_0801;

/// Whether a folder holds a file with one of MNIST's names.
pub fn is_folder(folder: &Path) -> bool {
    let parts =
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
    parts.iter().any(|name| find(folder, name).is_ok())
}

/// The training examples and the test examples of a folder.
///
/// # Errors
///
/// Fails if a file is missing or damaged, or if the files do not belong together.
pub fn read_folder(folder: &Path) -> Result<(Examples, Examples), DataError> {
    let mut train = read_pair(folder, "train")?;
    let mut test = read_pair(folder, "t10k")?;
    if train.shape != test.shape {
        let problem = format!("images of shape {:?} and {:?}", train.shape, test.shape);
        return Err(DataError::Mismatch { folder: folder.to_owned(), problem });
    }
    let (seen, tested) = (train.outputs(), test.outputs());
    if tested > seen {
        let problem = format!("label {} occurs only in the test set", tested - 1);
        return Err(DataError::Mismatch { folder: folder.to_owned(), problem });
    }
    for examples in [&mut train, &mut test] {
        if let Targets::Labels { classes, .. } = &mut examples.targets {
            *classes = seen as u32;
        }
    }
    Ok((train, test))
}

fn read_pair(folder: &Path, part: &str) -> Result<Examples, DataError> {
    let images_path = find(folder, &format!("{part}-images-idx3-ubyte"))?;
    let labels_path = find(folder, &format!("{part}-labels-idx1-ubyte"))?;
    let (sizes, pixels) = read(&images_path, IMAGES, "images")?;
    let (_, labels) = read(&labels_path, LABELS, "labels")?;
    if sizes[0] != labels.len() {
        return Err(DataError::Count {
            images: images_path,
            image_count: sizes[0],
            labels: labels_path,
            label_count: labels.len(),
        });
    }
    let labels: Vec<u32> = labels.into_iter().map(u32::from).collect();
    let classes = labels.iter().max().map_or(0, |&label| label + 1);
    Ok(Examples {
        shape: vec![1, sizes[1], sizes[2]],
        inputs: pixels.into_iter().map(f32::from).collect(),
        targets: Targets::Labels { labels, classes },
    })
}

fn find(folder: &Path, name: &str) -> Result<PathBuf, DataError> {
    let candidates = [folder.join(name), folder.join(format!("{name}.gz"))];
    let found = candidates.into_iter().find(|path| path.is_file());
    found.ok_or_else(|| DataError::MissingIdx { folder: folder.to_owned(), name: name.to_owned() })
}

/// The sizes of the axes and the bytes of one file.
fn read(path: &Path, magic: u32, wanted: &'static str) -> Result<(Vec<usize>, Vec<u8>), DataError> {
    let file = File::open(path).map_err(|error| DataError::read(path, error))?;
    let mut bytes = Vec::new();
    let read = if path.extension().is_some_and(|extension| extension == "gz") {
        MultiGzDecoder::new(file).read_to_end(&mut bytes)
    } else {
        let mut file = file;
        file.read_to_end(&mut bytes)
    };
    read.map_err(|error| DataError::read(path, error))?;

    let length = |expected: u64| DataError::Length {
        path: path.to_owned(),
        expected,
        found: (bytes.len() as u64).saturating_sub(4),
    };
    let word = |at: usize| -> Option<u32> {
        let word = bytes.get(4 * at..4 * at + 4)?;
        Some(u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
    };
    let axes = (magic & 0xff) as usize;
    let found = word(0).ok_or_else(|| length(4 * axes as u64))?;
    if found != magic {
        return Err(DataError::Magic { path: path.to_owned(), wanted, found, expected: magic });
    }
    let sizes: Option<Vec<u32>> = (1..=axes).map(word).collect();
    let sizes = sizes.ok_or_else(|| length(4 * axes as u64))?;
    if sizes.contains(&0) {
        return Err(DataError::Empty { path: path.to_owned() });
    }
    // The product saturates so that a nonsensical header ends in the message, not in an overflow.
    let promised = sizes.iter().fold(1_u64, |product, &size| product.saturating_mul(u64::from(size)));
    let start = 4 + 4 * axes;
    if (bytes.len() - start) as u64 != promised {
        return Err(length(promised.saturating_add(4 * axes as u64)));
    }
    bytes.drain(..start);
    Ok((sizes.into_iter().map(|size| size as usize).collect(), bytes))
}
