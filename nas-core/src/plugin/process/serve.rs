//! The worker's side.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nas_api::native::panic_words;
use nas_api::{CurvePoint, Evaluator, Monitor, Verdict};

use super::protocol::{self, Job, Said, VERSION};
use crate::plugin::{EvaluatorSource, PluginError};

/// So long a worker whose host is gone may look for its evaluator.
const GREETING: Duration = Duration::from_secs(1);

/// How serving ended.
#[derive(Debug)]
pub enum Served {
    /// The host has ended it.
    Done,
    /// There was nothing to serve: why.
    Refused(PluginError),
}

/// Serves a host until its messages end: opens the evaluator, then measures one candidate after another, or trains one in full. Where the
/// evaluator was not found, the host is told why. Runs on the calling thread, whose stack deep networks need.
///
/// The process ends here where the host is gone in the middle of a measurement: nobody wants its result.
pub fn serve(
    source: impl FnOnce() -> Result<Arc<dyn EvaluatorSource>, PluginError>,
    input: impl Read + Send + 'static,
    output: impl Write + Send,
) -> io::Result<Served> {
    // First of all, so that the process ends with its host whatever it is at.
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let (jobs, waiting) = channel();
    let (verdicts, judged) = channel();
    let (greeted, greeting) = channel();
    std::thread::spawn(move || match read(input, &jobs, &verdicts, &stopping) {
        // Where there is nothing to serve, that is to be said before the process ends; but nothing that hangs is waited for.
        Ok(()) => match greeting.recv_timeout(GREETING) {
            Err(RecvTimeoutError::Disconnected) => {}
            Ok(()) | Err(RecvTimeoutError::Timeout) => leave(0),
        },
        Err(error) => {
            eprintln!("error: what comes on standard input is no message of a study: {error}");
            leave(1);
        }
    });

    let host = Host { stop, line: Mutex::new(Line { output, judged }) };
    let source = match source() {
        Ok(source) => source,
        Err(error) => {
            host.say(&Said::Refused(error.clone()))?;
            return Ok(Served::Refused(error));
        }
    };
    let identity = source.identity();
    let ready = Said::Ready {
        protocol: VERSION,
        name: identity.name.clone(),
        version: identity.version.clone(),
        digest: identity.digest.clone(),
    };
    host.say(&ready)?;
    // The other end is gone where the process is about to end.
    let _ = greeted.send(());

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
            (Job::Evaluate(request), Some(evaluator)) => match guarded(|| evaluator.evaluate(&request, &host)) {
                Ok(Ok(measured)) => Said::Measured(measured),
                Ok(Err(error)) => Said::Broken(PluginError::from_api(identity, "evaluate", error)),
                Err(words) => Said::Panicked(words),
            },
            (Job::Train(request), Some(evaluator)) => match guarded(|| evaluator.train(&request, &host)) {
                Ok(Ok(trained)) => Said::Trained(trained),
                Ok(Err(error)) => Said::Broken(PluginError::from_api(identity, "train", error)),
                Err(words) => Said::Panicked(words),
            },
            (Job::Evaluate(_) | Job::Train(_), None) => {
                Said::Broken(PluginError::new(identity, "", "it was asked before it was opened"))
            }
            (Job::Stop | Job::Judged(_), _) => continue,
        };
        host.say(&said)?;
    }
    Ok(Served::Done)
}

/// The study's process, as the evaluator sees it.
struct Host<W> {
    stop: Arc<AtomicBool>,
    /// A report and its verdict belong together, so one thread of the evaluator talks at a time.
    line: Mutex<Line<W>>,
}

struct Line<W> {
    output: W,
    judged: Receiver<Verdict>,
}

impl<W: Write> Host<W> {
    fn say(&self, said: &Said) -> io::Result<()> {
        // Messages are written whole or not at all; where not, the host is gone.
        protocol::write(&mut self.line.lock().unwrap_or_else(PoisonError::into_inner).output, said)
    }
}

impl<W: Write + Send> Monitor for Host<W> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn report(&self, report: CurvePoint) -> Verdict {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let said = protocol::write(&mut line.output, &Said::Reported(report));
        let verdict = said.ok().and_then(|()| line.judged.recv().ok()).unwrap_or(Verdict::Stopped);
        if verdict != Verdict::GoOn {
            self.stop.store(true, Ordering::Relaxed);
        }
        verdict
    }

    fn notice(&self, words: &str) {
        // Where the host is gone, this process is about to end.
        let _ = self.say(&Said::Noticed(words.to_owned()));
    }
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

/// Hands on what the host says, until it ends. `Stop` and verdicts cannot wait for their turn.
fn read(mut input: impl Read, jobs: &Sender<Job>, verdicts: &Sender<Verdict>, stop: &AtomicBool) -> io::Result<()> {
    while let Some(job) = protocol::read::<Job>(&mut input)? {
        match job {
            Job::Stop => stop.store(true, Ordering::Relaxed),
            Job::Judged(verdict) => {
                if verdicts.send(verdict).is_err() {
                    break;
                }
            }
            Job::Evaluate(_) | Job::Train(_) | Job::Open { .. } => {
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
