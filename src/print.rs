//! Prints lines, tables and JSON, and formats numbers for people.

use std::borrow::Cow;
use std::io::{ErrorKind, Write, stderr, stdout};
use std::sync::OnceLock;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use nas_core::{MAX_MESSAGE, is_control, shown, shown_lines};
use serde_json::Value;

use crate::failure::Failure;

/// Why standard output could not be written; the first reason counts.
static FAILED: OnceLock<String> = OnceLock::new();

/// Prints a line on standard output. Whether that failed is known by [`finish`].
pub fn line(text: std::fmt::Arguments<'_>) {
    note(writeln!(stdout(), "{}", clean(text)));
}

/// Prints a text, which ends its own lines.
pub fn text(text: &str) {
    note(stdout().write_all(shown_lines(text, usize::MAX).as_bytes()));
}

/// Prints a line on standard error. Errors are ignored: nobody could be told.
pub fn error_line(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(stderr(), "{}", clean(text));
}

/// Text as it may reach a terminal: names, messages and metrics come from plugins and from the files of others.
fn clean(text: std::fmt::Arguments<'_>) -> String {
    let text = text.to_string();
    match shown_lines(&text, usize::MAX) {
        Cow::Borrowed(_) => text,
        Cow::Owned(cleaned) => cleaned,
    }
}

fn note(written: std::io::Result<()>) {
    // A reader may stop early, as `head` does.
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILED.get_or_init(|| error.to_string());
    }
}

/// Checks that everything has been printed, at the end of the program.
///
/// # Errors
/// Standard output could not be written, except that a closed pipe is ignored.
pub fn finish() -> Result<(), Failure> {
    note(stdout().flush());
    match FAILED.get() {
        None => Ok(()),
        Some(reason) => {
            let help = "what the command wrote to files is complete; print to another place";
            Err(Failure::broken(format!("standard output cannot be written: {reason}")).help(help))
        }
    }
}

/// Prints one JSON value on standard output.
///
/// # Errors
/// The value cannot be written as JSON.
pub fn json(value: &Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::broken(error.to_string()))?;
    line(format_args!("{}", escaped(&text)));
    Ok(())
}

/// JSON that a terminal can show. `serde_json` escapes control characters below U+0020; the others, which occur in
/// strings alone, are escaped here, so that the values stay the same.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_control(character) && character >= ' ' {
            escaped.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Formats a table without lines. Columns of numbers are aligned right.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    // A line break in a cell would begin a row that looks like the program's own.
    let cell = |text: &str| shown(text, MAX_MESSAGE).into_owned();
    table.set_header(header.iter().map(|text| cell(text)));
    let numeric = |column: usize| rows.iter().all(|row| row.get(column).is_none_or(|cell| is_number(cell)));
    let right: Vec<usize> = (0..header.len()).filter(|&column| numeric(column)).collect();
    table.add_rows(rows.iter().map(|row| row.iter().map(|text| cell(text))));
    for column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn is_number(cell: &str) -> bool {
    cell.chars().next().is_none_or(|first| first.is_ascii_digit() || first == '-' || first == '−')
}

/// Formats whole numbers with separators for thousands, others with four decimals or in scientific notation.
pub fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        let digits = format!("{:.0}", value.abs());
        let mut grouped = String::new();
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        return if value < 0.0 { format!("-{grouped}") } else { grouped };
    }
    if value.abs() >= 1e-3 && value.abs() < 1e6 { format!("{value:.4}") } else { format!("{value:.3e}") }
}

/// Formats a probability with two decimals, or in scientific notation below 0.01.
pub fn probability(value: f64) -> String {
    match value {
        // The value underflowed. P values are computed as tails, which are exact down to the smallest double.
        0.0 => "<1e-300".to_owned(),
        _ if value < 0.01 => format!("{value:.0e}"),
        _ => format!("{value:.2}"),
    }
}

/// Formats seconds as seconds, minutes or hours.
pub fn seconds(value: f64) -> String {
    if value < 60.0 {
        return format!("{value:.1} s");
    }
    let whole = value.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed() {
        let evil = "x\x1b]52;c;AA\x07\u{9b}2J\u{202e}\ny";
        let printed = table(&["metric", evil], vec![vec![evil.into(), "1".into()]]);
        assert_eq!(printed.lines().count(), 2, "{printed}");
        let value = serde_json::json!({"name": evil, evil: 1});
        let json = escaped(&value.to_string());
        for text in [clean(format_args!("{evil}")), printed, json.clone()] {
            assert!(!text.contains(|c| is_control(c) && c != '\n'), "{text:?}");
        }
        assert_eq!(serde_json::from_str::<Value>(&json).ok(), Some(value));
    }

    #[test]
    fn numbers_are_formatted_for_people() {
        assert_eq!(number(1_531_546.0), "1,531,546");
        assert_eq!(number(-12.0), "-12");
        assert_eq!(number(0.98765), "0.9877");
        assert_eq!(number(0.000_012_3), "1.230e-5");
        assert_eq!([0.0, 2.4e-7, 0.031].map(probability), ["<1e-300", "2e-7", "0.03"]);
        assert_eq!(seconds(59.94), "59.9 s");
        assert_eq!(seconds(3_725.0), "1 h 02 min");
    }
}
