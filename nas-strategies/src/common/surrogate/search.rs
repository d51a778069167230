//! The search of every strategy that models the objective: random architectures first, none twice, and results in any
//! order.

use std::collections::BTreeMap;

use nas_api::rng::{Random, seeded};
use nas_api::{Observation, Proposal, Result, Space, Strategy, Study};

use crate::Rank;
use crate::common::budget::RandomStart;
use crate::common::fresh_sample::fresh_sample;
use crate::common::surrogate::acquisition::Candidate;
use crate::common::surrogate::archive::Archive;
use crate::common::trials::{Origin, Trials, batch_size};

/// The results with which a model begins, failures not counted.
pub(crate) const INITIAL: RandomStart = RandomStart::of_model("initial");

/// Most proposals of a model in one answer: each takes milliseconds, and a call must end. The host asks again.
const MAX_CHOSEN: usize = 32;

/// A model of the objective that chooses what is measured next.
pub(crate) trait Surrogate: Send {
    /// What the model sees of an architecture.
    type Point: Send;

    /// The point of a genotype.
    fn encode(&self, space: &mut dyn Space, genotype: &[u32]) -> Result<Self::Point>;

    /// The next architecture, which must not be known to the archive; `None` stands for a random one. This is called
    /// once the initial results are there.
    fn choose(&mut self, state: &mut State<Self::Point>, space: &mut dyn Space) -> Result<Option<Candidate>>;
}

/// What a model may use of the search.
pub(crate) struct State<P> {
    pub(crate) rng: Random,
    pub(crate) archive: Archive<P>,
    /// The architectures that are being measured, by trial.
    pub(crate) pending: BTreeMap<u32, Candidate>,
}

/// A search in progress.
pub(crate) struct SurrogateSearch<S: Surrogate> {
    study: Study,
    /// Results before the model is used.
    initial: usize,
    pub(crate) state: State<S::Point>,
    pub(crate) surrogate: S,
    trials: Trials,
    exhausted: bool,
}

impl<S: Surrogate> SurrogateSearch<S> {
    /// A search that begins with [`INITIAL`] results.
    ///
    /// # Errors
    /// The strategy does not declare that parameter.
    pub(crate) fn new(study: &Study, surrogate: S) -> Result<Self> {
        let state = State { rng: seeded(study.seed), archive: Archive::new(), pending: BTreeMap::new() };
        let initial = INITIAL.size(study)? as usize;
        Ok(Self { study: study.clone(), initial, state, surrogate, trials: Trials::default(), exhausted: false })
    }

    /// The next architecture, chosen by the model if `modelled` is set; `None` if the space seems to be exhausted.
    fn next(&mut self, modelled: bool, space: &mut dyn Space) -> Result<Option<Candidate>> {
        if modelled && let Some(candidate) = self.surrogate.choose(&mut self.state, space)? {
            return Ok(Some(candidate));
        }
        let State { archive, rng, .. } = &mut self.state;
        let fresh = fresh_sample(space, rng, archive.len(), |key| archive.knows(key))?;
        Ok(fresh.map(|(genotype, key)| Candidate { genotype, key }))
    }
}

impl<S: Surrogate> Strategy for SurrogateSearch<S> {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        let modelled = self.state.archive.informative() >= self.initial;
        let most = if modelled { MAX_CHOSEN } else { usize::MAX }.min(batch_size(limit) as usize);
        while !self.exhausted && proposals.len() < most {
            let Some(candidate) = self.next(modelled, space)? else {
                self.exhausted = true;
                break;
            };
            proposals.push(Proposal::discrete(candidate.genotype.clone()));
            self.state.archive.propose(candidate.key.clone());
            self.state.pending.insert(self.trials.propose(), candidate);
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let (origin, genotype) = self.trials.read(observation, space)?;
            if let Origin::Asked(trial) = origin {
                self.state.pending.remove(&trial);
            }
            if let (Origin::Asked(_) | Origin::External, Some(genotype)) = (origin, genotype) {
                let rank = Rank::of(&self.study, observation);
                let surrogate = &self.surrogate;
                self.state.archive.learn(genotype, rank, space, |space| surrogate.encode(space, genotype))?;
            }
        }
        Ok(())
    }

    fn finished(&self) -> bool {
        self.exhausted
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use nas_api::{Failure, Genotype, Setting, StrategyPlugin, Value};

    use crate::conformance::{Additive, Measured, Schedule, Step, drive, study_of};
    use crate::{Npenas, RandomSearch};

    /// Runs 60 trials one at a time and returns the genotypes.
    fn run<S: StrategyPlugin>(
        seed: u32,
        settings: &[Setting],
        measure: &dyn Fn(u32, &Genotype) -> Measured,
    ) -> Vec<Genotype> {
        let mut space = Additive::flat(6, 7, 1);
        let mut search = S::open(&study_of::<S>(seed, settings).unwrap(), &mut space).unwrap();
        let steps = drive(&mut search, &mut space, &Schedule::serial(), 60, measure).unwrap();
        steps.iter().flat_map(Step::proposed).cloned().collect()
    }

    fn number(name: &str, value: f64) -> Setting {
        Setting { name: name.into(), value: Value::Number(value) }
    }

    /// A model learns nothing from failures alone, and their mutants are no better than random architectures.
    #[test]
    fn failures_do_not_end_the_random_start() {
        let fail = |_: u32, _: &Genotype| -> Measured { Err(Failure::new("test")) };
        let (short, long) = ([number("initial", 10.0)], [number("initial", 1000.0)]);
        assert_eq!(run::<Npenas>(1, &short, &fail), run::<Npenas>(1, &long, &fail));
    }

    #[test]
    fn where_two_in_a_hundred_are_feasible_one_is_found_as_often_as_by_random_search() {
        // Two decisions of seven choices: one in 49.
        let feasible = |genotype: &Genotype| genotype[0] == 3 && genotype[1] == 2;
        let measure = |_: u32, genotype: &Genotype| -> Measured {
            if feasible(genotype) { Ok(f64::from(genotype[2])) } else { Err(Failure::new("test")) }
        };
        let found = |run: &dyn Fn(u32) -> Vec<Genotype>| (0..60).filter(|&seed| run(seed).iter().any(feasible)).count();
        let few = [number("updates", 5.0), number("layers", 1.0), number("width", 4.0)];
        let guided = found(&|seed| run::<Npenas>(seed, &few, &measure));
        let by_chance = found(&|seed| run::<RandomSearch>(seed, &[], &measure));
        println!("an incumbent on {guided} of 60 seeds, by random search on {by_chance}");
        assert!(guided + 4 >= by_chance && by_chance > 30, "{guided} against {by_chance}");
    }
}
