//! Brackets of successive halving, run side by side: what successive halving and Hyperband have in common.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use nas_api::rng::{Random, seeded};
use nas_api::{Candidate, Genotype, Observation, Proposal, Result, Space, Study};

use crate::Rank;
use crate::fresh::fresh_sample;
use crate::rungs::Rung;
use crate::trials::{Origin, Trials, batch};

/// An architecture in the rung of a bracket.
#[derive(Clone, Debug)]
struct Entrant {
    genotype: Genotype,
    /// The trial that measured it; `None`: known from elsewhere.
    trial: Option<u32>,
    rank: Rank,
    /// It was measured, so that it can be promoted.
    measured: bool,
}

/// What a bracket does next.
enum Job {
    /// A new architecture in the first rung.
    Sample,
    /// One of the rung before.
    Promote(Entrant),
    /// Nothing until results are told.
    Wait,
}

/// One run of successive halving.
#[derive(Clone, Debug)]
struct Bracket {
    rungs: Vec<Rung>,
    /// The rung being measured.
    at: usize,
    /// New architectures still to be proposed.
    wanted: u32,
    /// Promoted to this rung and still to be proposed.
    queue: VecDeque<Entrant>,
    /// Proposals of this rung that are not answered yet.
    out: u32,
    /// Results of this rung.
    told: Vec<Entrant>,
    /// Keys in the first rung.
    keys: BTreeSet<String>,
}

impl Bracket {
    fn new(rungs: Vec<Rung>) -> Self {
        let wanted = rungs.first().map_or(0, |rung| rung.size);
        Self { rungs, at: 0, wanted, queue: VecDeque::new(), out: 0, told: Vec::new(), keys: BTreeSet::new() }
    }

    fn job(&mut self) -> Job {
        if self.wanted > 0 {
            return Job::Sample;
        }
        self.queue.pop_front().map_or(Job::Wait, Job::Promote)
    }

    /// Goes up a rung if this one is complete. False: there is nothing left to do.
    fn advance(&mut self) -> bool {
        if self.wanted > 0 || self.out > 0 || !self.queue.is_empty() {
            return true;
        }
        self.at += 1;
        let Some(rung) = self.rungs.get(self.at) else { return false };
        let mut best = std::mem::take(&mut self.told);
        best.retain(|entrant| entrant.measured);
        // In the order of the trials among equals, whatever order they were told in.
        best.sort_by_key(|entrant| (Reverse(entrant.rank), entrant.trial));
        best.truncate(rung.size as usize);
        self.queue = best.into();
        !self.queue.is_empty()
    }
}

/// A search that runs brackets one after the other, and the next beside them while they wait.
pub struct Brackets {
    study: Study,
    rng: Random,
    /// The brackets of one round.
    round: Vec<Vec<Rung>>,
    repeat: bool,
    carry_on: bool,
    /// By number, the oldest first; those that are over are taken out.
    open: BTreeMap<u32, Bracket>,
    opened: u32,
    /// The bracket of each trial that is out.
    asked: BTreeMap<u32, u32>,
    trials: Trials,
}

impl Brackets {
    pub fn new(study: &Study, round: Vec<Vec<Rung>>, repeat: bool, carry_on: bool) -> Self {
        let mut brackets = Self {
            study: study.clone(),
            rng: seeded(study.seed),
            round,
            repeat,
            carry_on,
            open: BTreeMap::new(),
            opened: 0,
            asked: BTreeMap::new(),
            trials: Trials::default(),
        };
        // Open from the start, so that it can take knowledge from elsewhere.
        brackets.begin();
        brackets
    }

    /// Opens the next bracket and returns its number; `None`: there is none.
    fn begin(&mut self) -> Option<u32> {
        let number = self.opened;
        let position = number as usize;
        if position >= self.round.len() && !self.repeat {
            return None;
        }
        let rungs = self.round.get(position % self.round.len().max(1))?;
        self.open.insert(number, Bracket::new(rungs.clone()));
        self.opened = self.opened.checked_add(1)?;
        Some(number)
    }

