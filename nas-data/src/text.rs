//! Reads texts as windows of tokens. At every position of a window, the next token is to be predicted.

use std::collections::BTreeSet;
use std::path::Path;

use nas_api::rng::{derive, seeded};

use crate::config::{DataConfig, Tokens};
use crate::error::DataError;
use crate::examples::{Examples, Targets};
use crate::split::shuffled;
use crate::tokenizer::Tokenizer;

/// The windows of a text. The three parts follow each other in the text, so that training windows are not scattered
/// between tested ones.
#[derive(Debug)]
pub struct Text {
    pub train: Examples,
    pub validation: Examples,
    pub test: Examples,
    /// If tokens are characters: every character of the text in order; a token is an index into it. Else empty.
    pub vocabulary: String,
    /// If tokens are sub-words: the tokenizer, as a `tokenizer.json`.
    pub tokenizer: Option<String>,
}

/// Reads a text file. Its last part is for testing, the one before for validation.
///
/// # Errors
///
/// Fails if the file is not a UTF-8 text of at least two different characters, if a part is shorter than a window, or
/// if the tokenizer cannot be used.
pub fn read(path: &Path, config: &DataConfig) -> Result<Text, DataError> {
    let bytes = std::fs::read(path).map_err(|error| DataError::read(path, error))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| DataError::NotText { path: path.to_owned(), byte: error.utf8_error().valid_up_to() })?;
    let known: BTreeSet<char> = text.chars().collect();
    let characters: Vec<char> = known.into_iter().collect();
    if characters.len() < 2 {
        let problem = match characters.first() {
            Some(character) => format!("no character but '{character}'"),
            None => "no characters".to_owned(),
        };
        return Err(DataError::Parameter(format!("'{}' has {problem}: there is nothing to predict", path.display())));
    }
    let parts = parts(&text, config);
    let tokenizer = match &config.tokens {
        Tokens::Characters => return of_characters(path, config, parts, &characters),
        Tokens::Trained { vocabulary } => Tokenizer::trained(parts[0], *vocabulary)?,
        Tokens::File(file) => Tokenizer::read(file)?,
    };
    let [train, validation, test] = parts.map(|part| tokenizer.encode(part));
    let text = windowed(path, config, [train?, validation?, test?], tokenizer.lengths())?;
    Ok(Text { tokenizer: Some(tokenizer.to_json()?), ..text })
}

/// The parts for training, validation and test, in the text's order. They are cut by characters, whatever tokens are.
fn parts<'t>(text: &'t str, config: &DataConfig) -> [&'t str; 3] {
    let characters = text.chars().count();
    let part = |fraction: f64| (characters as f64 * fraction).round() as usize;
    let (for_test, for_validation) = (part(config.test), part(config.validation));
    let for_train = characters.saturating_sub(for_test + for_validation);
    let (train, rest) = text.split_at(after(text, for_train));
    let (validation, test) = rest.split_at(after(rest, for_validation));
    [train, validation, test]
}

/// The index of the byte after this many characters.
fn after(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(byte, _)| byte)
}

fn of_characters(path: &Path, config: &DataConfig, parts: [&str; 3], vocabulary: &[char]) -> Result<Text, DataError> {
    // The vocabulary holds every character, so the default is never used.
    let token = |character| vocabulary.binary_search(&character).map_or(0, |place| place as u32);
    let parts = parts.map(|part| part.chars().map(token).collect());
    let lengths: Vec<u8> = vocabulary.iter().map(|character| character.len_utf8() as u8).collect();
    let text = windowed(path, config, parts, &lengths)?;
    Ok(Text { vocabulary: vocabulary.iter().collect(), ..text })
}

/// The parts as windows. `lengths` holds the bytes of each token.
fn windowed(path: &Path, config: &DataConfig, parts: [Vec<u32>; 3], lengths: &[u8]) -> Result<Text, DataError> {
    let smallest = parts.iter().map(Vec::len).min().unwrap_or(0);
    if smallest <= config.context {
        return Err(DataError::ShortText {
            path: path.to_owned(),
            tokens: parts.iter().map(Vec::len).sum(),
            smallest,
            context: config.context,
        });
    }
    let [train, validation, test] = parts.map(|tokens| windows(&tokens, config.context, lengths));
    Ok(Text {
        train: limited(train, config.train_limit, config.split_seed),
        validation: limited(validation, config.validation_limit, config.split_seed),
        test,
        vocabulary: String::new(),
        tokenizer: None,
    })
}

/// Windows that follow each other without overlap. A rest that is too short for a window is dropped.
fn windows(tokens: &[u32], context: usize, lengths: &[u8]) -> Examples {
    let count = tokens.len().saturating_sub(1) / context;
    // Tokens are far below 2^24, so that f32 holds them exactly.
    let inputs = tokens[..count * context].iter().map(|&token| token as f32).collect();
    let labels = tokens[1..].iter().take(count * context).copied().collect();
    Examples {
        shape: vec![context],
        inputs,
        targets: Targets::Tokens { labels, positions: context, lengths: lengths.to_vec() },
    }
}

/// At most `limit` windows, drawn at random; 0 means all.
fn limited(examples: Examples, limit: usize, seed: u32) -> Examples {
    if limit == 0 || limit >= examples.len() {
        return examples;
    }
    let mut rows = shuffled(examples.len(), &mut seeded(derive(seed, "split", 0)));
    rows.truncate(limit);
    examples.rows(&rows)
}
