//! Progress as plain lines, for logs and pipes: one line for each piece of news, and one now and then.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::print;

/// How long it takes at most until the next line.
const INTERVAL: Duration = Duration::from_secs(15);
/// How long it takes at least until the next line, whatever happens.
const SHORTEST: Duration = Duration::from_secs(1);

/// Writes lines on standard error until it is dropped.
pub struct Lines {
    shared: Arc<(Mutex<Shared>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// What the next line says.
pub struct Shared {
    /// Steps that are done.
    pub position: u64,
    /// All steps, if their number is known.
    pub length: Option<u64>,
    /// Steps that an earlier run has done.
    pub earlier: u64,
    /// What a step is: trials, studies, epochs.
    pub unit: &'static str,
    /// Everything else.
    pub message: String,
    /// There is something that should not wait for the interval.
    news: bool,
    ended: bool,
    started: Instant,
    written: Option<Instant>,
}

impl Lines {
    /// Begins to write lines about steps of this unit.
    pub fn new(length: Option<u64>, unit: &'static str) -> Self {
        let shared = Shared {
            position: 0,
            length,
            earlier: 0,
            unit,
            message: String::new(),
            news: false,
            ended: false,
            started: Instant::now(),
            written: None,
        };
        let shared = Arc::new((Mutex::new(shared), Condvar::new()));
        let of_thread = Arc::clone(&shared);
        // Without a thread, there are no lines; the command itself is not affected.
        let thread = std::thread::Builder::new().name("progress".into()).spawn(move || write_lines(&of_thread)).ok();
        Self { shared, thread }
    }

    /// Changes what the next line says. With `news`, the line follows at once.
    pub fn change(&self, news: bool, change: impl FnOnce(&mut Shared)) {
        let mut shared = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut shared);
        if news {
            shared.news = true;
            self.shared.1.notify_one();
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.shared.1.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write_lines((mutex, changed): &(Mutex<Shared>, Condvar)) {
    let mut shared = mutex.lock().unwrap_or_else(PoisonError::into_inner);
    while !shared.ended {
        let now = Instant::now();
        match shared.wait(now) {
            Some(wait) => {
                let woken = changed.wait_timeout(shared, wait).unwrap_or_else(PoisonError::into_inner);
                shared = woken.0;
            }
            None => {
                (shared.written, shared.news) = (Some(now), false);
                let line = shared.line(now);
                // A reader that is slow, or that has gone, must not hold up the command.
                drop(shared);
                let _ = writeln!(std::io::stderr(), "{line}");
                shared = mutex.lock().unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Shared {
    /// How long to wait before the next line; `None` if it is due.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let since = now.duration_since(self.written.unwrap_or(self.started));
        let due = match (self.news, self.written) {
            (true, None) => Duration::ZERO,
            (true, Some(_)) => SHORTEST,
            (false, _) => INTERVAL,
        };
        due.checked_sub(since).filter(|wait| !wait.is_zero())
    }

    /// The line: time, steps, time left, message.
    fn line(&self, now: Instant) -> String {
        let elapsed = now.duration_since(self.started);
        let seconds = elapsed.as_secs();
        let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        let amount = |steps: u64| match self.unit {
            "MB" => format!("{:.1}", steps as f64 / 1e6),
            _ => steps.to_string(),
        };
        let (position, unit) = (amount(self.position), self.unit);
        let mut parts = vec![match self.length {
            Some(length) => format!("{position}/{} {unit}", amount(length)),
            None => format!("{position} {unit}"),
        }];
        let done = self.position.saturating_sub(self.earlier);
        if let Some(rest) = self.length.and_then(|length| length.checked_sub(self.position)).filter(|&rest| rest > 0)
            && done > 0
        {
            let left = elapsed.as_secs_f64() / done as f64 * rest as f64;
            parts.push(format!("about {} left", print::seconds(left)));
        }
        if !self.message.is_empty() {
            parts.push(self.message.clone());
        }
        format!("{clock}  {}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Shared {
        Shared {
            position: 30,
            length: Some(50),
            earlier: 10,
            unit: "trials",
            message: "best val_accuracy 0.9805 (trial 1)".into(),
            news: false,
            ended: false,
            started: Instant::now(),
            written: None,
        }
    }

    #[test]
    fn a_line_says_how_much_is_done_and_how_long_the_rest_takes() {
        let shared = shared();
        let line = shared.line(shared.started + Duration::from_secs(3_700));
        assert_eq!(line, "01:01:40  30/50 trials, about 1 h 01 min left, best val_accuracy 0.9805 (trial 1)");
        let bytes = Shared { unit: "MB", position: 1_500_000, length: None, message: String::new(), ..shared };
        assert_eq!(bytes.line(bytes.started), "00:00:00  1.5 MB");
    }

    #[test]
    fn news_is_written_at_once_but_not_more_than_once_a_second() {
        let mut shared = shared();
        let start = shared.started;
        assert_eq!(shared.wait(start), Some(INTERVAL));
        shared.news = true;
        assert_eq!(shared.wait(start), None, "the first news is due");
        shared.written = Some(start);
        assert_eq!(shared.wait(start + Duration::from_millis(400)), Some(Duration::from_millis(600)));
        assert_eq!(shared.wait(start + SHORTEST), None);
        shared.news = false;
        assert_eq!(shared.wait(start + INTERVAL), None);
    }
}
