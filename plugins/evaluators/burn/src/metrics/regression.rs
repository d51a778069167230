//! Regression.

use nas_data::{Examples, Normalization};
use nas_network::Network;
use nas_network::loss::Loss;

use super::{BATCH, Scores, run};

/// Measures a regression. `None` if `stop` returned true.
///
/// # Errors
///
/// Fails if burn cannot return the outputs.
pub fn measure(
    network: &Network,
    examples: &Examples,
    values: &[f32],
    normalization: &Normalization,
    loss: Loss,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Scores>, String> {
    let mut total = 0.0;
    let mut predictions: Vec<f64> = Vec::with_capacity(values.len());
    let finished = run(network, examples, BATCH, stop, |outputs, rows| {
        for (&output, &row) in outputs.iter().zip(rows) {
            total += loss.example(&[output], &[values[row]]);
            predictions.push(f64::from(output));
        }
    })?;
    if !finished {
        return Ok(None);
    }
    let mut scores = vec![("loss", total / examples.len() as f64)];
    scores.extend(errors(&predictions, values, normalization));
    Ok(Some(Scores { values: scores, found: Vec::new() }))
}

/// The errors in the unit of the data.
fn errors(predictions: &[f64], values: &[f32], normalization: &Normalization) -> [(&'static str, f64); 3] {
    let scale = f64::from(normalization.target_std);
    let count = values.len() as f64;
    let errors = predictions.iter().zip(values).map(|(&prediction, &value)| (prediction - f64::from(value)) * scale);
    let mse = errors.clone().map(|error| error * error).sum::<f64>() / count;
    let mae = errors.map(f64::abs).sum::<f64>() / count;
    let mean = values.iter().copied().map(f64::from).sum::<f64>() / count;
    let variance = values.iter().map(|&value| ((f64::from(value) - mean) * scale).powi(2)).sum::<f64>() / count;
    // Equal targets have no variance to explain; 0 keeps the number finite.
    let r2 = if variance > 0.0 { 1.0 - mse / variance } else { 0.0 };
    [("mse", mse), ("mae", mae), ("r2", r2)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_in_the_unit_of_the_data() {
        let scale = Normalization { mean: vec![], std: vec![], target_mean: 100.0, target_std: 10.0 };
        let errors = errors(&[0.0, 0.5], &[-1.0, 1.0], &scale);
        assert_eq!(errors, [("mse", (100.0 + 25.0) / 2.0), ("mae", 7.5), ("r2", 1.0 - 62.5 / 100.0)]);
    }
}
