//! The checks, one function each. Every one opens fresh searches and runs them on a small landscape.

use std::collections::VecDeque;

use nas_api::{Candidate, Error, Failure, Genotype, Goal, Observation, Proposal, Result, Space, Strategy, rng};

use super::{Additive, Measured, Schedule, Step, Subject, observation, replay};

/// One check: an error says what is not held.
pub type Check = fn(&Subject, &mut Additive) -> Result<()>;

/// All checks, by name.
pub const CHECKS: &[(&str, Check)] = &[
    ("equal seeds give equal searches", equal_seeds),
    ("different seeds give different searches", different_seeds),
    ("results may come in any order and batches of any size", any_order),
    ("any limit is kept", any_limit),
    ("failures are survived", failures),
    ("numbers that are not finite, or huge, are survived", strange_numbers),
    ("knowledge from elsewhere is taken", warm_start),
    ("a result told again changes nothing", told_again),
    ("a log is replayed bit for bit", log_replayed),
    ("what is proposed ahead is what would be proposed later", ahead),
    ("minimising is maximising the negative", either_goal),
    ("spaces of one or two architectures are survived", tiny_spaces),
];

pub(super) const TRIALS: u32 = 200;

pub(super) fn parallel(workers: usize) -> Schedule {
    Schedule { workers, limit: u32::MAX, told: 1, shuffle: Some(9) }
}

pub(super) fn demand(held: bool, otherwise: impl Into<String>) -> Result<()> {
    if held { Ok(()) } else { Err(Error::new(otherwise)) }
}

/// Runs a search on the landscape as it is.
fn run(subject: &Subject, space: &mut Additive, seed: u32, schedule: &Schedule) -> Result<Vec<Step>> {
    let landscape = space.clone();
    let mut search = subject.search(seed, space)?;
    subject.drive(search.as_mut(), space, schedule, TRIALS, &|_, genotype| landscape.measure(genotype))
}

/// Runs a search with other outcomes; it must go on to the last trial, or say that it has finished.
fn survive(
    subject: &Subject,
    space: &mut Additive,
    schedule: &Schedule,
    measure: &dyn Fn(u32, &Genotype) -> Measured,
) -> Result<()> {
    let mut search = subject.search(1, space)?;
    let steps = subject.drive(search.as_mut(), space, schedule, TRIALS, measure)?;
    let proposed = steps.iter().flat_map(Step::proposed).count();
    demand(
        proposed == TRIALS as usize || search.finished(),
        format!("it stopped after {proposed} of {TRIALS} trials without having finished"),
    )
}

/// The same proposals, whatever else was said.
fn same_proposals(a: &[Step], b: &[Step]) -> bool {
    a.iter().flat_map(Step::proposed).eq(b.iter().flat_map(Step::proposed))
}

fn equal_seeds(subject: &Subject, space: &mut Additive) -> Result<()> {
    for schedule in [Schedule::serial(), parallel(4)] {
        let (first, second) = (run(subject, space, 3, &schedule)?, run(subject, space, 3, &schedule)?);
        demand(first == second, "two searches with seed 3 differ")?;
    }
    Ok(())
}

fn different_seeds(subject: &Subject, space: &mut Additive) -> Result<()> {
    let (first, second) = (run(subject, space, 3, &Schedule::serial())?, run(subject, space, 4, &Schedule::serial())?);
    demand(!same_proposals(&first, &second), "seeds 3 and 4 give the same search")
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
        survive(subject, space, &schedule, &|_, genotype| landscape.measure(genotype))
            .map_err(|error| Error::new(format!("{schedule:?}: {error}")))?;
    }
    Ok(())
}

fn any_limit(subject: &Subject, space: &mut Additive) -> Result<()> {
    let mut search = subject.search(1, space)?;
    let none = search.ask(0, space)?;
    demand(none.is_empty(), "asked for nothing, it proposes something")?;
    let some = search.ask(1, space)?;
    demand(some.len() == 1, "asked for one at the start, it does not propose one")?;
    let count = search.ask(u32::MAX, space)?.len();
    demand(count <= 1_000_000, format!("{count} proposals in one answer fill the memory"))?;
    search.tell(&[], space)
}

fn failures(subject: &Subject, space: &mut Additive) -> Result<()> {
    let landscape = space.clone();
    let failed =
        |violation| -> Measured { Err(Failure { violation, ..Failure::new("a failure made for this check") }) };
    for schedule in [Schedule::serial(), parallel(5)] {
        survive(subject, space, &schedule, &|_, _| failed(0.0))?;
        survive(subject, space, &schedule, &|trial, _| failed(f64::from(trial % 7)))?;
        survive(subject, space, &schedule, &|trial, _| failed([f64::NAN, f64::INFINITY, -1.0][trial as usize % 3]))?;
        survive(subject, space, &schedule, &|trial, genotype| match trial % 3 {
            0 => landscape.measure(genotype),
            1 => failed(0.0),
            _ => failed(0.5),
        })?;
    }
    Ok(())
}

