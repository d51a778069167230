//! A worker process, seen from the host.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, BufWriter, Read};
use std::path::Path;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nas_api::{Error, InstanceInfo, Monitor, Result, Settings, StopCheck};

use super::Processes;
use super::protocol::{self, HostMessage, WorkerMessage};
use crate::plugin::wasm::Level;
use crate::plugin::{Identity, PluginError};

/// How often the host checks whether the study is stopping; messages are taken immediately.
const POLL: Duration = Duration::from_millis(20);
/// How long a worker may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// The number of last lines that are kept of a worker's standard error.
const KEPT_LINES: usize = 8;
/// The number of bytes that are kept of each line.
const LINE_BYTES: u64 = 400;

/// The outcome of a measurement or a final training.
pub enum Outcome<T> {
    /// The evaluator answered.
    Answer(Result<Option<T>>),
    /// The evaluator panicked with this message.
    Panicked(String),
    /// The study is stopping.
    Stopped,
    /// The time limit passed.
    TimedOut(Duration),
    /// The process ended; the text says how.
    Died(String),
}

/// What arrived within one poll.
enum Received {
    Message(WorkerMessage),
    /// The process ended; the text says how.
    Died(String),
    Nothing,
}

/// Why a worker could not be started.
pub enum StartError {
    /// The process ended; the text says how.
    Died(String),
    /// Trying again would give the same error.
    Refused(PluginError),
    /// The study is stopping.
    Stopped,
}

