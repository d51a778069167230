//! The search spaces that come with nas. `docs/spaces.md` describes each: decisions, size, paper and task settings.

mod blocks;
mod choice_space;
mod choices;
mod conv_1d;
mod darts;
mod decoder_lm;
mod definition;
mod detector;
mod fitting;
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

pub use choice_space::{ChainOperator, ChoiceSpace, chain_operators};
pub use conv_1d::Conv1d;
pub use darts::Darts;
pub use decoder_lm::DecoderLm;
pub use detector::Detector;
pub use fitting::{Fitting, fitting};
pub use grammar::GrammarSpace;
pub use mlp::Mlp;
pub use mobile::Mobile;
pub use nas_bench_101::NasBench101;
pub use nas_bench_201::{Identity, NasBench201};
pub use nas_bench_macro::NasBenchMacro;
pub use residual_mlp::ResidualMlp;
pub use resnet::ResNet;
pub use synthetic::Synthetic;
pub use vision_transformer::VisionTransformer;

use std::convert::Infallible;

use nas_api::SearchSpace;

/// Takes spaces one by one, for example to register them or to list their names.
pub trait Take {
    /// Why a space could not be taken; [`Infallible`] if this cannot happen.
    type Error;

    /// Takes a space that is known by `name`.
    ///
    /// # Errors
    /// If the space cannot be taken.
    fn take<S: SearchSpace>(&mut self, name: &'static str) -> Result<(), Self::Error>;

    /// Takes a space that is known by `name` and that reads TOML files with the top-level table `key`. A file is the
    /// value of its parameter `definition`, and determines the name in its description.
    ///
    /// # Errors
    /// If the space cannot be taken.
    fn take_with_files<S: SearchSpace>(&mut self, name: &'static str, key: &'static str) -> Result<(), Self::Error>;
}

/// Passes every built-in space to `taker`. A new space is added here and is then found wherever all spaces are listed.
///
/// [`ChoiceSpace`] is not included, because it is no space without the text of a definition.
///
/// # Errors
/// If `taker` refuses a space; later ones are then not passed.
pub fn all<T: Take>(taker: &mut T) -> Result<(), T::Error> {
    taker.take::<Conv1d>("conv-1d")?;
    taker.take::<Darts>("darts")?;
    taker.take::<DecoderLm>("decoder-lm")?;
    taker.take::<Detector>("detector")?;
    taker.take_with_files::<GrammarSpace>("grammar", "rules")?;
    taker.take::<Mlp>("mlp")?;
    taker.take::<Mobile>("mobile")?;
    taker.take::<NasBench101>("nas-bench-101")?;
    taker.take::<NasBench201>("nas-bench-201")?;
    taker.take::<NasBenchMacro>("nas-bench-macro")?;
    taker.take::<ResidualMlp>("residual-mlp")?;
    taker.take::<ResNet>("resnet")?;
    taker.take::<Synthetic>("synthetic")?;
    taker.take::<VisionTransformer>("vision-transformer")
}

/// The names of all built-in spaces, in alphabetical order.
pub fn names() -> Vec<&'static str> {
    struct Names(Vec<&'static str>);
    impl Take for Names {
        type Error = Infallible;

        fn take<S: SearchSpace>(&mut self, name: &'static str) -> Result<(), Infallible> {
            self.0.push(name);
            Ok(())
        }

        fn take_with_files<S: SearchSpace>(&mut self, name: &'static str, _: &'static str) -> Result<(), Infallible> {
            self.take::<S>(name)
        }
    }
    let mut names = Names(Vec::new());
    let Ok(()) = all(&mut names);
    names.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use nas_api::{Error, Settings};

    use super::*;

    /// Opens every space with its default settings.
    struct Opened(Vec<String>);

    impl Take for Opened {
        type Error = Error;

        fn take<S: SearchSpace>(&mut self, name: &'static str) -> Result<(), Error> {
            assert_eq!(S::open(&Settings::defaults(&S::parameters()))?.info().name, name);
            self.0.push(name.to_owned());
            Ok(())
        }

        fn take_with_files<S: SearchSpace>(&mut self, name: &'static str, key: &'static str) -> Result<(), Error> {
            assert!(S::parameters().iter().any(|parameter| parameter.name == "definition"), "{name} {key}");
            S::open(&Settings::defaults(&S::parameters()))?;
            self.0.push(name.to_owned());
            Ok(())
        }
    }

    #[test]
    fn every_built_in_space_opens_under_its_name_and_is_documented() {
        let mut opened = Opened(Vec::new());
        all(&mut opened).unwrap();
        assert_eq!(opened.0, names());
        assert!(names().is_sorted_by(|a, b| a < b), "{:?}", names());
        let page = include_str!("../../docs/spaces.md");
        for name in names() {
            assert!(page.contains(&format!("## {name}\n")) || page.contains(&format!("(spaces/{name}.md)")), "{name}");
        }
    }
}
