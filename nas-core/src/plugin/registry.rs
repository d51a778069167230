//! Finds plugins by name or path.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use nas_api::{EvaluatorPlugin, Meter, SearchSpace, Settings, SpaceInfo, StrategyPlugin, Task};

use super::builtin::BuiltIn;
use super::composite_space::{ProductSource, is_product};
use super::file_space::{FileSpaceSource, TABLE_SPACE};
use super::guarded_space::GuardedSource;
use super::identity::{Entry, LIBRARY, has_ending};
use super::lookup::is_path;
use super::native::{self, NativeSource};
use super::options::Options;
use super::process::ProcessSource;
use super::space_overrides::OverridableSpace;
use super::unknown::{ChosenSpace, SpaceChooser, refused, unknown};
use super::wasm::{Component, Host, WasmEvaluatorSource, WasmSpaceSource, WasmStrategy};
use super::{EvaluatorSource, Identity, Kind, PluginError, SpaceSource, StrategySource};
use crate::meter::{OpenMeter, ReadMeter};
use crate::names::did_you_mean;

type TomlLoader = fn(&Path) -> Result<Arc<dyn SpaceSource>, PluginError>;
type OnnxLoader = Box<dyn Fn(&Path) -> Result<Arc<dyn SpaceSource>, PluginError> + Send + Sync>;

/// The plugins that a study can name.
#[derive(Default)]
pub struct Registry {
    spaces: BTreeMap<String, Arc<dyn SpaceSource>>,
    strategies: BTreeMap<String, Arc<dyn StrategySource>>,
    evaluators: BTreeMap<String, Arc<dyn EvaluatorSource>>,
    /// Readers of TOML files that have this key at the top level.
    toml_readers: BTreeMap<&'static str, TomlLoader>,
    /// The reader of all other TOML files.
    default_toml_reader: Option<TomlLoader>,
    onnx_reader: Option<OnnxLoader>,
    /// The space that takes a definition as a parameter.
    table_space: Option<Arc<dyn SpaceSource>>,
    meters: BTreeMap<&'static str, OpenMeter>,
    meter_reader: Option<ReadMeter>,
    /// Recipes by name, as TOML.
    recipes: BTreeMap<&'static str, &'static str>,
    /// Chooses a space for studies that name none.
    space_chooser: Option<SpaceChooser>,
    pub(super) options: Options,
    host: OnceLock<Result<Arc<Host>, String>>,
}

impl Registry {
    /// A registry without built-in plugins.
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    /// Adds a built-in space. Its name and version are those of the space at its default settings.
    ///
    /// # Errors
    /// The space cannot be opened with its default settings.
    pub fn add_space<S: SearchSpace>(&mut self) -> Result<(), PluginError> {
        let info = described::<S>()?;
        let source = BuiltIn::<S>::new(Kind::Space, &info.name, &info.version);
        self.spaces.insert(info.name, Arc::new(source));
        Ok(())
    }

    /// Adds a built-in space whose parameter `definition` determines its own name. TOML files with `key` at the top
    /// level are definitions of it.
    ///
    /// # Errors
    /// The space cannot be opened with its default settings.
    pub fn add_space_of_files<S: SearchSpace>(&mut self, name: &str, key: &'static str) -> Result<(), PluginError> {
        let source = BuiltIn::<S>::new(Kind::Space, name, &described::<S>()?.version);
        self.spaces.insert(name.to_owned(), Arc::new(source));
        self.toml_readers.insert(key, |path| Ok(Arc::new(FileSpaceSource::<S>::load(path)?)));
        Ok(())
    }

    /// Sets the space type that reads all other TOML files, whose text it takes as its parameter `definition`. A text
    /// without a file can be opened as the space `table`, which is not listed because it is no space without a text.
    pub fn read_tables_with<S: SearchSpace>(&mut self) {
        let source = BuiltIn::<S>::new(Kind::Space, TABLE_SPACE, env!("CARGO_PKG_VERSION"));
        self.table_space = Some(Arc::new(source));
        self.default_toml_reader = Some(|path| Ok(Arc::new(FileSpaceSource::<S>::load(path)?)));
    }

