//! `nas space stats`: prints statistics of random architectures.

use std::process::ExitCode;

use nas_api::SpaceInfo;
use serde_json::{Value, json};

use crate::args::{Args, SpaceStats};
use crate::failure::Failure;
use crate::space_survey::{Distances, METRICS, Rejections, SpaceSurvey, histogram, quantile};
use crate::{print, space};

const QUANTILES: [(&str, f64); 7] =
    [("least", 0.0), ("5 %", 0.05), ("25 %", 0.25), ("median", 0.5), ("75 %", 0.75), ("95 %", 0.95), ("most", 1.0)];
/// The bins of a histogram.
const BINS: usize = 16;
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Samples a space and prints the statistics of the sample.
///
/// # Errors
/// The space cannot be opened, or it fails.
pub fn stats(args: &Args, stats: &SpaceStats) -> Result<ExitCode, Failure> {
    let (mut space, task) = space::opened(args, &stats.space, &stats.task)?;
    let info = space.info()?;
    let survey = SpaceSurvey::sample(&mut *space, &task, stats.samples, stats.seed)?;
    if stats.json {
        print::json(&to_json(&info, &survey, stats.seed))?;
    } else {
        show(&info, &survey);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(info: &SpaceInfo, survey: &SpaceSurvey) {
    out!("{} {}, {}", info.name, info.version, space::size(info).unwrap_or_else(|| "size not known".into()));
    let share = |count: usize| format!("{count} ({:.1} %)", 100.0 * count as f64 / survey.samples as f64);
    let reason = |rejections: &Rejections| {
        rejections.first_reason.as_ref().map(|reason| format!("; the first: {reason}")).unwrap_or_default()
    };
    out!("\n{} random architectures", survey.samples);
    out!("  drawn before           {}, the same key {}", share(survey.repeated), share(survey.duplicates));
    out!("  invalid                {}{}", share(survey.invalid.count), reason(&survey.invalid));
    out!("  without a network      {}{}", share(survey.without_network.count), reason(&survey.without_network));
    out!("  decisions made         {}", range(&survey.decisions));
    out!("  neighbours             {} (of the first {})", range(&survey.neighbors), survey.neighbors.len());
    if survey.metrics.iter().any(|values| !values.is_empty()) {
        let header: Vec<&str> =
            [""].into_iter().chain(QUANTILES.map(|(name, _)| name)).chain(["histogram", ""]).collect();
        let rows = METRICS.iter().zip(&survey.metrics).map(|(name, values)| {
            let numbers = QUANTILES.map(|(_, fraction)| print::number(rounded(quantile(values, fraction))));
            let (bars, logarithmic) = bars(values);
            let scale = if logarithmic { "logarithmic" } else { "" }.to_owned();
            std::iter::once((*name).to_owned()).chain(numbers).chain([bars, scale]).collect()
        });
        out!("\n{}", print::table(&header, rows.collect()));
    }
    out!("\nlocality: the change by one mutation, and the difference of two random architectures (median, 90 %)");
    let kinds = [("mutation", &survey.mutations), ("random pair", &survey.random_pairs)];
    let header: Vec<&str> = ["", "same key", "decisions"].into_iter().chain(METRICS).collect();
    let rows = kinds.into_iter().map(|(name, distances)| {
        let same = format!("{:.1} %", 100.0 * distances.same_key as f64 / distances.count.max(1) as f64);
        let decisions = format!("{}, {}", quantile(&distances.decisions, 0.5), quantile(&distances.decisions, 0.9));
        let changes = distances.changes.iter().map(|changes| match changes.is_empty() {
            true => String::new(),
            false => format!("{:.1} %, {:.1} %", 100.0 * quantile(changes, 0.5), 100.0 * quantile(changes, 0.9)),
        });
        [name.to_owned(), same, decisions].into_iter().chain(changes).collect()
    });
    out!("{}", print::table(&header, rows.collect()));
}

/// Rounds large values, so that quantiles of counts are shown as whole numbers.
fn rounded(value: f64) -> f64 {
    if value.abs() >= 100.0 { value.round() } else { value }
}

fn range(values: &[f64]) -> String {
    let [low, median, high] = [0.0, 0.5, 1.0].map(|fraction| quantile(values, fraction));
    if low == high { print::number(low) } else { format!("{low} to {high}, median {median}") }
}

fn bars(values: &[f64]) -> (String, bool) {
    let (counts, logarithmic) = histogram::<BINS>(values);
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    // Rounded up, so that a bin with few values is still visible.
    let bar = |count: usize| BARS[(count * (BARS.len() - 1)).div_ceil(most)];
    (counts.into_iter().map(bar).collect(), logarithmic)
}

fn to_json(info: &SpaceInfo, survey: &SpaceSurvey, seed: u32) -> Value {
    let quantiles = |values: &[f64]| -> Value {
        let quantiles = QUANTILES.map(|(name, fraction)| (name.replace(' ', ""), json!(quantile(values, fraction))));
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
        let (counts, logarithmic) = histogram::<BINS>(values);
        let mut object = quantiles(values);
        if let Some(object) = object.as_object_mut() {
            object.insert("histogram".into(), json!(counts));
            object.insert("logarithmic".into(), json!(logarithmic));
        }
        object
    };
    let rejections = |found: &Rejections| json!({"count": found.count, "reason": found.first_reason});
    let distances = |distances: &Distances| {
        json!({
            "count": distances.count, "same_key": distances.same_key, "decisions": quantiles(&distances.decisions),
            "changes": metrics(&distances.changes, &quantiles),
        })
    };
    json!({
        "space": info.name, "version": info.version, "log10_size": info.log10_size, "seed": seed,
        "samples": survey.samples, "repeated": survey.repeated, "duplicates": survey.duplicates,
        "invalid": rejections(&survey.invalid), "without_network": rejections(&survey.without_network),
        "decisions": quantiles(&survey.decisions), "neighbors": quantiles(&survey.neighbors),
        "metrics": metrics(&survey.metrics, &distribution),
        "mutation": distances(&survey.mutations), "random_pair": distances(&survey.random_pairs),
    })
}
