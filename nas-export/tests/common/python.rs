//! Finds or makes the Python with the requirements of `nas-export/tests`. The end-to-end tests use it, too.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the Python that NAS_EXPORT_PYTHON names, or one that is made in the target folder; `None`, with a printed
/// reason, if there is none. CI must have one.
pub fn python(target: &Path) -> Option<PathBuf> {
    if let Some(python) = std::env::var_os("NAS_EXPORT_PYTHON") {
        return Some(python.into());
    }
    static MADE: std::sync::OnceLock<Result<PathBuf, String>> = std::sync::OnceLock::new();
    match MADE.get_or_init(|| make(target)) {
        Ok(python) => Some(python.clone()),
        Err(reason) => {
            assert!(std::env::var_os("CI").is_none(), "there is no Python to check with: {reason}");
            eprintln!("skipped: nothing was checked with onnxruntime: {reason}");
            None
        }
    }
}

fn make(target: &Path) -> Result<PathBuf, String> {
    let wanted = include_bytes!("../requirements.txt");
    let folder = target.join("export-python");
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let done = folder.join("requirements.txt");
    // Tests of other files may need it at once: the first one makes it, the others wait.
    fs::create_dir_all(target).unwrap();
    let lock = fs::File::create(target.join("export-python.lock")).unwrap();
    lock.lock().map_err(|error| error.to_string())?;
    if fs::read(&done).is_ok_and(|made| made == wanted) {
        return Ok(python);
    }
    let run = |program: &Path, arguments: &[&OsStr]| {
        let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program:?}: {error}"))?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    };
    run(Path::new("python3"), &["-m".as_ref(), "venv".as_ref(), folder.as_os_str()])?;
    let requirements = folder.join("wanted.txt");
    fs::write(&requirements, wanted).unwrap();
    let install = ["-m", "pip", "install", "-q", "-r"].map(OsStr::new);
    run(&python, &[&install[..], &[requirements.as_os_str()]].concat())?;
    fs::rename(requirements, done).unwrap();
    Ok(python)
}
