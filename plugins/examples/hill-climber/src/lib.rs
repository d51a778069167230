//! A hill climber: keeps the best network so far and tries a random change of it.

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{Genotype, Observation, Proposal, Result, Space, Strategy, StrategyInfo, StrategyPlugin, Study};

struct HillClimber {
    study: Study,
    rng: Random,
    best: Option<(f64, Genotype)>,
}

impl StrategyPlugin for HillClimber {
    fn info() -> StrategyInfo {
        StrategyInfo { name: "hill-climber".into(), version: "0.1.0".into(), ..StrategyInfo::default() }
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        Ok(Self { study: study.clone(), rng: seeded(study.seed), best: None })
    }
}

impl Strategy for HillClimber {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let propose = |_| match &self.best {
            Some((_, best)) => Ok(Proposal::discrete(space.mutate(best, self.rng.random())?)),
            None => Ok(Proposal::discrete(space.sample(self.rng.random())?)),
        };
        (0..limit).map(propose).collect()
    }

    fn tell(&mut self, observations: &[Observation], _space: &mut dyn Space) -> Result<()> {
        for told in observations {
            let better = |score: &f64| self.best.as_ref().is_none_or(|(best, _)| score > best);
            if let Some(score) = self.study.score(told).filter(better) {
                self.best = told.candidate.genotype().map(|genotype| (score, genotype.clone()));
            }
        }
        Ok(())
    }
}

nas_api::export_strategy!(HillClimber);
