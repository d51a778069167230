//! Language models: predictions of the next token at every position of a text.

use nas_data::Examples;
use nas_network::Network;
use nas_network::loss::surprise;

use super::{Scores, batch, greatest, run};

/// Measures a language model; `lengths` are the bytes of each token of the vocabulary. `None` if `stop` returned true.
///
/// # Errors
///
/// Fails if burn cannot return the outputs.
pub fn measure(
    network: &Network,
    examples: &Examples,
    positions: usize,
    lengths: &[u8],
    stop: &dyn Fn() -> bool,
) -> Result<Option<Scores>, String> {
    let (mut total, mut correct, mut bytes) = (0.0, 0_usize, 0_u64);
    let finished = run(network, examples, batch(examples), stop, |outputs, rows| {
        for (output, token) in outputs.chunks_exact(lengths.len()).zip(examples.tokens_of(rows)) {
            total += surprise(output, token);
            correct += usize::from(greatest(output) == Some(token));
            bytes += u64::from(lengths[token as usize]);
        }
    })?;
    if !finished {
        return Ok(None);
    }
    let count = (examples.len() * positions) as f64;
    let loss = total / count;
    let values = vec![
        ("loss", loss),
        ("accuracy", correct as f64 / count),
        ("perplexity", loss.exp()),
        ("bits_per_byte", total / std::f64::consts::LN_2 / bytes as f64),
    ];
    Ok(Some(Scores { values, found: Vec::new() }))
}
