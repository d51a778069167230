//! One worker, as the host sees it.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, BufWriter, Read};
use std::path::Path;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nas_api::{Error, Monitor, Opened, Result, Settings, Stop};

use super::Processes;
use super::protocol::{self, Job, Said};
use crate::plugin::wasm::Level;
use crate::plugin::{Identity, PluginError};

/// How often the host looks whether the study is stopping; answers are taken at once.
const LOOK: Duration = Duration::from_millis(20);
/// A worker that is told to stop has so long for it.
const GRACE: Duration = Duration::from_secs(10);
/// Of what a worker wrote on its standard error, so many lines are kept.
const LINES: usize = 8;
/// Of each line, so many bytes are kept.
const LINE_BYTES: u64 = 400;

/// What a measurement, or a final training, came to.
pub enum Came<T> {
    /// As the evaluator answered.
    Answer(Result<Option<T>>),
    /// The evaluator panicked, with these words.
    Panicked(String),
    /// The study is stopping.
    Stopped,
    /// The limit passed.
    TooLong(Duration),
    /// The worker is gone: how.
    Died(String),
}

/// What came within a moment.
enum Heard {
    Said(Said),
    /// The worker is gone: how.
    Died(String),
    Nothing,
}

/// Why there is no worker.
pub enum Unstarted {
    /// The process is gone: how.
    Died(String),
    /// It would be the same another time.
    Refused(PluginError),
    /// The study is stopping.
    Stopped,
}

/// A worker process. It ends where this is dropped.
pub struct Child {
    process: std::process::Child,
    /// `None` once it is closed.
    jobs: Option<BufWriter<ChildStdin>>,
    said: Receiver<std::io::Result<Said>>,
    /// The last lines of its standard error, and who reads them.
    words: Arc<Mutex<VecDeque<String>>>,
    listener: Option<JoinHandle<()>>,
}

impl Child {
    /// Starts a worker and opens the evaluator in it.
    pub fn start(
        processes: &Processes,
        reference: &OsStr,
        identity: &Identity,
        settings: &Settings,
        state: &Path,
        stop: Stop<'_>,
    ) -> Result<(Self, Opened), Unstarted> {
        let broken = |problem: String| {
            let error = PluginError::new(identity, "open", problem);
            Unstarted::Refused(error.remedy("--isolation none runs it within this program"))
        };
        let mut command = Command::new(&processes.program);
        command.args(&processes.arguments).arg(reference);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Its last line is to say what happened.
        command.env("RUST_BACKTRACE", "0");
        // A terminal's Ctrl-C is for the host alone, which tells its workers.
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
        let (sender, said) = channel();
        std::thread::spawn(move || hear(BufReader::new(output), &sender));
        let words = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&words);
        let (log, plugin) = (processes.log.clone(), identity.to_string());
        let tell = move |line: &str| log(Level::Info, &plugin, line);
        let listener = Some(std::thread::spawn(move || listen(BufReader::new(errors), &kept, tell)));
        let mut child = Self { process, jobs: Some(BufWriter::new(input)), said, words, listener };

