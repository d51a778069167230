//! `nas search` and `nas resume`: run and continue studies.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nas_core::plugin::ChosenSpace;
use nas_core::study::{
    End, Header, Plan, PluginSpec, ResumeOptions, State, StudyRecord, StudySpec, Summary, TaskSpec, UnresolvedSetting,
    checkpoint_folder, start,
};

use crate::args::{Args, Resume, Search};
use crate::failure::{Failure, STOPPED};
use crate::plugins;
use crate::progress::Progress;
use crate::{print, show};

/// The strategies of studies that name none, with one objective and with several.
const ONE_OBJECTIVE: &str = "regularized-evolution";
const SEVERAL_OBJECTIVES: &str = "nsga2";
/// What to type if nothing was given.
const FIRST_SEARCH: &str = "\
`nas search --data digits --trials 30` searches on a small set of images that comes with nas;
        `nas search --data mine.csv --trials 30` on your own table, folder of images or text;
        `nas search --help` lists everything, and `nas plugin list` every space and strategy";

/// Plans and runs a study.
///
/// # Errors
/// The study is invalid, its file exists or cannot be written, it breaks while it runs, or all trials fail.
pub fn search(args: &Args, search: &Search) -> Result<ExitCode, Failure> {
    let (spec, chosen_strategy) = spec(search)?;
    let registry = plugins::registry_of_studies(args, &spec.limits)?;
    if let Some(file) = &search.study {
        check_new(file)?;
    }
    let checkpoints = search.study.as_deref().map(checkpoint_folder);
    let named = |spec: &PluginSpec| spec.reference.clone().unwrap_or_default();
    let file = search.study.clone().unwrap_or_else(|| {
        let stem = |name: String| Path::new(&name).file_stem().map(|s| s.to_string_lossy().into_owned());
        // If the evaluator determines the space, the name of its data takes the place of the space's.
        let space =
            spec.space.reference.as_deref().or_else(|| spec.data.as_ref()?.text()).unwrap_or_default().to_owned();
        let (strategy, space) = (stem(named(&spec.strategy)), stem(space));
        let (strategy, space) = (strategy.unwrap_or_default(), space.unwrap_or_default());
        PathBuf::from(format!("{strategy}-{space}-{}.study", spec.seed.unwrap_or(0)))
    });
    if search.study.is_none() {
        check_new(&file)?;
    }
    let plan = Plan::check(&spec, &registry, Some(&checkpoints.unwrap_or_else(|| checkpoint_folder(&file))))?;
    if !args.quiet {
        print_choices(&plan, chosen_strategy);
    }
    let mut progress = Progress::new(args, &plan.header);
    let stop = stop_on_interrupt()?;
    let end = start(plan, &file, &stop, &mut progress)?;
    report(&file, end, search.json)
}

/// Continues a study.
///
/// # Errors
/// The study cannot be read, its plugins or data have changed, it breaks while it runs, or all trials fail.
pub fn resume(args: &Args, resume: &Resume) -> Result<ExitCode, Failure> {
    let mut flags = StudySpec::default();
    for assignment in &resume.sets {
        flags.set(assignment)?;
    }
    let fixed = [&flags.space.settings, &flags.evaluator.settings, &flags.pruner.settings];
    if fixed.iter().any(|settings| !settings.is_empty()) || flags.task != TaskSpec::default() {
        return Err(Failure::input("--set: only strategy.KEY=VALUE can be set for a resumed study"));
    }
    let strategy = PluginSpec { reference: resume.strategy.clone(), settings: flags.strategy.settings };
    let options = ResumeOptions { strategy, warm_start: resume.warm_start, budget: resume.budget.change() };
    let record = StudyRecord::read(&resume.file)?;
    let limits = record.header.limits.overridden_by(resume.isolation.limits());
    let registry = plugins::registry_of_studies(args, &limits)?;
    let header = match options.warm_start {
        true => record.header,
        false => Header { budget: options.budget.extend(record.budget)?, ..record.header },
    };
    let mut progress = Progress::new(args, &header);
    let stop = stop_on_interrupt()?;
    let end = nas_core::study::resume(&resume.file, &registry, &options, &stop, &mut progress)?;
    report(&resume.file, end, resume.json)
}

/// Says what was chosen because the user did not.
fn print_choices(plan: &Plan, strategy: Option<&str>) {
    if let Some(ChosenSpace { name, task_settings, reason }) = &plan.problem.chosen_space {
        let settings: Vec<String> =
            task_settings.iter().map(|setting| format!("task.{}={}", setting.name, setting.value)).collect();
        let with = if settings.is_empty() { String::new() } else { format!(" with {}", settings.join(", ")) };
        eprintln!("note: the space is '{name}'{with}, because {reason}; --space takes another one");
    }
    if let Some(name) = strategy {
        eprintln!("note: the strategy is '{name}', because none was named; --strategy takes another one");
    }
}

