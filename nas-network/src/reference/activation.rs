//! Element-wise functions and softmax.

use nas_api::Node;

use super::Batch;

pub fn apply(node: &Node, x: &Batch) -> Batch {
    let float = |name: &str, default: f64| node.float(name, default).unwrap();
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let softplus = |x: f64| (1.0 + x.exp()).ln();
    match node.op.as_str() {
        "Identity" => x.clone(),
        "Relu" => x.map(|x| x.max(0.0)),
        "Sigmoid" => x.map(sigmoid),
        "Tanh" => x.map(f64::tanh),
        "Gelu" if node.text("approximate", "none").unwrap() == "tanh" => {
            let root = (2.0 / std::f64::consts::PI).sqrt();
            x.map(|x| 0.5 * x * (1.0 + (root * (x + 0.044_715 * x.powi(3))).tanh()))
        }
        "Gelu" => x.map(|x| 0.5 * x * (1.0 + libm::erf(x / 2.0_f64.sqrt()))),
        "Elu" => x.map(|x| if x > 0.0 { x } else { float("alpha", 1.0) * (x.exp() - 1.0) }),
        "Selu" => {
            let (alpha, gamma) = (1.673_263_242_354_377_2, 1.050_700_987_355_480_5);
            x.map(|x| gamma * if x > 0.0 { x } else { alpha * (x.exp() - 1.0) })
        }
        "LeakyRelu" => x.map(|x| if x > 0.0 { x } else { float("alpha", 0.01) * x }),
        "HardSigmoid" => x.map(|x| (float("alpha", 0.2) * x + float("beta", 0.5)).clamp(0.0, 1.0)),
        "HardSwish" => x.map(|x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        "Mish" => x.map(|x| x * softplus(x).tanh()),
        "Softplus" => x.map(softplus),
        "Swish" => x.map(|x| x * sigmoid(float("alpha", 1.0) * x)),
        "Clip" => x.map(|x| x.max(float("min", f64::MIN)).min(float("max", f64::MAX))),
        "Neg" => x.map(|x| -x),
        "Abs" => x.map(f64::abs),
        "Exp" => x.map(f64::exp),
        "Log" => x.map(f64::ln),
        "Sqrt" => x.map(f64::sqrt),
        "Reciprocal" => x.map(f64::recip),
        "Erf" => x.map(libm::erf),
        "Softmax" => softmax(node, x, |x, sum| x.exp() / sum),
        "LogSoftmax" => softmax(node, x, |x, sum| x - sum.ln()),
        other => panic!("the reference does not know {other}"),
    }
}

/// Softmax and its logarithm; `of` computes the result from a number and the sum of the exponentials along the axis.
fn softmax(node: &Node, x: &Batch, of: impl Fn(f64, f64) -> f64) -> Batch {
    let axis = node.axis("axis", Some(-1), x.shape.len()).unwrap();
    Batch::build(x.count(), &x.shape, |at| {
        let other = |place: usize| {
            let mut at = at.to_vec();
            at[axis + 1] = place;
            x.at(&at).exp()
        };
        of(x.at(at), (0..x.shape[axis]).map(other).sum())
    })
}
