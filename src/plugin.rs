//! `nas plugin`: lists and describes plugins.

use std::path::Path;
use std::process::ExitCode;

use nas_api::{Parameter, ParameterKind, Range};
use nas_core::did_you_mean;
use nas_core::plugin::{Identity, Kind, Registry};
use nas_core::study::{PRUNERS, Recipe, pruner_parameters};
use nas_core::{MAX_MESSAGE, shown};
use serde_json::{Value, json};

use crate::args::Args;
use crate::failure::Failure;
use crate::{plugins, print};

/// Lists the plugins that can be named without a path.
///
/// # Errors
/// A folder of `--plugin-path` does not exist.
pub fn list(args: &Args, as_json: bool) -> Result<ExitCode, Failure> {
    let entries = plugins::registry(args)?.list();
    if as_json {
        let entry = |entry: &nas_core::plugin::Entry| match &entry.identity {
            Ok(identity) => json!({"name": entry.name, "plugin": identity, "wins": entry.wins}),
            Err(error) => json!({"name": entry.name, "error": error.to_string(), "wins": entry.wins}),
        };
        print::json(&json!({"plugins": entries.iter().map(entry).collect::<Vec<_>>()}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = entries.iter().map(|entry| {
        let wins = if entry.wins { "" } else { "hidden by the one above" };
        match &entry.identity {
            Ok(identity) => vec![
                identity.kind.to_string(),
                entry.name.clone(),
                identity.version.clone(),
                identity.origin.to_string(),
                wins.to_owned(),
            ],
            Err(error) => vec![
                "?".into(),
                entry.name.clone(),
                "?".into(),
                error.problem.lines().next().unwrap_or_default().to_owned(),
                "broken".into(),
            ],
        }
    });
    out!("{}", print::table(&["kind", "name", "version", "from", ""], rows.collect()));
    Ok(ExitCode::SUCCESS)
}

/// Describes one plugin and its parameters, or a pruner or a meter. If plugins of several kinds share the name, all are
/// shown.
///
/// # Errors
/// There is no such plugin, pruner or meter, or it cannot be opened.
pub fn inspect(args: &Args, plugin: &str, as_json: bool) -> Result<ExitCode, Failure> {
    let registry = plugins::registry(args)?;
    let is_file = Path::new(plugin).components().count() > 1 || Path::new(plugin).is_file();
    let found: Vec<Description> = if is_file {
        vec![describe(&registry, registry.identify(Path::new(plugin))?.kind, plugin)?]
    } else {
        let entries = registry.list();
        let kinds = [Kind::Space, Kind::Strategy, Kind::Evaluator].into_iter().filter(|&kind| {
            entries.iter().any(|entry| {
                entry.name == plugin && entry.identity.as_ref().is_ok_and(|identity| identity.kind == kind)
            })
        });
        kinds.map(|kind| describe(&registry, kind, plugin)).collect::<Result<_, Failure>>()?
    };
    if found.is_empty() {
        return inspect_part(&registry, plugin, as_json);
    }
    if as_json {
        let objects: Vec<Value> = found.iter().map(Description::to_json).collect();
        print::json(&json!({"plugins": objects}))?;
    } else {
        let texts: Vec<String> = found.iter().map(Description::to_text).collect();
        out!("{}", texts.join("\n\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Describes a pruner or a meter, which are no plugins but can be named in a study as well.
fn inspect_part(registry: &Registry, name: &str, as_json: bool) -> Result<ExitCode, Failure> {
    if PRUNERS.contains(&name) {
        let parameters = pruner_parameters(name);
        if as_json {
            print::json(&json!({"pruner": name, "parameters": parameters}))?;
        } else {
            out!("pruner '{name}'; --pruner {name} chooses it, and --set pruner.KEY=VALUE changes a parameter\n");
            out!("{}", parameter_table(&parameters));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if registry.has_meter(name) {
        let meter = registry.meter(name)?;
        let metrics = &meter.about().metrics;
        if as_json {
            print::json(&json!({"meter": name, "metrics": metrics}))?;
        } else {
            out!("meter '{name}'; --meter {name} measures every candidate before it is trained\n");
            let rows = metrics.iter().map(|m| vec![m.name.clone(), m.unit.clone(), m.description.clone()]);
            out!("{}", print::table(&["metric", "unit", ""], rows.collect()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let plugins: Vec<String> = registry.list().into_iter().map(|entry| entry.name).collect();
    let mut known: Vec<&str> = plugins.iter().map(String::as_str).collect();
    for name in PRUNERS.into_iter().chain(registry.meter_names()) {
        known.push(name);
    }
    let near = did_you_mean(name, known);
    let help = format!("{near}`nas plugin list` shows every plugin; a file is named with its path");
    Err(Failure::input(format!("there is no plugin, pruner or meter '{name}'")).help(help))
}

fn parameter_table(parameters: &[Parameter]) -> String {
    let rows = parameters.iter().map(|parameter| {
        let (name, default) = (parameter.name.clone(), parameter.default.to_string());
        vec![name, default, values(&parameter.kind), parameter.description.clone()]
    });
    print::table(&["parameter", "default", "values", ""], rows.collect())
}

/// A plugin as `nas plugin inspect` shows it.
struct Description {
    identity: Identity,
    description: String,
    reference: String,
    /// Further properties that depend on the kind, each a name with a list of values.
    properties: Vec<(&'static str, Vec<String>)>,
    parameters: Vec<Parameter>,
    /// The values of its parameter `recipe`.
    recipes: Vec<Recipe>,
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

fn describe(registry: &Registry, kind: Kind, reference: &str) -> Result<Description, Failure> {
    match kind {
        Kind::Space => {
            let source = registry.space(reference)?;
            let parameters = source.parameters()?;
            let opened = source.open(&nas_api::Settings::defaults(&parameters));
            let info = opened.ok().and_then(|mut space| space.info().ok());
            let (description, paper) = info.map(|info| (info.description, info.reference)).unwrap_or_default();
            Ok(Description {
                identity: source.identity().clone(),
                description,
                reference: paper,
                properties: Vec::new(),
                parameters,
                recipes: Vec::new(),
            })
        }
        Kind::Strategy => {
            let source = registry.strategy(reference)?;
            let info = source.info()?;
            Ok(Description {
                identity: source.identity().clone(),
                description: info.description,
                reference: info.reference,
                properties: vec![("needs", owned(info.needs.names())), ("serves", owned(info.serves.names()))],
                parameters: info.parameters,
                recipes: Vec::new(),
            })
        }
        Kind::Evaluator => {
            let source = registry.evaluator(reference)?;
            let info = source.info()?;
            let metrics = info.metrics.into_iter().map(|metric| metric.name).collect();
            let takes_recipes = info.parameters.iter().any(|parameter| parameter.name == "recipe");
            let recipes = if takes_recipes { Recipe::all(registry)? } else { Vec::new() };
            let unit = Some(info.fidelity_unit).filter(|unit| !unit.is_empty());
            let trains = info.trains.map(|_| "in full".to_owned());
            Ok(Description {
                identity: source.identity().clone(),
                description: info.description,
                reference: String::new(),
                properties: vec![
                    ("metrics", metrics),
                    ("fidelity", unit.into_iter().collect()),
                    ("trains", trains.into_iter().collect()),
                ],
                parameters: info.parameters,
                recipes,
            })
        }
    }
}

impl Description {
    fn to_json(&self) -> Value {
        let mut object = json!({
            "plugin": self.identity, "description": self.description, "reference": self.reference,
            "parameters": self.parameters,
        });
        if let Some(object) = object.as_object_mut() {
            object.extend(self.properties.iter().map(|(name, values)| ((*name).to_owned(), json!(values))));
            if !self.recipes.is_empty() {
                object.insert("recipes".to_owned(), self.recipes.iter().map(recipe_json).collect());
            }
        }
        object
    }

    fn to_text(&self) -> String {
        let mut lines = vec![self.identity.to_string()];
        lines.extend(self.identity.digest.iter().map(|digest| format!("sha256 {digest}")));
        let said = [&self.description, &self.reference].into_iter().filter(|text| !text.is_empty());
        lines.extend(said.map(|text| shown(text, MAX_MESSAGE).into_owned()));
        let properties = self.properties.iter().filter(|(_, values)| !values.is_empty());
        lines.extend(properties.map(|(name, values)| format!("{name}: {}", shown(&values.join(", "), MAX_MESSAGE))));
        if !self.parameters.is_empty() {
            lines.push(String::new());
            lines.push(parameter_table(&self.parameters));
        }
        if !self.recipes.is_empty() {
            lines.push(String::new());
            let rows = self.recipes.iter().map(|recipe| vec![recipe.reference.clone(), recipe.about.clone()]);
            lines.push(print::table(&["recipe", ""], rows.collect()));
        }
        lines.join("\n")
    }
}

fn recipe_json(recipe: &Recipe) -> Value {
    let settings: serde_json::Map<String, Value> =
        recipe.settings.iter().map(|(name, given)| (name.clone(), json!(given.value()))).collect();
    json!({"name": recipe.reference, "about": recipe.about, "settings": settings})
}

/// The range of a number as text. A limit at the end of what `f64` can hold is left out.
fn range_text(range: &Range) -> String {
    match (range.min > f64::MIN, range.max < f64::MAX) {
        (true, true) => format!("{} to {}", range.min, range.max),
        (true, false) => format!("{} or more", range.min),
        (false, true) => format!("{} or less", range.max),
        (false, false) => "any number".into(),
    }
}

fn values(kind: &ParameterKind) -> String {
    match kind {
        ParameterKind::Truth => "true, false".into(),
        ParameterKind::Integer(range) => format!("whole, {}", range_text(range)),
        ParameterKind::Number(range) => range_text(range),
        ParameterKind::Text => "text".into(),
        ParameterKind::OneOf(names) => names.join(", "),
        ParameterKind::Numbers => "numbers".into(),
        ParameterKind::Texts => "texts".into(),
    }
}
