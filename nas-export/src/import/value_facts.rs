//! What is known about a value of an ONNX graph before the network runs.

use crate::onnx::proto::{FLOAT, INT64, Tensor};

use super::quoted;

/// The largest number of whole numbers that are read from one tensor: shapes and axes have a few.
const MAX_INTS: i64 = 64;
/// Stands for the size of the batch among the whole numbers of a shape.
pub const BATCH: i64 = i64::MIN;

/// What is known about a value.
#[derive(Clone, Debug)]
pub enum Fact<'m> {
    /// The value of a node of the network, by the node's position, with its shape without the batch.
    Node { node: u32, shape: Vec<i64> },
    /// A tensor of the file: weights, or a constant. `dims` is its shape for its reader, after any transposition.
    Tensor { tensor: &'m Tensor, dims: Vec<i64>, transposed: bool },
    /// Whole numbers, such as a shape or axes.
    Ints(Vec<i64>),
    /// One float.
    Float(f64),
    /// The positions 0, 1, 2, ... as a column (with an axis 1) or as a row, which may be repeated for every example.
    Positions { column: bool },
    /// The position of the query minus the position of the key.
    Distance,
    /// Whether that distance is less than this window.
    Window(i64),
    /// One part of the `k` largest numbers along the last axis of a node's value.
    TopK { of: u32, k: i64, part: TopKPart },
    /// Zeros of this shape for each example.
    Zeros { shape: Vec<i64> },
}

/// What a value holds of the largest numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopKPart {
    /// The numbers themselves.
    Values,
    /// Their indices.
    Indices,
    /// Their softmax.
    Gates,
}

/// Returns the bytes of one number of a type; `None` for types that networks here do not use.
fn width(data_type: i32) -> Option<u64> {
    match data_type {
        1 | 6 | 12 => Some(4),
        2 | 3 | 9 => Some(1),
        4 | 5 | 10 | 16 => Some(2),
        7 | 11 | 13 => Some(8),
        _ => None,
    }
}

/// Whether a type is a float of any width, as weights and the values that they are applied to must be.
pub fn is_float(data_type: i32) -> bool {
    matches!(data_type, FLOAT | 10 | 11 | 16)
}

/// Checks that a tensor has the numbers that its shape says, without reading them or opening a file.
///
/// # Errors
/// Fails if the shape is impossible, the type is not used here, the numbers are too many or too few, or they are in a
/// file outside the folder.
pub fn check(tensor: &Tensor) -> Result<(), String> {
    let name = quoted(&tensor.name);
    let refuse = |problem: &str| Err(format!("the tensor {name} {problem}"));
    let count = tensor.dims.iter().try_fold(1_u64, |count, &size| count.checked_mul(u64::try_from(size).ok()?));
    let Some(count) = count else {
        return refuse(&format!("has the impossible sizes {:?}", &tensor.dims[..tensor.dims.len().min(8)]));
    };
    let Some(width) = width(tensor.data_type) else {
        return refuse(&format!("has numbers of type {}, which networks here do not use", tensor.data_type));
    };
    if tensor.data_location == 1 {
        let location =
            tensor.external_data.iter().find(|entry| entry.key == "location").map(|entry| entry.value.as_str());
        return match location {
            Some(location) if stays_in_folder(location) => Ok(()),
            Some(location) => refuse(&format!("is in {}, which is outside the file's folder", quoted(location))),
            None => refuse("is in another file, but does not say in which"),
        };
    }
    let held =
        [tensor.float_data.len(), tensor.int32_data.len(), tensor.int64_data.len()].into_iter().max().unwrap_or(0);
    let fits = if tensor.raw_data.is_empty() {
        held as u64 == count || !matches!(tensor.data_type, 1 | 6 | 7)
    } else {
        Some(tensor.raw_data.len() as u64) == count.checked_mul(width)
    };
    if fits { Ok(()) } else { refuse(&format!("should have {count} numbers, but has another count")) }
}

/// Whether a path stays within the folder of the file that names it.
fn stays_in_folder(location: &str) -> bool {
    let parts = || location.split(['/', '\\']);
    !location.is_empty()
        && !location.starts_with(['/', '\\'])
        && !location.contains([':', '\0'])
        && parts().all(|part| part != "..")
}

/// Returns the whole numbers of a small tensor.
///
/// # Errors
/// Fails if the tensor has more than one axis, many or other numbers, or is in another file.
pub fn ints(tensor: &Tensor) -> Result<Vec<i64>, String> {
    let refuse = |problem: &str| Err(format!("the tensor {} {problem}", quoted(&tensor.name)));
    if tensor.data_location == 1 {
        return refuse("must be in the file itself, because shapes depend on it");
    }
    if tensor.dims.len() > 1 || tensor.dims.first().is_some_and(|&count| count > MAX_INTS) {
        return refuse("has too many numbers for sizes or axes");
    }
    match tensor.data_type {
        INT64 if tensor.raw_data.is_empty() => Ok(tensor.int64_data.clone()),
        INT64 => Ok(words::<8>(&tensor.raw_data).map(i64::from_le_bytes).collect()),
        6 if tensor.raw_data.is_empty() => Ok(tensor.int32_data.iter().map(|&value| i64::from(value)).collect()),
        6 => Ok(words::<4>(&tensor.raw_data).map(|word| i64::from(i32::from_le_bytes(word))).collect()),
        _ => refuse("must hold whole numbers"),
    }
}

/// Returns the numbers of a tensor of 32-bit floats.
///
/// # Errors
/// Fails if the tensor has numbers of another type, or is in another file.
pub fn floats(tensor: &Tensor) -> Result<Vec<f64>, String> {
    let refuse = |problem: &str| Err(format!("the tensor {} {problem}", quoted(&tensor.name)));
    if tensor.data_location == 1 {
        return refuse("must be in the file itself, because the network depends on it");
    }
    match tensor.data_type {
        FLOAT if tensor.raw_data.is_empty() => Ok(tensor.float_data.iter().map(|&value| f64::from(value)).collect()),
        FLOAT => Ok(words::<4>(&tensor.raw_data).map(|word| f64::from(f32::from_le_bytes(word))).collect()),
        _ => refuse("must hold 32-bit floats"),
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}
