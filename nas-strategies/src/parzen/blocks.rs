//! The sum over a mixture's components, several decisions at once.
//!
//! Decisions are taken together in blocks, so that a component is one number for each block, and what a block
//! contributes to the density of an architecture is looked up in a table by that number. A component costs a look-up and
//! a multiplication for each block instead of each decision.

use super::{Kernel, Point};
use crate::decisions::Step;

/// A block has so many different numbers at most, unless it is a single decision: fewer with few components, more with
/// many. Larger blocks are fewer, but it takes longer to make their tables, which is done for every walk.
const NUMBERS: [usize; 2] = [64, 256];

/// Sums that go on side by side, since one waits for its last addition.
const LANES: usize = 4;

/// Products that are less than this are not trusted: logarithms are added instead.
const SMALL: f64 = 1e-280;

/// Consecutive decisions. A decision has a digit for each choice, and one for "not made".
struct Block {
    first: usize,
    end: usize,
    numbers: usize,
}

/// The components of a mixture as numbers.
pub(super) struct Blocks {
    blocks: Vec<Block>,
    /// Component by component, one for each block: where in the tables' entries its number's is.
    places: Vec<u32>,
    /// Every component's product can be computed as it is.
    direct: bool,
}

impl Blocks {
    /// Numbers these components.
    pub(super) fn new(points: &[&Point], kernels: &[Kernel]) -> Self {
        let digits = |kernel: &Kernel| kernel.rows.len() + 1;
        let most = if points.len() < NUMBERS[1] { NUMBERS[0] } else { NUMBERS[1] };
        let mut blocks: Vec<Block> = Vec::new();
        for (decision, kernel) in kernels.iter().enumerate() {
            match blocks.last_mut().filter(|block| block.numbers * digits(kernel) <= most) {
                Some(block) => (block.end, block.numbers) = (decision + 1, block.numbers * digits(kernel)),
                None => blocks.push(Block { first: decision, end: decision + 1, numbers: digits(kernel) }),
            }
        }
        let mut places = Vec::with_capacity(points.len() * blocks.len());
        for point in points {
            let mut offset = 0;
            for block in &blocks {
                let number = (block.first..block.end).fold(0, |number, decision| {
                    let choices = kernels[decision].rows.len() as u32;
                    number * (choices + 1) + point.get(decision).copied().flatten().unwrap_or(choices)
                });
                places.push(offset + number);
                offset += block.numbers as u32;
            }
        }
        let least: f64 = kernels.iter().map(Kernel::least).product();
        Self { blocks, places, direct: least > SMALL }
    }

    /// The logarithm of the sum of all components' densities of a complete walk, and of so many uniform ones.
    pub(super) fn log_sum(&self, kernels: &[Kernel], path: &[Step], prior: f64) -> f64 {
        let mut choices = vec![None; kernels.len()];
        for &(decision, choice) in path {
            // A decision that no component has met weighs the same for every mixture.
            if let Some(known) = choices.get_mut(decision) {
                *known = Some(choice);
            }
        }
        let uniform = || kernels.iter().zip(&choices).filter(|(_, choice)| choice.is_some()).map(|(k, _)| k.uniform());
        if self.direct {
            let entries = self.entries(kernels, &choices, 1.0, |factor| factor, |a, b| a * b);
            return libm::log(self.sum_of_products(&entries) + prior * uniform().product::<f64>());
        }
        let entries = self.entries(kernels, &choices, 0.0, libm::log, |a, b| a + b);
        let log = |places: &[u32]| places.iter().map(|&place| entries[place as usize]).sum::<f64>();
        let mut logs: Vec<f64> = self.places.chunks_exact(self.width()).map(log).collect();
        if prior > 0.0 {
            logs.push(libm::log(prior) + uniform().map(libm::log).sum::<f64>());
        }
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + libm::log(logs.iter().map(|log| libm::exp(log - most)).sum::<f64>())
    }

    /// Numbers of a component. A mixture over no decisions has no blocks, and no numbers.
    fn width(&self) -> usize {
        self.blocks.len().max(1)
    }

    fn sum_of_products(&self, entries: &[f64]) -> f64 {
        let entry = |place: u32| entries[place as usize];
        let product = |places: &[u32]| match places.split_first() {
            Some((&first, rest)) => rest.iter().fold(entry(first), |product, &place| product * entry(place)),
            None => 1.0,
        };
        let mut sums = [0.0; LANES];
        let mut groups = self.places.chunks_exact(LANES * self.width());
        for group in &mut groups {
            for (sum, places) in sums.iter_mut().zip(group.chunks_exact(self.width())) {
                *sum += product(places);
            }
        }
        let rest = groups.remainder().chunks_exact(self.width()).map(product);
        sums.iter().sum::<f64>() + rest.sum::<f64>()
    }

    /// What each number of each block contributes, joined over the block's decisions; block after block.
    fn entries(
        &self,
        kernels: &[Kernel],
        choices: &[Option<u32>],
        neutral: f64,
        value: impl Fn(f64) -> f64,
        join: impl Fn(f64, f64) -> f64,
    ) -> Vec<f64> {
        let mut entries = Vec::with_capacity(self.blocks.iter().map(|block| block.numbers).sum());
        let (mut table, mut longer) = (Vec::with_capacity(NUMBERS[1]), Vec::with_capacity(NUMBERS[1]));
        for block in &self.blocks {
            table.clear();
            table.push(neutral);
            for decision in block.first..block.end {
                let kernel = &kernels[decision];
                let unmade = choices[decision].map_or(neutral, |_| value(kernel.uniform()));
                let made = |row: &Vec<f64>| choices[decision].map_or(neutral, |choice| value(row[choice as usize]));
                for &before in &table {
                    longer.extend(kernel.rows.iter().map(|row| join(before, made(row))));
                    longer.push(join(before, unmade));
                }
                std::mem::swap(&mut table, &mut longer);
                longer.clear();
            }
            entries.extend_from_slice(&table);
        }
        entries
    }
}
