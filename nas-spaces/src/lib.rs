//! The search spaces that come with nas. `docs/spaces.md` describes each: decisions, size, paper, task settings.

mod blocks;
mod choice_space;
mod choices;
mod conv_1d;
mod darts;
mod decoder_lm;
mod detector;
mod grammar;
mod layered;
mod mlp;
mod mobile;
mod nas_bench_101;
mod nas_bench_201;
mod nas_bench_macro;
mod residual;
mod residual_mlp;
mod resnet;
mod synthetic;
mod vision_transformer;

pub use choice_space::ChoiceSpace;
pub use conv_1d::Conv1d;
pub use darts::Darts;
pub use decoder_lm::DecoderLm;
pub use detector::Detector;
pub use grammar::GrammarSpace;
pub use mlp::Mlp;
pub use mobile::Mobile;
pub use nas_bench_101::NasBench101;
pub use nas_bench_201::{NasBench201, Identity};
pub use nas_bench_macro::NasBenchMacro;
pub use residual_mlp::ResidualMlp;
pub use resnet::ResNet;
pub use synthetic::Synthetic;
pub use vision_transformer::VisionTransformer;
