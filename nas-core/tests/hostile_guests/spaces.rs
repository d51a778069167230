//! Spaces that misbehave: every message names the space, whoever has asked it.

use nas_api::{OpenSpace, Setting, Settings, Value};
use nas_core::plugin::PluginError;
use nas_core::study::{PluginSpec, StudyError};

use super::common::{component, fixture};
use super::{mode, plugin, registry, search_in};

fn checked(text: String) -> String {
    assert!(text.starts_with("space 'hspace'"), "names the space: {text}");
    assert!(text.len() < 10_000, "{}", text.len());
    assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{text:?}");
    text
}

/// The error of a study on this space.
fn ends(space: PluginSpec, strategy: PluginSpec) -> String {
    match search_in(space, strategy, mode("heval", "", 1)).0 {
        Err(StudyError::Broken(error) | StudyError::Open(error)) => checked(error.to_string()),
        other => panic!("{other:?}"),
    }
}

fn open(mode: &str, n: f64) -> Result<Box<dyn OpenSpace>, PluginError> {
    let source = registry().space(&fixture("hspace").to_string_lossy()).unwrap();
    let set = |name: &str, value| Setting { name: name.into(), value };
    let given = [set("mode", Value::Text(mode.into())), set("n", Value::Number(n))];
    source.open(&Settings::checked(&source.parameters().unwrap(), &given).unwrap())
}

#[test]
fn descriptions_that_cannot_be_a_space_are_refused() {
    let refused = |mode: &str, n: f64| checked(open(mode, n).err().unwrap().to_string());
    assert!(refused("nochoices", 1.0).contains("its decision 'none' has no choices"));
    assert!(refused("equal", 10.0).contains("it has two decisions of the name 'same'"));
    assert!(refused("many", 20_000.0).contains("it has 20000 decisions; at most 10000 are allowed"));
    assert!(refused("nan", 1.0).contains("log10 of its number of genotypes cannot be NaN"));
    assert!(refused("refuse", 1.0).contains("in open"));
    assert!(refused("panic", 1.0).contains("in open"));
}

#[test]
fn a_walk_without_end_ends() {
    let mut space = open("endless", 1.0).unwrap();
    assert!(space.next(&vec![0; 9_999]).unwrap().is_some());
    let error = checked(space.next(&vec![0; 10_000]).unwrap_err().to_string());
    assert!(error.contains("in next: it has a decision after 10000 choices"), "{error}");
}

/// The error of this question.
fn asked(mode: &str, n: f64, question: fn(&mut dyn OpenSpace) -> nas_api::Result<()>) -> String {
    checked(question(&mut *open(mode, n).unwrap()).unwrap_err().to_string())
}

#[test]
fn answers_that_cannot_be_are_the_spaces_fault() {
    let text = asked("longsample", 1e6, |space| space.sample(1).map(drop));
    assert!(text.contains("it gave a genotype of 1000000 choices"), "{text}");
    let text = asked("badsample", 1.0, |space| space.sample(1).map(drop));
    assert!(text.contains("it gave [7, 7, 7], which does not fit its decisions"), "{text}");
    let text = asked("neighbours", 200_000.0, |space| space.neighbors(&[0, 0]).map(drop));
    assert!(text.contains("it gave 200000 neighbours"), "{text}");
    let text = asked("bigkey", 1e6, |space| space.key(&[0, 0]).map(drop));
    assert!(text.contains("at most 64 are allowed"), "{text}");
    let text = asked("bigtext", 1e6, |space| space.format(&[0, 0]).map(drop));
    assert!(text.contains("at most 64 are allowed"), "{text}");
    let text = asked("nanfeatures", 1.0, |space| space.features(&[0, 0]).map(drop));
    assert!(text.contains("a feature is NaN"), "{text}");
    let text = asked("varfeatures", 1.0, |space| {
        space.features(&[0, 1])?;
        space.features(&[2, 2]).map(drop)
    });
    assert!(text.contains("it gave 4 features for one genotype and 1 for another"), "{text}");
    let text = asked("nextloop", 1.0, |space| space.next(&[]).map(drop));
    assert!(text.contains("did not finish within"), "{text}");
    let text = asked("samplepanic", 1.0, |space| space.sample(1).map(drop));
    assert!(text.contains("the sample is empty"), "{text}");
}

#[test]
fn a_space_with_two_faces_keeps_the_first() {
    let mut space = open("two-faces", 1.0).unwrap();
    let first = space.info().unwrap();
    assert_eq!(first.decisions.len(), 2);
    assert_eq!(space.info().unwrap(), first);
}

#[test]
fn a_space_is_blamed_whatever_strategy_asks_it() {
    let component = component("strategies", "random-search").to_string_lossy().into_owned();
    for strategy in ["random-search", &component] {
        let text = ends(mode("hspace", "samplepanic", 1), plugin(strategy, None));
        assert!(text.contains("in sample"), "{strategy}: {text}");
        let text = ends(mode("hspace", "badsample", 1), plugin(strategy, None));
        assert!(text.contains("does not fit its decisions"), "{strategy}: {text}");
    }
}

#[test]
fn what_a_space_says_about_a_genotype_is_cleaned() {
    let mut space = open("ansirefuse", 1.0).unwrap();
    let reason = space.validate(&[0, 0]).unwrap().unwrap_err();
    assert!(reason.contains("red") && !reason.contains(['\x1b', '\x07', '\u{202e}']), "{reason:?}");
}
