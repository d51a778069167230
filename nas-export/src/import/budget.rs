//! Limits the memory that reading a file can take, before the file is read.
//!
//! A message of two bytes becomes a structure of hundreds, so a small file could demand much memory. The fields that
//! become structures are counted first. The numbers of tensors are skipped, because they stay bytes.

use prost::encoding::{WireType, decode_key, decode_varint};

/// The largest number of fields outside of tensors' numbers: twenty for each node of the largest graph.
const MAX_FIELDS: usize = 2_000_000;

/// A type of message: the tags of those fields that are messages whose fields count, with their types.
struct MessageType {
    nested: &'static [(u32, &'static MessageType)],
}

const LEAF: MessageType = MessageType { nested: &[] };
const TENSOR: MessageType = MessageType { nested: &[(13, &LEAF)] };
const ATTRIBUTE: MessageType = MessageType { nested: &[(5, &TENSOR)] };
const NODE: MessageType = MessageType { nested: &[(5, &ATTRIBUTE)] };
const SHAPE: MessageType = MessageType { nested: &[(1, &LEAF)] };
const TENSOR_TYPE: MessageType = MessageType { nested: &[(2, &SHAPE)] };
const TYPE: MessageType = MessageType { nested: &[(1, &TENSOR_TYPE)] };
const VALUE: MessageType = MessageType { nested: &[(2, &TYPE)] };
const GRAPH: MessageType = MessageType { nested: &[(1, &NODE), (5, &TENSOR), (11, &VALUE), (12, &VALUE)] };
const MODEL: MessageType = MessageType { nested: &[(7, &GRAPH), (8, &LEAF), (14, &LEAF)] };

/// Checks that a file has the form of an ONNX file and not too many fields.
///
/// # Errors
/// Fails with the problem, worded to follow the file's name.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let mut fields = 0;
    count_fields(bytes, &MODEL, &mut fields)
}

fn count_fields(mut bytes: &[u8], message: &MessageType, fields: &mut usize) -> Result<(), String> {
    let damaged = |error: prost::DecodeError| format!("it is not an ONNX file, or a damaged one ({error})");
    while !bytes.is_empty() {
        *fields += 1;
        if *fields > MAX_FIELDS {
            return Err(format!("it has more than {MAX_FIELDS} fields apart from the numbers of its weights"));
        }
        let (tag, wire) = decode_key(&mut bytes).map_err(damaged)?;
        let length = match wire {
            WireType::Varint => {
                decode_varint(&mut bytes).map_err(damaged)?;
                continue;
            }
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::LengthDelimited => decode_varint(&mut bytes).map_err(damaged)?,
            WireType::StartGroup | WireType::EndGroup => return Err("it is not an ONNX file, or a damaged one".into()),
        };
        let within = usize::try_from(length).ok().and_then(|length| bytes.split_at_checked(length));
        let Some((field, rest)) = within else {
            return Err("it is not an ONNX file, or it ends too early".into());
        };
        if let Some((_, nested)) = message.nested.iter().find(|(nested, _)| *nested == tag) {
            count_fields(field, nested, fields)?;
        }
        bytes = rest;
    }
    Ok(())
}
