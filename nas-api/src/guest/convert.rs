//! Conversions between the contract's records and this crate's types, where the two differ.

use super::shared::architecture;
use crate::{Settings, Task};

impl From<architecture::Task> for Task {
    fn from(task: architecture::Task) -> Self {
        let architecture::Task { input_shape, outputs, kind, settings } = task;
        Self { input_shape, outputs, kind, settings: Settings(settings) }
    }
}

impl From<Task> for architecture::Task {
    fn from(task: Task) -> Self {
        let Task { input_shape, outputs, kind, settings } = task;
        Self { input_shape, outputs, kind, settings: settings.0 }
    }
}

/// The contract's functions refuse in words.
pub fn words<T>(answer: crate::Result<T>) -> Result<T, String> {
    answer.map_err(|error| error.to_string())
}
