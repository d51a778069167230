//! What host and worker say to each other. A message is the length of its bytes (four, little-endian) and its bytes, which
//! [`codec`](nas_api::codec) makes.
//!
//! | host | worker |
//! |---|---|
//! | | [`Said::Ready`], at once |
//! | [`Job::Open`] | [`Said::Opened`] or [`Said::Refused`] |
//! | [`Job::Evaluate`] or [`Job::Train`], then perhaps [`Job::Stop`] | any number of [`Said::Reported`] and [`Said::Noticed`] |
//! | [`Job::Judged`] for each report | |
//! | | [`Said::Measured`] or [`Said::Trained`]; or [`Said::Broken`] or [`Said::Panicked`] |
//!
//! A worker whose input ends, ends. Nothing in it knows that both are on one machine, so that a cluster can carry the same.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use nas_api::codec::{LIMIT, decode, encode};
use nas_api::{CurvePoint, Measurement, Opened, Request, Settings, TrainRequest, Trained, Verdict};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::plugin::PluginError;

/// Changes where a message changes.
pub const VERSION: u32 = 4;

/// What the host says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Job {
    /// Once, first.
    Open {
        /// Every declared parameter, checked.
        settings: Settings,
        /// Where states of trials are kept.
        state: PathBuf,
    },
    /// Measure this candidate.
    Evaluate(Box<Request>),
    /// Train this network in full.
    Train(Box<TrainRequest>),
    /// The result is no longer wanted.
    Stop,
    /// What becomes of the work after its last report; the worker waits for it.
    Judged(Verdict),
}

/// What the worker says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Said {
    /// It has found its evaluator.
    Ready {
        /// [`VERSION`].
        protocol: u32,
        /// The evaluator's.
        name: String,
        /// The evaluator's.
        version: String,
        /// Of its file, where it has one.
        digest: Option<String>,
    },
    /// What `open` fixed.
    Opened(Box<Opened>),
    /// It cannot be opened so, or not be found.
    Refused(PluginError),
    /// How far it has come.
    Reported(CurvePoint),
    /// A line for the user.
    Noticed(String),
    /// `None`: it stopped early because it was told to.
    Measured(Option<Measurement>),
    /// Likewise.
    Trained(Option<Trained>),
    /// The evaluator itself is broken.
    Broken(PluginError),
    /// It panicked, with these words.
    Panicked(String),
}

/// Writes one message, and sends it off.
pub fn write<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    let bytes = encode(message).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).ok().filter(|&length| length as usize <= LIMIT);
    let length = length.ok_or_else(|| io::Error::other(format!("a message of {} bytes is too long", bytes.len())))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads one message; `None` where the other side has ended.
pub fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    let mut filled = 0;
    while filled < length.len() {
        match from.read(&mut length[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let length = u32::from_le_bytes(length);
    if length as usize > LIMIT {
        return Err(io::Error::other(format!("a message of {length} bytes is too long")));
    }
    let mut bytes = Vec::new();
    // Grows as bytes come, so that a length alone allocates nothing.
    from.take(length.into()).read_to_end(&mut bytes)?;
    if bytes.len() < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    decode(&bytes).map(Some).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn messages_come_back_and_damaged_ones_are_refused() {
        let mut bytes = Vec::new();
        write(&mut bytes, &Said::Panicked("ouch".into())).unwrap();
        let report = CurvePoint { fidelity: 3.0, metrics: vec![nas_api::Metric::new("val_loss", f64::NEG_INFINITY)] };
        write(&mut bytes, &Said::Reported(report.clone())).unwrap();
        write(&mut bytes, &Said::Measured(None)).unwrap();
        let mut from = &bytes[..];
        assert!(matches!(read(&mut from).unwrap(), Some(Said::Panicked(words)) if words == "ouch"));
        assert!(matches!(read(&mut from).unwrap(), Some(Said::Reported(read)) if read == report));
        assert!(matches!(read(&mut from).unwrap(), Some(Said::Measured(None))));
        assert!(read::<Said>(&mut from).unwrap().is_none());
        let mut jobs = Vec::new();
        for verdict in [Verdict::GoOn, Verdict::Pruned, Verdict::Stopped] {
            write(&mut jobs, &Job::Judged(verdict)).unwrap();
        }
        let mut from = &jobs[..];
        for verdict in [Verdict::GoOn, Verdict::Pruned, Verdict::Stopped] {
            assert!(matches!(read(&mut from).unwrap(), Some(Job::Judged(read)) if read == verdict));
        }
        let graph = nas_api::Graph::default();
        let request = TrainRequest { graph, epochs: 9, seed: 7, folder: "/out".into() };
        let confusion = nas_api::Confusion::of(&[0, 1, 1], &[Some(0), None, Some(0)], 2);
        let trained = Trained { confusion, files: vec!["weights.safetensors".into()], ..Trained::default() };
        let mut training = Vec::new();
        write(&mut training, &Job::Train(Box::new(request.clone()))).unwrap();
        write(&mut training, &Said::Trained(Some(trained.clone()))).unwrap();
        let mut from = &training[..];
        assert!(matches!(read(&mut from).unwrap(), Some(Job::Train(read)) if *read == request));
        assert!(matches!(read(&mut from).unwrap(), Some(Said::Trained(Some(read))) if read == trained));
        for cut in 1..bytes.len() - 1 {
            let mut from = &bytes[..cut];
            // Whatever is whole is read; what is cut off is an error, and never a message.
            while let Ok(Some(_)) = read::<Said>(&mut from) {}
        }
        assert!(read::<Said>(&mut &bytes[..3]).is_err());
        assert!(read::<Said>(&mut &bytes[..6]).is_err());
        let words = read::<Said>(&mut &b"Hello, world, I am no worker"[..]).unwrap_err().to_string();
        assert!(words.contains("too long"), "{words}");
    }
}
