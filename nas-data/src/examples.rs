//! Examples in memory: inputs with their targets.

use sha2::{Digest, Sha256};

use crate::boxes::Boxes;
use crate::buffer::Buffer;

/// What is to be predicted: one target per example, or one per position of an example.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// The class of each example.
    Labels {
        /// Classes, each below `classes`.
        labels: Vec<u32>,
        /// Number of classes.
        classes: u32,
    },
    /// A number for each example.
    Values(Vec<f32>),
    /// The token that follows each position of each example.
    Tokens {
        /// Tokens, example by example.
        labels: Buffer<u32>,
        /// Positions of one example.
        positions: usize,
        /// The length in bytes of each token of the vocabulary.
        lengths: Vec<u8>,
    },
    /// The objects in each image.
    Boxes(Boxes),
}

/// Inputs with their targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Examples {
    /// The shape of one input: `[channels, height, width]`, `[features]`, or `[positions]` for tokens.
    pub shape: Vec<usize>,
    /// All inputs, one after the other.
    pub inputs: Buffer<f32>,
    /// The target of each input.
    pub targets: Targets,
}

impl Targets {
    /// Number of examples.
    pub fn len(&self) -> usize {
        match self {
            Self::Labels { labels, .. } => labels.len(),
            Self::Values(values) => values.len(),
            Self::Tokens { labels, positions, .. } => labels.len() / positions,
            Self::Boxes(boxes) => boxes.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The targets of these rows, in this order.
    pub fn rows(&self, rows: &[usize]) -> Self {
        match self {
            Self::Labels { labels, classes } => {
                Self::Labels { labels: rows.iter().map(|&row| labels[row]).collect(), classes: *classes }
            }
            Self::Values(values) => Self::Values(rows.iter().map(|&row| values[row]).collect()),
            Self::Tokens { labels, positions, lengths } => {
                let of = |&row: &usize| &labels[row * positions..(row + 1) * positions];
                let labels = rows.iter().flat_map(of).copied().collect();
                Self::Tokens { labels, positions: *positions, lengths: lengths.clone() }
            }
            Self::Boxes(boxes) => Self::Boxes(boxes.rows(rows)),
        }
    }
}

impl Examples {
    /// Number of examples.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of values in one input.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// Number of outputs of a network for one example, or for each position or cell of it: one per class, or one.
    pub fn outputs(&self) -> usize {
        match &self.targets {
            Targets::Labels { classes, .. } => *classes as usize,
            Targets::Values(_) => 1,
            Targets::Tokens { lengths, .. } => lengths.len(),
            Targets::Boxes(boxes) => boxes.classes as usize,
        }
    }

    /// Number of targets of one example: one for each position of a text, else one.
    pub fn positions(&self) -> usize {
        match &self.targets {
            Targets::Tokens { positions, .. } => *positions,
            Targets::Labels { .. } | Targets::Values(_) | Targets::Boxes(_) => 1,
        }
    }

    /// The inputs of these rows, one after the other.
    pub fn inputs_of(&self, rows: &[usize]) -> Vec<f32> {
        let width = self.width();
        let mut inputs = Vec::with_capacity(rows.len() * width);
        for &row in rows {
            inputs.extend_from_slice(&self.inputs[row * width..(row + 1) * width]);
        }
        inputs
    }

    /// The tokens that follow each position of these rows; empty for other targets.
    pub fn tokens_of(&self, rows: &[usize]) -> Vec<u32> {
        match self.targets.rows(rows) {
            Targets::Tokens { labels, .. } => labels.to_vec(),
            Targets::Labels { .. } | Targets::Values(_) | Targets::Boxes(_) => Vec::new(),
        }
    }

    /// The targets of these rows as a network should return them: one-hot classes, or values; empty for other targets.
    pub fn targets_of(&self, rows: &[usize]) -> Vec<f32> {
        match &self.targets {
            Targets::Tokens { .. } | Targets::Boxes(_) => Vec::new(),
            Targets::Labels { labels, classes } => {
                let classes = *classes as usize;
                let mut one_hot = vec![0.0; rows.len() * classes];
                for (at, &row) in rows.iter().enumerate() {
                    one_hot[at * classes + labels[row] as usize] = 1.0;
                }
                one_hot
            }
            Targets::Values(values) => rows.iter().map(|&row| values[row]).collect(),
        }
    }

    /// Adds every bit of the examples to the digest.
    pub(crate) fn digest(&self, digest: &mut Sha256) {
        self.shape.iter().for_each(|&size| digest.update((size as u64).to_le_bytes()));
        digest.update((self.len() as u64).to_le_bytes());
        digest.update(bytemuck::cast_slice(&self.inputs));
        match &self.targets {
            Targets::Labels { labels, classes } => {
                digest.update(classes.to_le_bytes());
                digest.update(bytemuck::cast_slice(labels));
            }
            Targets::Values(values) => digest.update(bytemuck::cast_slice(values)),
            Targets::Tokens { labels, lengths, .. } => {
                digest.update(lengths);
                digest.update(bytemuck::cast_slice(labels));
            }
            Targets::Boxes(boxes) => boxes.digest(digest),
        }
    }

    /// The examples of these rows, in this order.
    pub fn rows(&self, rows: &[usize]) -> Self {
        Self { shape: self.shape.clone(), inputs: self.inputs_of(rows).into(), targets: self.targets.rows(rows) }
    }

    /// These examples followed by others of the same shape and kind of targets.
    pub fn and(&self, others: &Self) -> Self {
        let inputs = self.inputs.and(&others.inputs);
        let mut targets = self.targets.clone();
        match (&mut targets, &others.targets) {
            (Targets::Labels { labels, .. }, Targets::Labels { labels: more, .. }) => labels.extend_from_slice(more),
            (Targets::Values(values), Targets::Values(more)) => values.extend_from_slice(more),
            (Targets::Tokens { labels, .. }, Targets::Tokens { labels: more, .. }) => *labels = labels.and(more),
            (Targets::Boxes(boxes), Targets::Boxes(more)) => boxes.extend(more),
            // Unreachable: both come from one data set.
            (Targets::Labels { .. } | Targets::Values(_) | Targets::Tokens { .. } | Targets::Boxes(_), _) => {}
        }
        Self { shape: self.shape.clone(), inputs, targets }
    }
}
