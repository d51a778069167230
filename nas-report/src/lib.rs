//! The report of a benchmark as files.
