//! The search spaces that come with nas. `docs/spaces.md` describes each: decisions, size, paper, task settings.

mod blocks;
mod darts;
mod mlp;
mod mobile;
mod nas_bench_101;
mod nas_bench_201;
mod nas_bench_macro;
mod resnet;
mod synthetic;
mod table;

pub use darts::Darts;
pub use mlp::Mlp;
pub use mobile::Mobile;
pub use nas_bench_101::NasBench101;
pub use nas_bench_201::{NasBench201, Same};
pub use nas_bench_macro::NasBenchMacro;
pub use resnet::ResNet;
pub use synthetic::Synthetic;
pub use table::TableSpace;
