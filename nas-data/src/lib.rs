//! Reads the data sets that networks are trained on, splits them by a seed, normalises them and caches the result.
//!
//! A source is the built-in `digits`, a folder of images (MNIST's idx files, CIFAR's binary files, a folder for each
//! class, or COCO annotations with boxes), a table (`.csv`, `.csv.gz`, `.parquet`) or a text. [`Data`] holds three sets
//! of [`Examples`] that share no example. The inputs of a set are stored one after the other as 32-bit floats; the
//! [`shape`](Examples::shape) of one is `[channels, height, width]`, `[features]`, or `[positions]` for tokens. All
//! inputs but tokens have zero mean and unit standard deviation over the training set.
//!
//! Equal sources and parameters give equal data, and equal data have equal [`fingerprint`](Data::fingerprint)s. This
//! crate knows nothing about networks and depends on no deep-learning framework.
//!
//! ```
//! use nas_data::{Data, DataConfig};
//!
//! let data = Data::open(&DataConfig::new("digits"))?;
//! assert_eq!(data.train.shape, [1, 8, 8]);
//! assert_eq!([&data.train, &data.validation, &data.test].map(|set| set.len()), [1079, 359, 359]);
//! # Ok::<(), nas_data::DataError>(())
//! ```

mod boxes;
mod bpe;
mod buffer;
mod cache;
mod cifar;
mod coco;
mod config;
mod dataset;
mod decode;
mod describe;
mod digits;
mod error;
mod examples;
mod folder;
mod idx;
mod lazy_images;
mod locate;
mod normalize;
mod prepare;
mod prepared_file;
mod resize;
mod split;
mod tabular;
#[cfg(test)]
mod tests;
mod text;
mod tokenizer;

pub use boxes::{Boxes, Object};
pub use buffer::Buffer;
pub use config::{DataConfig, Kind, Tokens};
pub use dataset::{Data, TOKENIZER_FILE};
pub use describe::{ClassCount, Description, Values, describe};
pub use error::DataError;
pub use examples::{Examples, Targets};
pub use locate::{data_folders, located, own_data_folder};
pub use normalize::Normalization;
pub use split::shuffled;
pub use tabular::Encoding;
pub use tokenizer::MAX_TOKENS;
