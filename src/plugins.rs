//! Registers the built-in plugins and sets the folders in which others are looked for.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use directories::ProjectDirs;
use nas_api::{SearchSpace, Setting, Task, Value};
use nas_core::plugin::process::Processes;
use nas_core::plugin::wasm::{self, Level, Log};
use nas_core::plugin::{ChosenSpace, Options, PluginError, Registry};
use nas_core::shown;
use nas_core::study::{Isolation, Limits};
use nas_evaluator_burn::BurnEvaluator;
use nas_meters::{Proxy, proxy_meter};
use nas_spaces::Fitting;

use crate::args::Args;
use crate::failure::Failure;

/// The default of `--retries`: how often a trial is retried if its worker process died.
const RETRIES: u32 = 1;

/// Builds the registry for commands that measure no trials.
///
/// # Errors
/// A folder of `--plugin-path` does not exist, or a built-in plugin cannot be registered.
pub fn registry(args: &Args) -> Result<Registry, Failure> {
    build(args, None)
}

/// Builds the registry for studies. Evaluators run in worker processes, except with `--isolation none`.
///
/// # Errors
/// As for [`registry`]; also if the limits are invalid or this program's own file cannot be found.
pub fn registry_of_studies(args: &Args, limits: &Limits) -> Result<Registry, Failure> {
    limits.check()?;
    let Limits { isolation, trial_seconds, worker_memory, retries } = *limits;
    if isolation == Some(Isolation::None) {
        return build(args, None);
    }
    let program = std::env::current_exe()
        .map_err(|error| Failure::broken(format!("the file of this program cannot be found: {error}")))?;
    let mut arguments: Vec<OsString> = Vec::new();
    for folder in &args.plugin_path {
        arguments.extend(["--plugin-path".into(), absolute(folder.clone()).into()]);
    }
    arguments.push("worker".into());
    if let Some(mib) = worker_memory {
        arguments.extend(["--worker-memory".into(), mib.to_string().into()]);
    }
    arguments.push("--".into());
    let trial_limit = trial_seconds.map(Duration::from_secs_f64);
    build(
        args,
        Some(Processes { program, arguments, trial_limit, retries: retries.unwrap_or(RETRIES), log: log(args) }),
    )
}

fn build(args: &Args, processes: Option<Processes>) -> Result<Registry, Failure> {
    let defaults = wasm::Limits::default();
    let limits = wasm::Limits {
        memory_bytes: args.plugin_memory.map_or(defaults.memory_bytes, |mib| (mib as usize) << 20),
        call_fuel: args.plugin_fuel.map_or(defaults.call_fuel, |millions| u64::from(millions) * 1_000_000),
        call_seconds: args.plugin_seconds.unwrap_or(defaults.call_seconds),
        ..defaults
    };
    let folders = ProjectDirs::from("", "", "nas");
    let mut search_path = args.plugin_path.clone();
    for folder in &args.plugin_path {
        if !folder.is_dir() {
            return Err(Failure::input(format!("--plugin-path {}: is not a folder", folder.display())));
        }
    }
    if let Some(paths) = std::env::var_os("NAS_PLUGINS") {
        search_path.extend(std::env::split_paths(&paths).filter(|path| !path.as_os_str().is_empty()));
    }
    search_path.extend(folders.as_ref().map(|folders| folders.data_dir().join("plugins")));
    let cache = args.plugin_cache.clone().or_else(|| Some(folders?.cache_dir().join("components")));
    let cache = cache.map(absolute);
    let log = log(args);

    let allow_native = args.named_libraries();
    let mut registry = Registry::new(Options { search_path, cache, limits, log, processes, allow_native });
    nas_spaces::all(&mut BuiltIns(&mut registry))?;
    registry.read_tables_with::<nas_spaces::ChoiceSpace>();
    registry.read_networks_with::<nas_export::ImportedSpace>(|path| {
        nas_export::definition(path).map_err(|error| error.problem)
    });
    registry.choose_spaces_with(choose_space);
    registry.add_meter("onnxruntime", nas_meters::onnxruntime_meter);
    registry.add_meter("burn", nas_meters::burn_meter);
    for proxy in Proxy::ALL {
        registry.add_meter(proxy.name(), move || Ok(proxy_meter(proxy)));
    }
    registry.read_meters_with(nas_meters::table_meter);
    nas_strategies::all(&mut BuiltIns(&mut registry));
    registry.add_evaluator::<BurnEvaluator>();
    for recipe in nas_evaluator_burn::RECIPES {
        registry.add_recipe(recipe.name, recipe.toml);
    }
    registry.add_evaluator::<nas_evaluator_synthetic::SyntheticEvaluator>();
    registry.add_evaluator::<nas_evaluator_table::TableEvaluator>();
    Ok(registry)
}

/// Chooses a space for a study that names none.
fn choose_space(task: &Task) -> Option<ChosenSpace> {
    let Fitting { space, task_settings, reason } = nas_spaces::fitting(task)?;
    let setting = |(name, value): &(&str, f64)| Setting { name: (*name).to_owned(), value: Value::Number(*value) };
    Some(ChosenSpace { name: space.to_owned(), task_settings: task_settings.iter().map(setting).collect(), reason })
}

/// Most different warnings of plugins that are printed.
const MOST_WARNINGS: usize = 20;

/// Prints what plugins log: everything with `--verbose`, and otherwise their warnings, each one once, because a
/// benchmark opens a strategy for every study.
fn log(args: &Args) -> Log {
    let (verbose, quiet) = (args.verbose, args.quiet);
    let printed = Mutex::new(BTreeSet::new());
    Arc::new(move |level, plugin: &str, line: &str| {
        // A line is one line, whatever is in it.
        let line = format!("{}: {plugin}: {}", level_name(level), shown(line, usize::MAX));
        let news = || {
            let mut printed = printed.lock().unwrap_or_else(PoisonError::into_inner);
            printed.len() < MOST_WARNINGS && printed.insert(line.clone())
        };
        if verbose || (level == Level::Warn && !quiet && news()) {
            eprintln!("{line}");
        }
    })
}

struct BuiltIns<'r>(&'r mut Registry);

impl nas_strategies::Take for BuiltIns<'_> {
    fn take<S: nas_api::StrategyPlugin>(&mut self) {
        self.0.add_strategy::<S>();
    }
}

impl nas_spaces::Take for BuiltIns<'_> {
    type Error = PluginError;

    fn take<S: SearchSpace>(&mut self, _name: &'static str) -> Result<(), PluginError> {
        self.0.add_space::<S>()
    }

    fn take_with_files<S: SearchSpace>(&mut self, name: &'static str, key: &'static str) -> Result<(), PluginError> {
        self.0.add_space_of_files::<S>(name, key)
    }
}

/// Makes a path absolute: wasmtime's cache needs that, and so does a worker, which may run in another folder.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warning",
        Level::Error => "error",
    }
}
