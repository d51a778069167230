//! Decisions without networks, for problems whose optimum is known.

use nas_api::{Decision, Error, Genotype, Graph, Parameter, Result, SearchSpace, Settings, SpaceInfo, Task};

/// The space `synthetic`: independent, unordered decisions that all have the same number of choices. Every genotype is
/// a separate architecture, and there are no networks.
#[derive(Clone, Debug)]
pub struct Synthetic {
    decisions: Vec<Decision>,
}

impl Synthetic {
    /// A space of `decisions` decisions with `choices` choices each. Both are at least 1.
    pub fn new(decisions: u32, choices: u32) -> Self {
        let decision =
            |number| Decision::new(format!("x{number}"), (0..choices.max(1)).map(|choice| choice.to_string()));
        Self { decisions: (1..=decisions.max(1)).map(decision).collect() }
    }
}

impl SearchSpace for Synthetic {
    fn parameters() -> Vec<Parameter> {
        vec![
            Parameter::integer("decisions", 20, 1, 10_000, "The number of decisions."),
            Parameter::integer("choices", 2, 2, 64, "The number of choices of each decision."),
        ]
    }

    fn open(settings: &Settings) -> Result<Self> {
        Ok(Self::new(settings.integer("decisions")?, settings.integer("choices")?))
    }

    fn info(&self) -> SpaceInfo {
        let choices = self.decisions.first().map_or(1, Decision::len);
        SpaceInfo {
            name: "synthetic".into(),
            version: "1".into(),
            log10_size: Some(self.decisions.len() as f64 * libm::log10(f64::from(choices))),
            decisions: self.decisions.clone(),
            conditional: false,
            standard: true,
            description: "Independent decisions without networks, for problems whose optimum is known.".into(),
            reference: String::new(),
        }
    }

    fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        self.decisions.get(prefix.len())
    }

    fn build(&self, _genotype: &[u32], _task: &Task) -> Result<Graph> {
        Err(Error::new("the space 'synthetic' has no networks; the evaluator 'synthetic' needs none"))
    }

    /// The choices, separated by commas: `0,1,1,0`.
    fn format(&self, genotype: &[u32]) -> String {
        genotype.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
    }

    fn parse(&self, text: &str) -> Result<Genotype> {
        let choice = |word: &str| {
            let problem = || Error::new(format!("'{word}' is not a choice; a genotype reads like 0,1,1,0"));
            word.trim().parse::<u32>().map_err(|_| problem())
        };
        let genotype = text.split(',').map(choice).collect::<Result<Genotype>>()?;
        self.validate(&genotype)?;
        Ok(genotype)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_genotype_is_read_as_it_is_written() {
        let space = Synthetic::new(4, 3);
        assert_eq!(space.format(&[0, 2, 1, 0]), "0,2,1,0");
        assert_eq!(space.parse(" 0, 2,1,0").unwrap(), [0, 2, 1, 0]);
        for wrong in ["", "0,1,2", "0,1,2,3", "0,1,2,0,0", "0;1;2;0"] {
            assert!(space.parse(wrong).is_err(), "{wrong}");
        }
        assert!((space.info().log10_size.unwrap() - 81.0_f64.log10()).abs() < 1e-12);
    }
}
