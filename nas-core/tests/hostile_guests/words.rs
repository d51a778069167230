//! What guests say: on the log, in refusals, in their descriptions.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nas_api::{Settings, Value};
use nas_core::plugin::wasm::{Limits, Log};
use nas_core::plugin::{Options, Registry};

use super::common::{Pair, fixture};
use super::{limits, registry, study};

#[test]
fn a_log_without_end_is_cut_and_the_guest_ended() {
    let lines = Arc::new(AtomicUsize::new(0));
    let counted = lines.clone();
    let log: Log = Arc::new(move |_, _, line: &str| {
        counted.fetch_add(line.len(), Ordering::Relaxed);
    });
    let limits = Limits { log_bytes: 10_000, ..limits() };
    let registry = Registry::new(Options { limits, log, ..Options::default() });
    let source = registry.strategy(&fixture("chatty").to_string_lossy()).unwrap();
    let settings = Settings::defaults(&source.info().unwrap().parameters);
    let mut search = source.open(&study(settings), Box::new(Pair::default())).unwrap();
    let text = search.ask(1).unwrap_err().to_string();
    assert!(text.contains("did not finish"), "{text}");
    assert!(lines.load(Ordering::Relaxed) < 10_200);
}

/// What a guest logs in this mode, in the calls of two instances, and the error of the last one.
fn words(mode: &str, n: f64) -> (Vec<String>, String) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = lines.clone();
    let log: Log = Arc::new(move |_, _, line: &str| kept.lock().unwrap().push(line.to_owned()));
    let registry = Registry::new(Options { limits: limits(), log, ..Options::default() });
    let source = registry.strategy(&fixture("hstrat").to_string_lossy()).unwrap();
    let mut settings = Settings::defaults(&source.info().unwrap().parameters);
    for setting in &mut settings.0 {
        setting.value = if &*setting.name == "mode" { Value::Text(mode.into()) } else { Value::Number(n) };
    }
    let mut error = String::new();
    for _ in 0..2 {
        let mut search = source.open(&study(settings.clone()), Box::new(Pair::default())).unwrap();
        error = search.ask(1).err().map(|error| error.to_string()).unwrap_or_default();
    }
    let lines = lines.lock().unwrap().clone();
    (lines, error)
}

#[test]
fn one_line_without_end_and_lines_without_text_end_at_the_limit() {
    let budget = Limits::default().log_bytes;
    for (mode, n) in [("log-big", 15e6), ("log-lines", 1e6), ("log-newlines", 15e6)] {
        let (lines, _) = words(mode, n);
        let total: usize = lines.iter().map(|line| line.len()).sum();
        assert!(total <= budget + 100 && lines.len() < 5000, "{mode}: {total} bytes in {} lines", lines.len());
        assert!(lines.last().unwrap().contains("has reached its log limit"), "{mode}");
    }
}

#[test]
fn the_words_of_a_guest_are_a_short_part_of_the_message() {
    for (mode, n) in [("log-err", 15e6), ("refuse-big", 15e6), ("refuse-ansi", 1.0), ("panic-ansi", 1.0)] {
        let (_, error) = words(mode, n);
        assert!(error.contains("'hstrat'") && error.contains("in ask"), "{mode}: {error}");
        assert!(error.len() < 8000, "{mode}: {} bytes", error.len());
        assert!(!error.contains(['\x1b', '\x07', '\u{202e}']), "{mode}: {error:?}");
        assert!(!error.contains("\nforged"), "no line of its own: {error:?}");
    }
}

#[test]
fn a_name_that_a_terminal_would_obey_is_refused() {
    let text = registry().strategy(&fixture("hname").to_string_lossy()).err().unwrap().to_string();
    assert!(text.contains("hname") && text.contains("its name has control characters"), "{text:?}");
    assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{text:?}");
}
