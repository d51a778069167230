//! Weights and training states as safetensors files.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::Path;

use nas_api::file::write_atomic;
use safetensors::{Dtype, SafeTensors, View};

use crate::array::Array;

/// Why a weights file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be read or written.
    #[error("cannot access '{path}': {source}")]
    Access {
        /// The path of the file.
        path: String,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is damaged or of another kind.
    #[error("'{origin}' is not a weights file of this program: {problem}")]
    Damaged {
        /// The name of the file.
        origin: String,
        /// What is wrong.
        problem: String,
    },
}

/// The contents of one file.
#[derive(Debug, Default, PartialEq)]
pub struct Archive {
    /// Named arrays of numbers.
    pub arrays: Vec<Array>,
    /// Named sequences of bytes.
    pub bytes: BTreeMap<String, Vec<u8>>,
    /// Named texts.
    pub texts: BTreeMap<String, String>,
}

struct Entry<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Cow<'a, [u8]>,
}

impl View for Entry<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.data)
    }

    fn data_len(&self) -> usize {
        self.data.len()
    }
}

impl Archive {
    /// The contents in the safetensors format.
    ///
    /// # Errors
    ///
    /// Fails if the safetensors library refuses the entries, for example because a shape does not fit its numbers.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let arrays = self.arrays.iter().map(|array| {
            let data: Vec<u8> = array.values.iter().flat_map(|value| value.to_le_bytes()).collect();
            (array.name.clone(), Entry { dtype: Dtype::F32, shape: array.shape.clone(), data: data.into() })
        });
        let bytes = self.bytes.iter().map(|(name, bytes)| {
            (name.clone(), Entry { dtype: Dtype::U8, shape: vec![bytes.len()], data: bytes.into() })
        });
        let texts: HashMap<String, String> = self.texts.clone().into_iter().collect();
        safetensors::serialize(arrays.chain(bytes), Some(texts))
            .map_err(|error| StoreError::Damaged { origin: "weights".into(), problem: error.to_string() })
    }

    /// Reads what [`Archive::to_bytes`] returned; `origin` names the file in messages.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not in this format, or hold numbers other than 32-bit floats and bytes.
    pub fn from_bytes(file: &[u8], origin: &str) -> Result<Self, StoreError> {
        let damaged = |problem: String| StoreError::Damaged { origin: origin.to_owned(), problem };
        let (_, header) = SafeTensors::read_metadata(file).map_err(|error| damaged(error.to_string()))?;
        let tensors = SafeTensors::deserialize(file).map_err(|error| damaged(error.to_string()))?;
        let mut archive = Self::default();
        archive.texts.extend(header.metadata().clone().unwrap_or_default());
        for (name, tensor) in tensors.iter() {
            match tensor.dtype() {
                Dtype::F32 => {
                    let words = tensor.data().chunks_exact(4);
                    let values = words.map(|word| f32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect();
                    archive.arrays.push(Array { name: name.to_owned(), shape: tensor.shape().to_vec(), values });
                }
                Dtype::U8 => {
                    archive.bytes.insert(name.to_owned(), tensor.data().to_vec());
                }
                other => return Err(damaged(format!("'{name}' holds {other:?}, where 32-bit floats are expected"))),
            }
        }
        Ok(archive)
    }

    /// The text with this name, parsed as a number.
    ///
    /// # Errors
    ///
    /// Fails if there is no such text or it is not a number.
    pub fn number<N: std::str::FromStr>(&self, name: &str, origin: &str) -> Result<N, StoreError> {
        let number = self.texts.get(name).and_then(|text| text.parse().ok());
        number.ok_or_else(|| StoreError::Damaged {
            origin: origin.to_owned(),
            problem: format!("its header has no number '{name}'"),
        })
    }
}

/// Writes a file atomically: afterwards it is either complete or unchanged.
///
/// # Errors
///
/// Fails if the file cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_atomic(path, bytes)
        .map_err(|error| StoreError::Access { path: error.path.display().to_string(), source: error.source })
}

/// Reads a file; `None` if it does not exist.
///
/// # Errors
///
/// Fails if the file exists but cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Access { path: path.display().to_string(), source }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn archive() -> Archive {
        let values = vec![1.5, -0.0, f32::MIN_POSITIVE, 3.0e38];
        Archive {
            arrays: vec![Array { name: "a.weight".into(), shape: vec![2, 2], values }],
            bytes: BTreeMap::from([("optimizer".to_owned(), vec![1, 2, 255])]),
            texts: BTreeMap::from([("epoch".to_owned(), "7".to_owned())]),
        }
    }

    #[test]
    fn archives_are_read_back_as_written() {
        let read = Archive::from_bytes(&archive().to_bytes().unwrap(), "here").unwrap();
        assert_eq!(read, archive());
        assert_eq!(read.number::<u32>("epoch", "here").unwrap(), 7);
        assert!(read.number::<u32>("seed", "here").unwrap_err().to_string().contains("'seed'"));
    }

    #[test]
    fn damaged_files_are_refused_with_a_message() {
        let bytes = archive().to_bytes().unwrap();
        for damaged in [&bytes[..0], &bytes[..20], &bytes[..bytes.len() - 1], &b"not weights at all"[..]] {
            let words = Archive::from_bytes(damaged, "w.safetensors").unwrap_err().to_string();
            assert!(words.contains("'w.safetensors' is not a weights file"), "{words}");
        }
    }

    #[test]
    fn files_are_written_atomically_into_new_folders() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("w.safetensors");
        assert_eq!(read(&path).unwrap(), None);
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
