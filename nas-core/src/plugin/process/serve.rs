//! The worker's side.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};

use nas_api::Evaluator;
use nas_api::native::panic_words;

use super::protocol::{self, Job, Said, VERSION};
use crate::plugin::{EvaluatorSource, PluginError};

/// Serves a host until its messages end: opens the evaluator, then measures one candidate after another. Where the
/// evaluator was not found, the host is told why. Runs on the calling thread, whose stack deep networks need.
///
/// The process ends here where the host is gone in the middle of a measurement: nobody wants its result.
pub fn serve(
    source: impl FnOnce() -> Result<Arc<dyn EvaluatorSource>, PluginError>,
    input: impl Read + Send + 'static,
    mut output: impl Write,
) -> io::Result<()> {
    // First of all, so that the process ends with its host whatever it is at.
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let (jobs, waiting) = channel();
    std::thread::spawn(move || match read(input, &jobs, &stopping) {
        Ok(()) => leave(0),
        Err(error) => {
            eprintln!("error: what comes on standard input is no message of a study: {error}");
            leave(1);
        }
    });

    let source = match source() {
        Ok(source) => source,
        Err(error) => return protocol::write(&mut output, &Said::Refused(error)),
    };
    let identity = source.identity();
    let ready = Said::Ready {
        protocol: VERSION,
        name: identity.name.clone(),
        version: identity.version.clone(),
        digest: identity.digest.clone(),
    };
    protocol::write(&mut output, &ready)?;

    let mut evaluator: Option<Arc<dyn Evaluator>> = None;
    for job in waiting {
        let said = match (job, &evaluator) {
            (Job::Open { settings, state }, _) => match guarded(|| source.open(&settings, Some(&state))) {
                Ok(Ok(opened)) => {
                    let said = Said::Opened(Box::new(opened.opened()));
                    evaluator = Some(opened);
                    said
                }
                Ok(Err(error)) => Said::Refused(error),
                Err(words) => Said::Panicked(words),
            },
            (Job::Evaluate(request), Some(evaluator)) => {
                let stopping = || stop.load(Ordering::Relaxed);
                match guarded(|| evaluator.evaluate(&request, &stopping)) {
                    Ok(Ok(measured)) => Said::Measured(measured),
                    Ok(Err(error)) => Said::Broken(PluginError::from_api(identity, "evaluate", error)),
                    Err(words) => Said::Panicked(words),
                }
            }
            (Job::Evaluate(_), None) => {
                Said::Broken(PluginError::new(identity, "evaluate", "it was asked before it was opened"))
            }
            (Job::Stop, _) => continue,
        };
        protocol::write(&mut output, &said)?;
    }
    Ok(())
}

/// Ends the process as it is. What a library does at the exit of a process may wait for its own threads, which compute.
fn leave(code: i32) -> ! {
    #[cfg(unix)]
    // SAFETY: a call without memory, which does not return.
    unsafe {
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}

/// Hands on what the host says, until it ends. `Stop` cannot wait for its turn.
fn read(mut input: impl Read, jobs: &Sender<Job>, stop: &AtomicBool) -> io::Result<()> {
    while let Some(job) = protocol::read::<Job>(&mut input)? {
        match job {
            Job::Stop => stop.store(true, Ordering::Relaxed),
            Job::Evaluate(_) | Job::Open { .. } => {
                stop.store(false, Ordering::Relaxed);
                if jobs.send(job).is_err() {
                    break;
                }
            }
        }
    }
    Ok(())
}

fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| panic_words(panic.as_ref()))
}
