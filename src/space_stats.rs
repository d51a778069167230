//! `nas space stats`.

use std::process::ExitCode;

use nas_api::SpaceInfo;
use serde_json::{Value, json};

use crate::args::{Args, SpaceStats};
use crate::failure::Failure;
use crate::space_survey::{Distances, METRICS, Refused, SpaceSurvey, histogram, quantile};
use crate::{print, space};

const QUANTILES: [(&str, f64); 7] =
    [("least", 0.0), ("5 %", 0.05), ("25 %", 0.25), ("median", 0.5), ("75 %", 0.75), ("95 %", 0.95), ("most", 1.0)];
/// Parts of a histogram.
const PARTS: usize = 16;
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Prints what random architectures tell of a space.
pub fn stats(args: &Args, stats: &SpaceStats) -> Result<ExitCode, Failure> {
    let (mut space, task) = space::opened(args, &stats.space, &stats.task)?;
    let info = space.info()?;
    let found = SpaceSurvey::explore(&mut *space, &task, stats.samples, stats.seed)?;
    if stats.json {
        print::json(&to_json(&info, &found, stats.seed))?;
    } else {
        show(&info, &found);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(info: &SpaceInfo, found: &SpaceSurvey) {
    out!("{} {}, {}", info.name, info.version, space::size(info).unwrap_or_else(|| "size not known".into()));
    let share = |part: usize| format!("{part} ({:.1} %)", 100.0 * part as f64 / found.samples as f64);
    let reason =
        |refused: &Refused| refused.reason.as_ref().map(|reason| format!("; the first: {reason}")).unwrap_or_default();
    out!("\n{} random architectures", found.samples);
    out!("  drawn before           {}, the same key {}", share(found.repeated), share(found.duplicates));
    out!("  invalid                {}{}", share(found.invalid.count), reason(&found.invalid));
    out!("  without a network      {}{}", share(found.without_network.count), reason(&found.without_network));
    out!("  decisions made         {}", span(&found.decisions));
    out!("  neighbours             {} (of the first {})", span(&found.neighbors), found.neighbors.len());
    if found.values.iter().any(|values| !values.is_empty()) {
        let header: Vec<&str> =
            [""].into_iter().chain(QUANTILES.map(|(name, _)| name)).chain(["histogram", ""]).collect();
        let rows = METRICS.iter().zip(&found.values).map(|(name, values)| {
            let numbers = QUANTILES.map(|(_, share)| print::number(rounded(quantile(values, share))));
            let (bars, logarithmic) = bars(values);
            let scale = if logarithmic { "logarithmic" } else { "" }.to_owned();
            std::iter::once((*name).to_owned()).chain(numbers).chain([bars, scale]).collect()
        });
        out!("\n{}", print::table(&header, rows.collect()));
    }
    out!("\nlocality: what one mutation changes, and what lies between two random architectures (median, 90 %)");
    let moves = [("mutation", &found.mutants), ("random pair", &found.pairs)];
    let header: Vec<&str> = ["", "same key", "decisions"].into_iter().chain(METRICS).collect();
    let rows = moves.into_iter().map(|(name, moves)| {
        let same = format!("{:.1} %", 100.0 * moves.same_key as f64 / moves.count.max(1) as f64);
        let decisions = format!("{}, {}", quantile(&moves.decisions, 0.5), quantile(&moves.decisions, 0.9));
        let changes = moves.changes.iter().map(|changes| match changes.is_empty() {
            true => String::new(),
            false => format!("{:.1} %, {:.1} %", 100.0 * quantile(changes, 0.5), 100.0 * quantile(changes, 0.9)),
        });
        [name.to_owned(), same, decisions].into_iter().chain(changes).collect()
    });
    out!("{}", print::table(&header, rows.collect()));
}

/// Counts stay whole.
fn rounded(value: f64) -> f64 {
    if value.abs() >= 100.0 { value.round() } else { value }
}

fn span(values: &[f64]) -> String {
    let [low, middle, high] = [0.0, 0.5, 1.0].map(|share| quantile(values, share));
    if low == high { print::number(low) } else { format!("{low} to {high}, median {middle}") }
}

fn bars(values: &[f64]) -> (String, bool) {
    let (counts, logarithmic) = histogram::<PARTS>(values);
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    // Whatever is there is seen.
    let bar = |count: usize| BARS[(count * (BARS.len() - 1)).div_ceil(most)];
    (counts.into_iter().map(bar).collect(), logarithmic)
}

fn to_json(info: &SpaceInfo, found: &SpaceSurvey, seed: u32) -> Value {
    let spread = |values: &[f64]| -> Value {
        let quantiles = QUANTILES.map(|(name, share)| (name.replace(' ', ""), json!(quantile(values, share))));
        match values {
            [] => Value::Null,
            _ => Value::Object(quantiles.into_iter().collect()),
        }
    };
    let metrics = |values: &[Vec<f64>; 4], shown: &dyn Fn(&[f64]) -> Value| -> Value {
        METRICS
            .iter()
            .zip(values)
            .map(|(name, values)| ((*name).to_owned(), shown(values)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let distribution = |values: &[f64]| -> Value {
        let (counts, logarithmic) = histogram::<PARTS>(values);
        let mut object = spread(values);
        if let Some(object) = object.as_object_mut() {
            object.insert("histogram".into(), json!(counts));
            object.insert("logarithmic".into(), json!(logarithmic));
        }
        object
    };
    let refused = |refused: &Refused| json!({"count": refused.count, "reason": refused.reason});
    let moves = |moves: &Distances| {
        json!({
            "count": moves.count, "same_key": moves.same_key, "decisions": spread(&moves.decisions),
            "changes": metrics(&moves.changes, &spread),
        })
    };
    json!({
        "space": info.name, "version": info.version, "log10_size": info.log10_size, "seed": seed,
        "samples": found.samples, "repeated": found.repeated, "duplicates": found.duplicates,
        "invalid": refused(&found.invalid), "without_network": refused(&found.without_network),
        "decisions": spread(&found.decisions), "neighbors": spread(&found.neighbors),
        "metrics": metrics(&found.values, &distribution),
        "mutation": moves(&found.mutants), "random_pair": moves(&found.pairs),
    })
}
