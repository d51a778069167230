//! Starts, finds and kills other processes.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The processes whose parent is `parent`.
pub fn children(parent: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(process) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        // The parent is the second field after the name, which is in parentheses.
        let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
        let after = stat.rsplit(')').next().unwrap();
        if after.split_whitespace().nth(1).and_then(|text| text.parse().ok()) == Some(parent) {
            found.insert(process);
        }
    }
    found
}

pub fn kill(signal: &str, process: u32) {
    // The process may have ended already, so the status is ignored.
    Command::new("kill").args([signal, &process.to_string()]).stderr(Stdio::null()).status().unwrap();
}

pub fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

pub fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited a minute for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
