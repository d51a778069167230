//! The handwritten digits that come with this crate: 1,797 images of 8×8 pixels in ten classes
//! (Alpaydin & Kaynak 1998, UCI Machine Learning Repository, CC BY 4.0; `data/README.md` has the details).

use std::io::Read;

use flate2::read::GzDecoder;

use crate::error::DataError;
use crate::examples::{Examples, Targets};

const FILE: &[u8] = include_bytes!("../data/digits.csv.gz");
const SIDE: usize = 8;
const CLASSES: u32 = 10;

/// All images, in the file's order.
///
/// # Errors
///
/// Fails only if the built-in file is damaged.
pub fn read() -> Result<Examples, DataError> {
    let damaged = |problem: &str| DataError::Table { path: "digits.csv.gz (built in)".into(), problem: problem.into() };
    let mut text = String::new();
    GzDecoder::new(FILE).read_to_string(&mut text).map_err(|error| damaged(&error.to_string()))?;
    let mut inputs = Vec::new();
    let mut labels = Vec::new();
    for line in text.lines() {
        let cells: Result<Vec<u8>, _> = line.split(',').map(str::parse).collect();
        let cells = cells.map_err(|error| damaged(&error.to_string()))?;
        let Some((&label, pixels)) = cells.split_last() else { continue };
        if pixels.len() != SIDE * SIDE || u32::from(label) >= CLASSES {
            return Err(damaged("a line is not 64 pixels and a digit"));
        }
        inputs.extend(pixels.iter().copied().map(f32::from));
        labels.push(u32::from(label));
    }
    Ok(Examples {
        shape: vec![1, SIDE, SIDE],
        inputs: inputs.into(),
        targets: Targets::Labels { labels, classes: CLASSES },
    })
}
