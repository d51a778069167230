//! Brackets of successive halving that run side by side: the search behind successive halving, Hyperband and BOHB.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nas_api::rng::Random;
use nas_api::{Candidate, Genotype, Observation, Proposal, Result, Space, Strategy, Study};

use crate::Rank;
use crate::common::fresh_sample::fresh_sample;
use crate::common::rungs::Rung;
use crate::common::trials::{NewResult, Trials, batch_size};

/// Where the architectures of a first rung come from.
pub trait Source: Send {
    /// A new architecture with its key, which is none of `keys`, those in the rung; `None` if the space seems to have
    /// no other.
    ///
    /// # Errors
    /// Returns the error of a space that breaks down.
    fn fresh(&mut self, keys: &BTreeSet<String>, space: &mut dyn Space) -> Result<Option<(Genotype, String)>>;

    /// Learns from a result, external or not.
    ///
    /// # Errors
    /// Returns the error of a space that breaks down.
    fn learn(&mut self, genotype: &Genotype, rank: Rank, fidelity: Option<f64>, space: &mut dyn Space) -> Result<()>;
}

/// Draws architectures at random.
pub struct RandomSource(pub Random);

impl Source for RandomSource {
    fn fresh(&mut self, keys: &BTreeSet<String>, space: &mut dyn Space) -> Result<Option<(Genotype, String)>> {
        fresh_sample(space, &mut self.0, keys.len(), |key| keys.contains(key))
    }

    fn learn(&mut self, _: &Genotype, _: Rank, _: Option<f64>, _: &mut dyn Space) -> Result<()> {
        Ok(())
    }
}

/// A result in the rung of a bracket.
#[derive(Clone, Debug)]
struct Entry {
    genotype: Genotype,
    /// The trial that measured it; `None` for an external result.
    trial: Option<u32>,
    rank: Rank,
    /// Whether it may be promoted ([`Rank::promotable`]).
    promotable: bool,
    /// Whether the trial succeeded, so that another can continue it.
    resumable: bool,
}

/// What a bracket does next.
enum Job {
    /// It proposes a new architecture for the first rung.
    Sample,
    /// It proposes an architecture that was promoted from the rung below.
    Promote(Entry),
    /// It waits for results.
    Wait,
}

/// One run of successive halving.
#[derive(Clone, Debug)]
struct Bracket {
    rungs: Vec<Rung>,
    /// The index of the rung being measured.
    current: usize,
    /// New architectures still to be proposed.
    to_sample: u32,
    /// Architectures that were promoted to this rung and are still to be proposed.
    queue: VecDeque<Entry>,
    /// Proposals of this rung that are not answered yet.
    outstanding: u32,
    /// Results of this rung.
    results: Vec<Entry>,
    /// Keys of the architectures in the first rung.
    keys: BTreeSet<String>,
}

impl Bracket {
    fn new(rungs: Vec<Rung>) -> Self {
        let to_sample = rungs.first().map_or(0, |rung| rung.size);
        Self {
            rungs,
            current: 0,
            to_sample,
            queue: VecDeque::new(),
            outstanding: 0,
            results: Vec::new(),
            keys: BTreeSet::new(),
        }
    }

    fn job(&mut self) -> Job {
        if self.to_sample > 0 {
            return Job::Sample;
        }
        self.queue.pop_front().map_or(Job::Wait, Job::Promote)
    }

    /// Moves on to the next rung if this one is complete. Returns false once the bracket is over.
    fn advance(&mut self) -> bool {
        if self.to_sample > 0 || self.outstanding > 0 || !self.queue.is_empty() {
            return true;
        }
        self.current += 1;
        let Some(rung) = self.rungs.get(self.current) else { return false };
        let mut best = std::mem::take(&mut self.results);
        best.retain(|entry| entry.promotable);
        // Ties are broken by trial number, so that the order in which results are told does not matter.
        best.sort_by_key(|entry| (Reverse(entry.rank), entry.trial));
        best.truncate(rung.size as usize);
        self.queue = best.into();
        !self.queue.is_empty()
    }
}

/// A search that runs brackets one after the other, and begins the next one while the others wait for results.
pub struct Brackets<S> {
    study: Study,
    source: S,
    /// The brackets of one round.
    round: Vec<Vec<Rung>>,
    repeat: bool,
    carry_on: bool,
    /// The brackets that are not over, by number, the oldest first.
    open: BTreeMap<u32, Bracket>,
    /// The number of brackets that were begun.
    begun: u32,
    /// The bracket of each outstanding trial.
    bracket_of: BTreeMap<u32, u32>,
    trials: Trials,
}

