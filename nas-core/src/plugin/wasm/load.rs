//! Loads a component and checks its kind, contract version and imports before anything is instantiated.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nas_api::CONTRACT_VERSION;

use super::host::Host;
use crate::plugin::identity::digest;
use crate::plugin::{Identity, Kind, Origin, PluginError};

/// The maximum size of a component's file, in bytes.
const MAX_FILE: u64 = 256 << 20;

/// A compiled component whose kind, contract version and imports have been checked.
pub struct Component {
    pub(super) host: Arc<Host>,
    pub(super) compiled: wasmtime::component::Component,
    pub(super) identity: Identity,
}

impl Component {
    /// Reads and compiles a file, or takes the compiled code from the cache. Until the plugin has described itself, its
    /// identity has the name of the file and the version of the contract.
    ///
    /// # Errors
    /// The file cannot be read, is not a component, or does not fit the contract.
    pub fn load(host: &Arc<Host>, path: &Path) -> Result<Self, PluginError> {
        let refuse = |problem: String, remedy: &str| PluginError {
            plugin: format!("plugin {}", path.display()),
            call: String::new(),
            problem,
            remedy: remedy.to_owned(),
        };
        let size = std::fs::metadata(path)
            .map_err(|error| refuse(format!("cannot be read: {error}"), "check the path"))?
            .len();
        if size > MAX_FILE {
            return Err(refuse(format!("is too large to be a plugin ({} MiB)", size >> 20), "check the path"));
        }
        let bytes =
            std::fs::read(path).map_err(|error| refuse(format!("cannot be read: {error}"), "check the path"))?;
        match bytes.get(..8) {
            Some([0, b'a', b's', b'm', 0x0d, 0, 1, 0]) => {}
            Some([0, b'a', b's', b'm', _, _, 0, 0]) => {
                return Err(refuse(
                    "is a core WebAssembly module, not a component".into(),
                    "build it with `cargo xtask plugins`, or make it a component with `wasm-tools component new`",
                ));
            }
            _ => {
                return Err(refuse(
                    "is not a WebAssembly component".into(),
                    "a plugin is a .wasm file that `cargo xtask plugins` has built",
                ));
            }
        }
        let compiled = wasmtime::component::Component::new(&host.runtime.engine, &bytes).map_err(|error| {
            refuse(format!("is damaged or not supported: {}", error.root_cause()), "build it again, or copy it again")
        })?;
        let (kind, version) = check_contract(host, &compiled).map_err(|(problem, remedy)| refuse(problem, &remedy))?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let origin = Origin::Component(absolute(path));
        let identity = Identity { kind, name, version, origin, digest: Some(digest(&bytes)) };
        Ok(Self { host: host.clone(), compiled, identity })
    }

    /// The kind of the plugin.
    pub fn kind(&self) -> Kind {
        self.identity.kind
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Reads kind and contract version from the names of exports and imports. The error is a problem and its remedy.
fn check_contract(host: &Host, compiled: &wasmtime::component::Component) -> Result<(Kind, String), (String, String)> {
    let interface_types = compiled.component_type();
    let mut found = None;
    for (name, _) in interface_types.exports(&host.runtime.engine) {
        let Some((interface, version)) = name.strip_prefix("nas:plugin/").and_then(|name| name.split_once('@')) else {
            continue;
        };
        let kind = match interface {
            "space" => Kind::Space,
            "strategy" => Kind::Strategy,
            "evaluator" => Kind::Evaluator,
            _ => continue,
        };
        check_version(version)?;
        found = Some((kind, version.to_owned()));
    }
    let found = found.ok_or_else(|| {
        (
            "is a component, but neither a space nor a strategy nor an evaluator".to_owned(),
            format!("it must export one of the worlds of the contract nas:plugin@{CONTRACT_VERSION} (folder wit/)"),
        )
    })?;
    let offered: &[&str] = match found.0 {
        Kind::Strategy => &["types", "log", "space"],
        Kind::Space | Kind::Evaluator => &["types", "log", "architecture"],
    };
    for (name, _) in interface_types.imports(&host.runtime.engine) {
        let known = name.strip_prefix("nas:plugin/").and_then(|name| name.split_once('@'));
        match known {
            Some((interface, version)) if offered.contains(&interface) => check_version(version)?,
            _ => {
                return Err((
                    format!("imports '{name}', which is not offered to a {}", found.0),
                    format!(
                        "plugins have no clock, files, network or randomness of their own; offered: {}",
                        offered.join(", ")
                    ),
                ));
            }
        }
    }
    Ok(found)
}

/// Checks that a version of the contract is compatible: before 1.0, versions are within one minor version.
fn check_version(version: &str) -> Result<(), (String, String)> {
    let compatible = |version: &str| -> Option<(u32, u32)> {
        let mut parts = version.split(['.', '-']).map(|part| part.parse().ok());
        Some((parts.next()??, parts.next()??))
    };
    if compatible(version).is_some() && compatible(version) == compatible(CONTRACT_VERSION) {
        return Ok(());
    }
    Err((
        format!("was built for version {version} of the contract; this program speaks {CONTRACT_VERSION}"),
        format!("rebuild it against nas-api {CONTRACT_VERSION}, or use the version of nas that it was built for"),
    ))
}

#[cfg(test)]
mod tests {
    use super::check_version;

    #[test]
    fn versions_are_compatible_within_one_minor_version() {
        assert!(check_version(nas_api::CONTRACT_VERSION).is_ok());
        assert!(check_version("0.1.7").is_ok());
        assert!(check_version("0.2.0").is_err());
        assert!(check_version("1.1.0").is_err());
        assert!(check_version("nonsense").is_err());
    }
}
