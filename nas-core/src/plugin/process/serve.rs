//! The worker's side of the protocol.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nas_api::native::panic_message;
use nas_api::{CurvePoint, Evaluator, Monitor, Verdict};

use super::protocol::{self, HostMessage, VERSION, WorkerMessage};
use crate::plugin::{EvaluatorSource, PluginError};

/// How long a worker without a host may still search for its evaluator.
const SETUP_LIMIT: Duration = Duration::from_secs(1);

/// How serving ended.
#[derive(Debug)]
pub enum Served {
    /// The host closed the connection.
    Done,
    /// The evaluator was not found, for this reason.
    Refused(PluginError),
}

/// Serves a host until its messages end: opens the evaluator, then measures candidates or runs final trainings one
/// after another. If the evaluator is not found, the host is told why. Everything runs on the calling thread, because
/// deep networks need its large stack.
///
/// If the host disappears during a measurement, the whole process ends here.
///
/// # Errors
/// A message cannot be sent to the host.
pub fn serve(
    source: impl FnOnce() -> Result<Arc<dyn EvaluatorSource>, PluginError>,
    input: impl Read + Send + 'static,
    output: impl Write + Send,
) -> io::Result<Served> {
    // The reader starts first, so that the process ends with its host in every state.
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = Arc::clone(&stop);
    let (job_sender, jobs) = channel();
    let (verdict_sender, verdicts) = channel();
    let (ready_sender, ready_receiver) = channel();
    std::thread::spawn(move || match read(input, &job_sender, &verdict_sender, &stopping) {
        // A missing evaluator must be reported before the process ends, but a search that hangs is not waited for.
        Ok(()) => match ready_receiver.recv_timeout(SETUP_LIMIT) {
            Err(RecvTimeoutError::Disconnected) => {}
            Ok(()) | Err(RecvTimeoutError::Timeout) => exit_now(0),
        },
        Err(error) => {
            eprintln!("error: what arrives on standard input is no message of a study: {error}");
            exit_now(1);
        }
    });

    let host = HostMonitor { stop, connection: Mutex::new(Connection { output, verdicts }) };
    let source = match source() {
        Ok(source) => source,
        Err(error) => {
            host.send(&WorkerMessage::Refused(error.clone()))?;
            return Ok(Served::Refused(error));
        }
    };
    let identity = source.identity();
    let ready = WorkerMessage::Ready {
        protocol: VERSION,
        name: identity.name.clone(),
        version: identity.version.clone(),
        digest: identity.digest.clone(),
    };
    host.send(&ready)?;
    // This fails only if the process is about to end.
    let _ = ready_sender.send(());

    let mut evaluator: Option<Arc<dyn Evaluator>> = None;
    for job in jobs {
        let answer = match (job, &evaluator) {
            (HostMessage::Open { settings, checkpoints }, _) => {
                match guarded(|| source.open(&settings, Some(&checkpoints))) {
                    Ok(Ok(opened)) => {
                        let answer = WorkerMessage::Opened(Box::new(opened.instance_info()));
                        evaluator = Some(opened);
                        answer
                    }
                    Ok(Err(error)) => WorkerMessage::Refused(error),
                    Err(message) => WorkerMessage::Panicked(message),
                }
            }
            (HostMessage::Evaluate(request), Some(evaluator)) => {
                match guarded(|| evaluator.evaluate(&request, &host)) {
                    Ok(Ok(measured)) => WorkerMessage::Measured(measured),
                    Ok(Err(error)) => WorkerMessage::Broken(PluginError::from_api(identity, "evaluate", error)),
                    Err(message) => WorkerMessage::Panicked(message),
                }
            }
            (HostMessage::Train(request), Some(evaluator)) => match guarded(|| evaluator.train(&request, &host)) {
                Ok(Ok(trained)) => WorkerMessage::Trained(trained),
                Ok(Err(error)) => WorkerMessage::Broken(PluginError::from_api(identity, "train", error)),
                Err(message) => WorkerMessage::Panicked(message),
            },
            (HostMessage::Evaluate(_) | HostMessage::Train(_), None) => {
                WorkerMessage::Broken(PluginError::new(identity, "", "it was called before it was opened"))
            }
            (HostMessage::Stop | HostMessage::Judged(_), _) => continue,
        };
        host.send(&answer)?;
    }
    Ok(Served::Done)
}

/// The evaluator's monitor, which talks to the host.
struct HostMonitor<W> {
    stop: Arc<AtomicBool>,
    /// Locked from a report to its verdict, because they belong together.
    connection: Mutex<Connection<W>>,
}

struct Connection<W> {
    output: W,
    verdicts: Receiver<Verdict>,
}

impl<W: Write> HostMonitor<W> {
    fn send(&self, message: &WorkerMessage) -> io::Result<()> {
        // A lock that a panic has poisoned is still usable: a message is written as a whole, or the host is gone.
        protocol::write(&mut self.connection.lock().unwrap_or_else(PoisonError::into_inner).output, message)
    }
}

impl<W: Write + Send> Monitor for HostMonitor<W> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn report(&self, report: CurvePoint) -> Verdict {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = protocol::write(&mut connection.output, &WorkerMessage::Reported(report));
        let verdict = sent.ok().and_then(|()| connection.verdicts.recv().ok()).unwrap_or(Verdict::Stopped);
        if verdict != Verdict::Continue {
            self.stop.store(true, Ordering::Relaxed);
        }
        verdict
    }

    fn notice(&self, message: &str) {
        // If the host is gone, this process is about to end.
        let _ = self.send(&WorkerMessage::Noticed(message.to_owned()));
    }
}

/// Ends the process without running exit handlers, because those of a library may wait for its threads, which compute.
fn exit_now(code: i32) -> ! {
    #[cfg(unix)]
    // SAFETY: the call accesses no memory and does not return.
    unsafe {
        libc::_exit(code)
    }
    #[cfg(not(unix))]
    std::process::exit(code)
}

/// Forwards the messages of the host until its output ends. `Stop` and verdicts do not wait behind jobs.
fn read(
    mut input: impl Read,
    jobs: &Sender<HostMessage>,
    verdicts: &Sender<Verdict>,
    stop: &AtomicBool,
) -> io::Result<()> {
    while let Some(job) = protocol::read::<HostMessage>(&mut input)? {
        match job {
            HostMessage::Stop => stop.store(true, Ordering::Relaxed),
            HostMessage::Judged(verdict) => {
                if verdicts.send(verdict).is_err() {
                    break;
                }
            }
            HostMessage::Evaluate(_) | HostMessage::Train(_) | HostMessage::Open { .. } => {
                stop.store(false, Ordering::Relaxed);
                if jobs.send(job).is_err() {
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Runs code of the evaluator and returns the message of a panic.
fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| panic_message(panic.as_ref()))
}
