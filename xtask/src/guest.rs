//! A compiler for guests: rustup's where it has (or can get) the wasm32 target, else the distribution's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages;
use crate::run::{output, run};

const TARGET: &str = "wasm32-unknown-unknown";
const INSTALL: &str = "\
components need a Rust compiler for wasm32-unknown-unknown, and none could be set up. Do one of these, then try again:
  rustup target add wasm32-unknown-unknown          (a machine with rustup)
  apt-get install rustc-web rust-web-src            (Debian; needs rustup's rust-lld and wasm-component-ld beside it)";

/// What compiles guests into components.
pub struct Compiler {
    rustc: PathBuf,
    /// Where the target's standard library is, when it is not with the compiler.
    sysroot: Option<PathBuf>,
    /// rustup's folder of linkers: `wasm-component-ld` makes a component of what `wasm-ld` has linked.
    linkers: PathBuf,
}

impl Compiler {
    /// cargo for guests.
    pub fn cargo(&self, target_folder: &Path) -> Command {
        let mut flags = format!("-Clink-arg=--wasm-ld-path={}", self.linkers.join("gcc-ld/wasm-ld").display());
        if let Some(sysroot) = &self.sysroot {
            flags = format!("--sysroot={} {flags}", sysroot.display());
        }
        let mut cargo = Command::new("cargo");
        cargo
            .env("RUSTC", &self.rustc)
            .env("CARGO_BUILD_TARGET", TARGET)
            .env("CARGO_TARGET_DIR", target_folder)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", self.linkers.join("wasm-component-ld"))
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags)
            // Flags meant for the host's compiler would reach the guest's.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        cargo
    }
}

/// Finds or sets up a compiler.
pub fn compiler() -> Result<Compiler> {
    let rustup = output(Command::new("rustc").args(["--print", "sysroot"])).context("rustc is not installed")?;
    let rustup = PathBuf::from(rustup);
    let version = output(Command::new("rustc").arg("-vV")).context("rustc does not say its version")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let linkers = rustup.join("lib/rustlib").join(host).join("bin");
    for tool in ["rust-lld", "wasm-component-ld"] {
        if !linkers.join(tool).is_file() {
            bail!(
                "{} is missing: install Rust through rustup (1.82 or later)\n{INSTALL}",
                linkers.join(tool).display()
            );
        }
    }
    let has_target = || rustup.join("lib/rustlib").join(TARGET).join("lib").is_dir();
    if !has_target() {
        eprintln!("adding the target {TARGET}");
        // Its failure is no error yet: the distribution's compiler may do.
        let _ = output(Command::new("rustup").args(["target", "add", TARGET]));
    }
    if has_target() {
        return Ok(Compiler { rustc: rustup.join("bin/rustc"), sysroot: None, linkers });
    }
    let rustc = distribution_compiler()?;
    let sysroot = standard_library(&rustc, host, &linkers)?;
    Ok(Compiler { rustc, sysroot: Some(sysroot), linkers })
}

/// Debian's compiler with the sources of its standard library, installed where apt-get may.
fn distribution_compiler() -> Result<PathBuf> {
    let rustc = PathBuf::from("/usr/bin/rustc");
    let sources = Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml");
    if !(rustc.is_file() && sources.is_file()) {
        eprintln!("rustup has no {TARGET}; installing the distribution's compiler (rustc-web, rust-web-src)");
        packages::install(&["rustc-web", "rust-web-src"]);
    }
    if rustc.is_file() && sources.is_file() {
        return Ok(rustc);
    }
    bail!("{INSTALL}")
}

/// Builds the target's standard library once for this compiler, and says where it is.
fn standard_library(rustc: &Path, host: &str, linkers: &Path) -> Result<PathBuf> {
    let version = output(Command::new(rustc).arg("-V")).context("the distribution's rustc does not start")?;
    let folder: String = version.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).collect();
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| {
        let home = std::env::var_os("HOME").map(PathBuf::from)?;
        Some(home.join(".cache"))
    });
    let sysroot = cache.context("neither XDG_CACHE_HOME nor HOME is set")?.join("nas/guest-std").join(folder);
    let done = sysroot.join("ok");
    if done.is_file() {
        return Ok(sysroot);
    }
    eprintln!("building the standard library for {TARGET} (once, about a minute)");
    if sysroot.exists() {
        fs::remove_dir_all(&sysroot)?;
    }
    let library = sysroot.join("lib/rustlib");
    let bin = library.join(host).join("bin");
    fs::create_dir_all(library.join(TARGET).join("lib"))?;
    fs::create_dir_all(&bin)?;

    let scratch = sysroot.join("build");
    fs::create_dir_all(scratch.join("src"))?;
    fs::write(scratch.join("src/lib.rs"), "")?;
    fs::write(
        scratch.join("Cargo.toml"),
        "[package]\nname = \"only_std\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [profile.release]\npanic = \"abort\"\nopt-level = 3\ncodegen-units = 1\n",
    )?;
    let target = scratch.join("target");
    run(Command::new("cargo")
        .args(["build", "-q", "--release", "-Zbuild-std=std,panic_abort,proc_macro", "--target", TARGET])
        .arg("--manifest-path")
        .arg(scratch.join("Cargo.toml"))
        .env("RUSTC", rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &target)
        // So that guests may use link-time optimisation.
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Cembed-bitcode=yes"))?;
    for entry in fs::read_dir(target.join(TARGET).join("release/deps"))? {
        let path = entry?.path();
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        if name.ends_with(".rlib") && !name.starts_with("libonly_std") {
            fs::copy(&path, library.join(TARGET).join("lib").join(&name))?;
        }
    }
    // wasm-component-ld finds wasm-ld through this.
    #[cfg(unix)]
    std::os::unix::fs::symlink(linkers.join("rust-lld"), bin.join("rust-lld"))?;
    #[cfg(not(unix))]
    fs::copy(linkers.join("rust-lld"), bin.join("rust-lld"))?;
    fs::remove_dir_all(&scratch)?;
    fs::write(done, "")?;
    Ok(sysroot)
}
