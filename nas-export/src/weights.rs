//! Where weights come from: a seed, or a file that `nas train` wrote. They pass through in pieces.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use crate::{ExportError, Model, file};
use nas_api::graph::weights::{Slot, slots};

/// The longest header that is read: far more than the names of a hundred thousand tensors.
const LONGEST_HEADER: u64 = 100_000_000;

/// The weights of a network.
#[derive(Debug)]
pub enum Weights {
    /// Fresh ones, the same that the evaluator `burn` would begin with.
    Fresh(u32),
    /// Those of a safetensors file.
    File(WeightFile),
}

/// A safetensors file whose header has been read.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    header: Metadata,
    /// Where the numbers begin.
    begin: u64,
}

impl Weights {
    /// Reads the header of a file; a folder stands for the `weights.safetensors` in it.
    pub fn open(path: &Path) -> Result<Self, ExportError> {
        let path = if path.is_dir() { path.join("weights.safetensors") } else { path.to_owned() };
        let access = |source| ExportError::access(&path, source);
        let refused = |problem: String| ExportError::Weights { origin: path.display().to_string(), problem };
        let mut file = File::open(&path).map_err(access)?;
        let size = file.metadata().map_err(access)?.len();
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| refused("it is no safetensors file".into()))?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER || length > size - 8 {
            return Err(refused("it is no safetensors file, or a damaged one".into()));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(access)?;
        let header: Metadata = serde_json::from_slice(&header).map_err(|error| refused(error.to_string()))?;
        let begin = 8 + length;
        if begin + header.data_len() as u64 != size {
            return Err(refused("it ends too early or too late".into()));
        }
        Ok(Self::File(WeightFile { path, header, begin }))
    }

    /// What the file says beside the numbers: `input_mean`, `input_std` and the like.
    pub fn texts(&self) -> BTreeMap<String, String> {
        match self {
            Self::Fresh(_) => BTreeMap::new(),
            Self::File(file) => file.header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
        }
    }

    /// Whether every slot is there, before anything is written.
    pub(crate) fn check(&self, slots: &[Slot]) -> Result<(), ExportError> {
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

    /// Writes the numbers of a slot that [`Weights::check`] has seen, little-endian 32-bit floats in row-major order.
    pub(crate) fn stream(&self, slot: &Slot, out: &mut dyn Write) -> io::Result<()> {
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

/// A tensor of a file to be written.
pub(crate) struct Entry<'s> {
    /// Its name there.
    pub name: String,
    /// Where its numbers come from; `None`: a single 0 of 64 bits without axes, as PyTorch counts batches.
    pub slot: Option<&'s Slot>,
}

/// Writes the weights of a network as safetensors, under the names of `nas train`.
pub fn write(model: &Model, weights: &Weights, path: &Path) -> Result<(), ExportError> {
    let slots = slots(&model.graph, &model.shapes)?;
    let entries: Vec<Entry<'_>> =
        slots.iter().map(|slot| Entry { name: slot.name.clone(), slot: Some(slot) }).collect();
    write_entries(model, &entries, weights, path)
}

/// Writes these tensors as safetensors.
pub(crate) fn write_entries(
    model: &Model,
    entries: &[Entry<'_>],
    weights: &Weights,
    path: &Path,
) -> Result<(), ExportError> {
    for slot in entries.iter().filter_map(|entry| entry.slot) {
        weights.check(std::slice::from_ref(slot))?;
    }
    let mut end = 0;
    let mut infos = Vec::with_capacity(entries.len());
    // Numbers of eight bytes come first, so that everything is aligned.
    let (counters, floats): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.slot.is_none());
    for entry in counters.iter().chain(&floats) {
        let (dtype, shape, size) = match entry.slot {
            None => (Dtype::I64, Vec::new(), 8),
            Some(slot) => (Dtype::F32, slot.shape.clone(), 4 * slot.numbers() as usize),
        };
        infos.push((entry.name.clone(), TensorInfo { dtype, shape, data_offsets: (end, end + size) }));
        end += size;
    }
    let texts: HashMap<String, String> = crate::json::texts(model, weights).into_iter().collect();
    let damaged = |problem: String| ExportError::Weights { origin: path.display().to_string(), problem };
    let header = Metadata::new(Some(texts), infos).map_err(|error| damaged(error.to_string()))?;
    let mut header = serde_json::to_vec(&header).map_err(|error| damaged(error.to_string()))?;
    header.resize(header.len().next_multiple_of(8), b' ');
    file::write(path, |out| {
        let access = |source| ExportError::access(path, source);
        out.write_all(&(header.len() as u64).to_le_bytes()).map_err(access)?;
        out.write_all(&header).map_err(access)?;
        for entry in counters.iter().chain(&floats) {
            match entry.slot {
                None => out.write_all(&0_i64.to_le_bytes()),
                Some(slot) => weights.stream(slot, out),
            }
            .map_err(access)?;
        }
        Ok(())
    })
}
