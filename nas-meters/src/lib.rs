//! The built-in [`Meter`](nas_api::Meter)s of studies, which measure networks before they are trained.
//!
//! *Latency* and energy are given in milliseconds and millijoules for one example. They are measured in a [`Runtime`]
//! on this machine, or added up from a [`CostTable`], which holds costs of operators that were measured here or
//! elsewhere. Such tables follow H. Cai, L. Zhu and S. Han, "ProxylessNAS", ICLR 2019, section 3.3 and appendix B;
//! fused operators are the unit of measurement as in L. L. Zhang et al., "nn-Meter", MobiSys 2021, section 3.
//!
//! *Zero-cost proxies* ([`Proxy`]) are scores of untrained networks that correlate with trained accuracy. They have no
//! unit; greater is better, and only values of one proxy and one task can be compared.
//!
//! ```
//! use nas_api::{GraphBuilder, Settings, Task};
//! use nas_meters::Proxy;
//!
//! let mut graph = GraphBuilder::new();
//! let input = graph.input();
//! let flat = graph.op("flatten", "Flatten", &[input]);
//! let head = graph.gemm("head", flat, 10);
//! let graph = graph.finish(&[head]);
//!
//! let kind = "classification".to_owned();
//! let task = Task { input_shape: vec![1, 8, 8], outputs: 10, kind, settings: Settings::default() };
//! assert!(Proxy::L2Norm.score(&graph, &task)? > 0.0);
//! # Ok::<(), nas_api::Error>(())
//! ```

mod error;
mod latency;
mod proxy;

pub use error::LatencyError;
pub use latency::{
    Agreement, BurnRuntime, Cost, CostTable, Latency, Loaded, OnnxRuntime, Prediction, Runtime, Unit, Work, agreement,
    burn_meter, measure, onnxruntime_meter, table_meter, units,
};
pub use proxy::{Proxy, proxy_meter};
