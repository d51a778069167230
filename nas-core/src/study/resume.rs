//! Starts a study, and continues one that was interrupted: a fresh strategy replays the log, must propose the same
//! again, and continues from there.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use nas_api::evaluator::UNFINISHED;
use nas_api::{CONTRACT_VERSION, Proposal};

use super::StudyError;
use super::event::{End, Event, Listener};
use super::extend::BudgetChange;
use super::header::Header;
use super::ledger::Ledger;
use super::log::{Log, StrategyCall, WholeRecord};
use super::plan::{Plan, checkpoint_folder};
use super::record::{State, StudyRecord, TrialRecord, proposal_text};
use super::resolve::ResolvedStudy;
use super::runner::{Runner, Times};
use super::settings::check_settings;
use super::spec::PluginSpec;
use super::unchanged::same_plugin;
use crate::lock::real;
use crate::plugin::Registry;

/// How a study continues. The default: as it was begun.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResumeOptions {
    /// Another strategy, or other settings; needs `warm_start`.
    pub strategy: PluginSpec,
    /// Begins a new search in the same file: a fresh strategy is told of all trials so far, and has a new budget.
    pub warm_start: bool,
    /// Limits that are raised; with `warm_start`, those of the new search, if they differ from the old ones.
    pub budget: BudgetChange,
}

/// Begins a study in a new file, and runs it until it ends, or until `stop` is set: then no further trial is started,
/// running ones are interrupted, and [`resume`] continues.
pub fn start(plan: Plan, file: &Path, stop: &AtomicBool, listener: &mut dyn Listener) -> Result<End, StudyError> {
    let log = Log::create(file, &plan.header)?;
    let checkpoints = checkpoint_folder(file);
    listener.event(&Event::Committed);
    let (simulated, order) = (plan.header.simulated, plan.header.order);
    let mut runner = Runner::new(plan, Some(log), Ledger::new(Vec::new(), simulated, order), stop, listener);
    runner.checkpoints = Some(checkpoints.clone());
    let end = runner.run()?;
    tidy(&checkpoints, end);
    Ok(end)
}

/// Removes what evaluators kept for unfinished trials, once no trial is left that could continue it, and what killed
/// workers left behind. What cannot be removed does no harm.
fn tidy(checkpoints: &Path, end: End) {
    if end == End::Stopped {
        return;
    }
    let _ = fs::remove_dir_all(checkpoints.join(UNFINISHED));
    let left = fs::read_dir(checkpoints).into_iter().flatten().flatten().map(|entry| entry.path());
    for file in left.filter(|path| path.extension().is_some_and(|ending| ending == "partial")) {
        let _ = fs::remove_file(file);
    }
    // Only if it is empty.
    let _ = fs::remove_dir(checkpoints);
}

/// A study that no file keeps.
#[derive(Debug)]
pub struct Unrecorded {
    /// Why it ended.
    pub end: End,
    /// What it has found and spent.
    pub record: StudyRecord,
    /// The times of each trial.
    pub times: Vec<Times>,
}

/// Runs a study that no file keeps: for benchmarks, which keep thousands of studies in one file. It cannot be resumed.
/// `count_strategy`: the simulated clock also counts the real seconds of the strategy's own calls, so two runs are no
/// longer equal.
pub fn run_unrecorded(
    plan: Plan,
    count_strategy: bool,
    stop: &AtomicBool,
    listener: &mut dyn Listener,
) -> Result<Unrecorded, StudyError> {
    let ledger = Ledger::new(Vec::new(), plan.header.simulated, plan.header.order);
    let mut runner = Runner::new(plan, None, ledger, stop, listener);
    runner.count_strategy = count_strategy;
    let end = runner.run()?;
    let times = runner.times();
    let (header, trials, seconds) = (runner.plan.header, runner.ledger.trials, runner.seconds);
    let budget = header.budget;
    Ok(Unrecorded { end, record: StudyRecord { earlier: Vec::new(), header, budget, trials, seconds }, times })
}

