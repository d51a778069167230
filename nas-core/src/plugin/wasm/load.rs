//! Loads a component. Its size, kind, contract version and imports are checked before it is compiled, and compilation
//! has a limit of time.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use nas_api::CONTRACT_VERSION;

use super::host::Host;
use super::scan::{Names, Refused, scan};
use crate::plugin::identity::digest;
use crate::plugin::{Identity, Kind, Origin, PluginError};

/// The maximum size of a component's file, in bytes.
const MAX_FILE: u64 = 16 << 20;
/// The stack of the thread that compiles, in bytes.
const COMPILER_STACK: usize = 16 << 20;

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
        let bytes = read(path).map_err(|problem| refuse(problem, "check the path"))?;
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
        let names = scan(&bytes).map_err(|refused| match refused {
            Refused::Damaged(problem) => {
                refuse(format!("is damaged or not supported: {problem}"), "build it again, or copy it again")
            }
            Refused::TooMuch(problem) => {
                refuse(problem, "no plugin needs this: do not use a file that you cannot trust")
            }
        })?;
        let (kind, version) = check_contract(&names).map_err(|(problem, remedy)| refuse(problem, &remedy))?;
        let digest = digest(&bytes);
        let compiled = compile(host, bytes).map_err(|(problem, remedy)| refuse(problem, remedy))?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let origin = Origin::Component(absolute(path));
        let identity = Identity { kind, name, version, origin, digest: Some(digest) };
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

/// Reads a file that is not too large, even if it is none whose size is known.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(cannot)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(format!("is too large to be a plugin (more than {} MiB)", MAX_FILE >> 20));
    }
    Ok(bytes)
}

/// Compiles a component, or takes the compiled code from the cache. The error is a problem and its remedy.
fn compile(host: &Arc<Host>, bytes: Vec<u8>) -> Result<wasmtime::component::Component, (String, &'static str)> {
    let seconds = host.runtime.limits.compile_seconds;
    let engine = host.runtime.engine.clone();
    let (sender, receiver) = mpsc::channel();
    // The compiler cannot be interrupted. After the limit the thread goes on until the program ends, which it does soon:
    // a plugin that cannot be loaded ends the command.
    let thread = std::thread::Builder::new().name("compiler".into()).stack_size(COMPILER_STACK).spawn(move || {
        // The receiver is gone only if the limit has passed.
        let _ = sender.send(wasmtime::component::Component::new(&engine, &bytes));
    });
    thread.map_err(|error| (format!("cannot be compiled: {error}"), "close other programs"))?;
    match receiver.recv_timeout(Duration::from_secs(u64::from(seconds))) {
        Ok(compiled) => compiled.map_err(|error| {
            (format!("is damaged or not supported: {}", error.root_cause()), "build it again, or copy it again")
        }),
        Err(RecvTimeoutError::Timeout) => Err((
            format!("takes more than {seconds} seconds to compile"),
            "do not use it if you cannot trust it; otherwise, try again when the machine is idle",
        )),
        Err(RecvTimeoutError::Disconnected) => {
            Err(("makes the compiler panic".to_owned(), "build it again with another version of its compiler"))
        }
    }
}

/// Reads kind and contract version from the names of exports and imports. The error is a problem and its remedy.
fn check_contract(names: &Names) -> Result<(Kind, String), (String, String)> {
    let mut found = None;
    for name in &names.exports {
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
    for name in &names.imports {
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
