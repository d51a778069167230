//! The strategy of the guide `docs/guides/write-a-strategy.md`, word for word, with its tests.

#![allow(clippy::unwrap_used)]

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Genotype, Observation, Parameter, Proposal, Result, Space, Strategy, StrategyInfo, StrategyPlugin, Study,
};

/// Keeps the best networks so far, and mutates one of them.
struct EliteWalk {
    study: Study,
    rng: Random,
    elite: usize,
    best: Vec<(f64, Genotype)>,
}

impl StrategyPlugin for EliteWalk {
    fn info() -> StrategyInfo {
        StrategyInfo {
            name: "elite-walk".into(),
            version: "0.1.0".into(),
            parameters: vec![Parameter::integer("elite", 5, 1, 1000, "How many of the best networks are kept.")],
            ..StrategyInfo::default()
        }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        // The host has checked the value, and filled in the default if the user gave none.
        let elite = study.settings.integer("elite")? as usize;
        Ok(Self { study: study.clone(), rng: seeded(study.seed), elite, best: Vec::new() })
    }
}

impl Strategy for EliteWalk {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        // One answer must fit in memory, whatever the limit is.
        for _ in 0..limit.min(1000) {
            let seed = self.rng.random();
            let genotype = if self.best.len() < self.elite {
                space.sample(seed)?
            } else {
                let parent = self.rng.random_range(0..self.elite as u32) as usize;
                space.mutate(&self.best[parent].1, seed)?
            };
            proposals.push(Proposal::discrete(genotype));
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], _space: &mut dyn Space) -> Result<()> {
        for told in observations {
            // A failed trial has no score.
            let (Some(score), Some(genotype)) = (self.study.score(told), told.candidate.genotype()) else { continue };
            // A network that is proposed again, or told again, is kept once.
            if self.best.iter().all(|(_, known)| known != genotype) {
                self.best.push((score, genotype.clone()));
            }
        }
        // A stable sort keeps equal scores in the order in which they were told, so every run is the same.
        self.best.sort_by(|a, b| b.0.total_cmp(&a.0));
        self.best.truncate(self.elite);
        Ok(())
    }
}

nas_api::export_strategy!(EliteWalk);

#[cfg(test)]
mod tests {
    use nas_api::{Setting, Value};
    use nas_strategies::conformance::{Additive, Subject, suite};

    use super::*;

    #[test]
    fn it_keeps_the_contract() {
        suite(&Subject::of::<EliteWalk>(), &mut Additive::conditional(1)).unwrap();
    }

    #[test]
    fn it_reads_every_parameter_that_it_declares() {
        let unread = Subject::of::<EliteWalk>().unread_parameters(&mut Additive::conditional(1)).unwrap();
        assert!(unread.is_empty(), "{unread:?}");
    }

    #[test]
    fn a_small_elite_finds_more_than_samples_alone() {
        let elite = |size: f64| vec![Setting { name: "elite".into(), value: Value::Number(size) }];
        let mut space = Additive::flat(12, 4, 1);
        let mut best = |size| {
            let subject = Subject::of::<EliteWalk>().with(elite(size));
            (0..10).map(|seed| subject.best_of(seed, 200, &mut space).unwrap()).sum::<f64>() / 10.0
        };
        // An elite of 1,000 is never complete, so all 200 networks are samples.
        assert!(best(5.0) > best(1000.0));
    }
}

/// The guide shows this file from the first `use` to the end of its tests.
#[test]
fn the_guide_shows_this_file() {
    let file = include_str!("own_strategy.rs");
    let (_, code) = file.split_once("#![allow(clippy::unwrap_used)]\n\n").unwrap();
    let (code, _) = code.split_once("\n/// The guide shows this file").unwrap();
    let (strategy, tests) = code.split_once("\n#[cfg(test)]\n").unwrap();
    let guide = include_str!("../../docs/guides/write-a-strategy.md");
    assert!(guide.contains(strategy), "the strategy differs from the guide's");
    assert!(guide.contains(&format!("#[cfg(test)]\n{tests}")), "the tests differ from the guide's");
}
