#![allow(clippy::unwrap_used)]
use std::fs;
use std::sync::LazyLock;

use proptest::prelude::*;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};

use super::*;
use crate::tests::test_data::test_data;

/// A text with words of many kinds, in which few pairs of tokens are equally frequent.
fn prose() -> String {
    let words = ["the", "then", "there", "other", "mother", "naïve", "日本", "it's", "12", "--", "🦀", "\t"];
    let mut text = String::new();
    for number in 0_usize..4000 {
        text.push_str(words[(number * number + number / 7) % words.len()]);
        text.push(if number % 11 == 0 { '\n' } else { ' ' });
    }
    text
}

static TRAINED: LazyLock<Tokenizer> = LazyLock::new(|| Tokenizer::trained(&prose(), 300).unwrap());

/// The tokenizer that the library's own trainer makes of a text.
fn by_library(text: &str, size: usize) -> tokenizers::Tokenizer {
    let trainer = BpeTrainer::builder().vocab_size(size).min_frequency(2).show_progress(false);
    let alphabet = ByteLevel::alphabet().into_iter().collect();
    let mut tokenizer = tokenizers::Tokenizer::new(ModelWrapper::BPE(BPE::default()));
    tokenizer.with_pre_tokenizer(Some(ByteLevel::new(false, false, true)));
    tokenizer.with_decoder(Some(ByteLevel::new(false, true, true)));
    let mut trainer: TrainerWrapper = trainer.initial_alphabet(alphabet).build().into();
    tokenizer.train(&mut trainer, [text].into_iter()).unwrap();
    tokenizer
}

#[test]
fn training_gives_what_the_library_gives() {
    let text = prose();
    let (ours, theirs) = (Tokenizer::trained(&text, 300).unwrap(), by_library(&text, 300));
    assert_eq!(ours.inner.get_vocab(true), theirs.get_vocab(true));
    assert_eq!(ours.encode(&text).unwrap(), theirs.encode_fast(&*text, false).unwrap().get_ids());
    assert_eq!(ours.to_json().unwrap(), Tokenizer::trained(&text, 300).unwrap().to_json().unwrap());
}

/// In a long training, one token can be merged from different parts, which makes the library's result random.
#[test]
fn large_vocabularies_are_the_same_each_time() {
    let Some(path) = test_data("text/tinyshakespeare.txt") else { return };
    let text = fs::read_to_string(path).unwrap();
    let one = Tokenizer::trained(&text, 12_000).unwrap();
    assert_eq!(one.lengths().len(), 12_000);
    assert_eq!(one.to_json().unwrap(), Tokenizer::trained(&text, 12_000).unwrap().to_json().unwrap());
    let merges: serde_json::Value = serde_json::from_str(&one.to_json().unwrap()).unwrap();
    let merges: Vec<String> = merges["model"]["merges"].as_array().unwrap().iter().map(ToString::to_string).collect();
    let different: std::collections::HashSet<&String> = merges.iter().collect();
    assert_eq!(different.len(), merges.len(), "each pair has one place in the order");
    let tokens = one.encode(&text).unwrap();
    assert_eq!(one.decode(&tokens), text);
    assert!(tokens.len() * 3 < text.len(), "{} tokens", tokens.len());
}

#[test]
fn a_text_with_few_frequent_pairs_has_few_tokens() {
    let few = Tokenizer::trained("abababab cd", 1000).unwrap();
    assert_eq!(few.lengths().len(), 258, "the bytes, 'ab' and 'abab'");
    assert_eq!(few.lengths()[256..], [2, 4]);
    // In one long run, tokens must not grow longer than their length fits into a byte.
    let long = Tokenizer::trained(&"-".repeat(4000), 400).unwrap();
    assert!(long.lengths().iter().all(|&length| usize::from(length) <= LONGEST));
    assert_eq!(
        long.encode(&"-".repeat(1001))
            .unwrap()
            .iter()
            .map(|&id| usize::from(long.lengths()[id as usize]))
            .sum::<usize>(),
        1001
    );
}

#[test]
fn pieces_have_the_tokens_of_the_whole() {
    let line = |number: usize| format!("{}line {number}\n", ["", " ", "\n", "\t\n"][number % 4]);
    let text: String = (0..20_000).map(line).collect();
    assert!(pieces(&text).count() > 2);
    assert_eq!(pieces(&text).collect::<String>(), text);
    let tokenizer = Tokenizer::trained(&text, 320).unwrap();
    let whole = tokenizer.inner.encode_fast(&*text, false).unwrap();
    assert_eq!(tokenizer.encode(&text).unwrap(), whole.get_ids());
}

