//! `nwot`: J. Mellor, J. Turner, A. Storkey and E. J. Crowley, "Neural Architecture Search without Training", ICML
//! 2021, section 3.

use nalgebra::DMatrix;
use nas_api::{Error, Result};

use super::probe::{BATCH, ProbedNetwork};
use nas_network::{Activation, Operator, each_tensor};

/// ln |K|, where K counts the ReLUs that are on for both or off for both of two examples.
///
/// # Errors
///
/// Fails if the network has no ReLU, or if two examples have the same ReLUs on.
pub fn score(subject: &mut ProbedNetwork) -> Result<f64> {
    let is_relu = |operator: &Operator| matches!(operator, Operator::Activation(Activation::Relu));
    let relus: Vec<bool> = subject.network.plan().steps.list.iter().map(|step| is_relu(&step.operator)).collect();
    if !relus.contains(&true) {
        return Err(Error::new("it has no Relu"));
    }
    let mut kernel = DMatrix::<f64>::zeros(BATCH, BATCH);
    subject.forward(&mut |at, value| {
        if relus[at] {
            each_tensor!(&value, x => count_equal(&mut kernel, x.to_data().iter::<f32>()), _number => ());
        }
        value
    });
    let u = kernel.lu().u();
    let pivots: Vec<f64> = u.diagonal().iter().map(|pivot| pivot.abs()).collect();
    // K holds whole numbers, so its determinant is 0 or at least 1: a pivot this small means 0, up to rounding.
    if pivots.iter().any(|&pivot| pivot < 1e-9) {
        return Err(Error::new("the same ReLUs are on for different examples, or it has too few to tell them apart"));
    }
    Ok(pivots.iter().map(|&pivot| libm::log(pivot)).sum())
}

/// Adds the number of ReLUs in which two examples agree to the kernel, for all pairs of examples.
fn count_equal(kernel: &mut DMatrix<f64>, values: impl Iterator<Item = f32>) {
    let on: Vec<bool> = values.map(|value| value > 0.0).collect();
    let size = on.len() / BATCH;
    // A value that does not depend on the example, such as a `Weight`, does not distinguish examples.
    if size == 0 || !on.len().is_multiple_of(BATCH) {
        return;
    }
    let pack = |bits: &[bool]| bits.iter().enumerate().fold(0_u64, |word, (at, &bit)| word | u64::from(bit) << at);
    let codes: Vec<Vec<u64>> = on.chunks(size).map(|code| code.chunks(64).map(pack).collect()).collect();
    for (row, a) in codes.iter().enumerate() {
        for (column, b) in codes.iter().enumerate() {
            let different: u32 = a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum();
            kernel[(row, column)] += size as f64 - f64::from(different);
        }
    }
}
