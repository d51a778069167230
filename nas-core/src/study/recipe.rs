//! Recipes: settings of an evaluator under one name, or in one file.
//!
//! An evaluator that declares a parameter with the role [`Role::Recipe`] takes them. What a recipe sets applies where
//! the user sets nothing. A study records the value of every parameter, so a recipe that changes later does not change
//! the study: resuming reads no recipe.

use std::collections::BTreeMap;
use std::path::Path;

use nas_api::{Parameter, Role, Value};
use serde::Deserialize;

use super::StudyError;
use super::settings::{UnresolvedSetting, UnresolvedSettings, check_settings, from_toml};
use crate::names::did_you_mean;
use crate::plugin::{Registry, has_ending};

/// A set of settings for an evaluator.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Its name, or its file as an absolute path: what a study records.
    pub reference: String,
    /// What it is for; empty if it does not say.
    pub about: String,
    /// By the parameter's name.
    pub settings: UnresolvedSettings,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    #[serde(default)]
    about: String,
    evaluator: BTreeMap<String, toml::Value>,
}

impl Recipe {
    /// The recipe of this name, or in this file: whatever ends in `.toml` or looks like a path is a file. Its settings
    /// are those of these parameters, and have their kinds.
    pub fn find(reference: &str, registry: &Registry, parameters: &[Parameter]) -> Result<Self, StudyError> {
        let recipe = if reference.contains(['/', '\\']) || has_ending(Path::new(reference), &["toml"]) {
            Self::from_file(Path::new(reference))?
        } else {
            Self::named(reference, registry)?
        };
        let place = format!("recipe {}", recipe.reference);
        let is_reserved = |name: &str| {
            parameters.iter().any(|known| known.name == name && matches!(known.role, Role::Recipe | Role::Data))
        };
        if let Some(name) = recipe.settings.keys().find(|name| is_reserved(name)) {
            let problem = format!("evaluator.{name} is for studies to set, not for recipes");
            return Err(StudyError::spec(place, problem, "leave it out of the recipe"));
        }
        check_settings(&place, parameters, &recipe.settings)?;
        Ok(recipe)
    }

    /// Every recipe that comes with the program.
    pub fn all(registry: &Registry) -> Result<Vec<Self>, StudyError> {
        registry.recipes().keys().map(|name| Self::named(name, registry)).collect()
    }

    fn named(name: &str, registry: &Registry) -> Result<Self, StudyError> {
        let recipes = registry.recipes();
        let Some(toml) = recipes.get(name) else {
            let known: Vec<&str> = recipes.keys().copied().collect();
            let near = did_you_mean(name, known.iter().copied());
            let remedy = format!("{near}known: {}; or name a .toml file", known.join(", "));
            return Err(StudyError::spec("recipe", format!("there is no recipe '{name}'"), remedy));
        };
        let wrong = |problem| StudyError::spec(format!("recipe {name}"), problem, "");
        Self::from_toml(name.to_owned(), toml).map_err(wrong)
    }

    fn from_file(path: &Path) -> Result<Self, StudyError> {
        let form = "a recipe is a TOML file with a text 'about' and a table [evaluator] of settings";
        let text = std::fs::read_to_string(path)
            .map_err(|error| StudyError::file(path, format!("cannot be read: {error}"), "name a recipe's TOML file"))?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self::from_toml(absolute.to_string_lossy().into_owned(), &text)
            .map_err(|problem| StudyError::file(path, problem, form))
    }

    fn from_toml(reference: String, text: &str) -> Result<Self, String> {
        let contents: Contents = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let mut settings = UnresolvedSettings::new();
        for (name, value) in contents.evaluator {
            let value = from_toml(value).map_err(|problem| format!("evaluator.{name}: {problem}"))?;
            settings.insert(name, UnresolvedSetting::Typed(value));
        }
        Ok(Self { reference, about: contents.about, settings })
    }
}

