use std::fmt;

use nas_api::CurvePoint;

use super::record::TrialRecord;

/// Why no more trials are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The budget of trials is spent.
    Trials,
    /// The budget of fidelity is spent, or the next trial does not fit in it.
    TotalFidelity,
    /// The budget of seconds is spent.
    Seconds,
    /// The strategy has nothing more to propose.
    Finished,
    /// The strategy proposes nothing that would still cost anything, only duplicates and candidates that break
    /// constraints.
    Exhausted,
    /// The user stopped it; `resume` continues it.
    Stopped,
}

impl End {
    /// As the file and `--json` write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trials => "trials",
            Self::TotalFidelity => "total-fidelity",
            Self::Seconds => "seconds",
            Self::Finished => "finished",
            Self::Exhausted => "exhausted",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trials => "the budget of trials is spent",
            Self::TotalFidelity => "the budget of total fidelity is spent",
            Self::Seconds => "the budget of seconds is spent",
            Self::Finished => "the strategy has finished",
            Self::Exhausted => "the strategy proposes only candidates that are already known or that fail at no cost",
            Self::Stopped => "stopped; `nas resume` continues it",
        })
    }
}

/// What happens while a study runs, for progress bars and logs.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The study is ready. After a resume, `trials` were asked for earlier, and `waiting` of them are to be measured
    /// again.
    Ready {
        /// Trials in the log.
        trials: u32,
        /// How many of them are not finished.
        waiting: u32,
    },
    /// A trial is being measured.
    Started {
        /// Its number in the study.
        trial: u32,
        /// The space's published text; empty for relaxed candidates.
        text: &'a str,
        /// The fidelity that is spent on it.
        fidelity: Option<f64>,
    },
    /// A trial that is being measured has reached another point of its learning curve.
    Reported {
        /// Its record, in which the point is the last.
        trial: &'a TrialRecord,
        /// The fidelity that it has reached, and what is known there.
        point: &'a CurvePoint,
    },
    /// The evaluator says something about a trial that the user should read.
    Notice {
        /// Its number in the study.
        trial: u32,
        /// One line.
        words: &'a str,
    },
    /// A trial is done, and its record is in the log.
    Finished {
        /// Its record.
        trial: &'a TrialRecord,
        /// Seconds on the study's clock, over all runs.
        seconds: f64,
        /// Fidelity spent so far.
        fidelity: f64,
    },
    /// The trial just finished is the best so far.
    Incumbent(&'a TrialRecord),
    /// The log has grown by one commit: the file is consistent, and stays as it is until the listener returns.
    Committed,
    /// Something is wrong, but the study goes on.
    Warning(&'a str),
    /// The study has ended; this is the last event.
    Ended(End),
}

/// Receives the events of a study, on the thread that runs it; a slow listener delays the study.
pub trait Listener {
    /// Handles one event.
    fn event(&mut self, event: &Event<'_>);
}

/// Ignores every event.
impl Listener for () {
    fn event(&mut self, _event: &Event<'_>) {}
}

impl<F: FnMut(&Event<'_>)> Listener for F {
    fn event(&mut self, event: &Event<'_>) {
        self(event);
    }
}
