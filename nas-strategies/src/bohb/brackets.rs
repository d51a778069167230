//! Hyperband's brackets: many architectures at a low fidelity, the best of them at the next one, and so on.
//!
//! Reference: L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar (2018), "Hyperband: a novel bandit-based
//! approach to hyperparameter optimization", JMLR 18(185), Algorithm 1.

use nas_api::Genotype;

use crate::Rank;

/// The fidelities of the rungs, ascending: the highest one divided by powers of eta, down to the lowest, each replaced
/// by the closest offered fidelity. `offered` is ascending.
pub(super) fn ladder(offered: &[f64], eta: u32) -> Vec<f64> {
    let (Some(&low), Some(&high)) = (offered.first(), offered.last()) else { return Vec::new() };
    let mut rungs = vec![high];
    let mut exact = high / f64::from(eta);
    // The tolerance accepts a quotient that rounding made slightly less than the lowest fidelity.
    while exact >= low * (1.0 - 1e-9) {
        let closest = offered.iter().copied().min_by(|a, b| (a - exact).abs().total_cmp(&(b - exact).abs()));
        rungs.extend(closest.filter(|closest| rungs.last() != Some(closest)));
        exact /= f64::from(eta);
    }
    rungs.reverse();
    rungs
}

/// The sizes of the rungs of bracket `s`, the lowest first: n = ⌈(s_max + 1) / (s + 1) · eta^s⌉, then ⌊n / eta^i⌋.
pub(super) fn sizes(s: u32, s_max: u32, eta: u32) -> Vec<u64> {
    let power = |exponent: u32| u64::from(eta).saturating_pow(exponent);
    let first = u64::from(s_max + 1).saturating_mul(power(s)).div_ceil(u64::from(s + 1));
    (0..=s).map(|rung| (first / power(rung)).max(1)).collect()
}

/// An architecture in a rung.
#[derive(Clone, Debug)]
struct Entry {
    genotype: Genotype,
    /// The rank of its result; `None` until that is told.
    rank: Option<Rank>,
}

/// The position of a trial in its bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) rung: usize,
    entry: usize,
}

/// What a bracket does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Job {
    /// It takes a new architecture into its lowest rung.
    Sample,
    /// It measures this architecture again, in a higher rung.
    Promote(Genotype, Slot),
    /// It waits for results.
    Wait,
    /// It is over.
    Done,
}

/// One run of successive halving.
#[derive(Clone, Debug)]
pub(super) struct Bracket {
    sizes: Vec<u64>,
    /// The index of the rung being measured.
    rung: usize,
    /// The architectures of every rung so far.
    entries: Vec<Vec<Entry>>,
    /// The number of entries of the current rung that were proposed.
    proposed: usize,
}

impl Bracket {
    pub(super) fn new(sizes: Vec<u64>) -> Self {
        Self { sizes, rung: 0, entries: vec![Vec::new()], proposed: 0 }
    }

    /// The number of its rungs.
    pub(super) fn rungs(&self) -> usize {
        self.sizes.len()
    }

    /// What to do next; moves on to the next rung if the current one is complete.
    pub(super) fn next(&mut self) -> Job {
        let entries = &self.entries[self.rung];
        if self.rung == 0 && (entries.len() as u64) < self.sizes[0] {
            return Job::Sample;
        }
        if let Some(entry) = entries.get(self.proposed) {
            let slot = Slot { rung: self.rung, entry: self.proposed };
            self.proposed += 1;
            return Job::Promote(entry.genotype.clone(), slot);
        }
        if entries.iter().any(|entry| entry.rank.is_none()) {
            return Job::Wait;
        }
        let Some(&size) = self.sizes.get(self.rung + 1) else { return Job::Done };
        let promoted = best(entries, size);
        if promoted.is_empty() {
            return Job::Done;
        }
        self.entries.push(promoted);
        self.rung += 1;
        self.proposed = 0;
        self.next()
    }

    /// Adds a new architecture to the lowest rung.
    pub(super) fn enter(&mut self, genotype: Genotype) -> Slot {
        self.entries[0].push(Entry { genotype, rank: None });
        self.proposed = self.entries[0].len();
        Slot { rung: 0, entry: self.proposed - 1 }
    }

    /// Records the rank of a trial.
    pub(super) fn tell(&mut self, slot: Slot, rank: Rank) {
        if let Some(entry) = self.entries.get_mut(slot.rung).and_then(|entries| entries.get_mut(slot.entry)) {
            entry.rank = Some(rank);
        }
    }
}

/// The best entries of a rung, without failed ones; the earlier one first among equals.
fn best(entries: &[Entry], most: u64) -> Vec<Entry> {
    let mut order: Vec<&Entry> =
        entries.iter().filter(|entry| entry.rank.is_some_and(|rank| rank != Rank::Failed)).collect();
    order.sort_by_key(|entry| std::cmp::Reverse(entry.rank));
    order.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    order.into_iter().map(|entry| Entry { genotype: entry.genotype.clone(), rank: None }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bracket_sizes_agree_with_the_paper() {
        // Table 1 of the Hyperband paper, for R = 81 and eta = 3.
        let expected: [&[u64]; 5] = [&[5], &[8, 2], &[15, 5, 1], &[34, 11, 3, 1], &[81, 27, 9, 3, 1]];
        for (s, sizes_of_s) in (0..).zip(expected) {
            assert_eq!(sizes(s, 4, 3), sizes_of_s);
        }
    }

    #[test]
    fn rungs_are_offered_fidelities() {
        let whole: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(ladder(&whole, 3), [1.0, 3.0, 10.0]);
        assert_eq!(ladder(&[1.0, 3.0, 9.0, 27.0, 81.0], 3), [1.0, 3.0, 9.0, 27.0, 81.0]);
        assert_eq!(ladder(&[1.0, 100.0], 3), [1.0, 100.0]);
        assert_eq!(ladder(&[7.0], 3), [7.0]);
        assert_eq!(ladder(&[4.0, 7.0], 3), [7.0], "the lowest is more than a third of the highest");
    }

    #[test]
    fn the_best_third_is_promoted_and_failures_are_not() {
        let mut bracket = Bracket::new(vec![6, 2, 1]);
        let ranks = [
            Rank::Measured(0.1),
            Rank::Failed,
            Rank::Measured(0.9),
            Rank::Measured(0.5),
            Rank::Infeasible(0.1),
            Rank::Measured(0.5),
        ];
        let mut slots = Vec::new();
        for choice in 0..6 {
            assert_eq!(bracket.next(), Job::Sample);
            slots.push(bracket.enter(vec![choice]));
        }
        assert_eq!(bracket.next(), Job::Wait);
        for (slot, rank) in slots.into_iter().zip(ranks).rev() {
            bracket.tell(slot, rank);
        }
        let (first, second) = (Slot { rung: 1, entry: 0 }, Slot { rung: 1, entry: 1 });
        assert_eq!(bracket.next(), Job::Promote(vec![2], first));
        assert_eq!(bracket.next(), Job::Promote(vec![3], second));
        bracket.tell(first, Rank::Failed);
        assert_eq!(bracket.next(), Job::Wait);
        bracket.tell(second, Rank::Failed);
        assert_eq!(bracket.next(), Job::Done);
    }
}
