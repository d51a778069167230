//! Benchmarks: a grid of studies, strategies × problems × seeds, paired by their seeds and compared statistically.
//!
//! A [`Grid`] describes a benchmark. [`run`] runs the studies that are still missing on all cores and keeps every
//! finished study in one file. [`Results`] can be recomputed from that file at any time.

mod comparison;
mod curve;
mod grid;
mod run;
mod store;
mod studies;

pub use comparison::{Comparison, compare};
pub(crate) use curve::{Columns, incumbent, incumbents};
pub use curve::{Curve, Point, Results, Row, checkpoints};
pub use grid::{Grid, ProblemSpec};
pub use run::{Done, Watch, run};
pub use store::{KeptStudy, KeptTrial, Skipped, Store};
