//! The checks, one function each. Every check opens new searches and runs them on a small landscape.

use std::collections::VecDeque;

use nas_api::{Candidate, Error, Failure, Genotype, Goal, Observation, Proposal, Result, Space, Strategy, rng};

use super::{Additive, Measured, Schedule, Step, Subject, observation, replay};

/// A check; its error is the reason for which the strategy fails it.
pub type Check = fn(&Subject, &mut Additive) -> Result<()>;

/// All checks, by name.
pub const CHECKS: &[(&str, Check)] = &[
    ("equal seeds give equal searches", equal_seeds),
    ("different seeds give different searches", different_seeds),
    ("results may come in any order and batches of any size", any_order),
    ("the limit of an ask is respected", any_limit),
    ("failed trials are tolerated", failures),
    ("non-finite and huge values are tolerated", extreme_values),
    ("external results are accepted", warm_start),
    ("a result told again changes nothing", told_again),
    ("replaying a log gives the same search", log_replayed),
    ("asking ahead changes no proposal", ahead),
    ("minimizing is maximizing the negative", either_goal),
    ("spaces of one or two architectures are handled", tiny_spaces),
];

/// The number of trials of a search.
pub(super) const TRIALS: u32 = 200;

/// A schedule with this many workers, whose results arrive one by one in random order.
pub(super) fn parallel(workers: usize) -> Schedule {
    Schedule { workers, limit: u32::MAX, told: 1, shuffle: Some(9) }
}

/// An error with this message unless the condition holds.
pub(super) fn ensure(condition: bool, message: impl Into<String>) -> Result<()> {
    if condition { Ok(()) } else { Err(Error::new(message)) }
}

/// Runs a search on the landscape.
fn run(subject: &Subject, space: &mut Additive, seed: u32, schedule: &Schedule) -> Result<Vec<Step>> {
    let landscape = space.clone();
    let mut search = subject.search(seed, space)?;
    subject.drive(search.as_mut(), space, schedule, TRIALS, &|_, genotype| landscape.measure(genotype))
}

/// Runs a search with other outcomes. It must go on to the last trial or have finished.
fn completes(
    subject: &Subject,
    space: &mut Additive,
    schedule: &Schedule,
    measure: &dyn Fn(u32, &Genotype) -> Measured,
) -> Result<()> {
    let mut search = subject.search(1, space)?;
    let steps = subject.drive(search.as_mut(), space, schedule, TRIALS, measure)?;
    let proposed = steps.iter().flat_map(Step::proposed).count();
    ensure(
        proposed == TRIALS as usize || search.finished(),
        format!("it stopped after {proposed} of {TRIALS} trials without having finished"),
    )
}

/// Whether two searches proposed the same genotypes.
fn same_proposals(a: &[Step], b: &[Step]) -> bool {
    a.iter().flat_map(Step::proposed).eq(b.iter().flat_map(Step::proposed))
}

fn equal_seeds(subject: &Subject, space: &mut Additive) -> Result<()> {
    for schedule in [Schedule::serial(), parallel(4)] {
        let (first, second) = (run(subject, space, 3, &schedule)?, run(subject, space, 3, &schedule)?);
        ensure(first == second, "two searches with seed 3 differ")?;
    }
    Ok(())
}

fn different_seeds(subject: &Subject, space: &mut Additive) -> Result<()> {
    let (first, second) = (run(subject, space, 3, &Schedule::serial())?, run(subject, space, 4, &Schedule::serial())?);
    ensure(!same_proposals(&first, &second), "seeds 3 and 4 give the same search")
}

fn any_order(subject: &Subject, space: &mut Additive) -> Result<()> {
    let schedules = [
        Schedule { workers: 4, limit: 1, told: 1, shuffle: None },
        Schedule { workers: 8, limit: 3, told: 5, shuffle: Some(1) },
        Schedule { workers: 64, limit: 64, told: 64, shuffle: Some(2) },
        Schedule { workers: 1000, limit: 1000, told: 7, shuffle: Some(3) },
        Schedule { workers: 1000, limit: 1, told: 1, shuffle: Some(4) },
    ];
    let landscape = space.clone();
    for schedule in schedules {
        completes(subject, space, &schedule, &|_, genotype| landscape.measure(genotype))
            .map_err(|error| Error::new(format!("{schedule:?}: {error}")))?;
    }
    Ok(())
}

