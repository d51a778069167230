//! What is known of a value of an ONNX graph.

use crate::onnx::proto::{FLOAT, INT64, Tensor};

use super::quoted;

/// Whole numbers that are read from one tensor at most: shapes and axes have a few.
const MOST_INTS: i64 = 64;
/// Stands among whole numbers for the size of the batch.
pub const BATCH: i64 = i64::MIN;

/// What is known of a value.
#[derive(Clone, Debug)]
pub enum Known<'m> {
    /// The value of a node of the network, counted with its sizes without the batch.
    Node { node: u32, shape: Vec<i64> },
    /// A tensor of the file: weights, or a constant. `dims` are as its reader sees it, who may see it `turned`.
    Tensor { tensor: &'m Tensor, dims: Vec<i64>, turned: bool },
    /// Whole numbers: a shape, axes.
    Ints(Vec<i64>),
    /// One number.
    Float(f64),
    /// 0, 1, 2, ... as a column (axis 1 was added) or a row, or repeated for every example.
    Positions { column: bool },
    /// Position of the query less position of the key.
    Distance,
    /// Where that is less than this.
    Window(i64),
    /// The largest of a node's last axis: (values, places) by `places`; `gates` after a softmax.
    Largest { of: u32, k: i64, part: Part },
    /// All zeros, in these sizes for each example.
    Zeros { shape: Vec<i64> },
}

/// What of the largest numbers a value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Themselves.
    Values,
    /// Their places.
    Places,
    /// Their softmax.
    Gates,
}

/// The bytes of one number; `None` for types that networks here do not use.
fn width(data_type: i32) -> Option<u64> {
    match data_type {
        1 | 6 | 12 => Some(4),
        2 | 3 | 9 => Some(1),
        4 | 5 | 10 | 16 => Some(2),
        7 | 11 | 13 => Some(8),
        _ => None,
    }
}

/// Whether numbers of a type are floats of some width, as weights and what they are applied to must be.
pub fn is_float(data_type: i32) -> bool {
    matches!(data_type, FLOAT | 10 | 11 | 16)
}

/// Whether a tensor is what its sizes say, or why not. Its numbers are not looked at, and no file is opened.
pub fn check(tensor: &Tensor) -> Result<(), String> {
    let name = quoted(&tensor.name);
    let wrong = |problem: &str| Err(format!("the tensor {name} {problem}"));
    let count = tensor.dims.iter().try_fold(1_u64, |count, &size| count.checked_mul(u64::try_from(size).ok()?));
    let Some(count) = count else {
        return wrong(&format!("has the impossible sizes {:?}", &tensor.dims[..tensor.dims.len().min(8)]));
    };
    let Some(width) = width(tensor.data_type) else {
        return wrong(&format!("has numbers of type {}, which networks here do not use", tensor.data_type));
    };
    if tensor.data_location == 1 {
        let location =
            tensor.external_data.iter().find(|entry| entry.key == "location").map(|entry| entry.value.as_str());
        return match location {
            Some(location) if lies_beside(location) => Ok(()),
            Some(location) => wrong(&format!("lies in {}, which is outside the file's folder", quoted(location))),
            None => wrong("lies in another file, but does not say in which"),
        };
    }
    let held =
        [tensor.float_data.len(), tensor.int32_data.len(), tensor.int64_data.len()].into_iter().max().unwrap_or(0);
    let fits = if tensor.raw_data.is_empty() {
        held as u64 == count || !matches!(tensor.data_type, 1 | 6 | 7)
    } else {
        Some(tensor.raw_data.len() as u64) == count.checked_mul(width)
    };
    if fits { Ok(()) } else { wrong(&format!("should have {count} numbers, but has others")) }
}

/// Whether a path stays within the folder of the file that names it.
fn lies_beside(location: &str) -> bool {
    let parts = || location.split(['/', '\\']);
    !location.is_empty()
        && !location.starts_with(['/', '\\'])
        && !location.contains([':', '\0'])
        && parts().all(|part| part != "..")
}

/// The few whole numbers of a tensor.
pub fn ints(tensor: &Tensor) -> Result<Vec<i64>, String> {
    let wrong = |problem: &str| Err(format!("the tensor {} {problem}", quoted(&tensor.name)));
    if tensor.data_location == 1 {
        return wrong("must be in the file itself, because shapes depend on it");
    }
    if tensor.dims.len() > 1 || tensor.dims.first().is_some_and(|&count| count > MOST_INTS) {
        return wrong("has too many numbers for sizes or axes");
    }
    match tensor.data_type {
        INT64 if tensor.raw_data.is_empty() => Ok(tensor.int64_data.clone()),
        INT64 => Ok(words::<8>(&tensor.raw_data).map(i64::from_le_bytes).collect()),
        6 if tensor.raw_data.is_empty() => Ok(tensor.int32_data.iter().map(|&value| i64::from(value)).collect()),
        6 => Ok(words::<4>(&tensor.raw_data).map(|word| i64::from(i32::from_le_bytes(word))).collect()),
        _ => wrong("must hold whole numbers"),
    }
}

/// The numbers of a tensor of floats.
pub fn floats(tensor: &Tensor) -> Result<Vec<f64>, String> {
    let wrong = |problem: &str| Err(format!("the tensor {} {problem}", quoted(&tensor.name)));
    if tensor.data_location == 1 {
        return wrong("must be in the file itself, because the network depends on it");
    }
    match tensor.data_type {
        FLOAT if tensor.raw_data.is_empty() => Ok(tensor.float_data.iter().map(|&value| f64::from(value)).collect()),
        FLOAT => Ok(words::<4>(&tensor.raw_data).map(|word| f64::from(f32::from_le_bytes(word))).collect()),
        _ => wrong("must hold 32-bit floats"),
    }
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}
