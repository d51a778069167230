//! Runs a grid on all cores.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::grid::Grid;
use super::store::{KeptStudy, Skipped, Store, pack, setup};
use crate::plugin::{Kind, Registry};
use crate::study::{End, Header, Plan, Problem, StudyError, StudySpec, Unrecorded, check_data, run_unrecorded};

/// Studies that are written in one transaction, at most.
const AT_ONCE: usize = 64;

/// A study that is over.
#[derive(Debug)]
pub struct Done {
    /// The problem.
    pub problem: String,
    /// The strategy's label.
    pub strategy: String,
    /// Of the study.
    pub seed: u32,
    pub(super) setup: String,
    pub(super) ended: &'static str,
    pub(super) seconds: f64,
    pub(super) bytes: Vec<u8>,
}

/// Is told how a benchmark goes.
pub trait Watch {
    /// So many studies are there already, of so many.
    fn begin(&mut self, kept: u64, all: u64);
    /// One more study is kept.
    fn done(&mut self, study: &Done);
    /// A strategy cannot serve a problem.
    fn skipped(&mut self, skipped: &Skipped);
}

struct Job {
    problem: String,
    strategy: String,
    spec: StudySpec,
    seed: u32,
    setup: String,
    count_strategy: bool,
}

/// Runs what is missing of the grid with so many threads, and returns what was skipped and whether it is complete: `stop`
/// ends it at once; a study in the middle is run again from its start.
pub fn run(
    grid: &Grid,
    registry: &Registry,
    store: &mut Store,
    jobs: u32,
    stop: &AtomicBool,
    watch: &mut dyn Watch,
) -> Result<(Vec<Skipped>, bool), StudyError> {
    grid.check()?;
    // Held open to the end, so that what studies share (a table, say) is read once.
    let problems = open(grid, registry)?;
    let (waiting, skipped, kept) = missing(grid, registry, store)?;
    store.keep_skipped(&skipped)?;
    for skipped in &skipped {
        watch.skipped(skipped);
    }
    let all = waiting.len() as u64 + kept;
    watch.begin(kept, all);
    let waiting = Mutex::new(waiting);
    let failed = AtomicBool::new(false);
    let (done, studies) = channel::<Result<Done, StudyError>>();
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (waiting, failed, done) = (&waiting, &failed, done.clone());
            scope.spawn(move || work(registry, waiting, stop, failed, &done));
        }
        drop(done);
        let mut ended = Ok(());
        while let Ok(first) = studies.recv() {
            let mut batch = Vec::new();
            let mut broken = Ok(());
            for study in std::iter::once(first).chain(studies.try_iter().take(AT_ONCE - 1)) {
                match study {
                    Ok(study) => batch.push(study),
                    Err(error) => broken = broken.and(Err(error)),
                }
            }
            // What has finished is kept, whatever broke beside it.
            let kept = store.keep(&batch).map(|()| batch.iter().for_each(|study| watch.done(study)));
            if let Err(error) = kept.and(broken) {
                failed.store(true, Ordering::Relaxed);
                ended = ended.and(Err(error));
            }
        }
        ended
    })?;
    drop(problems);
    let left = waiting.lock().unwrap_or_else(PoisonError::into_inner).len();
    Ok((skipped, left == 0 && !stop.load(Ordering::Relaxed)))
}

/// Every problem of the grid. What is wrong with one, and a strategy that is not there, is no strategy's refusal.
fn open(grid: &Grid, registry: &Registry) -> Result<Vec<Problem>, StudyError> {
    for (label, strategy) in &grid.strategies {
        let reference = strategy.reference.as_deref().ok_or_else(|| {
            let remedy = "write use = \"NAME\" or use = \"FILE.wasm\"";
            StudyError::spec(format!("strategies.{label}"), "names no strategy", remedy)
        })?;
        registry.strategy(reference).map_err(StudyError::Open)?;
    }
    let studies = grid.problems.values().map(|problem| grid.study(problem, "", grid.first_seed));
    studies.map(|study| Problem::open(&study, registry, None)).collect()
}

/// What a study with this header is kept with: what those before it were, where there are any. `None`: it would be another
/// experiment.
fn setup_of(
    before: Option<String>,
    header: &Header,
    count_strategy: bool,
    file: &Path,
) -> Result<Option<String>, StudyError> {
    let now = setup(header, count_strategy)?;
    let Some(before) = before else { return Ok(Some(now)) };
    let known = Header::from_text(&before, file)?.data;
    check_data(known.as_ref(), header.data.as_ref())?;
    // Where the data were found is no setting, and benchmarks of before do not say which they were.
    let same = setup(&Header { data: known, ..header.clone() }, count_strategy)? == before;
    Ok(same.then_some(before))
}