        match child.answer(stop, processes.trial_limit)? {
            Said::Ready { protocol: protocol::VERSION, name, version, digest }
                if (&name, &version, &digest) == (&identity.name, &identity.version, &identity.digest) => {}
            Said::Ready { protocol, name, version, .. } => {
                return Err(broken(format!(
                    "its worker has {name} {version} and speaks version {protocol} of the protocol: the program or the \
                     plugin was replaced while it ran"
                )));
            }
            Said::Refused(error) => return Err(Unstarted::Refused(error)),
            _ => return Err(broken("its worker spoke out of turn".into())),
        }
        let open = Job::Open { settings: settings.clone(), state: state.to_owned() };
        if !child.send(&open) {
            return Err(Unstarted::Died(child.end()));
        }
        match child.answer(stop, processes.trial_limit)? {
            Said::Opened(opened) => Ok((child, *opened)),
            Said::Refused(error) => Err(Unstarted::Refused(error)),
            Said::Panicked(words) => {
                Err(Unstarted::Refused(PluginError::new(identity, "open", format!("it panicked: {words}"))))
            }
            _ => Err(broken("its worker spoke out of turn".into())),
        }
    }

    /// Whether the process is there still.
    pub fn lives(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Does one job; `take` takes its result out of what the worker says, which is `None` where it is no result of it. After everything but
    /// an answer the worker is of no further use.
    pub fn work<T>(
        &mut self,
        job: &Job,
        take: impl Fn(Said) -> Option<Option<T>>,
        monitor: &dyn Monitor,
        limit: Option<Duration>,
    ) -> Result<Came<T>> {
        if !self.send(job) {
            return Ok(Came::Died(self.end()));
        }
        let start = Instant::now();
        // The time that it waits for other trials is not its own.
        let mut waited = Duration::ZERO;
        let mut stopping: Option<Instant> = None;
        loop {
            match self.hear() {
                Heard::Said(Said::Reported(report)) => {
                    let asked = Instant::now();
                    let verdict = monitor.report(report);
                    waited += asked.elapsed();
                    if !self.send(&Job::Judged(verdict)) {
                        return Ok(Came::Died(self.end()));
                    }
                }
                Heard::Said(Said::Noticed(words)) => monitor.notice(&words),
                Heard::Said(Said::Broken(error)) => return Ok(Came::Answer(Err(error.into()))),
                Heard::Said(Said::Panicked(words)) => return Ok(Came::Panicked(words)),
                Heard::Said(said) => {
                    let result = take(said).ok_or_else(|| Error::new("its worker spoke out of turn"))?;
                    return Ok(Came::Answer(Ok(result)));
                }
                Heard::Died(how) => return Ok(Came::Died(how)),
                Heard::Nothing => {}
            }
            // After every word, too: there may be no moment of silence before the end.
            if let Some(limit) = limit.filter(|&limit| start.elapsed().saturating_sub(waited) >= limit) {
                return Ok(Came::TooLong(limit));
            }
            match stopping {
                None if monitor.stopped() => {
                    stopping = Some(Instant::now());
                    if !self.send(&Job::Stop) {
                        return Ok(Came::Died(self.end()));
                    }
                }
                Some(since) if since.elapsed() >= GRACE => return Ok(Came::Stopped),
                _ => {}
            }
        }
    }

    fn send(&mut self, job: &Job) -> bool {
        self.jobs.as_mut().is_some_and(|jobs| protocol::write(jobs, job).is_ok())
    }

    /// The next message while the worker gets ready, within the limit of a trial.
    fn answer(&mut self, stop: Stop<'_>, limit: Option<Duration>) -> Result<Said, Unstarted> {
        let start = Instant::now();
        loop {
            match self.hear() {
                Heard::Said(said) => return Ok(said),
                Heard::Died(how) => return Err(Unstarted::Died(how)),
                Heard::Nothing if stop() => return Err(Unstarted::Stopped),
                Heard::Nothing => {}
            }
            if let Some(limit) = limit.filter(|&limit| start.elapsed() >= limit) {
                let seconds = limit.as_secs_f64();
                return Err(Unstarted::Died(format!("it was not ready within {seconds} seconds (--trial-seconds)")));
            }
        }
    }

    /// What the worker says within a moment.
    fn hear(&mut self) -> Heard {
        let said = match self.said.recv_timeout(LOOK) {
            // A process that it has started may hold its output open.
            Err(RecvTimeoutError::Timeout) if !self.lives() => {
                self.said.try_recv().map_err(|_| RecvTimeoutError::Disconnected)
            }
            other => other,
        };
        match said {
            Ok(Ok(said)) => Heard::Said(said),
            Ok(Err(error)) => Heard::Died(format!("{}; it said: {error}", self.end())),
            Err(RecvTimeoutError::Disconnected) => Heard::Died(self.end()),
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
        }
    }

    /// Ends the process, if it has not ended by itself; how it ended, and its last words.
    fn end(&mut self) -> String {
        self.jobs = None;
        // It has closed its output or its input, so that it is about to end by itself: then its own way of ending is told.
        let until = Instant::now() + Duration::from_secs(2);
        while self.lives() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
        let how = self.process.wait().map_or_else(|error| error.to_string(), describe);
        if let Some(listener) = self.listener.take() {
            // A grandchild may hold the pipe open; then what is there must do.
            let until = Instant::now() + Duration::from_millis(500);
            while !listener.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        // Rust's advice on backtraces is no news.
        let tells = |line: &&String| !line.trim().is_empty() && !line.starts_with("note: ");
        match words.iter().rev().find(tells) {
            Some(last) => format!("{how}; its last words: {}", last.trim()),
            None => how,
        }
    }
}

impl Child {
    /// Ends the process, and those that it has started.
    fn kill(&mut self) {
        #[cfg(unix)]
        if let Ok(group) = i32::try_from(self.process.id()) {
            // SAFETY: a call without memory. The process leads a group of its own, whose number is nobody else's while one of
            // the group is left; where none is, the process ended a moment ago, and its number is not given again so soon.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        // Fails where it has ended.
        let _ = self.process.kill();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // `end` has done it already where the jobs are closed; later the number might be another's.
        if self.jobs.is_some() {
            self.kill();
            let _ = self.process.wait();
        }
    }
}

/// How a process ended, in words.
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

/// Hands on what a worker says, until it ends.
fn hear(mut output: impl Read, said: &Sender<std::io::Result<Said>>) {
    loop {
        let message = match protocol::read(&mut output) {
            Ok(None) => return,
            Ok(Some(message)) => Ok(message),
            Err(error) => Err(error),
        };
        let over = message.is_err();
        if said.send(message).is_err() || over {
            return;
        }
    }
}

/// Hands lines on, and keeps the last.
fn listen(mut errors: impl BufRead, kept: &Mutex<VecDeque<String>>, tell: impl Fn(&str)) {
    let mut line = Vec::new();
    loop {
        line.clear();
        match errors.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        tell(text.trim_end());
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == LINES {
            kept.pop_front();
        }
        kept.push_back(text);
    }
}
