//! The limits of a component.

use wasmtime::{ResourceLimiter, Result, bail};

/// The limits of one component. Exceeding one ends the study with an error, never the program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The size of all linear memories of an instance together, in bytes.
    pub memory_bytes: usize,
    /// The fuel of one call, which is about its number of WebAssembly instructions. It is the same on every machine.
    pub call_fuel: u64,
    /// The wall-clock limit of one call in seconds, in case the fuel lasts too long.
    pub call_seconds: u32,
    /// The amount of data that one call may pass to the host, in bytes.
    pub transfer_bytes: usize,
    /// The amount of text that one instance may log, in bytes.
    pub log_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 512 << 20,
            // A tight loop runs for 5 to 20 seconds on this, far longer than a surrogate model needs for one proposal.
            call_fuel: 20_000_000_000,
            call_seconds: 60,
            transfer_bytes: 64 << 20,
            log_bytes: 256 << 10,
        }
    }
}

/// The maximum number of elements of all tables together; each is a pointer on the host.
const TABLE_ELEMENTS: usize = 1 << 20;

/// Counts the memory of an instance. Wasmtime's own `StoreLimits` limits each memory separately, and a component may
/// have several.
pub(super) struct MemoryMeter {
    limits: Limits,
    memory: usize,
    elements: usize,
}

impl MemoryMeter {
    pub fn new(limits: Limits) -> Self {
        Self { limits, memory: 0, elements: 0 }
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.limits.memory_bytes {
            bail!(MemoryExceeded { asked: total, limit: self.limits.memory_bytes });
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        self.elements = self.elements.saturating_add(desired.saturating_sub(current));
        Ok(self.elements <= TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        16
    }
}

/// An instance asked for more memory than its limit allows.
#[derive(Debug, thiserror::Error)]
#[error("it asked for {} MiB of memory, and may have {} MiB", asked.div_ceil(1 << 20), limit >> 20)]
pub(super) struct MemoryExceeded {
    pub asked: usize,
    pub limit: usize,
}
