//! Genotypes as lists of one length: what was chosen for every decision that the space can ever ask for, by name.

use std::collections::BTreeMap;

use nas_api::{Decision, Error, Result, Space};

/// One number for every decision: 0 where it is not made, else the choice plus 1.
pub(crate) type Codes = Vec<u32>;

/// How genotypes become [`Codes`].
pub(crate) struct Encoding {
    pub(crate) decisions: Vec<Decision>,
    /// Only where the space is conditional.
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
            let unknown = || Error::new(format!("the space asks for '{}', which it does not list", decision.name));
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
    fn decisions_keep_their_place_whatever_came_before() {
        let mut space = Additive::conditional(1);
        let encoding = Encoding::of(&mut space).unwrap();
        // Two layers: a pooling, then a convolution of kernel 7.
        assert_eq!(encoding.codes(&mut space, &[1, 1, 0, 2]).unwrap(), [2, 2, 0, 1, 3, 0, 0]);
        let mut space = Additive::flat(3, 4, 1);
        let encoding = Encoding::of(&mut space).unwrap();
        assert_eq!(encoding.codes(&mut space, &[3, 0, 1]).unwrap(), [4, 1, 2]);
    }
}
