//! Walking from decision to decision.

use super::places::Places;

/// The choices of a prefix, and the places that are still to be expanded, the next one last.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    made: Vec<u32>,
    open: Vec<usize>,
}

impl Walk {
    /// The decision after a prefix, by its position; `None`: complete, or the prefix is invalid.
    ///
    /// Spaces are asked for one prefix after the other, each one longer: a walk goes on from the last one, since a
    /// derivation may have a thousand decisions.
    pub fn next(&mut self, places: &Places, prefix: &[u32]) -> Option<usize> {
        // Number by number: in components, `starts_with` goes byte by byte.
        let goes_on = prefix.len() >= self.made.len() && prefix.iter().zip(&self.made).all(|(a, b)| a == b);
        if self.made.is_empty() || !goes_on {
            self.made.clear();
            self.open = vec![0];
            self.settle(places);
        }
        for &choice in &prefix[self.made.len()..] {
            let place = &places.places[*self.open.last()?];
            let option = place.options.get(choice as usize)?;
            self.open.pop();
            self.open.extend(option.children.iter().rev());
            self.made.push(choice);
            self.settle(places);
        }
        self.open.last().and_then(|&at| places.places[at].decision)
    }

    /// Expands what leaves no choice.
    fn settle(&mut self, places: &Places) {
        while let Some(&at) = self.open.last() {
            let place = &places.places[at];
            if place.decision.is_some() {
                return;
            }
            self.open.pop();
            self.open.extend(place.options.iter().flat_map(|option| option.children.iter().rev()));
        }
    }
}
