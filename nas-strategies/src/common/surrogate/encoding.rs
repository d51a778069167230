//! Encodes genotypes as vectors of equal length, with one number for every decision of the space.

use std::collections::BTreeMap;

use nas_api::{Decision, Error, Result, Space};

/// One number for every decision: 0 if it is not made, otherwise the index of the choice plus 1.
pub(crate) type Codes = Vec<u32>;

/// Turns genotypes into [`Codes`].
pub(crate) struct Encoding {
    pub(crate) decisions: Vec<Decision>,
    /// The index of each decision; `None` unless the space is conditional.
    by_name: Option<BTreeMap<String, usize>>,
}

impl Encoding {
    pub(crate) fn of(space: &mut dyn Space) -> Result<Self> {
        let info = space.info()?;
        let named = || (0..).zip(&info.decisions).map(|(index, decision)| (decision.name.clone(), index)).collect();
        let by_name = info.conditional.then(named);
        Ok(Self { decisions: info.decisions, by_name })
    }

    pub(crate) fn codes(&self, space: &mut dyn Space, genotype: &[u32]) -> Result<Codes> {
        let code = |choice: u32| choice.saturating_add(1);
        let Some(by_name) = &self.by_name else {
            return Ok(genotype.iter().copied().map(code).collect());
        };
        let mut codes = vec![0; self.decisions.len()];
        for (length, &choice) in genotype.iter().enumerate() {
            let Some(decision) = space.next(&genotype[..length])? else { break };
            let unknown =
                || Error::new(format!("the space makes the decision '{}', which it does not declare", decision.name));
            codes[*by_name.get(&decision.name).ok_or_else(unknown)?] = code(choice);
        }
        Ok(codes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::conformance::Additive;

    #[test]
    fn a_decision_keeps_its_index_whatever_came_before() {
        let mut space = Additive::conditional(1);
        let encoding = Encoding::of(&mut space).unwrap();
        // Two layers: a pooling, then a convolution of kernel 7.
        assert_eq!(encoding.codes(&mut space, &[1, 1, 0, 2]).unwrap(), [2, 2, 0, 1, 3, 0, 0]);
        let mut space = Additive::flat(3, 4, 1);
        let encoding = Encoding::of(&mut space).unwrap();
        assert_eq!(encoding.codes(&mut space, &[3, 0, 1]).unwrap(), [4, 1, 2]);
    }
}
