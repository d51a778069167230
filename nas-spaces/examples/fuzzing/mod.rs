//! What the fuzzer of graphs shares with the fuzzer of ONNX files in `nas-export`.

use std::time::Duration;

/// The longest time that a check of a small input may take.
pub const LONG: Duration = Duration::from_secs(2);
/// The most memory that the process may use, in KiB.
pub const MEMORY: u64 = 1 << 20;

/// The run time in seconds and the seed: `--seconds N` (60 by default) and `--seed N` (0 by default).
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

/// The peak memory of the process in KiB, if the system reports it.
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