fn any_limit(subject: &Subject, space: &mut Additive) -> Result<()> {
    let mut search = subject.search(1, space)?;
    let none = search.ask(0, space)?;
    ensure(none.is_empty(), "it makes a proposal although it is asked for none")?;
    let some = search.ask(1, space)?;
    ensure(some.len() == 1, "it does not make one proposal when it is asked for one at the start")?;
    let count = search.ask(u32::MAX, space)?.len();
    ensure(count <= 1_000_000, format!("{count} proposals in one answer would fill the memory"))?;
    search.tell(&[], space)
}

fn failures(subject: &Subject, space: &mut Additive) -> Result<()> {
    let landscape = space.clone();
    let failed =
        |violation| -> Measured { Err(Failure { violation, ..Failure::new("a failure made for this check") }) };
    for schedule in [Schedule::serial(), parallel(5)] {
        completes(subject, space, &schedule, &|_, _| failed(0.0))?;
        completes(subject, space, &schedule, &|trial, _| failed(f64::from(trial % 7)))?;
        completes(subject, space, &schedule, &|trial, _| failed([f64::NAN, f64::INFINITY, -1.0][trial as usize % 3]))?;
        completes(subject, space, &schedule, &|trial, genotype| match trial % 3 {
            0 => landscape.measure(genotype),
            1 => failed(0.0),
            _ => failed(0.5),
        })?;
    }
    Ok(())
}

fn extreme_values(subject: &Subject, space: &mut Additive) -> Result<()> {
    let extreme_values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 1e300, 5e-324, 0.0, -0.0];
    let measured = |value: f64| -> Measured { Ok(value) };
    let landscape = space.clone();
    for schedule in [Schedule::serial(), parallel(5)] {
        for value in extreme_values {
            completes(subject, space, &schedule, &|_, _| measured(value))?;
            completes(subject, space, &schedule, &|trial, genotype| match trial % 2 {
                0 => measured(value),
                _ => landscape.measure(genotype),
            })?;
        }
        completes(subject, space, &schedule, &|trial, _| {
            measured(extreme_values[trial as usize % extreme_values.len()])
        })?;
        completes(subject, space, &schedule, &|_, _| Ok(f64::NAN))?;
    }
    Ok(())
}

fn warm_start(subject: &Subject, space: &mut Additive) -> Result<()> {
    let landscape = space.clone();
    let known: Vec<Observation> = (0..40)
        .map(|index| {
            let genotype = nas_api::SearchSpace::sample(&landscape, rng::derive(5, "warm", index));
            let outcome = match index % 4 {
                0 => Err(Failure::new("a failure made for this check")),
                1 => Ok(f64::NAN),
                _ => landscape.measure(&genotype),
            };
            observation(None, genotype, outcome)
        })
        .collect();
    let mut of_another_space = observation(None, vec![u32::MAX; 50], landscape.measure(&[]));
    let never_proposed = Observation { trial: Some(u32::MAX), ..known[2].clone() };
    for schedule in [Schedule::serial(), parallel(4)] {
        let mut search = subject.search(1, space)?;
        search.tell(&known, space)?;
        search.tell(&[of_another_space.clone(), never_proposed.clone(), known[2].clone()], space)?;
        of_another_space.candidate = Candidate::Relaxed(vec![vec![Some(0.5), None]]);
        search.tell(&[of_another_space.clone()], space)?;
        let steps =
            subject.drive(search.as_mut(), space, &schedule, TRIALS, &|_, genotype| landscape.measure(genotype))?;
        let proposed = steps.iter().flat_map(Step::proposed).count();
        ensure(proposed == TRIALS as usize || search.finished(), format!("it stopped after {proposed} trials"))?;
        search.tell(&known, space)?;
    }
    Ok(())
}

/// Tells every result twice.
struct TellsTwice(Box<dyn Strategy>);

impl Strategy for TellsTwice {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        self.0.ask(limit, space)
    }
    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        self.0.tell(observations, space)?;
        self.0.tell(observations, space)
    }
    fn finished(&self) -> bool {
        self.0.finished()
    }
}

fn told_again(subject: &Subject, space: &mut Additive) -> Result<()> {
    let landscape = space.clone();
    for schedule in [Schedule::serial(), parallel(4)] {
        let once = run(subject, space, 1, &schedule)?;
        let mut search = TellsTwice(subject.search(1, space)?);
        let twice = subject.drive(&mut search, space, &schedule, TRIALS, &|_, genotype| landscape.measure(genotype))?;
        ensure(once == twice, "telling every result twice changes the search")?;
    }
    Ok(())
}

