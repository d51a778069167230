//! The file of prepared data, which any number of processes map into memory.
//!
//! It holds a magic number, the length of the header, the header (JSON), and then the numbers in the machine's byte
//! order. The inputs of the training and the validation examples follow each other without a gap, and so do their
//! tokens, so that both sets can be joined without a copy.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use bytemuck::Pod;
use memmap2::Mmap;
use serde::{Deserialize, Serialize};

use crate::boxes::{Boxes, Object};
use crate::buffer::Buffer;
use crate::config::Kind;
use crate::dataset::Data;
use crate::examples::{Examples, Targets};
use crate::normalize::Normalization;
use crate::tabular::Encoding;

const MAGIC: [u8; 8] = *b"nasdata1";
/// Alignment of the numbers in bytes: a line of the processor's cache.
const ALIGNED: usize = 64;
/// Words of four bytes of one object.
const WORDS: usize = 6;

#[derive(Serialize, Deserialize)]
struct Header {
    kind: Kind,
    shape: Vec<usize>,
    /// Means and deviations as bits, so that they are exact.
    mean: Vec<u32>,
    std: Vec<u32>,
    target: [u32; 2],
    vocabulary: String,
    tokenizer: Option<String>,
    encoding: Option<Encoding>,
    classes: Vec<String>,
    fingerprint: String,
    /// Training, validation, test.
    parts: [Part; 3],
}

#[derive(Serialize, Deserialize)]
struct Part {
    inputs: Span,
    targets: Stored,
}

#[derive(Serialize, Deserialize)]
enum Stored {
    Labels {
        labels: Span,
        classes: u32,
    },
    Values(Span),
    Tokens {
        labels: Span,
        positions: usize,
        lengths: Vec<u8>,
    },
    /// Where the objects of each image end, and [`WORDS`] words for each object.
    Boxes {
        ends: Span,
        objects: Span,
        classes: u32,
    },
}

/// A run of numbers of four bytes: the first byte, counted from the end of the header, and the count.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Span(usize, usize);

/// Bytes of all examples together.
pub fn size(data: &Data) -> usize {
    let of = |set: &Examples| 4 * (set.inputs.len() + set.len() * set.positions());
    [&data.train, &data.validation, &data.test].map(of).iter().sum()
}

