//! Damaged texts never cause a panic, and every text that is accepted is a sound space or genotype.
//!
//! Each property counts the accepted texts, because it would hold of a parser that refuses everything.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::fmt::Debug;

use nas_api::{Genotype, SearchSpace, Settings, Task, conformance};
use nas_spaces::{ChoiceSpace, Detector, GrammarSpace, NasBench201};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;

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

/// Whether a text was accepted, if the property holds.
type Outcome = Result<bool, TestCaseError>;

const CASES: u32 = 2000;

/// Checks a property of many texts. At least `least` percent of the texts must be accepted, and some refused.
#[track_caller]
fn check<S>(least: u32, texts: S, property: impl Fn(S::Value) -> Outcome)
where
    S: Strategy,
    S::Value: Debug,
{
    let accepted = Cell::new(0_u32);
    // Shrinking runs the property again, but only after a failure, when the count no longer matters.
    let counted = |text| {
        accepted.set(accepted.get() + u32::from(property(text)?));
        Ok(())
    };
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) });
    runner.run(&texts, counted).unwrap_or_else(|failure| panic!("{failure}"));
    let accepted = accepted.get();
    println!("{accepted} of {CASES} texts were accepted");
    assert!(accepted * 100 >= least * CASES, "only {accepted} of {CASES} texts were accepted");
    assert!(accepted < CASES, "no text was refused");
}

/// Damage to a text: a word to replace, the word that replaces it, and whether it must look like the replaced word.
type Damage = (Index, Index, bool);

fn damage() -> impl Strategy<Value = Damage> {
    (any::<Index>(), any::<Index>(), any::<bool>())
}

fn damaged(text: &str, separators: &[char], (at, by, alike): Damage) -> String {
    let mut words: Vec<&str> = text.split_inclusive(separators).collect();
    // Words look alike if both begin with a digit, a letter or something else, and their last characters are equal.
    let look = |word: &str| {
        let first = word.chars().next().map(|first| (first.is_ascii_digit(), first.is_ascii_alphabetic()));
        (first, word.trim_end().chars().last())
    };
    let at = at.index(words.len());
    let candidates: Vec<&str> = words.iter().copied().filter(|word| !alike || look(word) == look(words[at])).collect();
    words[at] = candidates[by.index(candidates.len())];
    words.concat()
}

#[test]
fn a_damaged_definition_is_refused_or_sound() {
    check(25, damage(), |damage| {
        let Ok(mut space) = ChoiceSpace::from_toml(&damaged(TINY_CNN, &[' ', '\n'], damage)) else {
            return Ok(false);
        };
        let genotypes = sampled_soundly(&mut space, 8).map_err(TestCaseError::fail)?;
        conformance::check_neighbors(&mut space, &genotypes[..2]).map_err(TestCaseError::fail)?;
        // Whatever does not depend on the task was checked when the space was opened.
        let task =
            Task { input_shape: vec![1, 16, 16], outputs: 10, kind: String::new(), settings: Settings::default() };
        for genotype in genotypes {
            if let Err(error) = space.build(&genotype, &task) {
                let words = error.to_string();
                prop_assert!(words.starts_with("node '") || words.starts_with("the chain ends"), "{}", words);
            }
        }
        Ok(true)
    });
}

#[test]
fn a_damaged_grammar_is_refused_or_sound() {
    check(20, damage(), |damage| {
        let Ok(mut space) = GrammarSpace::from_toml(&damaged(GRAMMAR, &[' ', '\n'], damage)) else {
            return Ok(false);
        };
        let genotypes = sampled_soundly(&mut space, 4).map_err(TestCaseError::fail)?;
        let settings = Settings::defaults(&SearchSpace::task_parameters(&space));
        let task = Task { input_shape: vec![3, 7, 8], outputs: 10, kind: String::new(), settings };
        for genotype in &genotypes {
            let graph = SearchSpace::build(&space, genotype, &task).map_err(|error| fail(&error))?;
            nas_api::graph::shape::infer(&graph, &task.input_shape).map_err(|error| fail(&error))?;
        }
        Ok(true)
    });
}

