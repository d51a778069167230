//! What a task wants a network to return.

use crate::Task;
use crate::graph::Shape;

/// Whether the outputs have the shapes that the task wants, or which those are.
///
/// One value per output of the task, for the example or, where the task is `language`, for every position of it. A network
/// for `detection` returns them for every place where it looks for an object, then a box for each, and may say more.
pub(super) fn wanted(outputs: &[&Shape], task: &Task) -> Result<(), String> {
    let values = i64::from(task.outputs);
    let (fits, wanted) = match task.kind.as_str() {
        "detection" => (of_places(outputs, values), format!("[places, {values}], [places, 4], [places, ..]...")),
        "language" => one(outputs, &[&task.input_shape[..], &[values]].concat()),
        _ => one(outputs, &[values]),
    };
    if fits { Ok(()) } else { Err(format!("its outputs have the shapes {outputs:?}, but the task wants {wanted}")) }
}

fn one(outputs: &[&Shape], shape: &[i64]) -> (bool, String) {
    (matches!(outputs, [output] if *output == shape), format!("{shape:?}"))
}

fn of_places(outputs: &[&Shape], values: i64) -> bool {
    let [classes, boxes, more @ ..] = outputs else { return false };
    let Some(&places) = classes.first() else { return false };
    let of_places = |shape: &&Shape| shape.first() == Some(&places);
    **classes == [places, values] && **boxes == [places, 4] && more.iter().all(of_places)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Settings;

    #[test]
    fn every_kind_wants_its_outputs() {
        let found = |kind: &str, outputs: &[&[i64]]| {
            let task = Task { input_shape: vec![7], outputs: 5, kind: kind.into(), settings: Settings::default() };
            let outputs: Vec<Shape> = outputs.iter().map(|shape| shape.to_vec()).collect();
            wanted(&outputs.iter().collect::<Vec<_>>(), &task)
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
