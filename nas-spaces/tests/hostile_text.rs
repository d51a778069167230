//! Texts that users get wrong: never a panic, and what is accepted is a sound space or genotype.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use nas_api::{SearchSpace, Settings, Task, conformance};
use nas_spaces::{ChoiceSpace, Detector, GrammarSpace, NasBench201};
use proptest::prelude::*;

const TINY_CNN: &str = include_str!("../../docs/examples/tiny-cnn.toml");

const GRAMMAR: &str = r#"
name = "small"
version = "1"
start = "A"
depth = 5
[rules]
A = [ "linear(B, down, B)" , "residual(B, down, down)" ]
B = [ "id" , "OP" , "concat(OP, B)" , "cell(OP, zero, zero, B, OP, OP)" ]
OP = [ "zero" , "linear(relu, conv(3, dilation=2), batch-norm)" , "avg-pool(3)" , "linear(OP, conv(1, groups=4))" ]
"#;

/// A text with one of its words replaced by another of its words.
fn damaged(text: &str, at: usize, by: usize) -> String {
    let words: Vec<&str> = text.split_inclusive(char::is_whitespace).collect();
    let (at, by) = (at % words.len(), by % words.len());
    let word = |position: usize| if position == at { words[by] } else { words[position] };
    (0..words.len()).map(word).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_damaged_definition_is_refused_or_sound(at in any::<usize>(), by in any::<usize>()) {
        let Ok(mut space) = ChoiceSpace::from_toml(&damaged(TINY_CNN, at, by)) else { return Ok(()) };
        let sound = conformance::described(&mut space)
            .and_then(|()| conformance::sampled(&mut space, 8))
            .and_then(|genotypes| {
                conformance::walked(&mut space, &genotypes)?;
                conformance::written(&mut space, &genotypes)?;
                conformance::neighboring(&mut space, &genotypes[..2])?;
                Ok(genotypes)
            });
        let genotypes = sound.map_err(TestCaseError::fail)?;
        // What depends on the task alone may still not fit; everything else was found on opening.
        let task = Task { input_shape: vec![1, 16, 16], outputs: 10, kind: String::new(), settings: Settings::default() };
        for genotype in genotypes {
            if let Err(error) = space.build(&genotype, &task) {
                let words = error.to_string();
                prop_assert!(words.starts_with("node '") || words.starts_with("the chain ends"), "{}", words);
            }
        }
    }

    #[test]
    fn a_damaged_grammar_is_refused_or_sound(at in any::<usize>(), by in any::<usize>()) {
        let Ok(mut space) = GrammarSpace::from_toml(&damaged(GRAMMAR, at, by)) else { return Ok(()) };
        let sound = conformance::described(&mut space)
            .and_then(|()| conformance::sampled(&mut space, 4))
            .and_then(|genotypes| {
                conformance::walked(&mut space, &genotypes)?;
                conformance::written(&mut space, &genotypes)?;
                let settings = Settings::defaults(&SearchSpace::task_parameters(&space));
                let task = Task { input_shape: vec![3, 7, 8], outputs: 10, kind: String::new(), settings };
                genotypes.iter().try_for_each(|genotype| {
                    let graph = SearchSpace::build(&space, genotype, &task).map_err(|error| error.to_string())?;
                    nas_api::graph::shape::infer(&graph, &task.input_shape).map_err(|error| error.to_string())?;
                    Ok(())
                })
            });
        sound.map_err(TestCaseError::fail)?;
    }

    #[test]
    fn a_damaged_term_is_a_network_or_refused(seed in any::<u32>(), at in any::<usize>(), by in any::<usize>()) {
        let space = GrammarSpace::from_toml(GRAMMAR).unwrap();
        let text = damaged(&space.format(&space.sample(seed)), at, by);
        if let Ok(genotype) = space.parse(&text) {
            let written = space.format(&genotype);
            prop_assert_eq!(written.split(" by ").next(), text.trim().split(" by ").next());
            prop_assert_eq!(space.parse(&written).unwrap(), genotype);
        }
    }

    #[test]
    fn any_text_is_a_term_or_refused(text in "((linear|sum|conv|id|zero|A|B2|by|relu)?[ (),=0-9]{0,3}){0,12}") {
        let space = GrammarSpace::from_toml(GRAMMAR).unwrap();
        if let Ok(genotype) = space.parse(&text) {
            prop_assert!(space.validate(&genotype).is_ok());
        }
    }

    #[test]
    fn any_text_is_a_cell_or_refused(text in "(\\|?(none|skip_connect|nor_conv_1x1|x)?~?[0-3]?\\|?\\+?){0,8}") {
        let space = NasBench201::new();
        if let Ok(genotype) = space.parse(&text) {
            prop_assert_eq!(space.format(&genotype), text);
        }
    }

    #[test]
    fn a_damaged_detector_is_refused_or_sound(at in any::<prop::sample::Index>(), by in any::<prop::sample::Index>()) {
        let space = Detector::new();
        let genotype = space.parse("fcos_resnet50_fpn").unwrap();
        let text = space.format(&genotype);
        let mut words: Vec<&str> = text.split_inclusive([',', '=']).collect();
        let (at, by) = (at.index(words.len()), by.index(words.len()));
        words[at] = words[by];
        if let Ok(genotype) = space.parse(&words.concat()) {
            prop_assert!(space.validate(&genotype).is_ok());
        }
    }

    #[test]
    fn every_cell_is_read_back(genotype in prop::collection::vec(0..5u32, 6)) {
        let space = NasBench201::new();
        prop_assert_eq!(space.parse(&space.format(&genotype)).unwrap(), genotype);
    }
}