fn strange_numbers(subject: &Subject, space: &mut Additive) -> Result<()> {
    let strange = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 1e300, 5e-324, 0.0, -0.0];
    let measured = |value: f64| -> Measured { Ok(value) };
    let landscape = space.clone();
    for schedule in [Schedule::serial(), parallel(5)] {
        for value in strange {
            survive(subject, space, &schedule, &|_, _| measured(value))?;
            survive(subject, space, &schedule, &|trial, genotype| match trial % 2 {
                0 => measured(value),
                _ => landscape.measure(genotype),
            })?;
        }
        survive(subject, space, &schedule, &|trial, _| measured(strange[trial as usize % strange.len()]))?;
        survive(subject, space, &schedule, &|_, _| Ok(f64::NAN))?;
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
    let mut of_no_space = observation(None, vec![u32::MAX; 50], landscape.measure(&[]));
    let never_proposed = Observation { trial: Some(u32::MAX), ..known[2].clone() };
    for schedule in [Schedule::serial(), parallel(4)] {
        let mut search = subject.search(1, space)?;
        search.tell(&known, space)?;
        search.tell(&[of_no_space.clone(), never_proposed.clone(), known[2].clone()], space)?;
        of_no_space.candidate = Candidate::Relaxed(vec![vec![Some(0.5), None]]);
        search.tell(&[of_no_space.clone()], space)?;
        let steps =
            subject.drive(search.as_mut(), space, &schedule, TRIALS, &|_, genotype| landscape.measure(genotype))?;
        let proposed = steps.iter().flat_map(Step::proposed).count();
        demand(proposed == TRIALS as usize || search.finished(), format!("it stopped after {proposed} trials"))?;
        search.tell(&known, space)?;
    }
    Ok(())
}

/// Tells everything twice.
struct Twice(Box<dyn Strategy>);

impl Strategy for Twice {
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
        let mut search = Twice(subject.search(1, space)?);
        let twice = subject.drive(&mut search, space, &schedule, TRIALS, &|_, genotype| landscape.measure(genotype))?;
        demand(once == twice, "telling every result twice leads to another search")?;
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
        demand(again.finished() == search.finished(), "only one of search and replay has finished")?;
        let (next, next_again) = (search.ask(10, space)?, again.ask(10, space)?);
        demand(next == next_again, "the replayed search goes on in another way")?;
    }
    Ok(())
}

/// Asks for proposals until there are as many as are wanted: one by one and telling at once, or for more than is wanted
/// and telling only before it asks again.
struct Ahead {
    inner: Box<dyn Strategy>,
    at_once: u32,
    ready: VecDeque<Proposal>,
    told: Vec<Observation>,
}

impl Ahead {
    fn new(inner: Box<dyn Strategy>, at_once: u32) -> Self {
        Self { inner, at_once, ready: VecDeque::new(), told: Vec::new() }
    }
}

impl Strategy for Ahead {
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

/// For strategies that serve `ahead`.
fn ahead(subject: &Subject, space: &mut Additive) -> Result<()> {
    if !subject.info.serves.ahead {
        return Ok(());
    }
    let landscape = space.clone();
    let told_in_batches = Schedule { workers: 8, limit: 3, told: 5, shuffle: Some(1) };
    for schedule in [Schedule::serial(), parallel(4), told_in_batches] {
        let [one_by_one, many] = [1, 50].map(|at_once| {
            let mut search = Ahead::new(subject.search(5, space)?, at_once);
            subject.drive(&mut search, space, &schedule, TRIALS, &|_, genotype| landscape.measure(genotype))
        });
        demand(same_proposals(&one_by_one?, &many?), format!("{schedule:?}: asked ahead, it proposes differently"))?;
    }
    Ok(())
}

/// Not for settings that name a value of the objective, such as a target.
fn either_goal(subject: &Subject, space: &mut Additive) -> Result<()> {
    let landscape = space.clone();
    let up = run(subject, space, 6, &parallel(3))?;
    let mut study = subject.study(6)?;
    study.objectives[0].goal = Goal::Minimize;
    let mut search = (subject.open)(&study, space)?;
    let negative = |_, genotype: &Genotype| -> Measured { Ok(-landscape.value(genotype)) };
    let down = subject.drive(search.as_mut(), space, &parallel(3), TRIALS, &negative)?;
    demand(same_proposals(&up, &down), "maximising a value and minimising its negative propose differently")
}

fn tiny_spaces(subject: &Subject, _space: &mut Additive) -> Result<()> {
    for mut space in [Additive::flat(0, 1, 1), Additive::flat(3, 1, 1), Additive::flat(1, 2, 1)] {
        let landscape = space.clone();
        for schedule in [Schedule::serial(), parallel(4)] {
            survive(subject, &mut space, &schedule, &|_, genotype| landscape.measure(genotype))?;
        }
    }
    Ok(())
}