/// Fills in the settings of the recipe where the user has set nothing.
pub(super) fn apply(
    given: &mut UnresolvedSettings,
    parameters: &[Parameter],
    registry: &Registry,
) -> Result<(), StudyError> {
    let Some(name) = Parameter::find(Role::Recipe, parameters).map(|known| &known.name) else {
        return Ok(());
    };
    let reference = given.get(name).and_then(UnresolvedSetting::text).unwrap_or_default();
    if reference.is_empty() {
        return Ok(());
    }
    let Recipe { reference, settings, .. } = Recipe::find(reference, registry, parameters)?;
    given.insert(name.clone(), UnresolvedSetting::Typed(Value::Text(reference)));
    for (name, value) in settings {
        given.entry(name).or_insert(value);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plugin::Options;

    const SLOW: &str = "about = \"slowly\"\n[evaluator]\nrate = 0.5\nepochs = 100\n";

    fn registry() -> Registry {
        let mut registry = Registry::new(Options::default());
        registry.add_recipe("slow", SLOW);
        registry
    }

    fn parameters() -> Vec<Parameter> {
        vec![
            Parameter::text("recipe", "", "r").with_role(Role::Recipe),
            Parameter::text("data", "digits", "d").with_role(Role::Data),
            Parameter::number("rate", 0.1, 0.0, 1.0, "r"),
            Parameter::integer("epochs", 10, 1, 1000, "e"),
        ]
    }

    fn raw(pairs: &[(&str, &str)]) -> UnresolvedSettings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), UnresolvedSetting::Raw((*value).to_owned()))).collect()
    }

    fn applied(mut given: UnresolvedSettings) -> Result<nas_api::Settings, StudyError> {
        apply(&mut given, &parameters(), &registry())?;
        check_settings("evaluator", &parameters(), &given)
    }

    fn refused(reference: &str) -> String {
        applied(raw(&[("recipe", reference)])).unwrap_err().to_string()
    }

    #[test]
    fn what_the_user_sets_wins() {
        let settings = applied(raw(&[("recipe", "slow"), ("epochs", "3")])).unwrap();
        assert_eq!(settings.number("rate").unwrap(), 0.5);
        assert_eq!(settings.integer("epochs").unwrap(), 3);
        assert_eq!(settings.text("recipe").unwrap(), "slow");
        // Also where it is the default.
        let settings = applied(raw(&[("recipe", "slow"), ("rate", "0.1")])).unwrap();
        assert_eq!(settings.number("rate").unwrap(), 0.1);
        assert_eq!(applied(raw(&[])).unwrap().integer("epochs").unwrap(), 10);
        assert_eq!(Recipe::all(&registry()).unwrap()[0].about, "slowly");
    }

    #[test]
    fn a_file_is_recorded_by_its_absolute_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, "[evaluator]\nrate = 1\n").unwrap();
        let shown = path.to_str().unwrap();
        let settings = applied(raw(&[("recipe", shown)])).unwrap();
        assert_eq!((settings.number("rate").unwrap(), settings.text("recipe").unwrap()), (1.0, shown));
    }

    #[test]
    fn what_is_no_recipe_is_refused_in_words() {
        assert!(refused("slwo").contains("there is no recipe 'slwo'"), "{}", refused("slwo"));
        assert!(refused("slwo").contains("did you mean 'slow'?"));
        assert!(refused("none.toml").contains("none.toml: cannot be read"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.toml");
        let of_file = |text: &str| {
            std::fs::write(&path, text).unwrap();
            refused(path.to_str().unwrap())
        };
        assert!(of_file("rate = 1\n").contains("unknown field `rate`"), "{}", of_file("rate = 1\n"));
        assert!(of_file("about = 'x'\n").contains("missing field `evaluator`"));
        assert!(of_file("[evaluator]\nrat = 1\n").contains("mine.toml.rat: there is no such parameter"));
        assert!(of_file("[evaluator]\nrat = 1\n").contains("did you mean 'rate'?"));
        assert!(of_file("[evaluator]\nrate = 'much'\n").contains("'rate' takes a number"));
        assert!(of_file("[evaluator]\nrate = 7\n").contains("between 0 and 1"));
        assert!(of_file("[evaluator]\nrate = {a = 1}\n").contains("evaluator.rate: takes true or false"));
        assert!(of_file("[evaluator]\ndata = 'digits'\n").contains("evaluator.data is for studies to set"));
    }
}
