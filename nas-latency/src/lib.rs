//! What networks cost on a device before anybody trains them: latency measured in a runtime on this machine, or added up
//! from a table of operators' costs that was measured here or elsewhere. All meters of studies are made here, those of
//! zero-cost proxies too.
//!
//! Tables of operators' costs: H. Cai, L. Zhu and S. Han, "ProxylessNAS", ICLR 2019, section 3.3 and appendix B; fused
//! operators as the unit of measurement: L. L. Zhang et al., "nn-Meter", MobiSys 2021, section 3.

mod burn;
mod check;
mod error;
mod estimate;
mod meter;
mod onnxruntime;
mod proxy;
mod runtime;
mod table;
mod timing;
mod units;

pub use burn::BurnRuntime;
pub use check::{Agreement, agreement};
pub use error::LatencyError;
pub use estimate::Work;
pub use meter::{burn_meter, onnxruntime_meter, table_meter};
pub use onnxruntime::OnnxRuntime;
pub use proxy::proxy_meter;
pub use runtime::{Loaded, Runtime, measure};
pub use table::{Cost, CostTable, Prediction};
pub use timing::Latency;
pub use units::{Unit, units};