    /// The next proposal with the number of its bracket: of the oldest bracket that has one, else of a new bracket.
    fn next(&mut self, space: &mut dyn Space) -> Result<Option<(u32, Proposal)>> {
        let mut from = 0;
        loop {
            let next = self.open.range(from..).next().map(|(&number, _)| number);
            let Some(number) = next.or_else(|| self.begin()) else { return Ok(None) };
            from = number.saturating_add(1);
            if let Some(proposal) = self.propose(number, space)? {
                return Ok(Some((number, proposal)));
            }
        }
    }

    fn propose(&mut self, number: u32, space: &mut dyn Space) -> Result<Option<Proposal>> {
        loop {
            let Some(bracket) = self.open.get_mut(&number) else { return Ok(None) };
            let fidelity = bracket.rungs.get(bracket.at).map(|rung| rung.fidelity);
            let (genotype, resume) = match bracket.job() {
                Job::Wait => return Ok(None),
                Job::Promote(entrant) => (entrant.genotype, entrant.trial.filter(|_| self.carry_on)),
                Job::Sample => {
                    let keys = &mut bracket.keys;
                    let fresh = fresh_sample(space, &mut self.rng, keys.len(), |key| keys.contains(key))?;
                    let Some((genotype, key)) = fresh else {
                        // The space is smaller than the rung.
                        bracket.wanted = 0;
                        self.advance(number);
                        continue;
                    };
                    keys.insert(key);
                    bracket.wanted -= 1;
                    (genotype, None)
                }
            };
            bracket.out += 1;
            return Ok(Some(Proposal { candidate: Candidate::Discrete(genotype), fidelity, resume }));
        }
    }

    fn advance(&mut self, number: u32) {
        if self.open.get_mut(&number).is_some_and(|bracket| !bracket.advance()) {
            self.open.remove(&number);
        }
    }

    /// The oldest bracket that still samples its first rung at this fidelity takes the result instead of a sample.
    fn adopt(&mut self, entrant: Entrant, fidelity: Option<f64>, space: &mut dyn Space) -> Result<()> {
        let takes =
            |bracket: &Bracket| bracket.wanted > 0 && bracket.rungs.first().map(|rung| rung.fidelity) == fidelity;
        let Some((&number, bracket)) = self.open.iter_mut().find(|(_, bracket)| takes(bracket)) else { return Ok(()) };
        if bracket.keys.insert(space.key(&entrant.genotype)?) {
            bracket.wanted -= 1;
            bracket.told.push(entrant);
            self.advance(number);
        }
        Ok(())
    }

    pub fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while proposals.len() < batch(limit) as usize {
            let Some((bracket, proposal)) = self.next(space)? else { break };
            self.asked.insert(self.trials.propose(), bracket);
            proposals.push(proposal);
        }
        Ok(proposals)
    }

    pub fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let (origin, Some(genotype)) = self.trials.read(observation, space)? else { continue };
            let rank = Rank::of(&self.study, observation);
            let measured = observation.failure.is_none() && rank != Rank::Failed;
            let mut entrant = Entrant { genotype: genotype.clone(), trial: None, rank, measured };
            match origin {
                Origin::Repeated => {}
                Origin::Foreign => self.adopt(entrant, observation.fidelity, space)?,
                Origin::Asked(trial) => {
                    entrant.trial = Some(trial);
                    let Some(number) = self.asked.remove(&trial) else { continue };
                    if let Some(bracket) = self.open.get_mut(&number) {
                        bracket.out -= 1;
                        bracket.told.push(entrant);
                    }
                    self.advance(number);
                }
            }
        }
        Ok(())
    }

    pub fn finished(&self) -> bool {
        !self.repeat && self.open.is_empty() && self.opened as usize >= self.round.len()
    }
}
