//! Walks from decision to decision.

use super::positions::Positions;

/// The choices of a prefix, and the positions still to be expanded, the next one last.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    made: Vec<u32>,
    open: Vec<usize>,
}

impl Walk {
    /// The index of the decision after a prefix; `None` if the prefix is complete or invalid.
    ///
    /// Callers extend a prefix by one choice at a time, and a derivation may have a thousand decisions. The walk
    /// therefore continues from the previous prefix.
    pub fn next(&mut self, positions: &Positions, prefix: &[u32]) -> Option<usize> {
        // In components, `starts_with` would compare byte by byte.
        let continues = prefix.len() >= self.made.len() && prefix.iter().zip(&self.made).all(|(a, b)| a == b);
        if self.made.is_empty() || !continues {
            self.made.clear();
            self.open = vec![0];
            self.expand_forced(positions);
        }
        for &choice in &prefix[self.made.len()..] {
            let position = &positions.all[*self.open.last()?];
            let chosen = position.choices.get(choice as usize)?;
            self.open.pop();
            self.open.extend(chosen.children.iter().rev());
            self.made.push(choice);
            self.expand_forced(positions);
        }
        self.open.last().and_then(|&at| positions.all[at].decision)
    }

    /// Expands the next positions as long as they have only one choice.
    fn expand_forced(&mut self, positions: &Positions) {
        while let Some(&at) = self.open.last() {
            let position = &positions.all[at];
            if position.decision.is_some() {
                return;
            }
            self.open.pop();
            self.open.extend(position.choices.iter().flat_map(|choice| choice.children.iter().rev()));
        }
    }
}