    /// Sets the space type that ONNX files become, and the function that reads its parameter `definition` from such a
    /// file.
    pub fn read_networks_with<S: SearchSpace>(&mut self, read: fn(&Path) -> Result<String, String>) {
        self.onnx_reader = Some(Box::new(move |path| {
            let remedy = "export it again, with fixed sizes for all axes but the batch";
            Ok(Arc::new(FileSpaceSource::<S>::load_with(path, read(path), remedy)?))
        }));
    }

    /// Sets the function that chooses a space for studies that name none.
    pub fn choose_spaces_with(&mut self, choose: SpaceChooser) {
        self.space_chooser = Some(choose);
    }

    /// A space for a study that names none; `None` if no space is known to fit the task.
    pub fn choose_space(&self, task: &Task) -> Option<ChosenSpace> {
        self.space_chooser.and_then(|choose| choose(task))
    }

    /// Adds a recipe, whose settings in TOML evaluators with a parameter `recipe` take by this name.
    pub fn add_recipe(&mut self, name: &'static str, toml: &'static str) {
        self.recipes.insert(name, toml);
    }

    /// All recipes by name, as TOML.
    pub fn recipes(&self) -> &BTreeMap<&'static str, &'static str> {
        &self.recipes
    }

    /// Adds a built-in strategy.
    pub fn add_strategy<T: StrategyPlugin>(&mut self) {
        let info = T::info();
        let source = BuiltIn::<T>::new(Kind::Strategy, &info.name, &info.version).with_log(self.options.log.clone());
        self.strategies.insert(info.name, Arc::new(source));
    }

    /// Adds a built-in evaluator.
    pub fn add_evaluator<E: EvaluatorPlugin>(&mut self) {
        let info = E::info();
        let source = BuiltIn::<E>::new(Kind::Evaluator, &info.name, &info.version);
        self.evaluators.insert(info.name, Arc::new(source));
    }

    /// Adds a meter, which is opened when a study names it.
    pub fn add_meter(
        &mut self,
        name: &'static str,
        open: impl Fn() -> Result<Box<dyn Meter>, String> + Send + Sync + 'static,
    ) {
        self.meters.insert(name, Box::new(open));
    }

    /// Sets the reader of files that describe meters.
    pub fn read_meters_with(&mut self, read: ReadMeter) {
        self.meter_reader = Some(read);
    }

