//! What the distribution has to install.

use std::path::Path;
use std::process::Command;

use crate::run::output;

/// Installs Debian packages where apt-get may; whether it did is for the caller to see.
pub fn install(names: &[&str]) {
    let _ = output(Command::new("apt-get").args(["update", "-qq"]));
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    let _ = output(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(install).args(names));
}

/// The browser that the tests open reports with; they say so where they are skipped because there is none.
pub fn browser() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |name| std::env::split_paths(&path).any(|folder| folder.join(name).is_file());
    let named = std::env::var_os("NAS_CHROMIUM").is_some_and(|program| Path::new(&program).is_file());
    let browsers = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    if named || browsers.into_iter().any(there) {
        return;
    }
    eprintln!("there is no chromium on the path; installing the distribution's");
    install(&["chromium"]);
}
