//! Detection of the objects in images.

use nas_data::{Boxes, Examples};
use nas_network::Network;

use super::average_precision::{AveragePrecision, Seen};
use super::{Scores, batch, run_all};
use crate::detection::{Pyramid, assign, example, found};

/// Measures a detector. `None` if `stop` returned true.
///
/// # Errors
///
/// Fails if the network is not a detector, or if burn cannot return the outputs.
pub fn measure(
    network: &Network,
    examples: &Examples,
    boxes: &Boxes,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Scores>, String> {
    let pyramid = Pyramid::of_plan(network.plan()).ok_or("the network is not a detector")?;
    let places: usize = pyramid.sizes().iter().sum();
    let (mut total, mut learnt) = (0.0, 0_usize);
    let mut seen = Vec::with_capacity(examples.len());
    let finished = run_all(network, examples, batch(examples), stop, |outputs, rows| {
        let [classes, sides, centreness] = outputs else { unreachable!("the plan of a detector has three outputs") };
        let count = boxes.classes as usize;
        let images = classes.chunks_exact(places * count).zip(sides.chunks_exact(places * 4));
        let images = images.zip(centreness.chunks_exact(places));
        for (((classes, sides), centreness), &row) in images.zip(rows) {
            let outputs = [classes, sides, centreness];
            let assigned = assign(&pyramid, boxes.of(row));
            total += example(outputs, &assigned);
            learnt += assigned.len();
            seen.push(Seen { found: found(&pyramid, outputs), there: boxes.of(row) });
        }
    })?;
    if !finished {
        return Ok(None);
    }
    let AveragePrecision { mean, at_half } = AveragePrecision::of(&seen, boxes.classes);
    let values = vec![("loss", total / learnt.max(1) as f64), ("map", mean), ("map50", at_half)];
    Ok(Some(Scores { values, found: Vec::new() }))
}