#[test]
fn pieces_do_not_end_within_white_space() {
    // Two ends of lines are one token before a space, and two tokens before a word.
    let text = ["first line\nsecond\n\n", "third\n\n fourth "].concat().repeat(6_000);
    let tokenizer = Tokenizer::trained(&text, 300).unwrap();
    assert!(tokenizer.inner.token_to_id("ĊĊ").is_some());
    assert!(pieces(&text).count() > 2);
    let whole = tokenizer.inner.encode_fast(&*text, false).unwrap();
    assert_eq!(tokenizer.encode(&text).unwrap(), whole.get_ids());
    let other = text.replace('\n', "\r\n");
    assert_eq!(pieces(&other).count(), 1);
    assert_eq!(tokenizer.decode(&tokenizer.encode(&other).unwrap()), other);
}

#[test]
fn written_files_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    let trained = &*TRAINED;
    fs::write(&path, trained.to_json().unwrap()).unwrap();
    let read = Tokenizer::read(&path).unwrap();
    assert_eq!(read.lengths(), trained.lengths());
    assert_eq!(read.encode(&prose()).unwrap(), trained.encode(&prose()).unwrap());
    assert_eq!(read.to_json().unwrap(), trained.to_json().unwrap());
}

fn refused(change: impl FnOnce(&mut serde_json::Value), parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.json");
    let mut file = serde_json::from_str(&TRAINED.to_json().unwrap()).unwrap();
    change(&mut file);
    fs::write(&path, file.to_string()).unwrap();
    let read = Tokenizer::read(&path).and_then(|tokenizer| tokenizer.encode(&format!("{} Ä", prose())));
    let error = read.unwrap_err().to_string();
    for part in [&["own.json"], parts].concat() {
        assert!(error.contains(part), "'{part}' is not in: {error}");
    }
}

#[test]
fn unusable_tokenizers_are_refused_with_reasons() {
    refused(|file| *file = json!({ "tokens": 3 }), &["not a usable tokenizer", "tokenizer.json of a byte-level BPE"]);
    refused(|file| file["model"]["type"] = json!("Magic"), &["not a usable tokenizer"]);
    refused(|file| file["model"]["merges"][0] = json!(["nothing", "known"]), &["not a usable tokenizer"]);
    refused(|file| file["pre_tokenizer"]["type"] = json!("Magic"), &["not a usable tokenizer"]);
    refused(|file| file["model"]["dropout"] = json!(0.1), &["'dropout'", "null"]);
    refused(|file| file["decoder"] = json!(null), &["decoder is not \"ByteLevel\""]);
    refused(|file| file["normalizer"] = json!({ "type": "Lowercase" }), &["does not keep the text", "normalizer"]);
    refused(|file| file["pre_tokenizer"]["add_prefix_space"] = json!(true), &["does not keep the text"]);
    let words = json!({ "type": "WordLevel", "vocab": { "a": 0, "b": 1 }, "unk_token": "a" });
    refused(|file| file["model"] = words, &["its model is not BPE"]);
    refused(|file| file["model"]["vocab"]["日"] = json!(300), &["\"日\" is not written in bytes"]);
    refused(|file| file["model"]["vocab"]["x"] = json!(1 << 16), &["65537 tokens, more than 65536"]);
    let added = |content: String| {
        json!([{
            "id": 300, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true,
        }])
    };
    refused(|file| file["added_tokens"] = added("x".repeat(300)), &["has 300 bytes, more than 255"]);
    let mut two = added("the".into());
    two[0]["rstrip"] = json!(true);
    refused(|file| file["added_tokens"] = two, &["does not keep the text"]);
    let folder = tempfile::tempdir().unwrap();
    let missing = Tokenizer::read(&folder.path().join("gone.json")).unwrap_err().to_string();
    assert!(missing.contains("cannot read") && missing.contains("gone.json"), "{missing}");
}

#[test]
fn added_tokens_have_the_length_of_their_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.json");
    let trained = &*TRAINED;
    let mut file: serde_json::Value = serde_json::from_str(&trained.to_json().unwrap()).unwrap();
    file["added_tokens"] = json!([{
        "id": trained.lengths().len(), "content": "<|日|>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true,
    }]);
    fs::write(&path, file.to_string()).unwrap();
    let tokenizer = Tokenizer::read(&path).unwrap();
    assert_eq!(tokenizer.lengths()[trained.lengths().len()..], [7]);
    assert_eq!(*tokenizer.encode("the<|日|>").unwrap().last().unwrap() as usize, trained.lengths().len());
}

proptest! {
    /// That holds for any text, whatever the tokenizer was trained on.
    #[test]
    fn every_text_decodes_to_itself(text in any::<String>(), words in r"(?s).{0,40}(\r\n|\n|\PC|[ \t]|'s){0,40}") {
        let tokenizer = &*TRAINED;
        for text in [&text, &words] {
            let tokens = tokenizer.encode(text).unwrap();
            prop_assert_eq!(&tokenizer.decode(&tokens), text);
            let bytes: usize = tokens.iter().map(|&id| usize::from(tokenizer.lengths()[id as usize])).sum();
            prop_assert_eq!(bytes, text.len());
        }
    }
}
