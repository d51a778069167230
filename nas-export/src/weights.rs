//! The weights of a network, from a seed or from a file that `nas train` wrote.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use crate::ExportError;
use nas_api::graph::weights::TensorSpec;

/// The longest header that is read, in bytes: far more than a hundred thousand tensors need.
const LONGEST_HEADER: u64 = 100_000_000;

/// The weights of a network.
#[derive(Debug)]
pub enum Weights {
    /// Fresh weights of this seed, equal to those with which the evaluator `burn` begins training.
    Fresh(u32),
    /// The weights of a safetensors file.
    File(WeightFile),
}

/// A safetensors file whose header has been read.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    header: Metadata,
    /// Where the tensors begin, in bytes from the start of the file.
    begin: u64,
}

impl Weights {
    /// Reads the header of a safetensors file. A folder stands for the `weights.safetensors` in it.
    ///
    /// # Errors
    /// Fails if the file cannot be read, is no safetensors file, or is longer or shorter than its header says.
    pub fn open(path: &Path) -> Result<Self, ExportError> {
        let path = if path.is_dir() { path.join("weights.safetensors") } else { path.to_owned() };
        let access = |source| ExportError::access(&path, source);
        let refused = |problem: String| ExportError::Weights { origin: path.display().to_string(), problem };
        let mut file = File::open(&path).map_err(access)?;
        let size = file.metadata().map_err(access)?.len();
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| refused("it is not a safetensors file".into()))?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER || length > size - 8 {
            return Err(refused("it is not a safetensors file, or a damaged one".into()));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(access)?;
        let header: Metadata = serde_json::from_slice(&header).map_err(|error| refused(error.to_string()))?;
        let begin = 8 + length;
        if begin + header.data_len() as u64 != size {
            return Err(refused("it is longer or shorter than its header says".into()));
        }
        Ok(Self::File(WeightFile { path, header, begin }))
    }

    /// Returns the file's metadata, such as `input_mean` and `input_std`, by key. Fresh weights have none.
    pub fn metadata(&self) -> BTreeMap<String, String> {
        match self {
            Self::Fresh(_) => BTreeMap::new(),
            Self::File(file) => file.header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
        }
    }

    /// Checks that every slot has a tensor of 32-bit floats with its shape, before anything is written.
    pub(crate) fn check(&self, slots: &[TensorSpec]) -> Result<(), ExportError> {
        let Self::File(file) = self else { return Ok(()) };
        for slot in slots {
            let problem = match file.header.info(&slot.name) {
                None => format!("there is no array '{}'", slot.name),
                Some(info) if info.dtype != Dtype::F32 => {
                    format!("'{}' holds {:?}, where 32-bit floats are expected", slot.name, info.dtype)
                }
                Some(info) if info.shape != slot.shape => {
                    format!("'{}' has the shape {:?}, not {:?}", slot.name, info.shape, slot.shape)
                }
                Some(_) => continue,
            };
            return Err(ExportError::Weights { origin: file.path.display().to_string(), problem });
        }
        Ok(())
    }

    /// Writes the numbers of a slot that [`Weights::check`] accepted: little-endian 32-bit floats, row by row.
    pub(crate) fn stream(&self, slot: &TensorSpec, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Fresh(seed) => slot.initial(*seed).try_for_each(|value| out.write_all(&value.to_le_bytes())),
            Self::File(file) => {
                let info = file.header.info(&slot.name).ok_or(io::ErrorKind::NotFound)?;
                let (from, to) = info.data_offsets;
                let mut source = File::open(&file.path)?;
                source.seek(SeekFrom::Start(file.begin + from as u64))?;
                let copied = io::copy(&mut source.take((to - from) as u64), out)?;
                if copied == (to - from) as u64 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
            }
        }
    }
}
