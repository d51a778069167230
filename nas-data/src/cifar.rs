//! Reads folders of CIFAR-10 and CIFAR-100 in their binary version (A. Krizhevsky, "Learning Multiple Layers of
//! Features from Tiny Images", 2009). A record holds one label, or a coarse and a fine one, and 32×32 pixels plane by
//! plane.

use std::path::{Path, PathBuf};

use crate::error::DataError;
use crate::examples::{Examples, Targets};

const SHAPE: [usize; 3] = [3, 32, 32];
const PIXELS: usize = SHAPE[0] * SHAPE[1] * SHAPE[2];

/// The layout of one of the two data sets.
struct Layout {
    train: &'static [&'static str],
    test: &'static str,
    /// Number of bytes before the pixels; the last of them is the class.
    labels: usize,
    classes: u32,
}

const CIFAR_10: Layout = Layout {
    train: &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
    test: "test_batch.bin",
    labels: 1,
    classes: 10,
};
const CIFAR_100: Layout = Layout { train: &["train.bin"], test: "test.bin", labels: 2, classes: 100 };

/// The training examples and the test examples of a folder; `None` if it holds other data.
///
/// # Errors
///
/// Fails if a file is missing, or does not hold whole records of a known class.
pub fn read_folder(folder: &Path) -> Option<Result<(Examples, Examples), DataError>> {
    let layout = [CIFAR_10, CIFAR_100].into_iter().find(|layout| folder.join(layout.train[0]).is_file())?;
    let paths: Vec<PathBuf> = layout.train.iter().map(|name| folder.join(name)).collect();
    Some(read(&layout, &paths).and_then(|train| Ok((train, read(&layout, &[folder.join(layout.test)])?))))
}

fn read(layout: &Layout, paths: &[PathBuf]) -> Result<Examples, DataError> {
    let mut inputs = Vec::new();
    let mut labels = Vec::new();
    let record = layout.labels + PIXELS;
    for path in paths {
        let bytes = std::fs::read(path).map_err(|error| DataError::read(path, error))?;
        let damaged = |problem: String| DataError::Damaged { path: path.clone(), problem };
        if bytes.is_empty() || bytes.len() % record != 0 {
            let length = bytes.len();
            return Err(damaged(format!("it holds {length} bytes, not a multiple of the {record} bytes of a record")));
        }
        inputs.reserve(bytes.len() / record * PIXELS);
        for (number, record) in bytes.chunks_exact(record).enumerate() {
            let (before, pixels) = record.split_at(layout.labels);
            let label = before.last().copied().map_or(0, u32::from);
            if label >= layout.classes {
                return Err(damaged(format!("record {number} has the class {label}, not below {}", layout.classes)));
            }
            labels.push(label);
            inputs.extend(pixels.iter().copied().map(f32::from));
        }
    }
    Ok(Examples {
        shape: SHAPE.to_vec(),
        inputs: inputs.into(),
        targets: Targets::Labels { labels, classes: layout.classes },
    })
}