/// Samples of a space, which keeps the promises that do not need networks.
fn sampled_soundly<S: SearchSpace>(space: &mut S, count: u32) -> Result<Vec<Genotype>, String> {
    conformance::check_description(space)?;
    let genotypes = conformance::check_samples(space, count)?;
    conformance::check_walks(space, &genotypes)?;
    conformance::check_text(space, &genotypes)?;
    Ok(genotypes)
}

fn fail(error: &impl ToString) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}

#[test]
fn a_damaged_term_is_a_network_or_refused() {
    let space = GrammarSpace::from_toml(GRAMMAR).unwrap();
    check(15, (any::<u32>(), damage()), |(seed, damage)| {
        let text = damaged(&space.format(&space.sample(seed)), &[' '], damage);
        let Ok(genotype) = space.parse(&text) else { return Ok(false) };
        let written = space.format(&genotype);
        prop_assert_eq!(written.split(" by ").next(), text.trim().split(" by ").next());
        prop_assert_eq!(space.parse(&written).unwrap(), genotype);
        Ok(true)
    });
}

/// Texts that are garbage, valid texts with garbage in place of a few characters, and valid texts with a word replaced.
fn damaged_or_garbage(
    valid: impl Fn(u32) -> String + Clone + 'static,
    separators: &'static [char],
    garbage: &'static str,
    short_garbage: &'static str,
) -> impl Strategy<Value = String> {
    let to_splice = valid.clone();
    let splice = (any::<u32>(), any::<Index>(), 0..3_usize, short_garbage);
    let spliced = splice.prop_map(move |(seed, at, length, garbage)| {
        let characters: Vec<char> = to_splice(seed).chars().collect();
        let at = at.index(characters.len() + 1);
        let (before, after) = (&characters[..at], &characters[(at + length).min(characters.len())..]);
        before.iter().copied().chain(garbage.chars()).chain(after.iter().copied()).collect()
    });
    let replaced = (any::<u32>(), damage()).prop_map(move |(seed, damage)| damaged(&valid(seed), separators, damage));
    prop_oneof![garbage, spliced, replaced]
}

#[test]
fn any_text_is_a_term_or_refused() {
    let space = GrammarSpace::from_toml(GRAMMAR).unwrap();
    let written = space.clone();
    let garbage = "((linear|sum|conv|id|zero|A|B2|by|relu)?[ (),=0-9]{0,3}){0,12}";
    let valid = move |seed| written.format(&written.sample(seed));
    check(6, damaged_or_garbage(valid, &[' '], garbage, "(id|zero|relu)?[ ,()0-9]{0,2}"), |text| {
        let Ok(genotype) = space.parse(&text) else { return Ok(false) };
        prop_assert!(space.validate(&genotype).is_ok());
        Ok(true)
    });
}

#[test]
fn any_text_is_a_cell_or_refused() {
    let space = NasBench201::new();
    let written = space.clone();
    let garbage = "(\\|?(none|skip_connect|nor_conv_1x1|x)?~?[0-3]?\\|?\\+?){0,8}";
    let valid = move |seed| written.format(&written.sample(seed));
    check(10, damaged_or_garbage(valid, &['|', '~'], garbage, "[1-3x|~]{0,2}"), |text| {
        let Ok(genotype) = space.parse(&text) else { return Ok(false) };
        prop_assert_eq!(space.format(&genotype), text);
        Ok(true)
    });
}

#[test]
fn a_damaged_detector_is_refused_or_sound() {
    let space = Detector::new();
    let text = space.format(&space.parse("fcos_resnet50_fpn").unwrap());
    check(8, damage(), |damage| {
        let Ok(genotype) = space.parse(&damaged(&text, &[',', '='], damage)) else { return Ok(false) };
        prop_assert!(space.validate(&genotype).is_ok());
        Ok(true)
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn every_cell_is_read_back(genotype in prop::collection::vec(0..5u32, 6)) {
        let space = NasBench201::new();
        prop_assert_eq!(space.parse(&space.format(&genotype)).unwrap(), genotype);
    }
}