/// Continues the study in this file.
pub fn resume(
    file: &Path,
    registry: &Registry,
    options: &ResumeOptions,
    stop: &AtomicBool,
    listener: &mut dyn Listener,
) -> Result<End, StudyError> {
    let log = Log::open(file)?;
    // Beside the file itself, whatever link leads to it.
    let checkpoints = checkpoint_folder(&real(file));
    if options.warm_start {
        let record = log.record()?;
        check_contract(file, &record.header)?;
        return warm_start(log, record, registry, options, &checkpoints, stop, listener);
    }
    let WholeRecord { record, mut calls, .. } = log.whole_record()?;
    check_contract(file, &record.header)?;
    check_options(&record.header, registry, options)?;
    let budget = options.budget.extend(record.budget)?;
    let plan = Plan::open(ResolvedStudy::recorded(record.header, registry, Some(&checkpoints))?, registry)?;
    let (simulated, order) = (plan.header.simulated, plan.header.order);
    let (old, own) = split(record.trials, plan.header.search);
    let mut runner = Runner::new(plan, Some(log), Ledger::new(old, simulated, order), stop, listener);
    runner.seconds_before = record.seconds;
    runner.checkpoints = Some(checkpoints.clone());
    let calls = calls.pop().unwrap_or_default();
    let count = calls.len();
    replay(&mut runner, calls, own)?;
    runner.budget = record.budget;
    if budget != record.budget {
        // Recorded before anything happens because of it, so that the study goes on to the same end however often it is
        // interrupted.
        runner.extend(count, budget)?;
    }
    let end = runner.run()?;
    tidy(&checkpoints, end);
    Ok(end)
}

const WARM: &str =
    "leave it out to continue as before, or give --warm-start to begin a new search that is told of all trials so far";

/// Refuses what would make it a different study.
fn check_options(header: &Header, registry: &Registry, options: &ResumeOptions) -> Result<(), StudyError> {
    let reference = options.strategy.reference.as_deref().unwrap_or(&header.strategy.reference);
    let found = registry.strategy(reference).map_err(StudyError::Open)?;
    same_plugin(&header.strategy.identity, found.identity(), || {
        "to continue the same search, bring back the strategy it was begun with; to begin a new search with this one, \
         which is told of all trials so far, give --warm-start"
            .to_owned()
    })?;
    let given = &options.strategy.settings;
    let wanted = check_settings("strategy", &found.info().map_err(StudyError::Open)?.parameters, given)?;
    let recorded = &header.strategy.settings.0;
    let is_given = |name: &str| given.contains_key(name);
    if wanted.0.iter().any(|setting| is_given(&setting.name) && !recorded.contains(setting)) {
        return Err(StudyError::spec("strategy", "the settings differ from those that the study was begun with", WARM));
    }
    Ok(())
}

fn check_contract(file: &Path, header: &Header) -> Result<(), StudyError> {
    let line = |version: &str| version.rsplit_once('.').map(|(line, _)| line.to_owned());
    if line(&header.contract) == line(CONTRACT_VERSION) {
        return Ok(());
    }
    let problem = format!("was begun under contract {}; this program speaks {CONTRACT_VERSION}", header.contract);
    Err(StudyError::file(file, problem, "resume it with the nas that began it"))
}

/// Trials of earlier searches, and those of this one.
fn split(mut trials: Vec<TrialRecord>, search: u32) -> (Vec<TrialRecord>, Vec<TrialRecord>) {
    let first = trials.iter().position(|trial| trial.search == search).unwrap_or(trials.len());
    let own = trials.split_off(first);
    (trials, own)
}

