//! What `nas train` says of single classes.

use nas_api::Confusion;
use serde_json::{Map, Value, json};

use crate::print;

/// Classes that are shown in a terminal; of more, those that are found worst.
const SHOWN: usize = 20;

/// Classes of which every pair is given; of more, a report would be too long to be read.
const PAIRS: usize = 1000;

/// `confusion` (of up to 1,000 classes), row by row the true class, then the class that was found; and `classes`, with what follows from it.
pub fn to_json(confusion: &Confusion) -> Map<String, Value> {
    let classes = (0..confusion.classes()).map(|class| {
        json!({
            "class": class, "examples": confusion.examples(class), "precision": confusion.precision(class),
            "recall": confusion.recall(class),
        })
    });
    let classes: Vec<Value> = classes.collect();
    let rows = (classes.len() <= PAIRS).then(|| ("confusion".to_owned(), confusion.rows().collect::<Value>()));
    rows.into_iter().chain([("classes".to_owned(), Value::from(classes))]).collect()
}

/// A row for each class that has test examples.
pub fn to_text(confusion: &Confusion) -> String {
    let mut classes: Vec<(usize, f64)> =
        (0..confusion.classes()).filter_map(|class| Some((class, confusion.recall(class)?))).collect();
    let all = classes.len();
    if all > SHOWN {
        classes.sort_by(|a, b| a.1.total_cmp(&b.1));
        classes.truncate(SHOWN);
    }
    let part = |part: f64| format!("{:.1} %", part * 100.0);
    let rows = classes.iter().map(|&(class, recall)| {
        let taken_for = confusion.taken_for(class).map_or(String::new(), |found| found.to_string());
        let precision = confusion.precision(class).map_or_else(String::new, part);
        vec![class.to_string(), confusion.examples(class).to_string(), part(recall), precision, taken_for]
    });
    let table = print::table(&["class", "test examples", "found", "precision", "most taken for"], rows.collect());
    let left_out =
        if all > SHOWN { format!("\nthe {SHOWN} of {all} classes that are found worst") } else { String::new() };
    format!("{table}{left_out}")
}
