//! The results of `nas train` class by class.

use nas_api::Confusion;
use serde_json::{Map, Value, json};

use crate::print;

/// The number of classes that are shown in a terminal; if there are more, those with the lowest recall are.
const SHOWN: usize = 20;

/// The number of classes up to which the confusion matrix is written; a larger one would be too long to read.
const MATRIX_CLASSES: usize = 1000;

/// Returns `confusion`, the matrix with a row for each true class and a column for each predicted one (up to 1,000
/// classes), and `classes`, with the examples, the precision and the recall of each class.
pub fn to_json(confusion: &Confusion) -> Map<String, Value> {
    let classes = (0..confusion.classes()).map(|class| {
        json!({
            "class": class, "examples": confusion.examples(class), "precision": confusion.precision(class),
            "recall": confusion.recall(class),
        })
    });
    let classes: Vec<Value> = classes.collect();
    let rows = (classes.len() <= MATRIX_CLASSES).then(|| ("confusion".to_owned(), confusion.rows().collect::<Value>()));
    rows.into_iter().chain([("classes".to_owned(), Value::from(classes))]).collect()
}

/// Formats a table with a row for each class that has test examples.
pub fn to_text(confusion: &Confusion) -> String {
    let mut classes: Vec<(usize, f64)> =
        (0..confusion.classes()).filter_map(|class| Some((class, confusion.recall(class)?))).collect();
    let all = classes.len();
    if all > SHOWN {
        classes.sort_by(|a, b| a.1.total_cmp(&b.1));
        classes.truncate(SHOWN);
    }
    let percent = |fraction: f64| format!("{:.1} %", fraction * 100.0);
    let rows = classes.iter().map(|&(class, recall)| {
        let most_confused_with = confusion.most_confused_with(class).map_or(String::new(), |class| class.to_string());
        let precision = confusion.precision(class).map_or_else(String::new, percent);
        vec![class.to_string(), confusion.examples(class).to_string(), percent(recall), precision, most_confused_with]
    });
    let header = ["class", "test examples", "recall", "precision", "most often taken for"];
    let table = print::table(&header, rows.collect());
    let note =
        if all > SHOWN { format!("\nthe {SHOWN} of {all} classes with the lowest recall") } else { String::new() };
    format!("{table}{note}")
}
