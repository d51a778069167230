//! The search spaces that come with nas. `docs/spaces.md` describes each: decisions, size, paper, task settings.

mod choices;
mod conv_1d;
mod decoder_lm;
mod layered;
mod mlp;
mod nas_bench_101;
mod nas_bench_201;
mod residual_mlp;
mod synthetic;
mod table;
mod vision_transformer;

pub use conv_1d::Conv1d;
pub use decoder_lm::DecoderLm;
pub use mlp::Mlp;
pub use nas_bench_101::NasBench101;
pub use nas_bench_201::{NasBench201, Same};
pub use residual_mlp::ResidualMlp;
pub use synthetic::Synthetic;
pub use table::TableSpace;
pub use vision_transformer::VisionTransformer;
