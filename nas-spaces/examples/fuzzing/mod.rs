//! What the fuzzers share, of graphs here and of ONNX files in `nas-export`.

use std::time::Duration;

/// A small input that takes longer is a finding.
pub const LONG: Duration = Duration::from_secs(2);
/// The process must stay below this, in KiB.
pub const MEMORY: u64 = 1 << 20;

/// How long to go on, in seconds, and the seed: `--seconds N` (60), `--seed N` (0).
pub fn arguments() -> (u32, u32) {
    let mut arguments = std::env::args().skip(1);
    let (mut seconds, mut seed) = (60, 0);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok()).expect("--seconds N or --seed N");
        match flag.as_str() {
            "--seconds" => seconds = value,
            "--seed" => seed = value,
            _ => panic!("--seconds N or --seed N, not {flag}"),
        }
    }
    (seconds, seed)
}

/// The most memory that the process has had, in KiB, where the system says it.
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
