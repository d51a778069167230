//! Text, character by character: of every position of a window the next character is to be predicted.

use std::collections::BTreeSet;
use std::path::Path;

use nas_api::rng::{derive, seeded};

use super::{DataConfig, DataError, Examples, Targets, shuffled};

/// Windows of a text in three parts that follow each other, so that nothing is trained on what stands beside a tested window.
#[derive(Debug)]
pub struct Text {
    pub train: Examples,
    pub validation: Examples,
    pub test: Examples,
    /// Every character of the text in order; a token is a place in it.
    pub vocabulary: String,
}

/// Reads a text file. The last part of it is for tests, the one before for validation.
pub fn read(path: &Path, config: &DataConfig) -> Result<Text, DataError> {
    let bytes = std::fs::read(path).map_err(|error| DataError::read(path, error))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| DataError::NotText { path: path.to_owned(), byte: error.utf8_error().valid_up_to() })?;
    let known: BTreeSet<char> = text.chars().collect();
    let vocabulary: Vec<char> = known.into_iter().collect();
    if vocabulary.len() < 2 {
        let problem = match vocabulary.first() {
            Some(character) => format!("no character but '{character}'"),
            None => "no characters".to_owned(),
        };
        return Err(DataError::Parameter(format!("'{}' has {problem}: there is nothing to predict", path.display())));
    }
    // Every character is in it.
    let token = |character| vocabulary.binary_search(&character).map_or(0, |place| place as u32);
    let tokens: Vec<u32> = text.chars().map(token).collect();

    let part = |fraction: f64| (tokens.len() as f64 * fraction).round() as usize;
    let (for_test, for_validation) = (part(config.test), part(config.validation));
    let for_train = tokens.len().saturating_sub(for_test + for_validation);
    let smallest = for_train.min(for_test).min(for_validation);
    if smallest <= config.context {
        return Err(DataError::ShortText {
            path: path.to_owned(),
            characters: tokens.len(),
            smallest,
            context: config.context,
        });
    }
    let (train, rest) = tokens.split_at(for_train);
    let (validation, test) = rest.split_at(for_validation);
    let lengths: Vec<u8> = vocabulary.iter().map(|character| character.len_utf8() as u8).collect();
    let windows = |tokens: &[u32]| windows(tokens, config.context, &lengths);
    Ok(Text {
        train: limited(windows(train), config.train_limit, config.split_seed),
        validation: limited(windows(validation), config.validation_limit, config.split_seed),
        test: windows(test),
        vocabulary: vocabulary.into_iter().collect(),
    })
}

/// Windows side by side; what is left at the end is too short for one.
fn windows(tokens: &[u32], context: usize, lengths: &[u8]) -> Examples {
    let count = tokens.len().saturating_sub(1) / context;
    // Places in a vocabulary are far below 2^24, so that f32 holds them exactly.
    let inputs = tokens[..count * context].iter().map(|&token| token as f32).collect();
    let labels = tokens[1..].iter().take(count * context).copied().collect();
    Examples {
        shape: vec![context],
        inputs,
        targets: Targets::Tokens { labels, positions: context, lengths: lengths.to_vec() },
    }
}

/// At most so many windows, drawn at random; 0: all.
fn limited(examples: Examples, limit: usize, seed: u32) -> Examples {
    if limit == 0 || limit >= examples.len() {
        return examples;
    }
    let mut rows = shuffled(examples.len(), &mut seeded(derive(seed, "split", 0)));
    rows.truncate(limit);
    examples.rows(&rows)
}
