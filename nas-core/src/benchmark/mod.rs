//! Benchmarks: a grid of studies, strategies × problems × seeds, paired by their seeds and compared statistically.
//!
//! A [`Grid`] describes a benchmark. [`run`] runs the studies that are still missing on all cores and keeps every
//! finished study in one file. [`Results`] can be recomputed from that file at any time.

mod comparison;
mod grid;
mod incumbent;
mod measure;
mod objective_space;
mod results;
mod row;
mod run;
mod store;
mod studies;
mod true_front;

pub use comparison::{Comparison, PairedTest, SIGNIFICANT, compare};
pub use grid::{Grid, ProblemSpec};
pub(crate) use incumbent::{Columns, incumbent};
pub(crate) use measure::{Measure, measures};
pub use objective_space::{HYPERVOLUME, REFERENCE};
pub(crate) use objective_space::{ObjectiveSpace, point};
pub use results::Results;
#[cfg(test)]
pub(crate) use row::tests as rows;
pub use row::{Curve, Point, Row, checkpoints, mean_std};
pub use run::{Done, Watch, run};
pub use store::{KeptStudy, KeptTrial, Skipped, Store};
