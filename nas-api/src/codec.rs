//! The encoding of messages to and from native plugins. This is the only module that knows bincode.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// The maximum size of a message in bytes, so that a corrupt length field cannot exhaust the memory.
pub const LIMIT: usize = 256 << 20;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LIMIT>()
}

/// Encodes a message.
///
/// # Errors
///
/// Returns an error if the message is larger than [`LIMIT`] or has no encoding.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>> {
    bincode::serde::encode_to_vec(message, config()).map_err(|error| Error::new(format!("cannot encode: {error}")))
}

/// Decodes a message.
///
/// # Errors
///
/// Returns an error if the bytes are another kind of message, truncated, longer than the message, or above [`LIMIT`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let (message, read) = bincode::serde::decode_from_slice(bytes, config())
        .map_err(|error| Error::new(format!("cannot decode: {error}")))?;
    if read != bytes.len() {
        return Err(Error::new(format!("cannot decode: {} bytes too many", bytes.len() - read)));
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Candidate, Graph, Request, Setting, Settings, Value};

    #[test]
    fn messages_survive_encoding() {
        let settings = Settings(vec![
            Setting { name: "a".into(), value: Value::Numbers(vec![1.5, f64::INFINITY]) },
            Setting { name: "b".into(), value: Value::Truth(true) },
        ]);
        assert_eq!(decode::<Settings>(&encode(&settings).unwrap()).unwrap(), settings);
        let request = Request {
            trial: 7,
            candidate: Candidate::Relaxed(vec![vec![Some(0.25), None]]),
            key: "k".into(),
            text: String::new(),
            graph: Graph::default(),
            fidelity: Some(3.0),
            resume: None,
            keep_checkpoint: true,
            seed: u32::MAX,
            prunable: true,
        };
        assert_eq!(decode::<Request>(&encode(&request).unwrap()).unwrap(), request);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let bytes = encode(&"some text".to_owned()).unwrap();
        assert!(decode::<String>(&bytes[..3]).is_err());
        assert!(decode::<String>(&[&bytes[..], &[0]].concat()).is_err());
        assert!(decode::<Vec<u8>>(&[0xfd; 9]).is_err());
    }
}
