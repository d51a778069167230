//! Every check for strategies that use fidelities can fail: each flaw below is found by the check for it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use nas_api::{Error, Observation, Proposal, Result, Setting, Space, Strategy, StrategyPlugin, Study, Value};
use nas_strategies::conformance::{Additive, CHECKS, Check, FIDELITY_CHECKS, Subject};
use nas_strategies::{Hyperband, SuccessiveHalving};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    None,
    NotOffered,
    ContinuesUntold,
    ContinuesFailed,
    ContinuesAnother,
    ContinuesAtLowerFidelity,
    NeverAtTheTop,
    RefusesManyRungs,
    StallsAfterFailure,
    RefusesUnknownFidelity,
}

/// A strategy that passes every check, with one flaw added.
struct Flawed {
    flaw: Flaw,
    search: Box<dyn Strategy>,
    asked: u32,
    stalled: bool,
}

impl Strategy for Flawed {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        if self.stalled {
            return Ok(Vec::new());
        }
        let mut proposals = self.search.ask(limit, space)?;
        for proposal in &mut proposals {
            let promoted = proposal.resume.is_some();
            match self.flaw {
                Flaw::NotOffered => proposal.fidelity = Some(2.0),
                Flaw::ContinuesUntold => proposal.resume = Some(self.asked),
                Flaw::ContinuesFailed if self.asked > 0 && !promoted => {
                    (proposal.resume, proposal.fidelity) = (Some(self.asked - 1), Some(27.0));
                }
                Flaw::ContinuesAnother if promoted => {
                    *proposal = Proposal {
                        candidate: Proposal::discrete(space.sample(self.asked)?).candidate,
                        ..proposal.clone()
                    }
                }
                Flaw::ContinuesAtLowerFidelity if promoted => proposal.fidelity = Some(1.0),
                Flaw::NeverAtTheTop if proposal.fidelity == Some(27.0) => {
                    (proposal.fidelity, proposal.resume) = (Some(9.0), None);
                }
                _ => {}
            }
            self.asked += 1;
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for observation in observations {
            let unknown = observation.fidelity.is_none_or(|fidelity| fidelity != 1.0);
            if self.flaw == Flaw::RefusesUnknownFidelity && observation.trial.is_none() && unknown {
                return Err(Error::new("the result has a fidelity that is not offered"));
            }
            let bad = observation.fidelity == Some(3.0) && observation.failure.is_some();
            self.stalled |= self.flaw == Flaw::StallsAfterFailure && bad;
        }
        self.search.tell(observations, space)
    }

    fn finished(&self) -> bool {
        self.search.finished()
    }
}

fn subject(flaw: Flaw) -> Subject {
    let open = move |study: &Study, space: &mut dyn Space| -> Result<Box<dyn Strategy>> {
        if flaw == Flaw::RefusesManyRungs && study.fidelities.len() > 4 {
            return Err(Error::new("too many fidelities"));
        }
        let search = Box::new(Hyperband::open(study, space)?);
        Ok(Box::new(Flawed { flaw, search, asked: 0, stalled: false }))
    };
    let carry_on = Setting { name: "carry_on".into(), value: Value::Truth(true) };
    Subject { info: Hyperband::info(), open: Box::new(open), settings: vec![carry_on] }
}

fn check(name: &str) -> Check {
    let all = CHECKS.iter().chain(FIDELITY_CHECKS);
    all.copied().find(|(known, _)| *known == name).expect(name).1
}

#[test]
fn every_flaw_is_found_by_the_check_for_it() {
    let found = [
        (Flaw::NotOffered, "equal seeds give equal searches", "fidelity of 2"),
        (Flaw::ContinuesUntold, "equal seeds give equal searches", "no result"),
        (Flaw::ContinuesFailed, "failed trials are tolerated", "which failed"),
        (Flaw::ContinuesAnother, "equal seeds give equal searches", "another architecture"),
        (Flaw::ContinuesAtLowerFidelity, "equal seeds give equal searches", "no lower fidelity"),
        (Flaw::NeverAtTheTop, "the least and the greatest fidelity are both used", "spends 27"),
        (Flaw::RefusesManyRungs, "any list of fidelities is used or refused", "is refused"),
        (Flaw::StallsAfterFailure, "misleading low fidelities are tolerated", "proposes nothing"),
        (Flaw::RefusesUnknownFidelity, "external results at any fidelity are accepted", "not offered"),
    ];
    for (name, _) in FIDELITY_CHECKS {
        assert!(found.iter().any(|(_, check, _)| check == name), "nothing shows that '{name}' can fail");
    }
    for (flaw, name, words) in found {
        let mut space = Additive::flat(6, 5, 1);
        check(name)(&subject(Flaw::None), &mut space).unwrap();
        let error = check(name)(&subject(flaw), &mut space).expect_err(name).to_string();
        assert!(error.contains(words), "{flaw:?}: {error}");
    }
}

#[test]
fn the_suite_includes_the_fidelity_checks() {
    let mut space = Additive::flat(6, 5, 1);
    nas_strategies::conformance::suite(&Subject::of::<SuccessiveHalving>(), &mut space).unwrap();
    let refusal = nas_strategies::conformance::suite(&subject(Flaw::NeverAtTheTop), &mut space);
    assert!(refusal.unwrap_err().to_string().contains("the least and the greatest fidelity"));
}
