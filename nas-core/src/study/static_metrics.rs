//! The metrics that the host counts on a candidate's graph, before anything is trained.

use nas_api::graph::count::Counts;
use nas_api::{Goal, Metric, MetricInfo};

/// Name, direction and meaning of each.
const STATIC: [(&str, Option<Goal>, &str); 4] = [
    ("params", Some(Goal::Minimize), "Trainable numbers."),
    ("macs", Some(Goal::Minimize), "Multiply-accumulates for one example."),
    ("flops", Some(Goal::Minimize), "One per multiply-accumulate and one per bias addition, for one example."),
    ("depth", None, "The longest path, in convolutions and matrix products."),
];

/// Whether the host counts this metric when it builds networks; what an evaluator reports under its name is then not
/// used.
pub(super) fn is_static(metric: &str) -> bool {
    STATIC.iter().any(|(name, ..)| *name == metric)
}

/// Their descriptions, for people and for objectives.
pub(super) fn static_metric_infos() -> impl Iterator<Item = MetricInfo> {
    STATIC.iter().map(|&(name, better, description)| MetricInfo {
        name: name.to_owned(),
        unit: String::new(),
        better,
        hidden: false,
        description: description.to_owned(),
    })
}

/// Their values for a graph with these counts.
pub(super) fn static_metrics(counts: &Counts) -> Vec<Metric> {
    let values = [counts.params, counts.macs, counts.flops, counts.depth];
    STATIC.iter().zip(values).map(|((name, ..), value)| Metric::new(*name, value as f64)).collect()
}
