//! Products: several spaces that are searched as one, whose networks are joined in series or added. A TOML file names
//! the spaces.

mod network;
mod space;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use nas_api::{OpenSpace, Parameter, Settings};
use serde::Deserialize;

use super::identity::digest;
use super::{Identity, Kind, Origin, PluginError, Registry, SpaceSource};
use crate::study::{PluginSpec, check_settings};
use space::{Part, Product};

/// The maximum number of spaces in a product.
const MAX_PARTS: usize = 8;

/// How the networks of the parts are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Join {
    /// Each network reads the output of the one before it.
    #[default]
    Series,
    /// All networks read the input, and their outputs are added.
    Sum,
}

/// The content of a product's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    join: Join,
    /// In series, the number of outputs that each network but the last passes to the next.
    #[serde(default = "default_features")]
    features: u32,
    product: Vec<PluginSpec>,
}

/// Whether a TOML file with these keys describes a product.
pub(super) fn is_product(keys: &toml::Table) -> bool {
    keys.contains_key("product")
}

fn default_features() -> u32 {
    64
}

/// A product that a file describes.
pub(super) struct ProductSource {
    identity: Identity,
    definition: Definition,
    parts: Vec<(Arc<dyn SpaceSource>, Settings)>,
}

impl ProductSource {
    /// Reads a file, finds its spaces and checks their settings. Relative paths are relative to the file's folder.
    ///
    /// # Errors
    /// The file cannot be read, a key or setting is wrong, or a space is missing or a product itself.
    pub fn load(path: &Path, registry: &Registry) -> Result<Self, PluginError> {
        let refused = |problem: String, remedy: &str| PluginError {
            plugin: format!("space {}", path.display()),
            call: String::new(),
            problem,
            remedy: remedy.to_owned(),
        };
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| refused(format!("cannot be read: {error}"), "check the path"))?;
        let mut definition: Definition = toml::from_str(&text)
            .map_err(|error| refused(error.to_string().trim_end().to_owned(), "docs/spaces.md lists every key"))?;
        let count = definition.product.len();
        if !(2..=MAX_PARTS).contains(&count) {
            return Err(refused(format!("a product has 2 to {MAX_PARTS} spaces, and this one {count}"), ""));
        }
        if definition.features == 0 {
            return Err(refused("features: must be 1 or more".into(), ""));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut parts = Vec::with_capacity(count);
        // The digest covers the file and the digests of the spaces that it names.
        let mut content = text;
        for (number, part) in definition.product.iter_mut().enumerate() {
            let place = format!("product[{number}]");
            part.relocate(folder);
            let Some(reference) = &part.reference else {
                return Err(refused(format!("{place}: there is no 'use'"), "name a space: use = \"NAME\""));
            };
            // A product of products could contain itself.
            let text = registry.locate(Kind::Space, reference).and_then(|file| std::fs::read_to_string(file).ok());
            if text.is_some_and(|text| text.parse().is_ok_and(|keys| is_product(&keys))) {
                return Err(refused(format!("{place}: {reference} is a product, too"), "name the spaces that it has"));
            }
            let source = registry.space(reference)?;
            let settings = check_settings(&place, &source.parameters()?, &part.settings)
                .map_err(|error| refused(error.to_string(), ""))?;
            let Identity { name, version, digest, .. } = source.identity();
            content.push_str(&format!("\n{name} {version} {}", digest.as_deref().unwrap_or_default()));
            parts.push((source, settings));
        }
        let origin = Origin::Table(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        let digest = Some(digest(content.as_bytes()));
        let mut identity = Identity { kind: Kind::Space, name: String::new(), version: String::new(), origin, digest };
        identity.name_itself(&definition.name, "1")?;
        Ok(Self { identity, definition, parts })
    }
}

impl SpaceSource for ProductSource {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn parameters(&self) -> Result<Vec<Parameter>, PluginError> {
        Ok(Vec::new())
    }

    fn open(&self, _settings: &Settings) -> Result<Box<dyn OpenSpace>, PluginError> {
        let mut parts: Vec<Part> = Vec::with_capacity(self.parts.len());
        for (source, settings) in &self.parts {
            let space = source.open(settings)?;
            let part = Part::new(space, |name| parts.iter().filter(|part| part.is_called(name)).count());
            parts.push(part.map_err(|error| PluginError::from_api(source.identity(), "describe", error))?);
        }
        Ok(Box::new(Product::new(&self.definition, parts)))
    }
}
