//! The messages between host and worker. A message is its length in bytes, as four bytes in little-endian order,
//! followed by its bytes, which [`codec`](nas_api::codec) encodes.
//!
//! | host | worker |
//! |---|---|
//! | | [`Ready`], at once |
//! | [`Open`] | [`Opened`] or [`Refused`] |
//! | [`Evaluate`] or [`Train`], perhaps [`Stop`] later | any number of [`Reported`] and [`Noticed`] |
//! | [`Judged`] for each report | |
//! | | [`Measured`] or [`Trained`]; or [`Broken`] or [`Panicked`] |
//!
//! A worker ends when its input ends. No message depends on both being on one machine, so a cluster could use the same
//! protocol.
//!
//! [`Open`]: HostMessage::Open
//! [`Evaluate`]: HostMessage::Evaluate
//! [`Train`]: HostMessage::Train
//! [`Stop`]: HostMessage::Stop
//! [`Judged`]: HostMessage::Judged
//! [`Ready`]: WorkerMessage::Ready
//! [`Opened`]: WorkerMessage::Opened
//! [`Refused`]: WorkerMessage::Refused
//! [`Reported`]: WorkerMessage::Reported
//! [`Noticed`]: WorkerMessage::Noticed
//! [`Measured`]: WorkerMessage::Measured
//! [`Trained`]: WorkerMessage::Trained
//! [`Broken`]: WorkerMessage::Broken
//! [`Panicked`]: WorkerMessage::Panicked

use std::io::{self, Read, Write};
use std::path::PathBuf;

use nas_api::codec::{LIMIT, decode, encode};
use nas_api::{CurvePoint, InstanceInfo, Measurement, Request, Settings, TrainRequest, Trained, Verdict};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::plugin::PluginError;

/// The version of the protocol, which changes whenever a message changes.
pub const VERSION: u32 = 4;

/// A message of the host.
#[derive(Debug, Serialize, Deserialize)]
pub enum HostMessage {
    /// Opens the evaluator; this is the first message and sent once.
    Open {
        /// The checked value of every declared parameter.
        settings: Settings,
        /// The folder where checkpoints of trials are kept.
        checkpoints: PathBuf,
    },
    /// Measures this candidate.
    Evaluate(Box<Request>),
    /// Runs the final training of this network.
    Train(Box<TrainRequest>),
    /// The result is no longer wanted.
    Stop,
    /// The verdict on the last report, which the worker waits for.
    Judged(Verdict),
}

/// A message of the worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum WorkerMessage {
    /// The worker has found its evaluator.
    Ready {
        /// [`VERSION`].
        protocol: u32,
        /// The evaluator's name.
        name: String,
        /// The evaluator's version.
        version: String,
        /// The digest of the evaluator's file, if it has one.
        digest: Option<String>,
    },
    /// What the opened evaluator declares.
    Opened(Box<InstanceInfo>),
    /// The evaluator was not found, or cannot be opened with these settings.
    Refused(PluginError),
    /// An intermediate result.
    Reported(CurvePoint),
    /// A line for the user.
    Noticed(String),
    /// The measurement; `None` if it was stopped.
    Measured(Option<Measurement>),
    /// The result of a final training; `None` if it was stopped.
    Trained(Option<Trained>),
    /// The evaluator returned an error.
    Broken(PluginError),
    /// The evaluator panicked with this message.
    Panicked(String),
}

/// Writes one message and flushes the writer.
///
/// # Errors
/// The message is too long, or writing fails.
pub fn write<T: Serialize>(to: &mut impl Write, message: &T) -> io::Result<()> {
    let bytes = encode(message).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).ok().filter(|&length| length as usize <= LIMIT);
    let length = length.ok_or_else(|| io::Error::other(format!("a message of {} bytes is too long", bytes.len())))?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(&bytes)?;
    to.flush()
}

/// Reads one message; `None` if the other side has closed the connection.
///
/// # Errors
/// The message is too long, cut off or damaged, or reading fails.
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
    // The buffer grows as bytes arrive, so that a wrong length allocates nothing.
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
    fn messages_round_trip_and_damaged_ones_are_refused() {
        let mut bytes = Vec::new();
        write(&mut bytes, &WorkerMessage::Panicked("ouch".into())).unwrap();
        let report = CurvePoint { fidelity: 3.0, metrics: vec![nas_api::Metric::new("val_loss", f64::NEG_INFINITY)] };
        write(&mut bytes, &WorkerMessage::Reported(report.clone())).unwrap();
        write(&mut bytes, &WorkerMessage::Measured(None)).unwrap();
        let mut from = &bytes[..];
        assert!(matches!(read(&mut from).unwrap(), Some(WorkerMessage::Panicked(words)) if words == "ouch"));
        assert!(matches!(read(&mut from).unwrap(), Some(WorkerMessage::Reported(read)) if read == report));
        assert!(matches!(read(&mut from).unwrap(), Some(WorkerMessage::Measured(None))));
        assert!(read::<WorkerMessage>(&mut from).unwrap().is_none());
        let mut jobs = Vec::new();
        for verdict in [Verdict::Continue, Verdict::Pruned, Verdict::Stopped] {
            write(&mut jobs, &HostMessage::Judged(verdict)).unwrap();
        }
        let mut from = &jobs[..];
        for verdict in [Verdict::Continue, Verdict::Pruned, Verdict::Stopped] {
            assert!(matches!(read(&mut from).unwrap(), Some(HostMessage::Judged(read)) if read == verdict));
        }
        let graph = nas_api::Graph::default();
        let request = TrainRequest { graph, epochs: 9, seed: 7, folder: "/out".into() };
        let confusion = nas_api::Confusion::from_predictions(&[0, 1, 1], &[Some(0), None, Some(0)], 2);
        let trained = Trained { confusion, files: vec!["weights.safetensors".into()], ..Trained::default() };
        let mut training = Vec::new();
        write(&mut training, &HostMessage::Train(Box::new(request.clone()))).unwrap();
        write(&mut training, &WorkerMessage::Trained(Some(trained.clone()))).unwrap();
        let mut from = &training[..];
        assert!(matches!(read(&mut from).unwrap(), Some(HostMessage::Train(read)) if *read == request));
        assert!(matches!(read(&mut from).unwrap(), Some(WorkerMessage::Trained(Some(read))) if read == trained));
        for cut in 1..bytes.len() - 1 {
            let mut from = &bytes[..cut];
            // Whole messages are read; the one that is cut off is an error and never a message.
            while let Ok(Some(_)) = read::<WorkerMessage>(&mut from) {}
        }
        assert!(read::<WorkerMessage>(&mut &bytes[..3]).is_err());
        assert!(read::<WorkerMessage>(&mut &bytes[..6]).is_err());
        let words = read::<WorkerMessage>(&mut &b"Hello, world, I am no worker"[..]).unwrap_err().to_string();
        assert!(words.contains("too long"), "{words}");
    }
}
