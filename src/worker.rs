//! `nas worker`: measures candidates for a study in another process, which talks with it over standard input and output.

#[cfg(unix)]
use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::process::ExitCode;

use nas_core::plugin::process::{Served, serve};
use nas_core::study::STACK_BYTES;

use crate::args::{Args, Worker};
use crate::failure::Failure;
use crate::plugins;

pub fn worker(args: &Args, worker: &Worker) -> Result<ExitCode, Failure> {
    keep_freed_memory();
    let broken = |error: io::Error| Failure::broken(format!("nas worker: {error}"));
    let (input, output) = private().map_err(broken)?;
    if let Some(mib) = worker.worker_memory {
        limit_memory(mib << 20).map_err(|error| Failure::broken(format!("--worker-memory {mib}: {error}")))?;
    }
    let registry = plugins::registry(args)?;
    let reference = worker.evaluator.to_str();
    let reference = reference.ok_or_else(|| Failure::input("the evaluator's name is no valid text"))?;
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

/// Every step of a training frees and asks for the same large pieces of memory. The C library would hand each back to the
/// system and have it zeroed again; this way it keeps them for the next step.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_freed_memory() {
    // The most that it takes as a limit for pieces of their own.
    const PIECE: i32 = 32 << 20;
    for (option, value) in [
        (libc::M_ARENA_MAX, 1),
        (libc::M_MMAP_THRESHOLD, PIECE),
        (libc::M_TRIM_THRESHOLD, i32::MAX),
        (libc::M_TOP_PAD, PIECE),
    ] {
        // SAFETY: sets a number of the allocator; where it is refused, everything works as before.
        unsafe { libc::mallopt(option, value) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn keep_freed_memory() {}

/// Standard input and output for the host alone: from here on a library reads nothing, and what it prints goes to standard
/// error.
#[cfg(unix)]
fn private() -> io::Result<(File, File)> {
    use std::os::fd::{AsFd, AsRawFd};
    let (input, output) = (io::stdin().as_fd().try_clone_to_owned()?, io::stdout().as_fd().try_clone_to_owned()?);
    let nothing = File::open("/dev/null")?;
    let replaced =
        [(nothing.as_raw_fd(), io::stdin().as_raw_fd()), (io::stderr().as_raw_fd(), io::stdout().as_raw_fd())];
    for (from, to) in replaced {
        // SAFETY: both are open, and nothing here has read or written through them yet.
        if unsafe { libc::dup2(from, to) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok((input.into(), output.into()))
}

/// Both as they are: a library that prints would break the protocol, and the host would say so.
#[cfg(not(unix))]
fn private() -> io::Result<(io::Stdin, io::Stdout)> {
    Ok((io::stdin(), io::stdout()))
}

/// More than this fails to be allocated, which ends the process. Counts memory of its own that may be written, stacks
/// included, and not reserved addresses, of which GPU libraries have many.
#[cfg(target_os = "linux")]
fn limit_memory(bytes: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: `limit` is a valid structure while the call lasts.
    if unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn limit_memory(_bytes: u64) -> io::Result<()> {
    Err(io::Error::other("the memory of a process can only be limited on Linux"))
}
