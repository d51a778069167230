//! Runs networks in ONNX Runtime, through its C interface. The installed library is loaded at run time; none is linked
//! or downloaded.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use nas_export::{Model, Weights};
use ort::environment::Environment;
use ort::session::Session;
use ort::value::{DynValue, Tensor};

use super::runtime::example;
use crate::{LatencyError, Loaded, Runtime};

const REMEDY: &str = "`pip install onnxruntime` and set NAS_ONNXRUNTIME=$(python3 -c 'import onnxruntime as o; \
                      print(o.__path__[0])'), or to the library of a release of github.com/microsoft/onnxruntime";
/// The library's name, under which the system finds it.
const LIBRARY: &str = if cfg!(windows) {
    "onnxruntime.dll"
} else if cfg!(target_os = "macos") {
    "libonnxruntime.dylib"
} else {
    "libonnxruntime.so"
};

/// The library has one environment for the whole process.
static ENVIRONMENT: OnceLock<Result<(Environment, String), String>> = OnceLock::new();

/// Runs networks in ONNX Runtime, on the CPU.
#[derive(Debug)]
pub struct OnnxRuntime {
    environment: &'static Environment,
    version: &'static str,
    threads: u32,
}

impl OnnxRuntime {
    /// Loads the library that the variable `NAS_ONNXRUNTIME` names (a file, or the folder of a Python package), or else
    /// the one that the system finds. One operator may use this number of threads.
    ///
    /// # Errors
    ///
    /// Fails if there is no library, or if it cannot be loaded.
    pub fn open(threads: u32) -> Result<Self, LatencyError> {
        let environment = ENVIRONMENT.get_or_init(|| {
            let named = std::env::var_os("NAS_ONNXRUNTIME").filter(|named| !named.is_empty()).map(PathBuf::from);
            let library = named.map_or_else(|| LIBRARY.into(), |path| in_folder(&path).unwrap_or(path));
            let builder = ort::init_from(&library).map_err(|error| error.to_string())?;
            let environment = builder.with_name("nas").with_telemetry(false).build();
            Ok((environment.map_err(|error| error.to_string())?, version(&library)))
        });
        match environment {
            Ok((environment, version)) => Ok(Self { environment, version, threads }),
            Err(problem) => Err(LatencyError::NoRuntime {
                problem: format!("no ONNX Runtime can be used: {problem}"),
                remedy: REMEDY,
            }),
        }
    }

    fn refused(&self, error: &dyn std::fmt::Display) -> LatencyError {
        LatencyError::Refused { runtime: self.name().into(), problem: error.to_string() }
    }

    fn session(&self, bytes: &[u8]) -> ort::Result<Session> {
        let builder = Session::builder(self.environment)?;
        let builder = builder.with_intra_threads(self.threads as usize)?.with_inter_threads(1)?;
        builder.with_intra_op_spinning(self.threads > 1)?.commit_from_memory(bytes)
    }
}

/// The library in the folder of a Python package, such as `libonnxruntime.so.1.32.0`.
fn in_folder(path: &Path) -> Option<PathBuf> {
    let folders = [path.to_owned(), path.join("capi"), path.join("onnxruntime/capi")];
    let is_library = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        name.trim_start_matches("lib").starts_with("onnxruntime.")
            && [".so", ".dylib", ".dll"].iter().any(|ending| name.contains(ending))
    };
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    files.filter_map(|entry| Some(entry.ok()?.path())).find(is_library)
}

/// The version at the end of the library's name (`libonnxruntime.so.1.32.0`), or else the commit of its build.
fn version(library: &Path) -> String {
    let file = std::fs::canonicalize(library).unwrap_or_else(|_| library.to_owned());
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let number = name.split(".so.").nth(1).map(str::to_owned);
    // The text is `ORT Build Info: git-branch=HEAD, git-commit-id=1a2b3c, build type=Release, …`.
    let commit = || ort::info().split("git-commit-id=").nth(1)?.split(',').next().map(|id| format!("commit {id}"));
    number.or_else(commit).unwrap_or_else(|| "of an unknown version".into())
}

impl Runtime for OnnxRuntime {
    fn name(&self) -> &'static str {
        "onnxruntime"
    }

    fn version(&self) -> String {
        self.version.to_owned()
    }

    fn load(&self, model: &Model) -> Result<Box<dyn Loaded>, LatencyError> {
        let bytes = nas_export::onnx::bytes(model, &Weights::Fresh(0))?;
        let session = self.session(&bytes).map_err(|error| self.refused(&error))?;
        let mut shape = vec![1];
        shape.extend(&model.task.input_shape);
        let values = example(model);
        let input: ort::Result<DynValue> = if session.inputs().iter().any(|input| is_whole(input.dtype())) {
            let values: Vec<i64> = values.into_iter().map(|value| value as i64).collect();
            Tensor::from_array((shape, values)).map(Tensor::into_dyn)
        } else {
            Tensor::from_array((shape, values)).map(Tensor::into_dyn)
        };
        Ok(Box::new(Network { session, input: input.map_err(|error| self.refused(&error))? }))
    }
}

fn is_whole(kind: &ort::value::ValueType) -> bool {
    matches!(kind, ort::value::ValueType::Tensor { ty: ort::value::TensorElementType::Int64, .. })
}

struct Network {
    session: Session,
    input: DynValue,
}

impl Loaded for Network {
    fn run(&mut self) -> Result<(), LatencyError> {
        let refused =
            |error: ort::Error| LatencyError::Refused { runtime: "onnxruntime".into(), problem: error.to_string() };
        self.session.run(ort::inputs![&self.input]).map(|_| ()).map_err(refused)
    }
}
