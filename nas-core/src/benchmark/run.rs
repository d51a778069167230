//! Runs the studies of a grid in parallel.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::grid::Grid;
use super::store::{COUNTED, KeptStudy, Skipped, Store, pack, setup};
use crate::plugin::{Kind, Registry};
use crate::study::{End, Header, Plan, Problem, StudyError, StudySpec, Unrecorded, check_data, run_unrecorded};

/// The maximum number of studies that one transaction writes.
const BATCH: usize = 64;

/// A finished study.
#[derive(Debug)]
pub struct Done {
    /// The problem.
    pub problem: String,
    /// The strategy's label.
    pub strategy: String,
    /// The study's seed.
    pub seed: u32,
    pub(super) setup: String,
    pub(super) ended: &'static str,
    pub(super) seconds: f64,
    pub(super) bytes: Vec<u8>,
}

/// Follows the progress of a benchmark.
pub trait Watch {
    /// `kept` of `all` studies are already complete.
    fn begin(&mut self, kept: u64, all: u64);
    /// Another study is complete and kept.
    fn done(&mut self, study: &Done);
    /// A strategy cannot serve a problem.
    fn skipped(&mut self, skipped: &Skipped);
}

/// A study that waits to be run.
struct Job {
    problem: String,
    strategy: String,
    spec: StudySpec,
    seed: u32,
    setup: String,
    count_strategy: bool,
}

/// Runs the missing studies of a grid with `jobs` threads. Returns the pairs of strategy and problem that were skipped,
/// and whether the benchmark is complete. Setting `stop` ends it at once; an unfinished study is later run again from
/// its start.
///
/// # Errors
/// The grid is wrong, a problem cannot be opened, the file was begun with another grid, or it cannot be written.
pub fn run(
    grid: &Grid,
    registry: &Registry,
    store: &mut Store,
    jobs: u32,
    stop: &AtomicBool,
    watch: &mut dyn Watch,
) -> Result<(Vec<Skipped>, bool), StudyError> {
    grid.check()?;
    // The problems stay open, so that what their studies share, such as a table, is read once.
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
            for study in std::iter::once(first).chain(studies.try_iter().take(BATCH - 1)) {
                match study {
                    Ok(study) => batch.push(study),
                    Err(error) => broken = broken.and(Err(error)),
                }
            }
            // Finished studies are kept even if another one failed.
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

/// Opens every problem of the grid. A problem that cannot be opened and a strategy that does not exist are errors; only
/// a strategy that does not fit a problem is skipped.
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

/// The setup that a study with this header is kept with: that of earlier studies, if there are any. `None` if the study
/// would be another experiment than those.
fn setup_of(
    before: Option<String>,
    header: &Header,
    count_strategy: bool,
    file: &Path,
) -> Result<Option<String>, StudyError> {
    let now = setup(header, count_strategy)?;
    let Some(before) = before else { return Ok(Some(now)) };
    let known = Header::from_text(&before, file)?;
    check_data(known.data.as_ref(), header.data.as_ref())?;
    // Written anew, because earlier versions named some keys otherwise.
    let counted = before.starts_with(COUNTED);
    let known_setup = setup(&known, counted)?;
    // The location of the data is no setting, and older benchmarks have not recorded their digest.
    let same = setup(&Header { data: known.data, ..header.clone() }, count_strategy)? == known_setup;
    Ok(same.then_some(before))
}

/// The missing studies, the skipped pairs and the number of complete studies. Studies are ordered by seed, so that a
/// stopped benchmark has equally many seeds for all strategies.
fn missing(grid: &Grid, registry: &Registry, store: &Store) -> Result<(VecDeque<Job>, Vec<Skipped>, u64), StudyError> {
    let (mut pairs, mut skipped, mut kept) = (Vec::new(), Vec::new(), 0);
    // The first error of each strategy's pruner.
    let mut unsuitable = BTreeMap::new();
    for (problem, problem_spec) in &grid.problems {
        for strategy in grid.strategies.keys() {
            let first = grid.study(problem_spec, strategy, grid.first_seed);
            let plan = match Plan::check(&first, registry, None) {
                Ok(plan) => plan,
                Err(error) => {
                    // An error of the evaluator would be the same with another strategy.
                    let from_strategy = matches!(&error, StudyError::Open(error) if !error.is_of(Kind::Evaluator));
                    // Each problem decides whether a pruner has curve points to judge by.
                    let from_pruner = grid.pruner_of(strategy).reference.is_some() && error.refuses_pruner();
                    if !from_strategy && !from_pruner {
                        return Err(error);
                    }
                    let reason = error.to_string();
                    skipped.push(Skipped { problem: problem.clone(), strategy: strategy.clone(), reason });
                    if from_pruner {
                        unsuitable.entry(strategy).or_insert(error);
                    }
                    continue;
                }
            };
            store.keep_true_front(problem, &plan)?;
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
    // A pruner that suits no problem is a mistake in the grid, such as a misspelt metric.
    let mistaken = |label: &String| {
        let serves = pairs.iter().any(|(_, _, strategy, ..)| *strategy == label);
        pairs.is_empty() || grid.pruners.contains_key(label) && !serves
    };
    if let Some((label, error)) = unsuitable.into_iter().find(|(label, _)| mistaken(label)) {
        return Err(at_its_place_in_the_grid(grid, label, error));
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

/// The error of a strategy's pruner, with the pruner's key in the grid.
fn at_its_place_in_the_grid(grid: &Grid, label: &str, error: StudyError) -> StudyError {
    match error {
        StudyError::Spec { place, problem, remedy } if grid.pruners.contains_key(label) => {
            StudyError::Spec { place: place.replacen("pruner", &format!("pruners.{label}"), 1), problem, remedy }
        }
        error => error,
    }
}

/// Runs waiting studies until there is none, one fails, or the benchmark is stopped.
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
            // A study that was stopped is later run again from its start.
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

/// Runs one study to its end; `None` if it was stopped. A strategy or evaluator that breaks down costs only its study.
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
