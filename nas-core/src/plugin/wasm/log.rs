//! Where the log lines of plugins go, and how much they may say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::shown::cut;

/// How important a line of a plugin's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Details for the plugin's author.
    Debug,
    /// Information for the user.
    Info,
    /// Something is not as it should be.
    Warn,
    /// Something failed.
    Error,
}

/// Receives the log lines of plugins: level, plugin and line.
pub type Log = Arc<dyn Fn(Level, &str, &str) + Send + Sync>;

/// What a line counts besides its own bytes, because the name of its plugin is written before it.
const LINE: usize = 64;

/// How much each plugin may still log, all its instances together.
pub(super) struct LogBudget {
    bytes: usize,
    left: Mutex<HashMap<String, usize>>,
}

impl LogBudget {
    pub fn new(bytes: usize) -> Self {
        Self { bytes, left: Mutex::default() }
    }

    /// What may be written of a plugin's message, and whether it is the last that may be.
    pub fn take<'m>(&self, plugin: &str, message: &'m str) -> Option<(&'m str, bool)> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if !left.contains_key(plugin) {
            left.insert(plugin.to_owned(), self.bytes);
        }
        let left = left.get_mut(plugin).filter(|left| **left > 0)?;
        let written = cut(message, *left);
        *left = left.saturating_sub(message.len().saturating_add(LINE));
        Some((written, *left == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::LogBudget;

    #[test]
    fn one_endless_line_is_cut_at_the_budget() {
        let budget = LogBudget::new(1000);
        assert_eq!(budget.take("a", "short"), Some(("short", false)));
        let long = "ü".repeat(1 << 20);
        let (written, last) = budget.take("a", &long).unwrap_or_default();
        assert!(last && written.len() <= 1000 && written.len() > 900, "{}", written.len());
        assert_eq!(budget.take("a", "more"), None);
        assert_eq!(budget.take("b", "another plugin"), Some(("another plugin", false)));
    }

    #[test]
    fn empty_lines_end_too() {
        let budget = LogBudget::new(256 << 10);
        assert!((0..).take_while(|_| budget.take("a", "").is_some()).count() <= 4096);
    }
}