/// A worker process, which is ended when this is dropped.
pub struct Worker {
    process: std::process::Child,
    /// Its standard input; `None` once it is closed.
    input: Option<BufWriter<ChildStdin>>,
    messages: Receiver<std::io::Result<WorkerMessage>>,
    /// The last lines of its standard error.
    last_lines: Arc<Mutex<VecDeque<String>>>,
    /// Reads its standard error.
    error_reader: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a worker and opens the evaluator in it.
    ///
    /// # Errors
    /// The process cannot be started or ends, the evaluator cannot be opened, or the study is stopping.
    pub fn start(
        processes: &Processes,
        reference: &OsStr,
        identity: &Identity,
        settings: &Settings,
        checkpoints: &Path,
        stop: StopCheck<'_>,
    ) -> Result<(Self, InstanceInfo), StartError> {
        let broken = |problem: String| {
            let error = PluginError::new(identity, "open", problem);
            StartError::Refused(error.remedy("--isolation none runs it within this program"))
        };
        let mut command = Command::new(&processes.program);
        command.args(&processes.arguments).arg(reference);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Its last line should say what happened, which a backtrace would not.
        command.env("RUST_BACKTRACE", "0");
        // A terminal's Ctrl-C must reach the host only, which stops its workers itself.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn().map_err(|error| {
            broken(format!("a worker ({}) cannot be started: {error}", processes.program.display()))
        })?;
        let (Some(input), Some(output), Some(errors)) =
            (process.stdin.take(), process.stdout.take(), process.stderr.take())
        else {
            return Err(broken("a worker has no standard input and output".into()));
        };
        let (sender, messages) = channel();
        std::thread::spawn(move || read_messages(BufReader::new(output), &sender));
        let last_lines = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&last_lines);
        let (log, plugin) = (processes.log.clone(), identity.to_string());
        let forward = move |line: &str| log(Level::Info, &plugin, line);
        let error_reader = Some(std::thread::spawn(move || read_lines(BufReader::new(errors), &kept, forward)));
        let mut worker = Self { process, input: Some(BufWriter::new(input)), messages, last_lines, error_reader };

        match worker.answer(stop, processes.trial_limit)? {
            WorkerMessage::Ready { protocol: protocol::VERSION, name, version, digest }
                if (&name, &version, &digest) == (&identity.name, &identity.version, &identity.digest) => {}
            WorkerMessage::Ready { protocol, name, version, .. } => {
                return Err(broken(format!(
                    "its worker has {name} {version} and speaks version {protocol} of the protocol: the program or the \
                     plugin was replaced while it ran"
                )));
            }
            WorkerMessage::Refused(error) => return Err(StartError::Refused(error)),
            _ => return Err(broken("its worker sent an unexpected message".into())),
        }
        let open = HostMessage::Open { settings: settings.clone(), checkpoints: checkpoints.to_owned() };
        if !worker.send(&open) {
            return Err(StartError::Died(worker.end()));
        }
        match worker.answer(stop, processes.trial_limit)? {
            WorkerMessage::Opened(opened) => Ok((worker, *opened)),
            WorkerMessage::Refused(error) => Err(StartError::Refused(error)),
            WorkerMessage::Panicked(message) => {
                Err(StartError::Refused(PluginError::new(identity, "open", format!("it panicked: {message}"))))
            }
            _ => Err(broken("its worker sent an unexpected message".into())),
        }
    }

    /// Whether the process is still running.
    pub fn is_running(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Does one job. `result_of` takes the result out of a message, and returns `None` for a message of another kind.
    /// After any outcome but an answer the worker cannot be used again.
    ///
    /// # Errors
    /// The worker sent an unexpected message.
    pub fn work<T>(
        &mut self,
        job: &HostMessage,
        result_of: impl Fn(WorkerMessage) -> Option<Option<T>>,
        monitor: &dyn Monitor,
        limit: Option<Duration>,
    ) -> Result<Outcome<T>> {
        if !self.send(job) {
            return Ok(Outcome::Died(self.end()));
        }
        let start = Instant::now();
        // The time that it waits for other trials does not count against the limit.
        let mut waited = Duration::ZERO;
        let mut stopping: Option<Instant> = None;
        loop {
            match self.receive() {
                Received::Message(WorkerMessage::Reported(report)) => {
                    let asked = Instant::now();
                    let verdict = monitor.report(report);
                    waited += asked.elapsed();
                    if !self.send(&HostMessage::Judged(verdict)) {
                        return Ok(Outcome::Died(self.end()));
                    }
                }
                Received::Message(WorkerMessage::Noticed(message)) => monitor.notice(&message),
                Received::Message(WorkerMessage::Broken(error)) => return Ok(Outcome::Answer(Err(error.into()))),
                Received::Message(WorkerMessage::Panicked(message)) => return Ok(Outcome::Panicked(message)),
                Received::Message(message) => {
                    let result =
                        result_of(message).ok_or_else(|| Error::new("its worker sent an unexpected message"))?;
                    return Ok(Outcome::Answer(Ok(result)));
                }
                Received::Died(how) => return Ok(Outcome::Died(how)),
                Received::Nothing => {}
            }
            // The limit is checked after every message, too, because they may come without a pause.
            if let Some(limit) = limit.filter(|&limit| start.elapsed().saturating_sub(waited) >= limit) {
                return Ok(Outcome::TimedOut(limit));
            }
            match stopping {
                None if monitor.stopped() => {
                    stopping = Some(Instant::now());
                    if !self.send(&HostMessage::Stop) {
                        return Ok(Outcome::Died(self.end()));
                    }
                }
                Some(since) if since.elapsed() >= STOP_LIMIT => return Ok(Outcome::Stopped),
                _ => {}
            }
        }
    }

    fn send(&mut self, message: &HostMessage) -> bool {
        self.input.as_mut().is_some_and(|input| protocol::write(input, message).is_ok())
    }

    /// The next message of a worker that is being opened, within the time limit of a trial.
    fn answer(&mut self, stop: StopCheck<'_>, limit: Option<Duration>) -> Result<WorkerMessage, StartError> {
        let start = Instant::now();
        loop {
            match self.receive() {
                Received::Message(message) => return Ok(message),
                Received::Died(how) => return Err(StartError::Died(how)),
                Received::Nothing if stop() => return Err(StartError::Stopped),
                Received::Nothing => {}
            }
            if let Some(limit) = limit.filter(|&limit| start.elapsed() >= limit) {
                let seconds = limit.as_secs_f64();
                return Err(StartError::Died(format!("it was not ready within {seconds} seconds (--trial-seconds)")));
            }
        }
    }

    /// Waits for a message during one poll.
    fn receive(&mut self) -> Received {
        let received = match self.messages.recv_timeout(POLL) {
            // A process that the worker has started may keep its output open.
            Err(RecvTimeoutError::Timeout) if !self.is_running() => {
                self.messages.try_recv().map_err(|_| RecvTimeoutError::Disconnected)
            }
            other => other,
        };
        match received {
            Ok(Ok(message)) => Received::Message(message),
            Ok(Err(error)) => Received::Died(format!("{}; it said: {error}", self.end())),
            Err(RecvTimeoutError::Disconnected) => Received::Died(self.end()),
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
        }
    }

    /// Ends the process unless it ends by itself, and returns how it ended, with the last line that it wrote.
    fn end(&mut self) -> String {
        self.input = None;
        // A process that has closed its output or input is about to end by itself; its own exit status tells more.
        let until = Instant::now() + Duration::from_secs(2);
        while self.is_running() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
        let how = self.process.wait().map_or_else(|error| error.to_string(), describe);
        if let Some(reader) = self.error_reader.take() {
            // A grandchild may keep the pipe open; then the lines so far have to suffice.
            let until = Instant::now() + Duration::from_millis(500);
            while !reader.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let lines = self.last_lines.lock().unwrap_or_else(PoisonError::into_inner);
        // Rust's hint about backtraces says nothing about the cause.
        let is_informative = |line: &&String| !line.trim().is_empty() && !line.starts_with("note: ");
        match lines.iter().rev().find(is_informative) {
            Some(last) => format!("{how}; its last words: {}", last.trim()),
            None => how,
        }
    }
}

impl Worker {
    /// Kills the process and those that it has started.
    fn kill(&mut self) {
        #[cfg(unix)]
        if let Ok(group) = i32::try_from(self.process.id()) {
            // SAFETY: the call accesses no memory. The process leads a group of its own, whose number stays reserved
            // while a member is left; if none is, the process ended a moment ago, and its number is not reused so soon.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        // This fails if the process has ended.
        let _ = self.process.kill();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Where the input is closed, `end` has killed the process, and its number might belong to another one by now.
        if self.input.is_some() {
            self.kill();
            let _ = self.process.wait();
        }
    }
}

/// Describes how a process ended.
fn describe(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return match signal {
            4 => "signal 4 (illegal instruction)".into(),
            6 => "signal 6 (aborted)".into(),
            9 => "signal 9 (killed: by hand, or because memory ran out)".into(),
            11 => "signal 11 (invalid memory access, or its stack was used up)".into(),
            15 => "signal 15 (terminated)".into(),
            other => format!("signal {other}"),
        };
    }
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}

/// Forwards the messages of a worker until its output ends.
fn read_messages(mut output: impl Read, messages: &Sender<std::io::Result<WorkerMessage>>) {
    loop {
        let message = match protocol::read(&mut output) {
            Ok(None) => return,
            Ok(Some(message)) => Ok(message),
            Err(error) => Err(error),
        };
        let failed = message.is_err();
        if messages.send(message).is_err() || failed {
            return;
        }
    }
}

/// Forwards the lines of a worker's standard error and keeps the last ones.
fn read_lines(mut errors: impl BufRead, kept: &Mutex<VecDeque<String>>, forward: impl Fn(&str)) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match errors.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        forward(text.trim_end());
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(text);
    }
}
