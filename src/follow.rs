//! `nas show --follow`: prints the trials of a running study as they end.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use nas_core::study::{Header, StudyRecord, TrialRecord, is_running};
use nas_core::{MAX_MESSAGE, shown};

use crate::failure::Failure;
use crate::print;

/// The shortest time between two looks at the file.
const PAUSE: Duration = Duration::from_millis(500);
/// How many times as long as reading the file the pause is at least, so that a large study is not slowed down.
const SHARE: u32 = 20;

/// Prints every trial that has ended, in the order of their ends, until no process runs the study any more. If nobody
/// reads the output any more, it returns early.
///
/// # Errors
/// The file cannot be read, or the output cannot be written.
pub fn follow(file: &Path) -> Result<(), Failure> {
    let mut printed: Vec<bool> = Vec::new();
    let mut best: Option<f64> = None;
    loop {
        // Asked before the file is read, so that the last trials are printed after the study has ended.
        let running = is_running(file);
        let before = Instant::now();
        let record = StudyRecord::read(file)?;
        let reading = before.elapsed();
        printed.resize(record.trials.len().max(printed.len()), false);
        let mut lines = String::new();
        for trial in record.trials.iter().filter(|trial| trial.state.is_final()) {
            let Some(printed) = printed.get_mut(trial.trial as usize).filter(|printed| !**printed) else { continue };
            *printed = true;
            lines.push_str(&line(&record.header, trial, &mut best));
            lines.push('\n');
        }
        if write(&lines)? && running {
            std::thread::sleep(PAUSE.max(reading * SHARE));
        } else {
            return Ok(());
        }
    }
}

/// Prints lines at once; false if nobody reads them any more.
fn write(lines: &str) -> Result<bool, Failure> {
    let mut output = std::io::stdout().lock();
    match output.write_all(lines.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::broken(format!("standard output: {error}"))),
    }
}

/// One trial: its number, its state, its objectives, whether it is the best so far, and its architecture.
fn line(header: &Header, trial: &TrialRecord, best: &mut Option<f64>) -> String {
    let mut parts = vec![format!("trial {:<4} {:8}", trial.trial, trial.state.name())];
    let values = header.objectives.iter().filter_map(|objective| {
        Some(format!("{} {}", objective.metric, print::number(trial.metric(&objective.metric)?)))
    });
    parts.extend(values);
    let score = header.objectives.first().and_then(|objective| trial.score(objective));
    if let Some(score) = score.filter(|score| best.is_none_or(|best| *score > best)) {
        *best = Some(score);
        parts.push("best so far".to_owned());
    }
    parts.push(if trial.reason.is_empty() { trial.text.clone() } else { trial.reason.clone() });
    shown(&parts.join("  "), MAX_MESSAGE).into_owned()
}
