//! The sum over a mixture's components, several decisions at once.
//!
//! Decisions are taken together in blocks, so that a component is one number for each block, and what a block
//! contributes to the density of an architecture is looked up in a table by that number. A component costs a look-up and
//! a multiplication for each block instead of each decision.

use super::{Kernel, Point};
use crate::decisions::Step;

/// A block has so many different numbers at most, unless it is a single decision. Larger blocks are fewer, but it takes
/// longer to make their tables, which is done for every walk.
const NUMBERS: usize = 64;

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
    /// By block: the number of each component.
    codes: Vec<Vec<u32>>,
    components: usize,
    /// Every component's product can be computed as it is.
    direct: bool,
}

impl Blocks {
    /// Numbers these components.
    pub(super) fn new(points: &[&Point], kernels: &[Kernel]) -> Self {
        let digits = |kernel: &Kernel| kernel.rows.len() + 1;
        let mut blocks: Vec<Block> = Vec::new();
        for (decision, kernel) in kernels.iter().enumerate() {
            match blocks.last_mut().filter(|block| block.numbers * digits(kernel) <= NUMBERS) {
                Some(block) => (block.end, block.numbers) = (decision + 1, block.numbers * digits(kernel)),
                None => blocks.push(Block { first: decision, end: decision + 1, numbers: digits(kernel) }),
            }
        }
        let code = |block: &Block, point: &Point| {
            (block.first..block.end).fold(0, |code, decision| {
                let choices = kernels[decision].rows.len() as u32;
                code * (choices + 1) + point.get(decision).copied().flatten().unwrap_or(choices)
            })
        };
        let codes = blocks.iter().map(|block| points.iter().map(|point| code(block, point)).collect()).collect();
        let least: f64 = kernels.iter().map(Kernel::least).product();
        Self { blocks, codes, components: points.len(), direct: least > SMALL }
    }

    /// The logarithm of the sum of all components' densities of a complete walk, and of so many uniform ones.
    pub(super) fn log_sum(&self, kernels: &[Kernel], path: &[Step], prior: f64) -> f64 {
        let mut choices = vec![None; kernels.len()];
        let mut uniform = 1.0;
        let mut log_uniform = 0.0;
        for &(decision, choice) in path {
            // A decision that no component has met weighs the same for every mixture.
            let Some(kernel) = kernels.get(decision) else { continue };
            choices[decision] = Some(choice);
            uniform *= kernel.uniform();
            log_uniform += libm::log(kernel.uniform());
        }
        if self.direct {
            let tables = self.tables(kernels, &choices, 1.0, |factor| factor, |a, b| a * b);
            let mut products = vec![1.0; self.components];
            for (codes, table) in self.codes.iter().zip(&tables) {
                for (product, &code) in products.iter_mut().zip(codes) {
                    *product *= table[code as usize];
                }
            }
            return libm::log(products.iter().sum::<f64>() + prior * uniform);
        }
        let tables = self.tables(kernels, &choices, 0.0, libm::log, |a, b| a + b);
        let mut logs = vec![0.0; self.components];
        for (codes, table) in self.codes.iter().zip(&tables) {
            for (log, &code) in logs.iter_mut().zip(codes) {
                *log += table[code as usize];
            }
        }
        if prior > 0.0 {
            logs.push(libm::log(prior) + log_uniform);
        }
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + libm::log(logs.iter().map(|log| libm::exp(log - most)).sum::<f64>())
    }

    /// What each number of each block contributes, joined over the block's decisions.
    fn tables(
        &self,
        kernels: &[Kernel],
        choices: &[Option<u32>],
        neutral: f64,
        value: impl Fn(f64) -> f64,
        join: impl Fn(f64, f64) -> f64,
    ) -> Vec<Vec<f64>> {
        let table = |block: &Block| {
            let mut table = Vec::with_capacity(block.numbers);
            table.push(neutral);
            let mut longer = Vec::with_capacity(block.numbers);
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
            table
        };
        self.blocks.iter().map(table).collect()
    }
}
