//! Every check can fail: each flaw below is found by the check for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicU32, Ordering};

use nas_api::{Candidate, Error, Goal, Observation, Proposal, Result, Space, Strategy, StrategyPlugin, Study};
use nas_strategies::conformance::{Additive, CHECKS, Subject};
use nas_strategies::{RandomSearch, RegularizedEvolution};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    MoreThanAsked,
    GenotypeOfNoSpace,
    NotDeterministic,
    IgnoresSeed,
    NeedsResultsInOrder,
    StallsAfterFailure,
    RefusesNan,
    RefusesExternalResults,
    CountsTwice,
    AlwaysMaximizes,
    NeedsTwoChoices,
    ServesNotAhead,
}

/// A strategy that passes every check, with one flaw added.
struct Flawed {
    flaw: Flaw,
    search: Box<dyn Strategy>,
    study: Study,
    told: u32,
    next: u32,
    stalled: bool,
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

impl Strategy for Flawed {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        if self.stalled {
            return Ok(Vec::new());
        }
        let extra = u32::from(self.flaw == Flaw::MoreThanAsked && limit < 100);
        let mut proposals = self.search.ask(limit + extra, space)?;
        if let Some(Proposal { candidate: Candidate::Discrete(genotype), .. }) = proposals.last_mut() {
            let goal = self.study.objectives[0].goal;
            match self.flaw {
                Flaw::GenotypeOfNoSpace => genotype.push(0),
                Flaw::NotDeterministic => *genotype = space.sample(COUNTER.fetch_add(1, Ordering::Relaxed))?,
                Flaw::CountsTwice => *genotype = space.sample(self.told)?,
                Flaw::AlwaysMaximizes if goal == Goal::Minimize => *genotype = space.sample(0)?,
                Flaw::NeedsTwoChoices => *genotype = space.neighbors(genotype)?.pop().ok_or("there is no neighbour")?,
                _ => {}
            }
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            self.told += 1;
            match (&observation.failure, self.flaw) {
                (Some(_), Flaw::StallsAfterFailure) => self.stalled = true,
                (None, Flaw::RefusesNan) if observation.metrics.iter().any(|value| value.is_nan()) => {
                    return Err(Error::new("not a number"));
                }
                (_, Flaw::RefusesExternalResults) if observation.trial.is_none() => {
                    return Err(Error::new("never asked for"));
                }
                (_, Flaw::NeedsResultsInOrder) if observation.trial.is_some_and(|trial| trial > self.next) => {
                    return Err(Error::new("out of order"));
                }
                _ => self.next = observation.trial.map_or(self.next, |trial| trial + 1),
            }
        }
        self.search.tell(observations, space)
    }
}

fn subject(flaw: Flaw) -> Subject {
    let open = move |study: &Study, space: &mut dyn Space| -> Result<Box<dyn Strategy>> {
        let mut seeded = study.clone();
        if flaw == Flaw::IgnoresSeed {
            seeded.seed = 1;
        }
        let search = Box::new(RegularizedEvolution::open(&seeded, space)?);
        Ok(Box::new(Flawed { flaw, search, study: study.clone(), told: 0, next: 0, stalled: false }))
    };
    let mut info = RegularizedEvolution::info();
    if flaw == Flaw::ServesNotAhead {
        info.serves.batched_asks = true;
    }
    Subject { info, open: Box::new(open), settings: Vec::new() }
}

#[test]
fn every_flaw_is_found_by_the_check_for_it() {
    let found = [
        (Flaw::MoreThanAsked, "the limit of an ask is respected"),
        (Flaw::GenotypeOfNoSpace, "results may come in any order and batches of any size"),
        (Flaw::NotDeterministic, "equal seeds give equal searches"),
        (Flaw::NotDeterministic, "replaying a log gives the same search"),
        (Flaw::IgnoresSeed, "different seeds give different searches"),
        (Flaw::NeedsResultsInOrder, "results may come in any order and batches of any size"),
        (Flaw::StallsAfterFailure, "failed trials are tolerated"),
        (Flaw::RefusesNan, "non-finite and huge values are tolerated"),
        (Flaw::RefusesExternalResults, "external results are accepted"),
        (Flaw::ServesNotAhead, "asking ahead changes no proposal"),
        (Flaw::CountsTwice, "a result told again changes nothing"),
        (Flaw::AlwaysMaximizes, "minimizing is maximizing the negative"),
        (Flaw::NeedsTwoChoices, "spaces of one or two architectures are handled"),
    ];
    for (name, _) in CHECKS {
        assert!(found.iter().any(|(_, check)| check == name), "nothing shows that '{name}' can fail");
    }
    for (flaw, name) in found {
        let (_, check) = CHECKS.iter().find(|(known, _)| *known == name).expect(name);
        let outcome = check(&subject(flaw), &mut Additive::flat(6, 5, 1));
        assert!(outcome.is_err(), "'{name}' does not find {flaw:?}");
    }
}

#[test]
fn a_strategy_that_learns_nothing_is_no_better_than_random_search() {
    let subject = Subject::of::<RandomSearch>();
    let found: Vec<f64> =
        (0..20).map(|seed| subject.best_of(seed, 200, &mut Additive::flat(6, 5, 100 + seed)).unwrap()).collect();
    let other: Vec<f64> =
        (0..20).map(|seed| subject.best_of(seed + 50, 200, &mut Additive::flat(6, 5, 100 + seed)).unwrap()).collect();
    let wins = found.iter().zip(&other).filter(|(found, other)| found > other).count();
    assert!((5..15).contains(&wins), "{wins} of 20");
}