/// Writes data into a new file. When this returns, the file is complete and on the disk.
///
/// # Errors
///
/// Fails if the file cannot be written.
pub fn write(data: &Data, file: File) -> io::Result<()> {
    let sets = [&data.train, &data.validation, &data.test];
    let mut at = 0;
    let mut span = |count: usize| {
        at += 4 * count;
        Span(at - 4 * count, count)
    };
    let inputs = sets.map(|set| span(set.inputs.len()));
    let targets = sets.map(|set| match &set.targets {
        Targets::Labels { labels, classes } => Stored::Labels { labels: span(labels.len()), classes: *classes },
        Targets::Values(values) => Stored::Values(span(values.len())),
        Targets::Tokens { labels, positions, lengths } => {
            Stored::Tokens { labels: span(labels.len()), positions: *positions, lengths: lengths.clone() }
        }
        Targets::Boxes(boxes) => Stored::Boxes {
            ends: span(boxes.len()),
            objects: span(WORDS * boxes.objects().len()),
            classes: boxes.classes,
        },
    });
    let mut targets = targets.into_iter();
    let mut part = |inputs: Span| targets.next().map(|targets| Part { inputs, targets });
    let [Some(train), Some(validation), Some(test)] = inputs.map(&mut part) else {
        return Err(io::Error::other("as many targets as inputs"));
    };
    let bits = |numbers: &[f32]| numbers.iter().map(|number| number.to_bits()).collect();
    let scale = &data.normalization;
    let header = Header {
        kind: data.kind,
        shape: data.train.shape.clone(),
        mean: bits(&scale.mean),
        std: bits(&scale.std),
        target: [scale.target_mean.to_bits(), scale.target_std.to_bits()],
        vocabulary: data.vocabulary.clone(),
        tokenizer: data.tokenizer.clone(),
        encoding: data.encoding.clone(),
        classes: data.classes.clone(),
        fingerprint: data.fingerprint.clone(),
        parts: [train, validation, test],
    };
    let header = serde_json::to_vec(&header)?;
    let mut file = BufWriter::new(file);
    file.write_all(&MAGIC)?;
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    file.write_all(&vec![0; begin(header.len()) - 16 - header.len()])?;
    for set in sets {
        file.write_all(bytemuck::cast_slice(&set.inputs))?;
    }
    for set in sets {
        match &set.targets {
            Targets::Labels { labels, .. } => file.write_all(bytemuck::cast_slice(labels))?,
            Targets::Values(values) => file.write_all(bytemuck::cast_slice(values))?,
            Targets::Tokens { labels, .. } => file.write_all(bytemuck::cast_slice(labels))?,
            Targets::Boxes(boxes) => {
                let words: Vec<[u32; WORDS]> = boxes.objects().iter().map(Object::words).collect();
                file.write_all(bytemuck::cast_slice(boxes.ends()))?;
                file.write_all(bytemuck::cast_slice(&words))?;
            }
        }
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Where the numbers begin after a header of this length.
fn begin(header: usize) -> usize {
    (16 + header).next_multiple_of(ALIGNED)
}

/// Maps a file of [`write()`]; `None` if it does not exist or is not such a file. Nobody may write into the file while
/// the data are used, but it may be removed.
pub fn read(path: &Path) -> Option<Data> {
    let file = File::open(path).ok()?;
    // SAFETY: each file is created under a name that no file has (`cache::new_partial`), completed by the process that
    // created it, and then renamed to this name, whether locks hold or not. No process of this program opens it for
    // writing afterwards, so no byte under the map changes and the file is not truncated. Removing or replacing the
    // file leaves the map as it is.
    let map = Arc::new(unsafe { Mmap::map(&file) }.ok()?);
    // The modification time records the last use; `cache::clean` removes files that were not used for long.
    let _ = file.set_modified(std::time::SystemTime::now());
    if map.get(..8)? != MAGIC {
        return None;
    }
    let length = usize::try_from(u64::from_le_bytes(map.get(8..16)?.try_into().ok()?)).ok()?;
    let header: Header = serde_json::from_slice(map.get(16..length.checked_add(16)?)?).ok()?;
    let begin = begin(length);
    let numbers = |bits: &[u32]| bits.iter().copied().map(f32::from_bits).collect();
    let set = |part: Part| {
        let targets = match part.targets {
            Stored::Labels { labels, classes } => {
                Targets::Labels { labels: mapped(&map, begin, labels)?.to_vec(), classes }
            }
            Stored::Values(values) => Targets::Values(mapped(&map, begin, values)?.to_vec()),
            Stored::Tokens { labels, positions, lengths } => {
                Targets::Tokens { labels: mapped(&map, begin, labels)?, positions, lengths }
            }
            Stored::Boxes { ends, objects, classes } => {
                let words = mapped::<u32>(&map, begin, objects)?;
                let (words, []) = words.as_chunks::<WORDS>() else { return None };
                let objects = words.iter().copied().map(Object::from_words).collect();
                Targets::Boxes(Boxes::from_parts(mapped(&map, begin, ends)?.to_vec(), objects, classes)?)
            }
        };
        Some(Examples { shape: header.shape.clone(), inputs: mapped(&map, begin, part.inputs)?, targets })
    };
    let [train, validation, test] = header.parts.map(set);
    Some(Data {
        kind: header.kind,
        train: train?,
        validation: validation?,
        test: test?,
        normalization: Normalization {
            mean: numbers(&header.mean),
            std: numbers(&header.std),
            target_mean: f32::from_bits(header.target[0]),
            target_std: f32::from_bits(header.target[1]),
        },
        vocabulary: header.vocabulary,
        tokenizer: header.tokenizer,
        encoding: header.encoding,
        classes: header.classes,
        fingerprint: header.fingerprint,
    })
}

fn mapped<T: Pod>(map: &Arc<Mmap>, begin: usize, Span(start, count): Span) -> Option<Buffer<T>> {
    Buffer::mapped(map, begin.checked_add(start)?, count)
}
