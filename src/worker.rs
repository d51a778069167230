//! `nas worker`: measures candidates for a study in a process of its own. The study's process talks to it over standard
//! input and output.

#[cfg(unix)]
use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::process::ExitCode;

use nas_core::plugin::process::{Served, serve};
use nas_core::study::STACK_BYTES;

use crate::args::{Args, Worker};
use crate::failure::Failure;
use crate::plugins;

/// Serves the evaluator until standard input ends.
///
/// # Errors
/// The evaluator cannot be opened, the memory cannot be limited, or the other process does not keep to the protocol.
pub fn worker(args: &Args, worker: &Worker) -> Result<ExitCode, Failure> {
    keep_freed_memory();
    let broken = |error: io::Error| Failure::broken(format!("nas worker: {error}"));
    let (input, output) = take_standard_streams().map_err(broken)?;
    if let Some(mib) = worker.worker_memory {
        limit_memory(mib << 20).map_err(|error| Failure::broken(format!("--worker-memory {mib}: {error}")))?;
    }
    let registry = plugins::registry(args)?;
    let reference = worker.evaluator.to_str();
    let reference = reference.ok_or_else(|| Failure::input("the evaluator's name is not valid UTF-8"))?;
    let serving = std::thread::scope(|scope| {
        let serve = || serve(|| registry.evaluator(reference), BufReader::new(input), BufWriter::new(output));
        let builder = std::thread::Builder::new().name("worker".into()).stack_size(STACK_BYTES);
        let thread = builder.spawn_scoped(scope, serve)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("it panicked")))
    });
    match serving.map_err(broken)? {
        Served::Done => Ok(ExitCode::SUCCESS),
        Served::Refused(error) => Err(error.into()),
    }
}

/// Makes the allocator keep freed memory. Every training step frees and allocates the same large blocks. By default,
/// the C library returns each to the system, which zeroes it again.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_freed_memory() {
    // The largest value that glibc accepts for M_MMAP_THRESHOLD.
    const LARGE_BLOCK: i32 = 32 << 20;
    for (option, value) in [
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_THRESHOLD, LARGE_BLOCK),
        (libc::M_TRIM_THRESHOLD, i32::MAX),
        (libc::M_TOP_PAD, LARGE_BLOCK),
    ] {
        // SAFETY: `mallopt` only sets a parameter of the allocator, and no other thread runs yet. If it refuses the
        // value, the allocator works as before.
        unsafe { libc::mallopt(option, value) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_freed_memory() {}

/// Returns standard input and output for the protocol, and replaces them for everything else: libraries read from
/// `/dev/null` and print to standard error.
#[cfg(unix)]
fn take_standard_streams() -> io::Result<(File, File)> {
    use std::os::fd::AsFd;
    let (input, output) = (io::stdin().as_fd().try_clone_to_owned()?, io::stdout().as_fd().try_clone_to_owned()?);
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok((input.into(), output.into()))
}

/// Returns standard input and output as they are. A library that prints breaks the protocol, which the study reports.
#[cfg(not(unix))]
fn take_standard_streams() -> io::Result<(io::Stdin, io::Stdout)> {
    Ok((io::stdin(), io::stdout()))
}

/// Limits the process's private writable memory, stacks included. An allocation beyond the limit fails, which ends the
/// process. Reserved addresses do not count, because GPU libraries reserve many.
#[cfg(target_os = "linux")]
fn limit_memory(bytes: u64) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    Ok(setrlimit(Resource::Data, Rlimit { current: Some(bytes), maximum: Some(bytes) })?)
}

#[cfg(not(target_os = "linux"))]
fn limit_memory(_bytes: u64) -> io::Result<()> {
    Err(io::Error::other("the memory of a process can only be limited on Linux"))
}
