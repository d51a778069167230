//! Strategies for tests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{
    Candidate, Error, Genotype, Needs, Observation, Parameter, Proposal, Result, Serves, Space, Strategy, StrategyInfo,
    StrategyPlugin, Study,
};

static TOLD: Mutex<BTreeMap<String, Vec<Observation>>> = Mutex::new(BTreeMap::new());

/// Takes the observations that the scripted strategy with this label was told since the last call.
pub fn take_told(label: &str) -> Vec<Observation> {
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).remove(label).unwrap_or_default()
}

fn info(name: &str, needs: Needs, parameters: Vec<Parameter>) -> StrategyInfo {
    StrategyInfo {
        name: name.into(),
        version: "1".into(),
        needs,
        serves: Serves { resume: true, ..Serves::default() },
        parameters,
        ..StrategyInfo::default()
    }
}

/// Proposes what its parameter `script` says, word by word: `1,0,0` is a genotype, `1,0,0@4` has a fidelity,
/// `1,0,0@4<2` continues trial 2, and `wait` proposes nothing once. At the end of the script it is finished, or
/// stalls.
pub struct Scripted {
    label: String,
    words: Vec<String>,
    stall: bool,
}

fn proposal(word: &str) -> Option<Proposal> {
    let (word, resume) = match word.split_once('<') {
        Some((word, resume)) => (word, Some(resume.parse().ok()?)),
        None => (word, None),
    };
    let (word, fidelity) = match word.split_once('@') {
        Some((word, fidelity)) => (word, Some(fidelity.parse().ok()?)),
        None => (word, None),
    };
    let genotype: Option<Genotype> = word.split(',').map(|choice| choice.parse().ok()).collect();
    Some(Proposal { candidate: Candidate::Discrete(genotype?), fidelity, resume })
}

impl StrategyPlugin for Scripted {
    fn info() -> StrategyInfo {
        let parameters = vec![
            Parameter::text("label", "", "Where observations are noted."),
            Parameter::text("script", "", "What is proposed."),
            Parameter::truth("stall", false, "Proposes nothing at the end, without having finished."),
        ];
        info("scripted", Needs::default(), parameters)
    }

    fn open(study: &Study, _space: &mut dyn Space) -> Result<Self> {
        let settings = &study.settings;
        let mut words: Vec<String> = settings.text("script")?.split_whitespace().map(str::to_owned).collect();
        words.reverse();
        Ok(Self { label: settings.text("label")?.to_owned(), words, stall: settings.truth("stall")? })
    }
}

impl Strategy for Scripted {
    fn ask(&mut self, limit: u32, _space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        while proposals.len() < limit as usize {
            let Some(word) = self.words.pop() else { break };
            if word == "wait" {
                break;
            }
            proposals.push(proposal(&word).ok_or_else(|| Error::new(format!("'{word}' is no proposal")))?);
        }
        Ok(proposals)
    }

    fn tell(&mut self, observations: &[Observation], _space: &mut dyn Space) -> Result<()> {
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        told.entry(self.label.clone()).or_default().extend_from_slice(observations);
        Ok(())
    }

    fn finished(&self) -> bool {
        self.words.is_empty() && !self.stall
    }
}

/// Successive halving (Jamieson & Talwalkar 2016): nine samples at the lowest fidelity; the best third of every rung
/// is carried on to the next fidelity.
pub struct Halving {
    study: Study,
    rng: Random,
    /// Genotypes of this rung that are not proposed yet, with the trial that each continues.
    waiting: Vec<(Genotype, Option<u32>)>,
    /// The number of results of this rung that are missing.
    missing: u32,
    scores: Vec<(f64, u32, Genotype)>,
    rung: usize,
    finished: bool,
}

impl StrategyPlugin for Halving {
    fn info() -> StrategyInfo {
        info("halving", Needs { fidelities: true, resume: true, ..Needs::default() }, Vec::new())
    }

    fn open(study: &Study, space: &mut dyn Space) -> Result<Self> {
        let mut rng = seeded(study.seed);
        let mut waiting = Vec::new();
        for _ in 0..9 {
            waiting.push((space.sample(rng.random())?, None));
        }
        let study = study.clone();
        Ok(Self { study, rng, missing: 9, waiting, scores: Vec::new(), rung: 0, finished: false })
    }
}

impl Strategy for Halving {
    fn ask(&mut self, limit: u32, _space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let count = self.waiting.len().min(limit as usize);
        let fidelity = self.study.fidelities.get(self.rung).copied();
        let propose = |(genotype, resume)| Proposal { candidate: Candidate::Discrete(genotype), fidelity, resume };
        Ok(self.waiting.drain(..count).map(propose).collect())
    }

    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        for told in observations {
            let (Some(trial), Some(genotype)) = (told.trial, told.candidate.genotype()) else { continue };
            self.missing -= 1;
            if let Some(score) = self.study.score(told) {
                self.scores.push((score, trial, genotype.clone()));
            }
        }
        if self.missing > 0 || self.finished {
            return Ok(());
        }
        self.rung += 1;
        let kept = self.scores.len().div_ceil(3);
        self.scores.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.waiting = self.scores.drain(..).take(kept).map(|(_, trial, genotype)| (genotype, Some(trial))).collect();
        self.finished = self.rung >= self.study.fidelities.len() || self.waiting.is_empty();
        // This draw changes nothing, but random numbers must be replayed, too.
        space.sample(self.rng.random())?;
        self.missing = u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        Ok(())
    }

    fn finished(&self) -> bool {
        self.finished
    }
}

/// A strategy that is not deterministic: from its fourth proposal on, it depends on how often it was opened before.
pub struct Fickle {
    instance: u32,
    proposed: u32,
}

static INSTANCES: AtomicU32 = AtomicU32::new(0);

impl StrategyPlugin for Fickle {
    fn info() -> StrategyInfo {
        info("fickle", Needs::default(), Vec::new())
    }

    fn open(_study: &Study, _space: &mut dyn Space) -> Result<Self> {
        Ok(Self { instance: INSTANCES.fetch_add(1, Ordering::Relaxed), proposed: 0 })
    }
}

impl Strategy for Fickle {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        let mut proposals = Vec::new();
        for _ in 0..limit {
            let seed = if self.proposed < 3 { self.proposed } else { 1000 * (self.instance + 1) + self.proposed };
            proposals.push(Proposal::discrete(space.sample(seed)?));
            self.proposed += 1;
        }
        Ok(proposals)
    }

    fn tell(&mut self, _observations: &[Observation], _space: &mut dyn Space) -> Result<()> {
        Ok(())
    }
}
