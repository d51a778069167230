//! Latency, measured in a runtime on this machine or added up from a cost table.

mod agreement;
mod burn;
mod cost_table;
mod estimate;
mod fused_ops;
mod meter;
mod onnxruntime;
mod runtime;
mod timing;

pub use agreement::{Agreement, agreement};
pub use burn::BurnRuntime;
pub use cost_table::{Cost, CostTable, Prediction};
pub use estimate::Work;
pub use fused_ops::{Unit, units};
pub use meter::{burn_meter, onnxruntime_meter, table_meter};
pub use onnxruntime::OnnxRuntime;
pub use runtime::{Loaded, Runtime, measure};
pub use timing::Latency;
