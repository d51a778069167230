//! Tokenizers for sub-words: a byte-level BPE, trained here or read from a `tokenizer.json` of Hugging Face's library.

use std::path::Path;

use serde_json::json;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{DecoderWrapper, ModelWrapper};

use crate::bpe::Vocabulary;
use crate::error::DataError;

/// Largest number of tokens of a vocabulary, since a network has an output for each.
pub const MAX_TOKENS: usize = 1 << 16;
/// Largest number of bytes of one token.
pub const LONGEST: usize = u8::MAX as usize;
/// Smallest number of bytes that are encoded at once. Texts are cut because the library needs many times their memory.
const PIECE: usize = 1 << 16;

/// Turns texts into tokens and back.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// The name in error messages.
    name: String,
    /// The length in bytes of each token.
    lengths: Vec<u8>,
}

impl Tokenizer {
    /// Trains a vocabulary of at most `size` tokens on a text. Equal texts give equal vocabularies.
    ///
    /// # Errors
    ///
    /// Fails if the library cannot split the text or load the vocabulary.
    pub fn trained(text: &str, size: usize) -> Result<Self, DataError> {
        let failed = |problem: String| DataError::Parameter(format!("no vocabulary can be trained: {problem}"));
        let Vocabulary { tokens, merges } =
            Vocabulary::train(pieces(text), size).map_err(|error| failed(error.to_string()))?;
        let written = |id: u32| &tokens[id as usize];
        let merges: Vec<_> = merges.into_iter().map(|(left, right)| [written(left), written(right)]).collect();
        let vocab: serde_json::Map<_, _> = (0..).zip(&tokens).map(|(id, token)| (token.clone(), json!(id))).collect();
        let bytes = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
        let file = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": bytes, "post_processor": null, "decoder": bytes,
            "model": {
                "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": vocab, "merges": merges,
            },
        });
        let name = "the trained vocabulary".to_owned();
        Self::parse(file.to_string().as_bytes(), name).map_err(failed)
    }

    /// Reads a file that this program or Hugging Face's library wrote.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read, or is not a byte-level BPE that can be used.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let bytes = std::fs::read(path).map_err(|error| DataError::read(path, error))?;
        let parsed = Self::parse(&bytes, format!("the tokenizer '{}'", path.display()));
        parsed.map_err(|problem| DataError::Tokenizer { path: path.to_owned(), problem })
    }

    fn parse(json: &[u8], name: String) -> Result<Self, String> {
        let mut inner = tokenizers::Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
        let ModelWrapper::BPE(model) = inner.get_model() else {
            return Err("its model is not BPE, the only one that encodes and decodes any text without loss".into());
        };
        if model.dropout.is_some_and(|dropout| dropout > 0.0) {
            return Err("its 'dropout' encodes texts at random; set it to null".into());
        }
        if !matches!(inner.get_decoder(), Some(DecoderWrapper::ByteLevel(_))) {
            return Err("its decoder is not \"ByteLevel\": tokens must stand for bytes".into());
        }
        inner.with_truncation(None).map_err(|error| error.to_string())?;
        inner.with_padding(None);
        let lengths = lengths(&inner)?;
        Ok(Self { inner, name, lengths })
    }

    /// The length in bytes of each token; 0 for an id that no token has.
    pub fn lengths(&self) -> &[u8] {
        &self.lengths
    }

    /// The `tokenizer.json`, which Hugging Face's library reads.
    ///
    /// # Errors
    ///
    /// Fails if the library cannot write the tokenizer.
    pub fn to_json(&self) -> Result<String, DataError> {
        self.inner.to_string(true).map_err(|error| DataError::Parameter(format!("{}: {error}", self.name)))
    }

    /// The tokens of a text. It is checked that they decode to the same bytes.
    ///
    /// # Errors
    ///
    /// Fails if the tokens do not decode to the same text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        let failed = |problem: String| DataError::Parameter(format!("{} {problem}", self.name));
        let mut tokens = Vec::new();
        for piece in pieces(text) {
            let encoded = self.inner.encode_fast(piece, false);
            let encoded = encoded.map_err(|error| failed(format!("cannot encode the text: {error}")))?;
            let ids = encoded.get_ids();
            let decoded = self.inner.decode(ids, false);
            let decoded = decoded.map_err(|error| failed(format!("cannot decode the text: {error}")))?;
            let bytes: usize = ids.iter().map(|&id| usize::from(self.lengths[id as usize])).sum();
            if decoded != piece || bytes != piece.len() {
                let problem = "does not keep the text, so that bits per byte would mean nothing";
                return Err(failed(format!(
                    "{problem}: {}; use a tokenizer whose 'pre_tokenizer' and 'decoder' are \"ByteLevel\", without a \
                     'normalizer' and with all 256 bytes, or set 'tokens' to \"bpe\"",
                    difference(piece, &decoded)
                )));
            }
            tokens.extend_from_slice(ids);
        }
        Ok(tokens)
    }

    #[cfg(test)]
    pub fn decode(&self, tokens: &[u32]) -> String {
        self.inner.decode(tokens, false).unwrap_or_default()
    }
}

/// Says where a text differs from what its tokens decode to.
fn difference(text: &str, decoded: &str) -> String {
    let same = text.chars().zip(decoded.chars()).take_while(|(one, other)| one == other).count();
    let excerpt = |text: &str| text.chars().skip(same).take(20).collect::<String>();
    format!("{:?} comes back as {:?}", excerpt(text), excerpt(decoded))
}

/// The length in bytes of each token, in the order of ids.
fn lengths(inner: &tokenizers::Tokenizer) -> Result<Vec<u8>, String> {
    let count = inner.get_vocab(true).into_values().max().map_or(0, |last| last as usize + 1);
    if count > MAX_TOKENS {
        return Err(format!("it has {count} tokens, more than {MAX_TOKENS}: a network has an output for each"));
    }
    if count < 2 {
        return Err("its vocabulary is empty".into());
    }
    let (alphabet, added) = (ByteLevel::alphabet(), inner.get_added_tokens_decoder());
    let length = |id: u32| {
        let Some(token) = inner.id_to_token(id) else { return Ok(0) };
        let bytes = match added.get(&id) {
            Some(added) => added.content.len(),
            None if token.chars().all(|byte| alphabet.contains(&byte)) => token.chars().count(),
            None => return Err(format!("its token {token:?} is not written in bytes, as in a byte-level BPE")),
        };
        u8::try_from(bytes).map_err(|_| format!("its token {id} has {bytes} bytes, more than {LONGEST}"))
    };
    (0..count as u32).map(length).collect()
}

/// Cuts a text after ends of lines, where neither the line ends nor the next one begins with white space. Every common
/// pre-tokenizer splits words there, so the pieces have the same tokens as the whole. A text without such places is one
/// piece.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = |character: Option<char>| character.is_some_and(|character| !character.is_whitespace());
        let begins = |at: &usize| word(rest[*at..].chars().next()) && word(rest[..*at - 1].chars().next_back());
        let mut lines = rest.match_indices('\n').map(|(at, _)| at + 1).filter(|&at| at >= PIECE);
        let (piece, after) = rest.split_at(lines.find(begins).unwrap_or(rest.len()));
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
#[path = "tests/tokenizer.rs"]
mod tests;
