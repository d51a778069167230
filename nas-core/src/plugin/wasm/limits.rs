//! What a component may use.

use wasmtime::{ResourceLimiter, Result, bail};

/// What one component may use. Exceeding a limit ends its search with an error, never the program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// All linear memories of an instance together, in bytes.
    pub memory_bytes: usize,
    /// WebAssembly instructions of one call, about: exact and deterministic, the same on every machine.
    pub call_fuel: u64,
    /// Wall-clock backstop for one call, in seconds, behind the fuel.
    pub call_seconds: u32,
    /// What one call may hand to the host, in bytes.
    pub transfer_bytes: usize,
    /// What one instance may log, in bytes.
    pub log_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 512 << 20,
            // 5 to 20 seconds of a tight loop: far above what a surrogate model needs for one proposal.
            call_fuel: 20_000_000_000,
            call_seconds: 60,
            transfer_bytes: 64 << 20,
            log_bytes: 256 << 10,
        }
    }
}

/// Table elements of all tables together; a pointer each on the host.
const TABLE_ELEMENTS: usize = 1 << 20;

/// Counts what an instance holds. Wasmtime's own `StoreLimits` bounds each memory alone, and a component may have many.
pub(super) struct Meter {
    limits: Limits,
    memory: usize,
    elements: usize,
}

impl Meter {
    pub fn new(limits: Limits) -> Self {
        Self { limits, memory: 0, elements: 0 }
    }
}

impl ResourceLimiter for Meter {
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

/// An instance asked for more memory than it may have.
#[derive(Debug, thiserror::Error)]
#[error("it asked for {} MiB of memory, and may have {} MiB", asked.div_ceil(1 << 20), limit >> 20)]
pub(super) struct MemoryExceeded {
    pub asked: usize,
    pub limit: usize,
}
