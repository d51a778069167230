//! Benchmarks: a grid of studies, strategies × problems × seeds, paired by their seeds and compared with statistics.
//!
//! A [`Grid`] is a description; [`run`] runs what is missing of it on all cores and keeps every finished study in one
//! file; [`Results`] are recomputed from that file at any time.

mod curve;
mod grid;
mod run;
mod statistics;
mod store;
mod studies;

pub(crate) use curve::{Columns, incumbent, incumbents};
pub use curve::{Curve, Point, Results, Row, checkpoints};
pub use grid::{Grid, ProblemSpec};
pub use run::{Done, Watch, run};
pub use statistics::{Comparison, compare};
pub use store::{KeptStudy, KeptTrial, Skipped, Store};
