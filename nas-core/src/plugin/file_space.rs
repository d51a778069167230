//! Spaces that are files: TOML files, and networks of other programs in ONNX. One registered space type reads each
//! kind.

use std::marker::PhantomData;
use std::path::Path;

use nas_api::{OpenSpace, Parameter, SearchSpace, Setting, Settings, Value};

use super::identity::digest;
use super::search::guarded;
use super::{Identity, Kind, Origin, PluginError, SpaceSource};

/// The name of the space type that reads a definition as text.
pub const TABLE_SPACE: &str = "table";
/// The parameter that takes the text of a definition.
pub const DEFINITION: &str = "definition";

/// A space that a file describes.
pub(super) struct FileSpaceSource<S> {
    identity: Identity,
    settings: Settings,
    space: PhantomData<fn() -> S>,
}

impl<S: SearchSpace> FileSpaceSource<S> {
    /// Reads and checks a file whose text is the definition.
    ///
    /// # Errors
    /// The file cannot be read, or its definition is wrong.
    pub fn load(path: &Path) -> Result<Self, PluginError> {
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "cannot be read: there is no such file".to_owned(),
            _ => format!("cannot be read: {error}"),
        });
        Self::load_with(path, text, "check the path")
    }

    /// Checks the definition that was read from a file. `text` is the definition, or why it could not be read; `remedy`
    /// is the help for that case.
    ///
    /// # Errors
    /// The file could not be read, or its definition is wrong.
    pub fn load_with(path: &Path, text: Result<String, String>, remedy: &str) -> Result<Self, PluginError> {
        let text = text.map_err(|problem| PluginError {
            plugin: format!("space {}", path.display()),
            call: String::new(),
            problem,
            remedy: remedy.to_owned(),
        })?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let origin = Origin::Table(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        let digest = Some(digest(text.as_bytes()));
        let identity = Identity { kind: Kind::Space, name, version: String::new(), origin, digest };
        let settings = Settings(vec![Setting { name: DEFINITION.into(), value: Value::Text(text) }]);
        let mut source = Self { identity, settings, space: PhantomData };
        // The definition names the space; until it has been read, the path is all that is known.
        let refused = |error: PluginError| PluginError {
            plugin: format!("space {}", path.display()),
            call: String::new(),
            ..error
        };
        let mut space = source.open(&Settings::default()).map_err(refused)?;
        let info = space.info().map_err(|error| PluginError::from_api(&source.identity, "describe", error))?;
        source.identity.name_itself(&info.name, &info.version)?;
        Ok(source)
    }
}

impl<S: SearchSpace> SpaceSource for FileSpaceSource<S> {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn parameters(&self) -> Result<Vec<Parameter>, PluginError> {
        Ok(Vec::new())
    }

    fn open(&self, _settings: &Settings) -> Result<Box<dyn OpenSpace>, PluginError> {
        guarded(&self.identity, "open", || Ok(Box::new(S::open(&self.settings)?) as Box<dyn OpenSpace>))
    }
}
