//! Sub-words: a byte-level BPE, trained here or read from a `tokenizer.json` of Hugging Face's library.

use std::path::Path;

use serde_json::json;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{DecoderWrapper, ModelWrapper};

use crate::bpe::Vocabulary;
use crate::error::DataError;

/// Tokens of a vocabulary, at most: a network has an output for each.
pub const MOST: usize = 1 << 16;
/// Bytes of one token, at most.
pub const LONGEST: usize = u8::MAX as usize;
/// Bytes of a text that are encoded at once, at least: the library needs many times their memory.
const PIECE: usize = 1 << 16;

/// Texts as tokens, and back.
#[derive(Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// What errors call it.
    name: String,
    /// Bytes of each token.
    lengths: Vec<u8>,
}

impl Tokenizer {
    /// A vocabulary of at most `size` tokens that is trained on this text, the same for equal texts.
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

    /// A file that this program or Hugging Face's library wrote.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let bytes = std::fs::read(path).map_err(|error| DataError::read(path, error))?;
        let parsed = Self::parse(&bytes, format!("the tokenizer '{}'", path.display()));
        parsed.map_err(|problem| DataError::Tokenizer { path: path.to_owned(), problem })
    }

    fn parse(json: &[u8], name: String) -> Result<Self, String> {
        let mut inner = tokenizers::Tokenizer::from_bytes(json).map_err(|error| error.to_string())?;
        let ModelWrapper::BPE(model) = inner.get_model() else {
            return Err("its model is no BPE, the only one that takes any text apart and back without loss".into());
        };
        if model.dropout.is_some_and(|dropout| dropout > 0.0) {
            return Err("its 'dropout' takes texts apart at random; set it to null".into());
        }
        if !matches!(inner.get_decoder(), Some(DecoderWrapper::ByteLevel(_))) {
            return Err("its decoder is not \"ByteLevel\": tokens must stand for bytes".into());
        }
        inner.with_truncation(None).map_err(|error| error.to_string())?;
        inner.with_padding(None);
        let lengths = lengths(&inner)?;
        Ok(Self { inner, name, lengths })
    }

    /// Bytes of each token; of a number that no token has, 0.
    pub fn lengths(&self) -> &[u8] {
        &self.lengths
    }

    /// The file, which Hugging Face's library reads.
    pub fn to_json(&self) -> Result<String, DataError> {
        self.inner.to_string(true).map_err(|error| DataError::Parameter(format!("{}: {error}", self.name)))
    }

    /// The tokens of a text. Taken together they are the text, byte by byte, which is checked.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        let failed = |problem: String| DataError::Parameter(format!("{} {problem}", self.name));
        let mut tokens = Vec::new();
        for piece in pieces(text) {
            let encoded = self.inner.encode_fast(piece, false);
            let encoded = encoded.map_err(|error| failed(format!("cannot take the text apart: {error}")))?;
            let ids = encoded.get_ids();
            let decoded = self.inner.decode(ids, false);
            let decoded = decoded.map_err(|error| failed(format!("cannot put the text together: {error}")))?;
            let bytes: usize = ids.iter().map(|&id| usize::from(self.lengths[id as usize])).sum();
            if decoded != piece || bytes != piece.len() {
                let problem = "does not keep the text, so that bits for each byte would mean nothing";
                return Err(failed(format!(
                    "{problem}: {}; take one whose 'pre_tokenizer' and 'decoder' are \"ByteLevel\", without a \
                     'normalizer' and with all 256 bytes, or \"bpe\"",
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

/// Where a text that was taken apart and put together differs, in words.
fn difference(text: &str, decoded: &str) -> String {
    let same = text.chars().zip(decoded.chars()).take_while(|(one, other)| one == other).count();
    let excerpt = |text: &str| text.chars().skip(same).take(20).collect::<String>();
    format!("{:?} comes back as {:?}", excerpt(text), excerpt(decoded))
}

/// Bytes of each token, in order.
fn lengths(inner: &tokenizers::Tokenizer) -> Result<Vec<u8>, String> {
    let count = inner.get_vocab(true).into_values().max().map_or(0, |last| last as usize + 1);
    if count > MOST {
        return Err(format!("it has {count} tokens, more than {MOST}: a network has an output for each"));
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
            None => return Err(format!("its token {token:?} is not written in bytes, as a byte-level BPE is")),
        };
        u8::try_from(bytes).map_err(|_| format!("its token {id} has {bytes} bytes, more than {LONGEST}"))
    };
    (0..count as u32).map(length).collect()
}

/// A text cut behind lines that do not end with white space, where the next one does not begin with it, either: there words end for
/// every usual way to split a text, so that the pieces have the tokens that the whole has. Texts with other ends of lines
/// are one piece.
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
