//! Functions of genotypes whose maximum is known.

use nas_api::rng::{RngExt, derive, seeded};
use nas_api::{Error, Genotype, Result};

/// The maximum number of states that the search for the optimum of an NK landscape may visit.
const MAX_STATES: f64 = 1e7;

/// The size of a problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// The number of decisions.
    pub decisions: u32,
    /// The number of choices of each decision.
    pub choices: u32,
    /// The number of decisions that act together: the length of a trap, or the neighbours of an NK landscape.
    pub order: u32,
}

/// A function of genotypes, to be maximized.
#[derive(Clone, Debug)]
pub enum Landscape {
    /// The mean of the values of all choices. The table has a value by decision and choice.
    Additive(Vec<Vec<f64>>),
    /// Blocks of this number of decisions, each a deceptive trap.
    Trap(u32),
    /// The mean of the contributions of all decisions.
    Nk(Nk),
    /// Two objectives: the number of leading ones, and the number of trailing zeros.
    Lotz,
}

/// An NK landscape with adjacent neighbours on a circle.
#[derive(Clone, Debug)]
pub struct Nk {
    choices: usize,
    order: usize,
    /// The contributions, by decision and by the choices of it and its `order` successors (the first is the most
    /// significant digit).
    tables: Vec<Vec<f64>>,
}

/// Draws `count` tables of `length` numbers, uniformly from 0 to 1.
fn draw_tables(instance: u32, purpose: &str, count: usize, length: usize) -> Vec<Vec<f64>> {
    let mut rng = seeded(derive(instance, purpose, 0));
    (0..count).map(|_| (0..length).map(|_| rng.random::<f64>()).collect()).collect()
}

impl Landscape {
    /// Returns a landscape in which every choice of every decision has a value, drawn uniformly from 0 to 1.
    pub fn additive(size: Size, instance: u32) -> Self {
        Self::Additive(draw_tables(instance, "additive", size.decisions as usize, size.choices as usize))
    }

    /// Returns a landscape of concatenated traps: D. E. Goldberg (1987), "Simple genetic algorithms and the minimal,
    /// deceptive problem"; K. Deb and D. E. Goldberg (1993), "Analyzing deception in trap functions", FOGA 2, Section
    /// 2.
    ///
    /// # Errors
    ///
    /// Returns an error if decisions do not have 2 choices, or cannot be divided into traps of this order.
    pub fn trap(size: Size) -> Result<Self> {
        let Size { decisions, choices, order } = size;
        if choices != 2 {
            return Err(Error::new(format!("a trap has decisions of 2 choices, not of {choices}: omit 'choices'")));
        }
        if order < 2 || !decisions.is_multiple_of(order) {
            let problem = format!("{decisions} decisions cannot be divided into traps of {order}");
            return Err(Error::new(format!(
                "{problem}: set 'order' to 2 or more, and 'decisions' to a multiple of it"
            )));
        }
        Ok(Self::Trap(order))
    }

    /// Returns an NK landscape: S. A. Kauffman and E. D. Weinberger (1989), "The NK model of rugged fitness landscapes
    /// and its application to maturation of the immune response", Journal of Theoretical Biology 141(2). Neighbours are
    /// adjacent, so that the optimum can be computed (E. D. Weinberger 1996, "NP completeness of Kauffman's N-k model",
    /// Section 4).
    ///
    /// # Errors
    ///
    /// Returns an error if there are not more decisions than neighbours, or if the optimum takes too long to compute.
    pub fn nk(size: Size, instance: u32) -> Result<Self> {
        let Size { decisions, choices, order } = size;
        if order < 1 || order >= decisions {
            let problem = format!("each of {decisions} decisions cannot act together with {order} others");
            return Err(Error::new(format!("{problem}: set 'order' to at least 1 and less than 'decisions'")));
        }
        let states = libm::pow(f64::from(choices), f64::from(2 * order + 1)) * f64::from(decisions);
        if states > MAX_STATES {
            let problem = format!("the optimum of {decisions} decisions of {choices} choices with order {order} is");
            return Err(Error::new(format!("{problem} too expensive to compute: lower 'order' or 'choices'")));
        }
        let entries = (choices as usize).pow(order + 1);
        let tables = draw_tables(instance, "nk", decisions as usize, entries);
        Ok(Self::Nk(Nk { choices: choices as usize, order: order as usize, tables }))
    }

    /// Returns the landscape of leading ones against trailing zeros: M. Laumanns, L. Thiele and E. Zitzler (2004),
    /// "Running time analysis of multiobjective evolutionary algorithms on pseudo-Boolean functions", IEEE TEC 8(2),
    /// Section III.
    ///
    /// # Errors
    ///
    /// Returns an error if decisions do not have 2 choices.
    pub fn lotz(size: Size) -> Result<Self> {
        match size.choices {
            2 => Ok(Self::Lotz),
            choices => Err(Error::new(format!("ones and zeros are 2 choices, not {choices}: omit 'choices'"))),
        }
    }

    /// Returns the value of each objective. The genotype must be one of the landscape's size.
    pub fn values(&self, genotype: &[u32]) -> Vec<f64> {
        match self {
            Self::Additive(tables) => {
                let value = |(values, &choice): (&Vec<f64>, &u32)| values[choice as usize];
                vec![tables.iter().zip(genotype).map(value).sum::<f64>() / genotype.len() as f64]
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

    /// Returns the maximum of each objective over all genotypes with this number of decisions.
    pub fn best(&self, decisions: u32) -> Vec<f64> {
        match self {
            Self::Additive(tables) => {
                let argmax = |values: &Vec<f64>| (0..values.len()).max_by(|&a, &b| values[a].total_cmp(&values[b]));
                let optimum: Genotype = tables.iter().map(|values| argmax(values).unwrap_or(0) as u32).collect();
                self.values(&optimum)
            }
            Self::Trap(_) => vec![1.0],
            Self::Nk(nk) => vec![nk.value(&nk.optimum())],
            Self::Lotz => vec![f64::from(decisions); 2],
        }
    }

    /// Returns the mean and standard deviation of the first objective over all genotypes, or `None` unless the
    /// landscape is additive.
    pub fn moments(&self) -> Option<(f64, f64)> {
        let Self::Additive(tables) = self else { return None };
        let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let variance = |values: &Vec<f64>| {
            values.iter().map(|value| (value - mean(values)) * (value - mean(values))).sum::<f64>()
                / values.len() as f64
        };
        let count = tables.len() as f64;
        let sum_of_variances: f64 = tables.iter().map(variance).sum();
        Some((tables.iter().map(mean).sum::<f64>() / count, libm::sqrt(sum_of_variances) / count))
    }
}

impl Nk {
    fn value(&self, genotype: &[u32]) -> f64 {
        let count = genotype.len();
        let contribution = |at: usize| {
            let index = |index: usize, offset: usize| index * self.choices + genotype[(at + offset) % count] as usize;
            self.tables[at][(0..=self.order).fold(0, index)]
        };
        (0..count).map(contribution).sum::<f64>() / count as f64
    }

    /// Computes the optimum by dynamic programming along the circle: given the first `order` decisions, the best
    /// continuation depends only on the last `order` decisions.
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
            // By the last `order` decisions: the sum of all complete contributions, and the state before.
            let mut sums = vec![f64::NEG_INFINITY; states];
            sums[first] = 0.0;
            let mut before: Vec<Vec<usize>> = Vec::with_capacity(count);
            // Making the decision `at + order` completes the contribution of `at`.
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
            // The circle closes, so the last state must be the first one.
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
