//! The outputs that a task requires of a network.

use crate::Task;
use crate::graph::Shape;

/// Checks that the outputs have the shapes that the task requires.
///
/// A network returns one number per output of the task ([`Task::outputs`]): for the example or, if the task is
/// `language`, for each of its positions. For `detection`, it returns these numbers for every place where it looks for
/// an object, then a box for every place, and possibly more values for every place.
pub(super) fn check(outputs: &[&Shape], task: &Task) -> Result<(), String> {
    let values = i64::from(task.outputs);
    let (fits, required) = match task.kind.as_str() {
        "detection" => (are_detections(outputs, values), format!("[places, {values}], [places, 4], [places, ..]...")),
        "language" => single(outputs, &[&task.input_shape[..], &[values]].concat()),
        _ => single(outputs, &[values]),
    };
    if fits { Ok(()) } else { Err(format!("its outputs have the shapes {outputs:?}, but the task wants {required}")) }
}

fn single(outputs: &[&Shape], shape: &[i64]) -> (bool, String) {
    (matches!(outputs, [output] if *output == shape), format!("{shape:?}"))
}

fn are_detections(outputs: &[&Shape], values: i64) -> bool {
    let [classes, boxes, more @ ..] = outputs else { return false };
    let Some(&places) = classes.first() else { return false };
    let per_place = |shape: &&Shape| shape.first() == Some(&places);
    **classes == [places, values] && **boxes == [places, 4] && more.iter().all(per_place)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Settings;

    #[test]
    fn every_kind_of_task_requires_its_outputs() {
        let found = |kind: &str, outputs: &[&[i64]]| {
            let task = Task { input_shape: vec![7], outputs: 5, kind: kind.into(), settings: Settings::default() };
            let outputs: Vec<Shape> = outputs.iter().map(|shape| shape.to_vec()).collect();
            check(&outputs.iter().collect::<Vec<_>>(), &task)
        };
        let places: [&[i64]; 3] = [&[9, 5], &[9, 4], &[9, 1]];
        for (kind, outputs) in
            [("classification", &[&[5_i64][..]][..]), ("language", &[&[7, 5]]), ("detection", &places)]
        {
            assert_eq!(found(kind, outputs), Ok(()), "{kind}");
        }
        assert_eq!(found("detection", &places[..2]), Ok(()));
        for wrong in
            [&places[..1], &[&[9, 5], &[8, 4]], &[&[9, 6], &[9, 4]], &[&[9, 5], &[9, 4], &[3, 1]], &[&[], &[4]]]
        {
            assert!(found("detection", wrong).unwrap_err().contains("wants [places, 5], [places, 4]"), "{wrong:?}");
        }
        assert!(found("classification", &places).unwrap_err().contains("the task wants [5]"));
        assert!(found("language", &[&[5]]).unwrap_err().contains("the task wants [7, 5]"));
    }
}