/// What is not there yet, seed by seed, so that a stopped benchmark has all strategies at equal numbers of seeds.
fn missing(grid: &Grid, registry: &Registry, store: &Store) -> Result<(VecDeque<Job>, Vec<Skipped>, u64), StudyError> {
    let (mut pairs, mut skipped, mut kept) = (Vec::new(), Vec::new(), 0);
    // Of each strategy's pruner, the first problem's complaint.
    let mut unfit = BTreeMap::new();
    for (problem, problem_spec) in &grid.problems {
        for strategy in grid.strategies.keys() {
            let first = grid.study(problem_spec, strategy, grid.first_seed);
            let plan = match Plan::check(&first, registry, None) {
                Ok(plan) => plan,
                Err(error) => {
                    // What an evaluator refuses is nothing that another strategy could change.
                    let strategys = matches!(&error, StudyError::Open(error) if !error.is_of(Kind::Evaluator));
                    // Whether a pruner has reports to judge by is known of each problem alone.
                    let pruners = grid.pruner_of(strategy).reference.is_some() && error.refuses_pruner();
                    if !strategys && !pruners {
                        return Err(error);
                    }
                    let reason = error.to_string();
                    skipped.push(Skipped { problem: problem.clone(), strategy: strategy.clone(), reason });
                    if pruners {
                        unfit.entry(strategy).or_insert(error);
                    }
                    continue;
                }
            };
            let (seeds, before) = store.kept(problem, strategy)?;
            let setup = setup_of(before, &plan.header, grid.count_strategy, store.path())?.ok_or_else(|| {
                let text = "the benchmark was begun with another plugin, other settings or another budget";
                let remedy = "bring back what it was begun with, or choose another --out";
                StudyError::spec(format!("{strategy} on {problem}"), text, remedy)
            })?;
            let seeds: BTreeSet<u32> = seeds.into_iter().collect();
            kept += grid.seed_range().filter(|seed| seeds.contains(seed)).count() as u64;
            pairs.push((problem, problem_spec, strategy, setup, seeds));
        }
    }
    // It fits none of the problems: a mistake in the grid, a misspelt metric say.
    let mistaken = |label: &String| {
        let serves = pairs.iter().any(|(_, _, strategy, ..)| *strategy == label);
        pairs.is_empty() || grid.pruners.contains_key(label) && !serves
    };
    if let Some((label, error)) = unfit.into_iter().find(|(label, _)| mistaken(label)) {
        return Err(where_it_stands(grid, label, error));
    }
    let mut jobs = VecDeque::new();
    for seed in grid.seed_range() {
        for (problem, problem_spec, strategy, setup, seeds) in &pairs {
            if !seeds.contains(&seed) {
                jobs.push_back(Job {
                    problem: (*problem).clone(),
                    strategy: (*strategy).clone(),
                    spec: grid.study(problem_spec, strategy, seed),
                    seed,
                    setup: setup.clone(),
                    count_strategy: grid.count_strategy,
                });
            }
        }
    }
    Ok((jobs, skipped, kept))
}

/// What is wrong with the pruner of a strategy, said at its place in the grid.
fn where_it_stands(grid: &Grid, label: &str, error: StudyError) -> StudyError {
    match error {
        StudyError::Spec { place, problem, remedy } if grid.pruners.contains_key(label) => {
            StudyError::Spec { place: place.replacen("pruner", &format!("pruners.{label}"), 1), problem, remedy }
        }
        error => error,
    }
}

fn work(
    registry: &Registry,
    waiting: &Mutex<VecDeque<Job>>,
    stop: &AtomicBool,
    failed: &AtomicBool,
    done: &Sender<Result<Done, StudyError>>,
) {
    while !stop.load(Ordering::Relaxed) && !failed.load(Ordering::Relaxed) {
        let Some(job) = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else { return };
        match study(job, registry, stop) {
            // Stopped in the middle: it is run again from its start.
            Ok(None) => return,
            Ok(Some(study)) => {
                if done.send(Ok(study)).is_err() {
                    return;
                }
            }
            Err(error) => {
                let _ = done.send(Err(error));
                return;
            }
        }
    }
}

/// One study to its end. A strategy or evaluator that breaks down costs its own study alone.
fn study(job: Job, registry: &Registry, stop: &AtomicBool) -> Result<Option<Done>, StudyError> {
    let Job { problem, strategy, spec, seed, setup, count_strategy } = job;
    let start = Instant::now();
    let plan = Plan::check(&spec, registry, None)?;
    let header = plan.header.clone();
    let (ended, kept) = match run_unrecorded(plan, count_strategy, stop, &mut ()) {
        Ok(Unrecorded { end: End::Stopped, .. }) => return Ok(None),
        Ok(Unrecorded { end, record, times }) => (end.name(), KeptStudy::of(&record, &times)),
        Err(StudyError::Broken(error)) => ("broken", KeptStudy::broken(&header, error.to_string())),
        Err(error) => return Err(error),
    };
    let bytes = pack(&kept).map_err(|error| StudyError::spec("records", error.to_string(), ""))?;
    Ok(Some(Done { problem, strategy, seed, setup, ended, seconds: start.elapsed().as_secs_f64(), bytes }))
}
