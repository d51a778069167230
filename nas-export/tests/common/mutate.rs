//! Damages a protocol buffer: random bytes, or fields at any depth with their lengths corrected, so that the damage
//! gets past the parser.

use nas_api::rng::{Random, RngExt};
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};

/// Numbers that break careless code.
const EXTREMES: [u64; 12] =
    [0, 1, 2, 7, u64::MAX, i64::MIN as u64, i64::MAX as u64, 1 << 31, 1 << 32, 1 << 40, 1_000_000, (-2_i64) as u64];

struct Field {
    tag: u32,
    wire: WireType,
    /// The value of a field of type `Varint`.
    number: u64,
    /// The bytes of a field of another type.
    bytes: Vec<u8>,
}

fn below(rng: &mut Random, count: usize) -> usize {
    rng.random_range(0..count.max(1) as u32) as usize
}

/// Returns the fields of a message; `None` if the bytes are no message.
fn fields(mut bytes: &[u8]) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let (tag, wire) = decode_key(&mut bytes).ok()?;
        let mut field = Field { tag, wire, number: 0, bytes: Vec::new() };
        let length = match wire {
            WireType::Varint => {
                field.number = decode_varint(&mut bytes).ok()?;
                fields.push(field);
                continue;
            }
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::LengthDelimited => decode_varint(&mut bytes).ok()? as usize,
            _ => return None,
        };
        let (value, rest) = bytes.split_at_checked(length)?;
        field.bytes = value.to_vec();
        bytes = rest;
        fields.push(field);
    }
    Some(fields)
}

fn encoded(fields: &[Field]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in fields {
        encode_key(field.tag, field.wire, &mut bytes);
        match field.wire {
            WireType::Varint => encode_varint(field.number, &mut bytes),
            WireType::LengthDelimited => {
                encode_varint(field.bytes.len() as u64, &mut bytes);
                bytes.extend(&field.bytes);
            }
            _ => bytes.extend(&field.bytes),
        }
    }
    bytes
}

/// Returns a copy with some damage.
pub fn mutated(file: &[u8], rng: &mut Random) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..1 + below(rng, 4) {
        bytes = if below(rng, 4) == 0 { damage_bytes(bytes, rng) } else { damage_field(&bytes, rng, 0) };
    }
    bytes
}

fn damage_bytes(mut bytes: Vec<u8>, rng: &mut Random) -> Vec<u8> {
    if bytes.is_empty() {
        return bytes;
    }
    let at = below(rng, bytes.len());
    match below(rng, 4) {
        0 => bytes.truncate(at),
        1 => bytes[at] = rng.random::<u32>() as u8,
        2 => bytes.insert(at, rng.random::<u32>() as u8),
        _ => {
            let end = (at + 1 + below(rng, 40)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            let to = below(rng, bytes.len());
            bytes.splice(to..to, piece);
        }
    }
    bytes
}

fn damage_field(bytes: &[u8], rng: &mut Random, depth: usize) -> Vec<u8> {
    let Some(mut fields) = fields(bytes).filter(|fields| !fields.is_empty()) else {
        return damage_bytes(bytes.to_vec(), rng);
    };
    // Most of what can go wrong is in the graph.
    let graph = fields.iter().position(|field| depth == 0 && field.tag == 7);
    let at = graph.filter(|_| below(rng, 8) != 0).unwrap_or_else(|| below(rng, fields.len()));
    let descend = fields[at].wire == WireType::LengthDelimited && depth < 6 && below(rng, 5) != 0;
    if descend {
        fields[at].bytes = damage_field(&fields[at].bytes, rng, depth + 1);
        return encoded(&fields);
    }
    match below(rng, 6) {
        0 => drop(fields.remove(at)),
        1 => {
            let other = below(rng, fields.len());
            fields.swap(at, other);
        }
        2 => {
            // The value of another field: names of other values make cycles.
            let other = below(rng, fields.len());
            let value = fields[other].bytes.clone();
            if fields[at].wire == fields[other].wire {
                fields[at].bytes = value;
            }
        }
        3 => {
            let copy = Field { bytes: fields[at].bytes.clone(), ..fields[at] };
            fields.insert(at, copy);
        }
        _ => match fields[at].wire {
            WireType::Varint => fields[at].number = EXTREMES[below(rng, EXTREMES.len())],
            WireType::LengthDelimited => fields[at].bytes = damage_bytes(std::mem::take(&mut fields[at].bytes), rng),
            _ => fields[at].bytes.iter_mut().for_each(|byte| *byte = rng.random::<u32>() as u8),
        },
    }
    encoded(&fields)
}
