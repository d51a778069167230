//! The bytes of native plugins' messages: bincode, and the only module that knows it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// The largest message, in bytes: a length field gone wrong must not allocate the machine.
pub const LIMIT: usize = 256 << 20;

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LIMIT>()
}

/// The bytes of a message.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>> {
    bincode::serde::encode_to_vec(message, config()).map_err(|error| Error::new(format!("cannot encode: {error}")))
}

/// The message of the bytes; `Err` where they are another message, cut off, or followed by more.
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
    fn messages_come_back_as_they_were() {
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
            keep: true,
            seed: u32::MAX,
            judged: true,
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
