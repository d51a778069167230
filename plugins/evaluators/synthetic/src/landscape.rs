//! Functions of genotypes whose greatest value is known.

use nas_api::rng::{RngExt, derive, seeded};
use nas_api::{Error, Genotype, Result};

/// Tables and states that an NK landscape may need; beyond, its optimum takes too long to find.
const MOST_STATES: f64 = 1e7;

/// How large a problem is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// How many decisions.
    pub decisions: u32,
    /// Choices of each.
    pub choices: u32,
    /// Decisions that act together: the length of a trap; the neighbours of an NK landscape.
    pub order: u32,
}

/// A function of genotypes; more is better.
#[derive(Clone, Debug)]
pub enum Landscape {
    /// The mean worth of all choices, by decision and choice.
    Additive(Vec<Vec<f64>>),
    /// Blocks of so many decisions, each a deceptive trap.
    Trap(u32),
    /// The mean contribution of all decisions.
    Nk(Nk),
    /// Leading ones and trailing zeros.
    Lotz,
}

/// An NK landscape with adjacent neighbours on a circle.
#[derive(Clone, Debug)]
pub struct Nk {
    choices: usize,
    order: usize,
    /// By decision, by the choices of it and its `order` successors (the first counts most).
    tables: Vec<Vec<f64>>,
}

fn draws(instance: u32, purpose: &str, count: usize, of: usize) -> Vec<Vec<f64>> {
    let mut rng = seeded(derive(instance, purpose, 0));
    (0..count).map(|_| (0..of).map(|_| rng.random::<f64>()).collect()).collect()
}

impl Landscape {
    /// Every choice of every decision has a worth, drawn uniformly from 0 to 1.
    pub fn additive(size: Size, instance: u32) -> Self {
        Self::Additive(draws(instance, "additive", size.decisions as usize, size.choices as usize))
    }

    /// Concatenated traps: D. E. Goldberg (1987), "Simple genetic algorithms and the minimal, deceptive problem"; K. Deb
    /// and D. E. Goldberg (1993), "Analyzing deception in trap functions", FOGA 2, Section 2.
    pub fn trap(size: Size) -> Result<Self> {
        let Size { decisions, choices, order } = size;
        if choices != 2 {
            return Err(Error::new(format!(
                "a trap has decisions of 2 choices, not of {choices}: leave 'choices' out"
            )));
        }
        if order < 2 || !decisions.is_multiple_of(order) {
            let problem = format!("{decisions} decisions cannot be cut into traps of {order}");
            return Err(Error::new(format!("{problem}: let 'order' be 2 or more, and 'decisions' a multiple of it")));
        }
        Ok(Self::Trap(order))
    }

    /// S. A. Kauffman and E. D. Weinberger (1989), "The NK model of rugged fitness landscapes and its application to
    /// maturation of the immune response", Journal of Theoretical Biology 141(2), with adjacent neighbours, whose optimum
    /// can be computed (E. D. Weinberger 1996, "NP completeness of Kauffman's N-k model", Section 4).
    pub fn nk(size: Size, instance: u32) -> Result<Self> {
        let Size { decisions, choices, order } = size;
        if order < 1 || order >= decisions {
            let problem = format!("each of {decisions} decisions cannot act together with {order} others");
            return Err(Error::new(format!("{problem}: let 'order' be at least 1 and less than 'decisions'")));
        }
        let states = libm::pow(f64::from(choices), f64::from(2 * order + 1)) * f64::from(decisions);
        if states > MOST_STATES {
            let problem = format!("the optimum of {decisions} decisions of {choices} choices with order {order} is");
            return Err(Error::new(format!("{problem} too much to compute: lower 'order' or 'choices'")));
        }
        let entries = (choices as usize).pow(order + 1);
        let tables = draws(instance, "nk", decisions as usize, entries);
        Ok(Self::Nk(Nk { choices: choices as usize, order: order as usize, tables }))
    }

    /// M. Laumanns, L. Thiele and E. Zitzler (2004), "Running time analysis of multiobjective evolutionary algorithms on
    /// pseudo-Boolean functions", IEEE TEC 8(2), Section III: leading ones against trailing zeros.
    pub fn lotz(size: Size) -> Result<Self> {
        match size.choices {
            2 => Ok(Self::Lotz),
            choices => Err(Error::new(format!("ones and zeros are 2 choices, not {choices}: leave 'choices' out"))),
        }
    }

