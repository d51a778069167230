//! Chooses the examples of an epoch and their order.
//!
//! An epoch is a pass over the training examples in its own order or, for texts, a number of tokens. In the latter case
//! the epochs divide one stream of passes, each in its own order, so that the place where an epoch begins follows from
//! its number.

use nas_api::rng::{derive, seeded};
use nas_data::{Examples, shuffled};

/// The length of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// The number of training examples, at least one.
    examples: usize,
    /// The number of examples in one epoch; repetitions count.
    rows: u64,
    /// The most examples in one step.
    step: usize,
    /// The number of targets of one example.
    positions: usize,
}

impl Epoch {
    /// An epoch of `tokens` tokens, rounded up to whole steps of `step` examples; with 0, an epoch is a pass over the
    /// examples.
    pub fn new(examples: &Examples, tokens: u32, step: usize) -> Self {
        let (count, positions) = (examples.len(), examples.positions());
        let rows = match tokens {
            0 => count as u64,
            _ => u64::from(tokens).div_ceil(positions as u64).div_ceil(step as u64) * step as u64,
        };
        Self { examples: count, rows, step, positions }
    }

    /// The number of steps in one epoch.
    pub fn steps(self) -> u64 {
        self.rows.div_ceil(self.step as u64)
    }

    /// The number of targets in this number of epochs; for a text, these are tokens.
    pub fn targets(self, epochs: u32) -> u64 {
        u64::from(epochs) * self.rows * self.positions as u64
    }

    /// The examples of each step of an epoch, which is counted from 0.
    pub fn batches(self, epoch: u32, seed: u32) -> impl Iterator<Item = Vec<usize>> {
        let first = u64::from(epoch) * self.rows;
        let mut rows = self.stream(first, seed).take(usize::try_from(self.rows).unwrap_or(usize::MAX));
        std::iter::from_fn(move || {
            Some(rows.by_ref().take(self.step).collect::<Vec<_>>()).filter(|step| !step.is_empty())
        })
    }

    /// The stream of passes, beginning with its example `first`.
    fn stream(self, first: u64, seed: u32) -> impl Iterator<Item = usize> {
        let count = self.examples as u64;
        let skipped = (first % count) as usize;
        // The passes of one training never reach 2^32.
        let order = move |pass: u64| shuffled(self.examples, &mut seeded(derive(seed, "shuffle", pass as u32)));
        (first / count..).flat_map(order).skip(skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nas_data::Targets;

    /// Ten windows of four tokens each.
    fn windows() -> Examples {
        let targets = Targets::Tokens { labels: vec![0; 40].into(), positions: 4, lengths: vec![1; 3] };
        Examples { shape: vec![4], inputs: vec![0.0; 40].into(), targets }
    }

    fn sorted(mut rows: Vec<usize>) -> Vec<usize> {
        rows.sort_unstable();
        rows
    }

    #[test]
    fn without_epoch_tokens_an_epoch_is_a_pass() {
        let epoch = Epoch::new(&windows(), 0, 4);
        assert_eq!((epoch.rows, epoch.steps(), epoch.targets(3)), (10, 3, 120));
        let passes: Vec<Vec<Vec<usize>>> = (0..2).map(|number| epoch.batches(number, 7).collect()).collect();
        for (number, pass) in (0..).zip(&passes) {
            assert_eq!(pass.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
            assert_eq!(pass.concat(), shuffled(10, &mut seeded(derive(7, "shuffle", number))));
        }
        assert_ne!(passes[0], passes[1]);
    }

    #[test]
    fn epochs_of_tokens_are_whole_steps_of_one_stream() {
        // 13 tokens are four windows, and so two steps of three.
        let epoch = Epoch::new(&windows(), 13, 3);
        assert_eq!((epoch.rows, epoch.steps(), epoch.targets(2)), (6, 2, 48));
        let all: Vec<usize> =
            (0..10).flat_map(|number| epoch.batches(number, 7).flatten().collect::<Vec<_>>()).collect();
        for (pass, rows) in (0..).zip(all.chunks(10)) {
            assert_eq!(rows, shuffled(10, &mut seeded(derive(7, "shuffle", pass))), "pass {pass}");
            assert_eq!(sorted(rows.to_vec()), (0..10).collect::<Vec<_>>());
        }
        // An epoch may have more tokens than the text.
        let long = Epoch::new(&windows(), 1000, 8);
        assert_eq!((long.rows, long.batches(1, 7).count()), (256, 32));
        assert!(long.batches(1, 7).all(|step| step.len() == 8));
    }
}
