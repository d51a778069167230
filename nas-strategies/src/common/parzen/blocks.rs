//! Sums the densities of a mixture's components, several decisions at once.
//!
//! Decisions are grouped into blocks, so that a component is one number per block. What a block contributes to the
//! density of an architecture is looked up in a table by that number, so a component costs one look-up and one
//! multiplication per block instead of per decision.

use super::{Kernel, Point};
use crate::common::decisions::Step;

/// The greatest number of codes of a block with more than one decision, for a mixture of few components and of many.
/// Larger blocks are fewer, but their tables, which are built for every path, take longer.
const MAX_CODES: [usize; 2] = [64, 256];

/// Independent partial sums, so that an addition need not wait for the previous one.
const LANES: usize = 4;

/// If products can get below this, logarithms are added instead.
const MIN_PRODUCT: f64 = 1e-280;

/// Consecutive decisions. A block's code has one digit per decision, with a value for each choice and one for "not
/// made".
struct Block {
    first: usize,
    end: usize,
    /// The number of codes.
    codes: usize,
}

/// The components of a mixture, encoded block by block.
pub(super) struct Blocks {
    blocks: Vec<Block>,
    /// For each component and block, the index of its entry in the concatenated tables.
    indices: Vec<u32>,
    /// The weight of each component.
    weights: Vec<f64>,
    /// Whether every component's product can be computed without logarithms.
    direct: bool,
}

impl Blocks {
    /// Encodes these components, which have these weights.
    pub(super) fn new(points: &[&Point], weights: Vec<f64>, kernels: &[Kernel]) -> Self {
        let digits = |kernel: &Kernel| kernel.rows.len() + 1;
        let most = if points.len() < MAX_CODES[1] { MAX_CODES[0] } else { MAX_CODES[1] };
        let mut blocks: Vec<Block> = Vec::new();
        for (decision, kernel) in kernels.iter().enumerate() {
            match blocks.last_mut().filter(|block| block.codes * digits(kernel) <= most) {
                Some(block) => (block.end, block.codes) = (decision + 1, block.codes * digits(kernel)),
                None => blocks.push(Block { first: decision, end: decision + 1, codes: digits(kernel) }),
            }
        }
        let mut indices = Vec::with_capacity(points.len() * blocks.len());
        for point in points {
            let mut offset = 0;
            for block in &blocks {
                let code = (block.first..block.end).fold(0, |code, decision| {
                    let choices = kernels[decision].rows.len() as u32;
                    code * (choices + 1) + point.get(decision).copied().flatten().unwrap_or(choices)
                });
                indices.push(offset + code);
                offset += block.codes as u32;
            }
        }
        let least: f64 = kernels.iter().map(Kernel::least).product();
        Self { blocks, indices, weights, direct: least > MIN_PRODUCT }
    }

    /// The logarithm of the summed densities of a complete path under all components and `prior` uniform components.
    pub(super) fn log_sum(&self, kernels: &[Kernel], path: &[Step], prior: f64) -> f64 {
        let mut choices = vec![None; kernels.len()];
        for &(decision, choice) in path {
            // A decision that no component has met contributes equally to every mixture.
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
        let log = |(indices, weight): (&[u32], &f64)| {
            indices.iter().map(|&index| entries[index as usize]).sum::<f64>() + libm::log(*weight)
        };
        let mut logs: Vec<f64> = self.indices.chunks_exact(self.width()).zip(&self.weights).map(log).collect();
        if prior > 0.0 {
            logs.push(libm::log(prior) + uniform().map(libm::log).sum::<f64>());
        }
        let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + libm::log(logs.iter().map(|log| libm::exp(log - most)).sum::<f64>())
    }

    /// Indices per component; 1 for a mixture over no decisions, which has no blocks.
    fn width(&self) -> usize {
        self.blocks.len().max(1)
    }

    fn sum_of_products(&self, entries: &[f64]) -> f64 {
        let entry = |index: u32| entries[index as usize];
        let product = |(indices, weight): (&[u32], &f64)| match indices.split_first() {
            Some((&first, rest)) => rest.iter().fold(weight * entry(first), |product, &index| product * entry(index)),
            None => *weight,
        };
        let mut sums = [0.0; LANES];
        let mut groups = self.indices.chunks_exact(LANES * self.width());
        let mut weights = self.weights.chunks_exact(LANES);
        for (group, weights) in (&mut groups).zip(&mut weights) {
            for (sum, part) in sums.iter_mut().zip(group.chunks_exact(self.width()).zip(weights)) {
                *sum += product(part);
            }
        }
        let rest = groups.remainder().chunks_exact(self.width()).zip(weights.remainder()).map(product);
        sums.iter().sum::<f64>() + rest.sum::<f64>()
    }

    /// The concatenated tables: what each code of each block contributes, joined over the block's decisions.
    fn entries(
        &self,
        kernels: &[Kernel],
        choices: &[Option<u32>],
        neutral: f64,
        value: impl Fn(f64) -> f64,
        join: impl Fn(f64, f64) -> f64,
    ) -> Vec<f64> {
        let mut entries = Vec::with_capacity(self.blocks.iter().map(|block| block.codes).sum());
        let (mut table, mut longer) = (Vec::with_capacity(MAX_CODES[1]), Vec::with_capacity(MAX_CODES[1]));
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
