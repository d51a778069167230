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
    /// The amount of data that may cross from a component to the host at once, in bytes: in the result of a call of the
    /// component, or in the arguments of one call of a function of the host.
    pub transfer_bytes: usize,
    /// The amount of text that one plugin may log, all its instances together, in bytes.
    pub log_bytes: usize,
    /// How long the compilation of one component may take, in seconds.
    pub compile_seconds: u32,
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
            compile_seconds: 60,
        }
    }
}

/// The maximum number of elements of all tables together; each is a pointer on the host.
const TABLE_ELEMENTS: usize = 1 << 20;

/// The maximum number of instances within a component.
pub(super) const MAX_INSTANCES: usize = 64;

/// Counts the memory of an instance. Wasmtime's own `StoreLimits` limits each memory separately, and a component may
/// have several.
pub(super) struct MemoryMeter {
    limits: Limits,
    memory: usize,
    /// What the last growth added, in case it fails after all.
    added: usize,
    elements: usize,
}

impl MemoryMeter {
    pub fn new(limits: Limits) -> Self {
        Self { limits, memory: 0, added: 0, elements: 0 }
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let total = self.memory.saturating_add(desired.saturating_sub(current));
        if total > self.limits.memory_bytes {
            bail!(MemoryExceeded { asked: total, limit: self.limits.memory_bytes });
        }
        self.added = total - self.memory;
        self.memory = total;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.memory -= std::mem::take(&mut self.added);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> Result<bool> {
        let total = self.elements.saturating_add(desired.saturating_sub(current));
        if total > TABLE_ELEMENTS {
            return Ok(false);
        }
        self.elements = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_or_fails_does_not_count() {
        let mut meter = MemoryMeter::new(Limits { memory_bytes: 100, ..Limits::default() });
        assert!(meter.memory_growing(0, 60, None).is_ok_and(|grows| grows));
        assert!(meter.memory_grow_failed(wasmtime::Error::msg("the system has no memory")).is_ok());
        assert!(meter.memory_growing(0, 100, None).is_ok_and(|grows| grows));
        assert!(meter.memory_growing(100, 101, None).is_err());
        assert!(meter.table_growing(0, TABLE_ELEMENTS + 1, None).is_ok_and(|grows| !grows));
        assert!(meter.table_growing(0, TABLE_ELEMENTS, None).is_ok_and(|grows| grows));
    }
}