    /// One value for each objective.
    pub fn values(&self, genotype: &[u32]) -> Vec<f64> {
        match self {
            Self::Additive(worths) => {
                let worth = |(worths, &choice): (&Vec<f64>, &u32)| worths[choice as usize];
                vec![worths.iter().zip(genotype).map(worth).sum::<f64>() / genotype.len() as f64]
            }
            Self::Trap(order) => {
                let block = |block: &[u32]| match (block.iter().sum::<u32>(), *order) {
                    (ones, order) if ones == order => order,
                    (ones, order) => order - 1 - ones,
                };
                let sum: u32 = genotype.chunks_exact(*order as usize).map(block).sum();
                vec![f64::from(sum) / genotype.len() as f64]
            }
            Self::Nk(nk) => vec![nk.value(genotype)],
            Self::Lotz => {
                let leading = genotype.iter().take_while(|&&choice| choice == 1).count();
                let trailing = genotype.iter().rev().take_while(|&&choice| choice == 0).count();
                vec![leading as f64, trailing as f64]
            }
        }
    }

    /// The greatest value of each objective that any genotype of so many decisions has.
    pub fn best(&self, decisions: u32) -> Vec<f64> {
        match self {
            Self::Additive(worths) => {
                let greatest = |worths: &Vec<f64>| (0..worths.len()).max_by(|&a, &b| worths[a].total_cmp(&worths[b]));
                let optimum: Genotype = worths.iter().map(|worths| greatest(worths).unwrap_or(0) as u32).collect();
                self.values(&optimum)
            }
            Self::Trap(_) => vec![1.0],
            Self::Nk(nk) => vec![nk.value(&nk.optimum())],
            Self::Lotz => vec![f64::from(decisions); 2],
        }
    }

    /// Mean and standard deviation of the first objective over all genotypes; of an additive landscape alone.
    pub fn moments(&self) -> Option<(f64, f64)> {
        let Self::Additive(worths) = self else { return None };
        let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let variance = |values: &Vec<f64>| {
            values.iter().map(|value| (value - mean(values)) * (value - mean(values))).sum::<f64>()
                / values.len() as f64
        };
        let count = worths.len() as f64;
        let sum_of_variances: f64 = worths.iter().map(variance).sum();
        Some((worths.iter().map(mean).sum::<f64>() / count, libm::sqrt(sum_of_variances) / count))
    }
}

impl Nk {
    fn value(&self, genotype: &[u32]) -> f64 {
        let count = genotype.len();
        let contribution = |at: usize| {
            let number = |number: usize, of: usize| number * self.choices + genotype[(at + of) % count] as usize;
            self.tables[at][(0..=self.order).fold(0, number)]
        };
        (0..count).map(contribution).sum::<f64>() / count as f64
    }

    /// By dynamic programming along the circle: for every way to make the first `order` decisions, the best way to go on
    /// depends on the last `order` alone.
    fn optimum(&self) -> Genotype {
        let (count, states) = (self.tables.len(), self.choices.pow(self.order as u32));
        let digits = |mut number: usize, length: usize| {
            let mut digits = vec![0_u32; length];
            for digit in digits.iter_mut().rev() {
                (*digit, number) = ((number % self.choices) as u32, number / self.choices);
            }
            digits
        };
        let mut best: (f64, Genotype) = (f64::NEG_INFINITY, Vec::new());
        for first in 0..states {
            // By the last decisions: the sum of all contributions that are complete, and the choice before them.
            let mut sums = vec![f64::NEG_INFINITY; states];
            sums[first] = 0.0;
            let mut before: Vec<Vec<usize>> = Vec::with_capacity(count);
            // The decision `at + order` is made; the contribution of `at` is then complete.
            for at in 0..count {
                let mut next = vec![f64::NEG_INFINITY; states];
                let mut from = vec![0; states];
                let circled = (at + self.order).checked_sub(count).map(|at| digits(first, self.order)[at] as usize);
                for (state, &sum) in sums.iter().enumerate().filter(|(_, sum)| sum.is_finite()) {
                    for choice in (0..self.choices).filter(|choice| circled.is_none_or(|made| made == *choice)) {
                        let number = state * self.choices + choice;
                        let reached = sum + self.tables[at][number];
                        if reached > next[number % states] {
                            (next[number % states], from[number % states]) = (reached, state);
                        }
                    }
                }
                sums = next;
                before.push(from);
            }
            // Around the circle it must end with what it began with.
            if sums[first] > best.0 {
                let (mut state, mut genotype) = (first, vec![0; count]);
                for (from, made) in before.iter().zip(&mut genotype).rev() {
                    state = from[state];
                    *made = digits(state, self.order)[0];
                }
                best = (sums[first], genotype);
            }
        }
        best.1
    }
}
