//! Estimates the cost of an operator that a table lacks from the operators of its family that the table has.
//!
//! log cost = a + b · log(1 + multiply-accumulates) + c · log(1 + numbers read and written), fitted by least squares.
//! An estimate is kept between half of the family's smallest cost and twice its largest.

use std::collections::BTreeMap;

use nalgebra::{Matrix3, Vector3};

/// Number of operators of a family that a fit needs.
const ENOUGH: usize = 8;
/// Costs below this, in milliseconds or millijoules, are noise.
const LEAST: f64 = 1e-5;
/// Regularization, which keeps the fit defined even if all operators of a family are alike.
const RIDGE: f64 = 1e-3;

/// The work of an operator for one example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Number of multiply-accumulates.
    pub macs: f64,
    /// Number of weights, inputs and outputs, which are read or written.
    pub numbers: f64,
}

/// The fits of all families, by the family's name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimates(BTreeMap<String, Fit>);

#[derive(Clone, Debug, PartialEq)]
struct Fit {
    coefficients: Vector3<f64>,
    bounds: (f64, f64),
}

/// The family of a unit: its first operator, and whether that has groups, which makes convolutions run at another
/// speed.
fn family(unit: &str) -> String {
    let operator = unit.split(['(', '+']).next().unwrap_or_default();
    let first = unit.split(')').next().unwrap_or_default();
    let grouped = first.split(' ').any(|word| word.starts_with("group=") && word != "group=1");
    if grouped { format!("{operator} in groups") } else { operator.to_owned() }
}

fn terms(work: Work) -> Vector3<f64> {
    Vector3::new(1.0, work.macs.ln_1p(), work.numbers.ln_1p())
}

impl Estimates {
    /// Fits every family that has enough operators.
    pub fn fit<'u>(known: impl Iterator<Item = (&'u str, Work, f64)>) -> Self {
        let mut families: BTreeMap<String, Vec<(Vector3<f64>, f64)>> = BTreeMap::new();
        for (unit, work, cost) in known {
            families.entry(family(unit)).or_default().push((terms(work), cost.max(LEAST)));
        }
        let enough = families.into_iter().filter(|(_, known)| known.len() >= ENOUGH);
        Self(enough.filter_map(|(family, known)| Some((family, Fit::of(&known)?))).collect())
    }

    /// The estimated cost of an operator; `None` if its family has no fit.
    pub fn cost(&self, unit: &str, work: Work) -> Option<f64> {
        let fit = self.0.get(&family(unit))?;
        Some(fit.coefficients.dot(&terms(work)).exp().clamp(fit.bounds.0, fit.bounds.1))
    }
}

impl Fit {
    fn of(known: &[(Vector3<f64>, f64)]) -> Option<Self> {
        let mut normal = Matrix3::identity() * RIDGE;
        let mut right = Vector3::zeros();
        for (terms, cost) in known {
            normal += terms * terms.transpose();
            right += terms * cost.ln();
        }
        let costs = || known.iter().map(|(_, cost)| *cost);
        let bounds = (0.5 * costs().fold(f64::INFINITY, f64::min), 2.0 * costs().fold(0.0, f64::max));
        Some(Self { coefficients: normal.try_inverse()? * right, bounds })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn costs_that_follow_the_formula_are_predicted() {
        let rule = |work: Work| 2e-6 * (1.0 + work.macs).powf(0.9) * (1.0 + work.numbers).powf(0.2);
        let works: Vec<Work> = (1..30_i32)
            .map(|at| Work { macs: 1000.0 * f64::from(at * at), numbers: 100.0 * f64::from(at % 7 + 1) })
            .collect();
        let fit = Estimates::fit(works.iter().map(|&work| ("Conv(3x8x8 group=1)+Relu", work, rule(work))));
        let new = Work { macs: 123_456.0, numbers: 345.0 };
        let found = fit.cost("Conv(5x8x8 group=1)", new).unwrap();
        assert!((found / rule(new) - 1.0).abs() < 0.02, "{found} {}", rule(new));
        assert_eq!(fit.cost("Conv(5x8x8 group=5)", new), None, "another family");
        assert_eq!(fit.cost("Gemm(5)", new), None);
        let far = fit.cost("Conv(5x8x8)", Work { macs: 1e15, numbers: 1e9 }).unwrap();
        assert!(far <= 2.0 * works.iter().map(|&work| rule(work)).fold(0.0, f64::max), "no wild guesses");
    }
}
