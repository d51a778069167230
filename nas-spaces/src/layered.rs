//! Spaces of layered networks: decisions of the whole network, the number of layers among them, and decisions of each
//! layer.

use nas_api::{Decision, SpaceInfo};

/// The decisions of a layered network. Their order is the number of layers, the other decisions of the whole network,
/// and then those of each layer or of one layer that stands for all.
#[derive(Clone, Debug)]
pub struct Layered {
    /// The decisions of the whole network. The first one is the number of layers.
    network: Vec<Decision>,
    /// Indices into `network` of a decision and an earlier one. The decision is made only if the earlier one is not at
    /// its first choice.
    requires: Option<(usize, usize)>,
    /// The number of layers that each choice of the first decision means.
    counts: Vec<u32>,
    /// The decisions of every layer, or of the one layer that stands for all.
    layers: Vec<Vec<Decision>>,
    per_layer: bool,
}

/// The choices of one genotype.
#[derive(Clone, Debug)]
pub struct Chosen<'g> {
    /// One choice for every decision of the whole network; 0 if it is not made.
    pub network: Vec<u32>,
    /// The choices of every layer.
    pub layers: Vec<&'g [u32]>,
}

impl Layered {
    /// `counts` are the choices of the number of layers, in ascending order. `network` are the other decisions of the
    /// whole network, and `layer` those of a layer. With `per_layer`, every layer has its own (`width1`, `width2`,
    /// ...); otherwise one layer stands for all.
    pub fn new(counts: Vec<u32>, network: Vec<Decision>, layer: &[Decision], per_layer: bool) -> Self {
        let layers = Decision::new("layers", counts.iter().map(u32::to_string)).ordered();
        let network = [vec![layers], network].concat();
        let most = counts.iter().copied().max().unwrap_or(0);
        let numbered = |number: u32| {
            let name =
                |decision: &Decision| Decision { name: format!("{}{number}", decision.name), ..decision.clone() };
            layer.iter().map(name).collect()
        };
        let layers = if per_layer { (1..=most).map(numbered).collect() } else { vec![layer.to_vec()] };
        Self { network, requires: None, counts, layers, per_layer }
    }

    /// Makes the decision `name` of the whole network only if the earlier decision `other` is not at its first choice.
    #[must_use]
    pub fn only_with(mut self, name: &str, other: &str) -> Self {
        let index = |name: &str| self.network.iter().position(|decision| decision.name == name);
        self.requires = index(name).zip(index(other)).filter(|(decision, other)| other < decision);
        self
    }

    /// The description of a space with these decisions.
    pub fn info(&self, name: &str, description: &str, reference: &str) -> SpaceInfo {
        SpaceInfo {
            name: name.to_owned(),
            version: "1".into(),
            log10_size: Some(self.log10_size()),
            decisions: self.network.iter().chain(self.layers.iter().flatten()).cloned().collect(),
            conditional: self.conditional(),
            standard: !self.conditional(),
            description: description.to_owned(),
            reference: reference.to_owned(),
        }
    }

    /// Whether earlier choices determine which decisions are made.
    fn conditional(&self) -> bool {
        self.requires.is_some() || (self.per_layer && self.counts.len() > 1)
    }

    /// log10 of the number of genotypes.
    fn log10_size(&self) -> f64 {
        let log = |decisions: &[Decision]| -> f64 {
            decisions.iter().map(|decision| libm::log10(f64::from(decision.len()))).sum()
        };
        let mut network = log(&self.network[1..]);
        if let Some((decision, other)) = self.requires {
            let (choices, others) = (f64::from(self.network[decision].len()), f64::from(self.network[other].len()));
            network += libm::log10((others - 1.0) * choices + 1.0) - libm::log10(others * choices);
        }
        let layer = self.layers.first().map_or(0.0, |layer| log(layer));
        let layers = |&count: &u32| if self.per_layer { f64::from(count) * layer } else { layer };
        network + log10_sum(self.counts.iter().map(layers))
    }

