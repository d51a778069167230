//! `jacob_cov`: J. Mellor, J. Turner, A. Storkey and E. J. Crowley, "Neural Architecture Search without Training",
//! version 1 of arXiv 2006.04647, 2020, section 3.

use nalgebra::{DMatrix, SymmetricEigen};
use nas_api::{Error, Result};

use super::probe::{BATCH, ProbedNetwork, numbers};
use nas_network::{Operator, each_rank, each_tensor};

/// Keeps the logarithms and reciprocals of eigenvalues finite.
const K: f64 = 1e-5;

/// −Σ (ln(λ + k) + 1 / (λ + k)) over the eigenvalues λ of the correlations of the examples' gradients.
///
/// # Errors
///
/// Fails if the gradient of an example is constant, so that correlations are undefined.
pub fn score(subject: &mut ProbedNetwork) -> Result<f64> {
    let is_input = |operator: &Operator| matches!(operator, Operator::Input);
    let inputs: Vec<bool> = subject.network.plan().steps.list.iter().map(|step| is_input(&step.operator)).collect();
    let mut input = None;
    let output = subject.forward(&mut |at, value| {
        if !inputs[at] {
            return value;
        }
        let value = each_rank!(value, x => x.require_grad());
        input = Some(value.clone());
        value
    });
    // This is the derivative of the sum of an example's outputs by the example, since examples interact only in
    // normalisations.
    let sum = output.sum();
    let gradients = sum.is_tracked().then(|| sum.backward());
    let jacobian = gradients
        .as_ref()
        .zip(input)
        .and_then(|(gradients, input)| each_tensor!(input, x => x.grad(gradients).map(numbers), _number => None));
    let correlations = jacobian.and_then(|jacobian| correlations(&jacobian));
    let correlations =
        correlations.ok_or_else(|| Error::new("the outputs' gradient is the same for all numbers of an example"))?;
    let eigenvalues = SymmetricEigen::new(correlations).eigenvalues;
    Ok(-eigenvalues.iter().map(|eigenvalue| libm::log(eigenvalue + K) + 1.0 / (eigenvalue + K)).sum::<f64>())
}

/// Pearson's correlations between the rows of the batch; `None` if a row is constant.
fn correlations(rows: &[f64]) -> Option<DMatrix<f64>> {
    let size = rows.len() / BATCH;
    let mut standard = Vec::with_capacity(BATCH);
    for row in rows.chunks(size) {
        let mean = row.iter().sum::<f64>() / size as f64;
        let length = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>().sqrt();
        if length == 0.0 {
            return None;
        }
        standard.push(row.iter().map(|x| (x - mean) / length).collect::<Vec<f64>>());
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    Some(DMatrix::from_fn(BATCH, BATCH, |row, column| dot(&standard[row], &standard[column])))
}