fn warm_start(
    mut log: Log,
    record: StudyRecord,
    registry: &Registry,
    options: &ResumeOptions,
    checkpoints: &Path,
    stop: &AtomicBool,
    listener: &mut dyn Listener,
) -> Result<End, StudyError> {
    let budget = options.budget.of_new_search()?;
    let header = Header { budget: record.budget, ..record.header };
    let study = ResolvedStudy::next_search(header, registry, Some(checkpoints), &options.strategy, budget)?;
    let plan = Plan::open(study, registry)?;

    let mut trials = record.trials;
    let mut stopped = Vec::new();
    for trial in trials.iter_mut().filter(|trial| !trial.state.is_final()) {
        trial.state = State::Stopped;
        trial.reason = format!("left unfinished when search {} began", plan.header.search);
        stopped.push(trial.clone());
    }
    // A duplicate says nothing that its original does not.
    let knowledge = trials.iter().filter(|trial| trial.state == State::Measured && trial.duplicate_of.is_none());
    let told: Vec<u32> = knowledge.map(|trial| trial.trial).collect();
    log.warm_start(&plan.header, &told, &stopped)?;
    listener.event(&Event::Committed);
    let (simulated, order) = (plan.header.simulated, plan.header.order);
    let mut runner = Runner::new(plan, Some(log), Ledger::new(trials, simulated, order), stop, listener);
    runner.checkpoints = Some(checkpoints.to_owned());
    replay(&mut runner, vec![StrategyCall::Warm(told)], Vec::new())?;
    let end = runner.run()?;
    tidy(checkpoints, end);
    Ok(end)
}

/// Brings a fresh strategy to the point where the log ends. `own` are the search's trials as recorded.
fn replay(runner: &mut Runner<'_>, calls: Vec<StrategyCall>, own: Vec<TrialRecord>) -> Result<(), StudyError> {
    let mut own = own.into_iter();
    for call in calls {
        runner.turn = !matches!(call, StrategyCall::Ask { .. });
        match call {
            StrategyCall::Ask { limit, trials } => {
                let proposals = runner.plan.search.ask(limit).map_err(StudyError::Broken)?;
                let recorded: Vec<TrialRecord> = own.by_ref().take(trials.len()).collect();
                let first = runner.ledger.trials.len();
                if let Some((position, now)) = difference(&recorded, &proposals) {
                    return Err(changed(runner, first + position, recorded.get(position), now));
                }
                for (trial, proposal) in recorded.into_iter().zip(proposals) {
                    // Bit for bit as proposed; what the file gives back may have lost the last bit of a weight.
                    runner.ledger.push(TrialRecord { proposal, ..trial });
                }
            }
            StrategyCall::Tell(trials) => {
                let own = trials.iter().map(|&trial| runner.observation(trial as usize, true));
                let observations = own.collect::<Result<Vec<_>, _>>()?;
                runner.plan.search.tell(observations).map_err(StudyError::Broken)?;
                for trial in trials {
                    // The calls were checked when they were read.
                    runner.ledger.tell(trial as usize);
                }
            }
            StrategyCall::Warm(trials) => {
                let old = trials.iter().map(|&trial| runner.observation(trial as usize, false));
                let observations = old.collect::<Result<Vec<_>, _>>()?;
                runner.plan.search.tell(observations).map_err(StudyError::Broken)?;
            }
        }
    }
    Ok(())
}

/// The first position where the proposals differ from the recorded ones, with what is proposed there now.
fn difference<'a>(recorded: &[TrialRecord], now: &'a [Proposal]) -> Option<(usize, Option<&'a Proposal>)> {
    let same = |(trial, proposal): (&TrialRecord, &Proposal)| proposal_text(&trial.proposal) == proposal_text(proposal);
    let position = recorded.iter().zip(now).position(|pair| !same(pair));
    let shorter = recorded.len().min(now.len());
    let position = position.or_else(|| (recorded.len() != now.len()).then_some(shorter))?;
    Some((position, now.get(position)))
}

fn changed(runner: &Runner<'_>, trial: usize, recorded: Option<&TrialRecord>, now: Option<&Proposal>) -> StudyError {
    let words = |proposal: Option<&Proposal>| proposal.map_or_else(|| "nothing".to_owned(), proposal_text);
    StudyError::Replay {
        trial: u32::try_from(trial).unwrap_or(u32::MAX),
        strategy: Box::new(runner.plan.header.strategy.identity.clone()),
        recorded: words(recorded.map(|trial| &trial.proposal)),
        found: words(now),
        remedy: "the strategy is not deterministic, which is a defect of the plugin; --warm-start begins a new search \
                 that is told of all trials so far"
            .to_owned(),
    }
}