    /// The index of the decision of the whole network that is not made, as far as these choices tell.
    fn skipped(&self, prefix: &[u32]) -> Option<usize> {
        let (decision, other) = self.requires?;
        (prefix.get(other) == Some(&0)).then_some(decision)
    }

    /// The decision that follows a prefix of valid choices; `None` if the prefix is complete.
    pub fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        let skipped = self.skipped(prefix);
        let position = prefix.len() + usize::from(skipped.is_some_and(|skipped| prefix.len() >= skipped));
        if let Some(decision) = self.network.get(position) {
            return Some(decision);
        }
        let position = position - self.network.len();
        let each = self.layers.first().map_or(0, Vec::len);
        if each == 0 {
            return None;
        }
        let count = if self.per_layer { *self.counts.get(prefix[0] as usize)? as usize } else { 1 };
        let layer = position / each;
        if layer < count { self.layers.get(layer)?.get(position % each) } else { None }
    }

    /// The choices of a valid genotype.
    pub fn chosen<'g>(&self, genotype: &'g [u32]) -> Chosen<'g> {
        let skipped = self.skipped(genotype);
        let made = self.network.len() - usize::from(skipped.is_some());
        let mut network = genotype[..made].to_vec();
        if let Some(skipped) = skipped {
            network.insert(skipped, 0);
        }
        let each = self.layers.first().map_or(0, Vec::len).max(1);
        let count = self.counts[genotype[0] as usize] as usize;
        let layers =
            if self.per_layer { genotype[made..].chunks_exact(each).collect() } else { vec![&genotype[made..]; count] };
        Chosen { network, layers }
    }
}

/// log10 of the sum of numbers with these logarithms. The numbers themselves may be too large for a float.
pub fn log10_sum(logarithms: impl Iterator<Item = f64> + Clone) -> f64 {
    let greatest = logarithms.clone().fold(f64::NEG_INFINITY, f64::max);
    greatest + libm::log10(logarithms.map(|size| libm::pow(10.0, size - greatest)).sum())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn layered(per_layer: bool) -> Layered {
        let network = vec![Decision::new("a", ["no", "x", "y"]), Decision::new("b", ["1", "2"])];
        let layer = [Decision::new("c", ["1", "2"]), Decision::new("d", ["1", "2", "3"])];
        Layered::new(vec![1, 3], network, &layer, per_layer).only_with("b", "a")
    }

    fn every_genotype(layered: &Layered) -> Vec<Vec<u32>> {
        let (mut open, mut found) = (vec![vec![]], Vec::new());
        while let Some(prefix) = open.pop() {
            match layered.next(&prefix) {
                Some(decision) => open.extend((0..decision.len()).map(|choice| [&prefix[..], &[choice]].concat())),
                None => found.push(prefix),
            }
        }
        found
    }

    #[test]
    fn the_size_is_the_number_of_genotypes() {
        for (per_layer, expected) in [(false, 2 * 5 * 6), (true, 5 * (6 + 6 * 6 * 6))] {
            let layered = layered(per_layer);
            assert_eq!(every_genotype(&layered).len(), expected);
            assert!((layered.log10_size() - (expected as f64).log10()).abs() < 1e-12);
        }
    }

    #[test]
    fn choices_are_read_back_by_network_and_layer() {
        let own = layered(true);
        let chosen = own.chosen(&[1, 0, 1, 2, 0, 1, 0, 0]);
        assert_eq!((chosen.network, chosen.layers), (vec![1, 0, 0], vec![&[1, 2][..], &[0, 1], &[0, 0]]));
        let names: Vec<&str> =
            (0..8).map(|at| own.next(&[1, 0, 1, 2, 0, 1, 0, 0][..at]).unwrap().name.as_str()).collect();
        assert_eq!(names, ["layers", "a", "c1", "d1", "c2", "d2", "c3", "d3"]);
        let shared = layered(false);
        let chosen = shared.chosen(&[1, 2, 1, 1, 2]);
        assert_eq!((chosen.network, chosen.layers), (vec![1, 2, 1], vec![&[1, 2][..]; 3]));
    }
}
