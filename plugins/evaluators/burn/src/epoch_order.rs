//! Which examples an epoch is trained on, and in which order.
//!
//! An epoch is a pass over the training examples in an order of its own, or, for texts, a number of tokens. Such epochs follow
//! each other in one stream of passes, each in an order of its own, so that where an epoch begins follows from its number.

use nas_api::rng::{derive, seeded};
use nas_data::{Examples, shuffled};

/// How long an epoch of these examples is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Training examples in all, at least one.
    examples: usize,
    /// Of one epoch, as often as they stand in it.
    rows: u64,
    /// Of one step, at most.
    step: usize,
    /// Targets of one example.
    positions: usize,
}

impl Epoch {
    /// `tokens`: of one epoch, rounded up to whole steps of `step` examples; 0: a pass over the examples.
    pub fn new(examples: &Examples, tokens: u32, step: usize) -> Self {
        let (count, positions) = (examples.len(), examples.positions());
        let rows = match tokens {
            0 => count as u64,
            _ => u64::from(tokens).div_ceil(positions as u64).div_ceil(step as u64) * step as u64,
        };
        Self { examples: count, rows, step, positions }
    }

    /// Steps of one epoch.
    pub fn steps(self) -> u64 {
        self.rows.div_ceil(self.step as u64)
    }

    /// Targets that so many epochs are trained on: the tokens of a text.
    pub fn targets(self, epochs: u32) -> u64 {
        u64::from(epochs) * self.rows * self.positions as u64
    }

    /// The examples of each step of an epoch, counted from 0.
    pub fn batches(self, epoch: u32, seed: u32) -> impl Iterator<Item = Vec<usize>> {
        let first = u64::from(epoch) * self.rows;
        let mut rows = self.stream(first, seed).take(usize::try_from(self.rows).unwrap_or(usize::MAX));
        std::iter::from_fn(move || {
            Some(rows.by_ref().take(self.step).collect::<Vec<_>>()).filter(|step| !step.is_empty())
        })
    }

    /// The stream of passes from this example on.
    fn stream(self, first: u64, seed: u32) -> impl Iterator<Item = usize> {
        let count = self.examples as u64;
        let skipped = (first % count) as usize;
        // Passes of one training never reach 2^32.
        let order = move |pass: u64| shuffled(self.examples, &mut seeded(derive(seed, "shuffle", pass as u32)));
        (first / count..).flat_map(order).skip(skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nas_data::Targets;

    /// Ten windows of four tokens.
    fn windows() -> Examples {
        let targets = Targets::Tokens { labels: vec![0; 40].into(), positions: 4, lengths: vec![1; 3] };
        Examples { shape: vec![4], inputs: vec![0.0; 40].into(), targets }
    }

    fn sorted(mut rows: Vec<usize>) -> Vec<usize> {
        rows.sort_unstable();
        rows
    }

    #[test]
    fn without_a_number_of_tokens_an_epoch_is_a_pass() {
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
    fn epochs_of_tokens_are_whole_steps_that_go_on_in_one_stream() {
        // 13 tokens: four windows, which are two steps of three.
        let epoch = Epoch::new(&windows(), 13, 3);
        assert_eq!((epoch.rows, epoch.steps(), epoch.targets(2)), (6, 2, 48));
        let all: Vec<usize> =
            (0..10).flat_map(|number| epoch.batches(number, 7).flatten().collect::<Vec<_>>()).collect();
        for (pass, rows) in (0..).zip(all.chunks(10)) {
            assert_eq!(rows, shuffled(10, &mut seeded(derive(7, "shuffle", pass))), "pass {pass}");
            assert_eq!(sorted(rows.to_vec()), (0..10).collect::<Vec<_>>());
        }
        // More than the text has.
        let long = Epoch::new(&windows(), 1000, 8);
        assert_eq!((long.rows, long.batches(1, 7).count()), (256, 32));
        assert!(long.batches(1, 7).all(|step| step.len() == 8));
    }
}
