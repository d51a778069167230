//! How much a file will take to read, before it is read.
//!
//! A message of two bytes becomes a structure of hundreds, so that a small file could ask for a lot of memory. What
//! becomes structures is counted first; the numbers of tensors do not, and are skipped.

use prost::encoding::{WireType, decode_key, decode_varint};

/// Fields outside of tensors' numbers at most: twenty for each of the most nodes that a graph may have.
const MOST_FIELDS: usize = 2_000_000;

/// Which fields of a message are messages that are counted, too.
struct Kind {
    within: &'static [(u32, &'static Kind)],
}

const LEAF: Kind = Kind { within: &[] };
const TENSOR: Kind = Kind { within: &[(13, &LEAF)] };
const ATTRIBUTE: Kind = Kind { within: &[(5, &TENSOR)] };
const NODE: Kind = Kind { within: &[(5, &ATTRIBUTE)] };
const SHAPE: Kind = Kind { within: &[(1, &LEAF)] };
const TENSOR_TYPE: Kind = Kind { within: &[(2, &SHAPE)] };
const TYPE: Kind = Kind { within: &[(1, &TENSOR_TYPE)] };
const VALUE: Kind = Kind { within: &[(2, &TYPE)] };
const GRAPH: Kind = Kind { within: &[(1, &NODE), (5, &TENSOR), (11, &VALUE), (12, &VALUE)] };
const MODEL: Kind = Kind { within: &[(7, &GRAPH), (8, &LEAF), (14, &LEAF)] };

/// Whether a file has the form of an ONNX file and not too many fields.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let mut fields = 0;
    walk(bytes, &MODEL, &mut fields)
}

fn walk(mut bytes: &[u8], kind: &Kind, fields: &mut usize) -> Result<(), String> {
    let damaged = |error: prost::DecodeError| format!("it is no ONNX file, or a damaged one ({error})");
    while !bytes.is_empty() {
        *fields += 1;
        if *fields > MOST_FIELDS {
            return Err(format!("it has more than {MOST_FIELDS} fields beside the numbers of its weights"));
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
            WireType::StartGroup | WireType::EndGroup => return Err("it is no ONNX file, or a damaged one".into()),
        };
        let within = usize::try_from(length).ok().and_then(|length| bytes.split_at_checked(length));
        let Some((field, rest)) = within else {
            return Err("it is no ONNX file, or it ends too early".into());
        };
        if let Some((_, kind)) = kind.within.iter().find(|(known, _)| *known == tag) {
            walk(field, kind, fields)?;
        }
        bytes = rest;
    }
    Ok(())
}