impl<S: Source> Brackets<S> {
    /// A search through these brackets, whose first rungs the source fills, in rounds if `repeat` is set. With
    /// `carry_on`, promoted trials continue from their checkpoints.
    pub fn new(study: &Study, source: S, round: Vec<Vec<Rung>>, repeat: bool, carry_on: bool) -> Self {
        let mut brackets = Self {
            study: study.clone(),
            source,
            round,
            repeat,
            carry_on,
            open: BTreeMap::new(),
            begun: 0,
            bracket_of: BTreeMap::new(),
            trials: Trials::default(),
        };
        // The first bracket is open from the start, so that it can take external results.
        brackets.begin();
        brackets
    }

    /// Begins the next bracket and returns its number; `None` if there is none.
    fn begin(&mut self) -> Option<u32> {
        let number = self.begun;
        let position = number as usize;
        if position >= self.round.len() && !self.repeat {
            return None;
        }
        let rungs = self.round.get(position % self.round.len().max(1))?;
        self.open.insert(number, Bracket::new(rungs.clone()));
        self.begun = self.begun.checked_add(1)?;
        Some(number)
    }

    /// The next proposal with the number of its bracket: the oldest bracket that has one, otherwise a new bracket.
    fn next(&mut self, space: &mut dyn Space) -> Result<Option<(u32, Proposal)>> {
        let mut lowest = 0;
        loop {
            let next = self.open.range(lowest..).next().map(|(&number, _)| number);
            let Some(number) = next.or_else(|| self.begin()) else { return Ok(None) };
            lowest = number.saturating_add(1);
            if let Some(proposal) = self.propose(number, space)? {
                return Ok(Some((number, proposal)));
            }
        }
    }

    fn propose(&mut self, number: u32, space: &mut dyn Space) -> Result<Option<Proposal>> {
        loop {
            let Some(bracket) = self.open.get_mut(&number) else { return Ok(None) };
            let fidelity = bracket.rungs.get(bracket.current).map(|rung| rung.fidelity);
            let (genotype, resume) = match bracket.job() {
                Job::Wait => return Ok(None),
                Job::Promote(entry) => {
                    let resume = entry.trial.filter(|_| self.carry_on && entry.resumable);
                    (entry.genotype, resume)
                }
                Job::Sample => {
                    let Some((genotype, key)) = self.source.fresh(&bracket.keys, space)? else {
                        // The space has fewer architectures than the rung.
                        bracket.to_sample = 0;
                        self.advance(number);
                        continue;
                    };
                    bracket.keys.insert(key);
                    bracket.to_sample -= 1;
                    (genotype, None)
                }
            };
            bracket.outstanding += 1;
            return Ok(Some(Proposal { candidate: Candidate::Discrete(genotype), fidelity, resume }));
        }
    }

    fn advance(&mut self, number: u32) {
        if self.open.get_mut(&number).is_some_and(|bracket| !bracket.advance()) {
            self.open.remove(&number);
        }
    }

    /// An external result replaces a sample in the oldest bracket that still samples its first rung at this fidelity.
    fn adopt(&mut self, entry: Entry, fidelity: Option<f64>, space: &mut dyn Space) -> Result<()> {
        let accepts =
            |bracket: &Bracket| bracket.to_sample > 0 && bracket.rungs.first().map(|rung| rung.fidelity) == fidelity;
        let Some((&number, bracket)) = self.open.iter_mut().find(|(_, bracket)| accepts(bracket)) else {
            return Ok(());
        };
        if bracket.keys.insert(space.key(&entry.genotype)?) {
            bracket.to_sample -= 1;
            bracket.results.push(entry);
            self.advance(number);
        }
        Ok(())
    }
}

impl<S: Source> Strategy for Brackets<S> {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while proposals.len() < batch_size(limit) as usize {
            let Some((bracket, proposal)) = self.next(space)? else { break };
            self.bracket_of.insert(self.trials.propose(), bracket);
            proposals.push(proposal);
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let Some(NewResult { genotype, trial }) = self.trials.observed(observation, space)? else { continue };
            let rank = Rank::of(&self.study, observation);
            self.source.learn(genotype, rank, observation.fidelity, space)?;
            let promotable = rank.promotable(&self.study, observation);
            let resumable = observation.failure.is_none();
            let entry = Entry { genotype: genotype.clone(), trial, rank, promotable, resumable };
            match trial {
                None => self.adopt(entry, observation.fidelity, space)?,
                Some(trial) => {
                    let Some(number) = self.bracket_of.remove(&trial) else { continue };
                    if let Some(bracket) = self.open.get_mut(&number) {
                        bracket.outstanding -= 1;
                        bracket.results.push(entry);
                    }
                    self.advance(number);
                }
            }
        }
        Ok(())
    }

    fn finished(&self) -> bool {
        !self.repeat && self.open.is_empty() && self.begun as usize >= self.round.len()
    }
}
