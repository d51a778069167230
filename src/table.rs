//! `nas table`: checks and imports tabular benchmarks.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nas_api::file::{write_atomic, write_atomic_with};
use nas_api::{OpenSpace, Settings};
use nas_core::plugin::{Registry, TABLE_SPACE};
use nas_evaluator_table::locate::{Found, find, folders, names, own_folder};
use nas_evaluator_table::mapping::Map;
use nas_evaluator_table::{Table, TableError};
use serde_json::{Value, json};

use crate::args::{Args, TableCheck, TableImport};
use crate::failure::Failure;
use crate::{plugins, print};

/// The rows outside the space that an error names at most.
const SHOWN: usize = 3;

/// Checks a table against its mapping and its space, and prints what is in it.
///
/// # Errors
/// The mapping or the table cannot be read, or a row is not an architecture of the space.
pub fn check(args: &Args, check: &TableCheck) -> Result<ExitCode, Failure> {
    let file = check.file.as_ref().map_or_else(String::new, |file| file.to_string_lossy().into_owned());
    let found = find(&check.table, &file).map_err(refused)?;
    let table = Table::read(&found).map_err(refused)?;
    let Found { map, file, .. } = found;
    architectures(&plugins::registry(args)?, &map, &table, check.space.as_deref())?;
    if check.json {
        print::json(&to_json(&map, &table, &file))?;
    } else {
        out!("{}", to_text(&map, &table, &file));
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks a table and copies it to the user's folder, where every study finds it by name.
///
/// # Errors
/// The table fails the checks of [`check`], its name or a file name is taken, or it cannot be copied.
pub fn import(args: &Args, import: &TableImport) -> Result<ExitCode, Failure> {
    let text = fs::read_to_string(&import.map)
        .map_err(|error| Failure::input(format!("{}: cannot be read: {error}", import.map.display())))?;
    let map = Map::from_toml(&text, &import.map).map_err(refused)?;
    if import.name.is_empty() || import.name.contains(['/', '\\', '.']) {
        let help = "use letters, digits and hyphens, as in my-table";
        return Err(Failure::input(format!("--name {}: is not a valid name", import.name)).help(help));
    }
    if names().contains(&import.name) {
        let help = "choose another --name, or remove its files from the folder that `nas table list` prints";
        return Err(Failure::input(format!("--name {}: there is a table with this name", import.name)).help(help));
    }
    let found = Found::new(map, import.file.clone(), &folders()).map_err(refused)?;
    let table = Table::read(&found).map_err(refused)?;
    let Found { map, joined, .. } = found;
    architectures(&plugins::registry(args)?, &map, &table, import.space.as_deref())?;
    let folder = own_folder().ok_or_else(|| Failure::input("there is no folder for a user's data: HOME is not set"))?;
    let files =
        [(&import.file, &map.file)].into_iter().chain(joined.iter().zip(map.join.iter().map(|join| &join.file)));
    let files: Vec<(&PathBuf, PathBuf)> = files.map(|(from, name)| (from, folder.join(name))).collect();
    let mapping = folder.join(format!("{}.toml", import.name));
    let targets: BTreeSet<&PathBuf> = files.iter().map(|(_, to)| to).chain([&mapping]).collect();
    if targets.len() <= files.len() {
        let help = "the mapping names one file twice, or one that is called as the table itself; rename it";
        return Err(Failure::input(format!("{}: two files have one name", import.map.display())).help(help));
    }
    if let Some((_, taken)) = files.iter().find(|(_, to)| to.exists()) {
        let help = "another table uses this file name; change it in the mapping";
        return Err(Failure::input(format!("{}: already exists", taken.display())).help(help));
    }
    let copy = |(from, to): &(&PathBuf, PathBuf)| {
        write_atomic_with(to, |out| std::io::copy(&mut fs::File::open(from)?, out).map(drop))
    };
    let written = files.iter().try_for_each(copy).and_then(|()| write_atomic(&mapping, text.as_bytes()));
    if let Err(error) = written {
        // A table without its mapping has no name, and would be in the way of the next attempt.
        files.iter().for_each(|(_, to)| drop(fs::remove_file(to)));
        return Err(Failure::input(error.to_string()));
    }
    for problem in map.problem.keys() {
        out!("{}/{problem}", import.name);
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists the names of all tables, and the folder of the user's own.
///
/// # Errors
/// There are none; the type is that of all commands.
pub fn list() -> Result<ExitCode, Failure> {
    for name in names() {
        out!("{name}");
    }
    if let Some(folder) = own_folder() {
        eprintln!("your own tables are in {}", folder.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn refused(error: TableError) -> Failure {
    Failure::input(error.to_string())
}

/// Checks that every row is an architecture of the space. `space` refers to the space if its name alone does not.
fn architectures(registry: &Registry, map: &Map, table: &Table, space: Option<&str>) -> Result<(), Failure> {
    let definition = map.space_settings();
    let own = if definition.is_empty() { map.space.as_str() } else { TABLE_SPACE };
    let source = registry.space(space.unwrap_or(own))?;
    let settings = Settings::checked(&source.parameters()?, &definition);
    let settings = settings.map_err(|error| Failure::input(format!("--space: {error}")))?;
    let mut opened = source.open(&settings)?;
    let name = opened.info()?.name;
    if name != map.space {
        return Err(Failure::input(format!("the table belongs to the space '{}', not to '{name}'", map.space)));
    }
    if map.key.is_some() {
        // Keys cannot be checked: they cannot be turned back into architectures.
        return Ok(());
    }
    let mut wrong = Vec::new();
    for identity in table.identities() {
        if let Err(reason) = architecture(opened.as_mut(), map, identity)? {
            wrong.push(format!("{identity}: {reason}"));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    wrong.sort();
    let (count, more) = (wrong.len(), if wrong.len() > SHOWN { "\n  ..." } else { "" });
    wrong.truncate(SHOWN);
    let text = format!("{count} rows are not architectures of '{name}':\n  {}{more}", wrong.join("\n  "));
    Err(Failure::input(text).help("check 'architecture' or 'decisions' in the mapping"))
}

/// Checks that a row names an architecture. The inner `Err` is the reason why it does not.
fn architecture(space: &mut dyn OpenSpace, map: &Map, identity: &str) -> Result<Result<(), String>, nas_api::Error> {
    if map.by_text() {
        let parsed = match space.parse(identity)? {
            Ok(genotype) => space.format(&genotype)?,
            Err(reason) => return Ok(Err(reason)),
        };
        // Candidates are looked up by the text that the space writes.
        return Ok(if parsed == identity { Ok(()) } else { Err(format!("the space writes it as {parsed}")) });
    }
    let genotype: Result<Vec<u32>, _> = identity.split(',').map(|choice| choice.trim().parse()).collect();
    match genotype {
        Ok(genotype) => space.validate(&genotype),
        Err(_) => Ok(Err("its choices are not whole numbers".into())),
    }
}

/// The measured values of one metric at one fidelity of a problem.
struct Column {
    problem: String,
    fidelity: Option<f64>,
    metric: String,
    measured: usize,
    least: f64,
    most: f64,
}

fn columns(map: &Map, table: &Table) -> Vec<Column> {
    let mut columns = Vec::new();
    for (problem, known) in &map.problem {
        for fidelity in &known.fidelity {
            for (metric, names) in &fidelity.metrics {
                let scale = map.metric.get(metric).map_or(1.0, |metric| metric.scale);
                let values = names.names().iter().filter_map(|name| table.column(name)).flatten();
                let values: Vec<f64> = values.filter(|value| !value.is_nan()).map(|value| value * scale).collect();
                columns.push(Column {
                    problem: problem.clone(),
                    fidelity: fidelity.at,
                    metric: metric.clone(),
                    measured: values.len(),
                    least: values.iter().copied().fold(f64::INFINITY, f64::min),
                    most: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                });
            }
        }
    }
    columns
}

fn to_json(map: &Map, table: &Table, file: &PathBuf) -> Value {
    let columns = columns(map, table).into_iter().map(|column| {
        let Column { problem, fidelity, metric, measured, least, most } = column;
        json!({
            "problem": problem, "fidelity": fidelity, "metric": metric, "measured": measured, "min": least, "max": most,
        })
    });
    json!({
        "name": map.name, "space": map.space, "file": file, "rows": table.len(),
        "columns": columns.collect::<Vec<_>>(),
    })
}

fn to_text(map: &Map, table: &Table, file: &Path) -> String {
    let rows = columns(map, table).into_iter().map(|column| {
        vec![
            format!("{}/{}", map.name, column.problem),
            column.fidelity.map_or_else(String::new, |fidelity| fidelity.to_string()),
            column.metric,
            print::number(column.measured as f64),
            print::number(column.least),
            print::number(column.most),
        ]
    });
    let header = ["problem", "fidelity", "metric", "measured", "min", "max"];
    let rows = print::table(&header, rows.collect());
    let count = print::number(table.len() as f64);
    format!("{} of the space '{}', {count} architectures in {}\n\n{rows}", map.name, map.space, file.display())
}