/// Returns the study that the file and the flags describe together, and the strategy if it was chosen here.
fn spec(search: &Search) -> Result<(StudySpec, Option<&'static str>), Failure> {
    if search.describes_nothing() {
        return Err(Failure::input("there is nothing to search: give at least data and a budget").help(FIRST_SEARCH));
    }
    let file = match &search.file {
        Some(path) => {
            check_is_study(path)?;
            StudySpec::from_file(path)?
        }
        None => StudySpec::default(),
    };
    let raw = |text: &Option<String>| text.clone().map(UnresolvedSetting::Raw);
    let plugin = |reference: &Option<String>| PluginSpec { reference: reference.clone(), ..PluginSpec::default() };
    let mut flags = StudySpec {
        space: plugin(&search.space),
        strategy: plugin(&search.strategy),
        evaluator: plugin(&search.evaluator),
        data: raw(&search.data),
        recipe: raw(&search.recipe),
        device: raw(&search.device),
        seed: search.seed,
        workers: search.workers,
        order: search.order,
        duplicates: search.duplicates,
        objectives: search.objective.clone(),
        constraints: search.constraint.clone(),
        meters: search.meter.clone(),
        pruner: plugin(&search.pruner),
        limits: search.isolation.limits(),
        budget: search.budget.spec(),
        ..StudySpec::default()
    };
    for assignment in &search.sets {
        flags.set(assignment)?;
    }
    let mut spec = file.overridden_by(flags);
    spec.evaluator.reference.get_or_insert_with(|| "burn".to_owned());
    let mut chosen = None;
    if spec.strategy.reference.is_none() {
        let strategy = if spec.objectives.len() > 1 { SEVERAL_OBJECTIVES } else { ONE_OBJECTIVE };
        spec.strategy.reference = Some(strategy.to_owned());
        chosen = Some(strategy);
    }
    Ok((spec, chosen))
}

/// Checks that the argument without a flag is not something else that a search takes.
fn check_is_study(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    let not = |what: &str, help: String| {
        Err(Failure::input(format!("{shown}: is {what}, not a study's TOML file")).help(help))
    };
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    match ending.as_str() {
        _ if path.is_dir() => not("a folder", format!("`nas search --data {shown} --trials 30` searches on its data")),
        "csv" | "gz" | "parquet" | "txt" => {
            not("a file of data", format!("`nas search --data {shown} --trials 30` searches on them"))
        }
        "study" => not("the file of a study that has begun", format!("`nas resume {shown}` continues it")),
        "wasm" | "onnx" => {
            not("a plugin", format!("give it with a flag, as in `--space {shown}` or `--strategy {shown}`"))
        }
        "" if !path.exists() => {
            let help = format!("if it names data, `nas search --data {shown} --trials 30` searches on them");
            Err(Failure::input(format!("{shown}: there is no such file")).help(help))
        }
        _ => {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let begins_space = |line: &str| {
                ["[[decision]]", "[[layer", "[[product]]", "[rules"].iter().any(|table| line.starts_with(table))
            };
            match text.lines().find(|line| begins_space(line.trim_start())) {
                Some(_) => not("a space", format!("`nas search --space {shown} --data FILE --trials 30` searches it")),
                None => Ok(()),
            }
        }
    }
}

/// Checks that the study's file does not exist and can be written, before anything is run.
fn check_new(file: &Path) -> Result<(), Failure> {
    let shown = file.display();
    if file.exists() {
        let help = format!("`nas resume {shown}` continues it; another --study starts a new one");
        return Err(Failure::input(format!("{shown}: already exists")).help(help));
    }
    match OpenOptions::new().write(true).create_new(true).open(file) {
        Ok(_) => {
            std::fs::remove_file(file).map_err(|error| Failure::input(format!("{shown}: cannot be written: {error}")))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = file.parent().unwrap_or(Path::new("")).display();
            let help = format!("create it with `mkdir -p {folder}`, or use --study to name another one");
            Err(Failure::input(format!("{shown}: cannot be written: there is no folder '{folder}'")).help(help))
        }
        Err(error) => {
            let help = "use --study to name a file in a folder that exists and can be written";
            Err(Failure::input(format!("{shown}: cannot be written: {error}")).help(help))
        }
    }
}

/// Returns a flag that the first Ctrl-C sets, so that running trials stop. The second Ctrl-C ends the program at once,
/// which loses no finished trial either.
///
/// # Errors
/// The handler cannot be installed.
pub fn stop_on_interrupt() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let handler = move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(STOPPED));
        }
        eprintln!("stopping; press Ctrl-C again to end at once");
    };
    ctrlc::set_handler(handler).map_err(|error| Failure::broken(format!("cannot listen for Ctrl-C: {error}")))?;
    Ok(stop)
}

fn report(file: &Path, end: End, json: bool) -> Result<ExitCode, Failure> {
    let record = StudyRecord::read(file)?;
    let summary = Summary::of(&record);
    if json {
        let mut object = summary.to_json(&record, file, false);
        if let Some(object) = object.as_object_mut() {
            object.insert("end".into(), end.name().into());
        }
        print::json(&object)?;
    } else {
        out!("{}", show::brief(&record, &summary, file));
        out!("ended: {end}");
    }
    let lost = record.trials.iter().find(|trial| matches!(trial.state, State::Failed | State::Pruned));
    match (end, summary.measured, lost) {
        (End::Stopped, _, _) => Ok(ExitCode::from(STOPPED)),
        (_, 0, Some(first)) => {
            let Summary { failed, pruned, .. } = summary;
            let (number, reason) = (first.trial, &first.reason);
            let counts = format!("{failed} failed and {pruned} were pruned");
            let problem = format!("no trial was measured: {counts}; trial {number}: {reason}");
            let help = format!("`nas show {} --trials` shows the reason of each", file.display());
            Err(Failure::broken(problem).help(help))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}