    /// The names of all meters, in alphabetical order; files can be meters, too.
    pub fn meter_names(&self) -> impl Iterator<Item = &'static str> {
        self.meters.keys().copied()
    }

    /// Whether a meter was added under this name; files are not considered.
    pub fn has_meter(&self, name: &str) -> bool {
        self.meters.contains_key(name)
    }

    /// Opens the meter with this name or path.
    ///
    /// # Errors
    /// There is no such meter, or it cannot be opened.
    pub fn meter(&self, reference: &str) -> Result<Box<dyn Meter>, PluginError> {
        let refused = |problem: String, remedy: &str| PluginError {
            plugin: format!("meter '{reference}'"),
            call: String::new(),
            problem,
            remedy: remedy.to_owned(),
        };
        if let Some(open) = self.meters.get(reference) {
            return open().map_err(|problem| refused(problem, ""));
        }
        let path = Path::new(reference);
        if path.is_dir() {
            return Err(refused("is a folder".into(), "name the table in it, a .csv file"));
        }
        if !path.exists() && is_path(path) || has_ending(path, &["csv"]) && !path.is_file() {
            return Err(refused("there is no such file".into(), "bring it back, or check the path"));
        }
        match self.meter_reader {
            Some(read) if path.is_file() => read(path).map_err(|problem| refused(problem, "")),
            _ => {
                let known = self.meters.keys().copied();
                let near = did_you_mean(reference, known.clone());
                let known = known.collect::<Vec<_>>().join(", ");
                Err(refused("there is no meter and no file of this name".into(), &format!("{near}known: {known}")))
            }
        }
    }

    /// The space with this name or path (`.wasm`, `.toml`, `.onnx`). Besides its own parameters it has those that every
    /// space has: `fix`, `start` and `start_steps`.
    ///
    /// # Errors
    /// There is no such space, or its file cannot be used.
    pub fn space(&self, reference: &str) -> Result<Arc<dyn SpaceSource>, PluginError> {
        let plain = GuardedSource(self.plain_space(reference)?);
        Ok(Arc::new(OverridableSpace::new(Arc::new(plain))))
    }

    /// The space without the parameters that every space has.
    fn plain_space(&self, reference: &str) -> Result<Arc<dyn SpaceSource>, PluginError> {
        match self.locate(Kind::Space, reference) {
            Some(path) if has_ending(&path, &["toml"]) => match self.toml(&path) {
                Some(source) => source,
                None => Err(refused(Kind::Space, reference, "TOML spaces are not read here", "")),
            },
            Some(path) if has_ending(&path, &["onnx"]) => match &self.onnx_reader {
                Some(load) => load(&path),
                None => Err(refused(Kind::Space, reference, "ONNX files are not read here", "")),
            },
            Some(path) => Ok(Arc::new(WasmSpaceSource::new(self.component(Kind::Space, &path)?)?)),
            None => match self.table_space.as_ref().filter(|_| reference == TABLE_SPACE) {
                Some(source) => Ok(source.clone()),
                None => self.built_in(Kind::Space, reference, &self.spaces),
            },
        }
    }

    /// The space that a TOML file describes, which a key at its top level decides: a product, the reader that was added
    /// for the key, or the default reader, which also reports invalid TOML. `None` if there is no reader.
    fn toml(&self, path: &Path) -> Option<Result<Arc<dyn SpaceSource>, PluginError>> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let keys: toml::Table = text.parse().unwrap_or_default();
        if is_product(&keys) {
            return Some(ProductSource::load(path, self).map(|source| Arc::new(source) as Arc<dyn SpaceSource>));
        }
        let registered = self.toml_readers.iter().find(|(key, _)| keys.contains_key(**key)).map(|(_, load)| *load);
        registered.or(self.default_toml_reader).map(|load| load(path))
    }

    /// The strategy with this name or path (`.wasm`).
    ///
    /// # Errors
    /// There is no such strategy, or its file cannot be used.
    pub fn strategy(&self, reference: &str) -> Result<Arc<dyn StrategySource>, PluginError> {
        match self.locate(Kind::Strategy, reference) {
            Some(path) => Ok(Arc::new(WasmStrategy::new(self.component(Kind::Strategy, &path)?)?)),
            None => self.built_in(Kind::Strategy, reference, &self.strategies),
        }
    }

    /// The evaluator with this name or path (`.wasm`, or a library).
    ///
    /// # Errors
    /// There is no such evaluator, or its file cannot be used.
    pub fn evaluator(&self, reference: &str) -> Result<Arc<dyn EvaluatorSource>, PluginError> {
        let (source, library): (Arc<dyn EvaluatorSource>, bool) = match self.locate(Kind::Evaluator, reference) {
            Some(path) if has_ending(&path, LIBRARY) => {
                if is_path(Path::new(reference)) {
                    self.check_allowed(&path)?;
                }
                (Arc::new(NativeSource::load(&path)?), true)
            }
            // A component needs no process of its own, because it runs in a sandbox.
            Some(path) => return Ok(Arc::new(WasmEvaluatorSource::new(self.component(Kind::Evaluator, &path)?)?)),
            None => (self.built_in(Kind::Evaluator, reference, &self.evaluators)?, false),
        };
        match &self.options.processes {
            // A built-in evaluator that takes no networks only looks results up, which is fast and safe.
            Some(processes) if library || source.info()?.graphs => {
                Ok(Arc::new(ProcessSource::new(source, reference, processes.clone())))
            }
            _ => Ok(source),
        }
    }

    /// The identity of a plugin file of any kind. A native library is not loaded, so its name is that of its file and its
    /// version is empty.
    ///
    /// # Errors
    /// The file cannot be used as a plugin.
    pub fn identify(&self, path: &Path) -> Result<Identity, PluginError> {
        let reference = path.to_string_lossy();
        if has_ending(path, &["toml", "onnx"]) {
            return Ok(self.space(&reference)?.identity().clone());
        }
        if has_ending(path, LIBRARY) {
            return native::identify(path);
        }
        let component = Component::load(&self.host()?, path)?;
        Ok(match component.kind() {
            Kind::Space => WasmSpaceSource::new(component)?.identity().clone(),
            Kind::Strategy => WasmStrategy::new(component)?.identity().clone(),
            Kind::Evaluator => WasmEvaluatorSource::new(component)?.identity().clone(),
        })
    }

    /// All plugins that a name can stand for, ordered by kind and name; for each name the one that it stands for is
    /// first.
    pub fn list(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (kind, name, path) in self.files() {
            let wins = self.locate(kind, &name).as_ref() == Some(&path);
            entries.push((kind, Entry { name, identity: self.identify(&path), wins }));
        }
        let spaces = self.spaces.values().map(|source| source.identity());
        let strategies = self.strategies.values().map(|source| source.identity());
        let evaluators = self.evaluators.values().map(|source| source.identity());
        for identity in spaces.chain(strategies).chain(evaluators) {
            let (kind, name) = (identity.kind, identity.name.clone());
            let wins = self.locate(kind, &name).is_none();
            entries.push((kind, Entry { name, identity: Ok(identity.clone()), wins }));
        }
        entries.sort_by(|a, b| (a.0, &a.1.name, !a.1.wins).cmp(&(b.0, &b.1.name, !b.1.wins)));
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    fn host(&self) -> Result<Arc<Host>, PluginError> {
        let Options { cache, limits, log, .. } = self.options.clone();
        let host =
            self.host.get_or_init(|| Host::new(cache, limits, log).map_err(|error| error.root_cause().to_string()));
        host.clone().map_err(|problem| PluginError {
            plugin: "the WebAssembly host".into(),
            call: String::new(),
            problem,
            remedy: "check that the cache folder can be written, or name another with --plugin-cache".into(),
        })
    }

    fn component(&self, kind: Kind, path: &Path) -> Result<Component, PluginError> {
        let component = Component::load(&self.host()?, path)?;
        if component.kind() != kind {
            let problem = format!("is a {}, not a {kind}", component.kind());
            return Err(refused(kind, &path.to_string_lossy(), &problem, "name it in the other flag"));
        }
        Ok(component)
    }

    fn built_in<S: ?Sized>(
        &self,
        kind: Kind,
        reference: &str,
        known: &BTreeMap<String, Arc<S>>,
    ) -> Result<Arc<S>, PluginError> {
        if let Some(source) = known.get(reference) {
            return Ok(source.clone());
        }
        let files = self.files().into_iter().filter(|(of, _, _)| *of == kind).map(|(_, name, _)| name);
        let names = known.keys().cloned().chain(files).collect();
        Err(unknown(kind, reference, names))
    }
}

/// The description of a space at its default settings.
fn described<S: SearchSpace>() -> Result<SpaceInfo, PluginError> {
    let unnamed = BuiltIn::<S>::new(Kind::Space, "built in", "");
    let info = unnamed.open(&Settings::defaults(&S::parameters()))?.info();
    info.map_err(|error| PluginError::from_api(unnamed.identity(), "describe", error))
}