fn log_replayed(subject: &Subject, space: &mut Additive) -> Result<()> {
    let landscape = space.clone();
    let measure = |trial: u32, genotype: &Genotype| match trial % 5 {
        4 => Err(Failure::new("a failure made for this check")),
        _ => landscape.measure(genotype),
    };
    for schedule in [Schedule::serial(), parallel(6)] {
        let mut search = subject.search(8, space)?;
        let steps = subject.drive(search.as_mut(), space, &schedule, TRIALS, &measure)?;
        let mut again = subject.search(8, space)?;
        replay(again.as_mut(), space, &steps)?;
        ensure(again.finished() == search.finished(), "only one of the search and its replay has finished")?;
        let (next, next_again) = (search.ask(10, space)?, again.ask(10, space)?);
        ensure(next == next_again, "the replayed search makes other proposals next")?;
    }
    Ok(())
}

/// Asks for `at_once` proposals at a time until it has enough. If that is one, results are told at once; otherwise they
/// are told only before the next ask.
struct AsksAhead {
    inner: Box<dyn Strategy>,
    at_once: u32,
    ready: VecDeque<Proposal>,
    told: Vec<Observation>,
}

impl AsksAhead {
    fn new(inner: Box<dyn Strategy>, at_once: u32) -> Self {
        Self { inner, at_once, ready: VecDeque::new(), told: Vec::new() }
    }
}

impl Strategy for AsksAhead {
    fn ask(&mut self, limit: u32, space: &mut dyn Space) -> Result<Vec<Proposal>> {
        while self.ready.len() < limit as usize {
            self.inner.tell(&std::mem::take(&mut self.told), space)?;
            let proposals = self.inner.ask(self.at_once, space)?;
            if proposals.is_empty() {
                break;
            }
            self.ready.extend(proposals);
        }
        let count = self.ready.len().min(limit as usize);
        Ok(self.ready.drain(..count).collect())
    }
    fn tell(&mut self, observations: &[Observation], space: &mut dyn Space) -> Result<()> {
        if self.at_once == 1 {
            return self.inner.tell(observations, space);
        }
        self.told.extend_from_slice(observations);
        Ok(())
    }
    fn finished(&self) -> bool {
        self.ready.is_empty() && self.inner.finished()
    }
}

/// Applies to strategies that serve `batched-asks`.
fn ahead(subject: &Subject, space: &mut Additive) -> Result<()> {
    if !subject.info.serves.batched_asks {
        return Ok(());
    }
    let landscape = space.clone();
    let told_in_batches = Schedule { workers: 8, limit: 3, told: 5, shuffle: Some(1) };
    for schedule in [Schedule::serial(), parallel(4), told_in_batches] {
        let [one_by_one, many] = [1, 50].map(|at_once| {
            let mut search = AsksAhead::new(subject.search(5, space)?, at_once);
            subject.drive(&mut search, space, &schedule, TRIALS, &|_, genotype| landscape.measure(genotype))
        });
        ensure(
            same_proposals(&one_by_one?, &many?),
            format!("{schedule:?}: it makes other proposals if it is asked ahead"),
        )?;
    }
    Ok(())
}

/// Does not apply to settings that name a value of the objective, such as a target.
fn either_goal(subject: &Subject, space: &mut Additive) -> Result<()> {
    let landscape = space.clone();
    let up = run(subject, space, 6, &parallel(3))?;
    let mut study = subject.study(6)?;
    study.objectives[0].goal = Goal::Minimize;
    let mut search = (subject.open)(&study, space)?;
    let negative = |_, genotype: &Genotype| -> Measured { Ok(-landscape.value(genotype)) };
    let down = subject.drive(search.as_mut(), space, &parallel(3), TRIALS, &negative)?;
    ensure(same_proposals(&up, &down), "maximizing a value and minimizing its negative give other proposals")
}

fn tiny_spaces(subject: &Subject, _space: &mut Additive) -> Result<()> {
    for mut space in [Additive::flat(0, 1, 1), Additive::flat(3, 1, 1), Additive::flat(1, 2, 1)] {
        let landscape = space.clone();
        for schedule in [Schedule::serial(), parallel(4)] {
            completes(subject, &mut space, &schedule, &|_, genotype| landscape.measure(genotype))?;
        }
    }
    Ok(())
}
