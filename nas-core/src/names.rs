//! Suggestions for mistyped names.

/// Suggests the known name that is nearest to a misspelt one, as "did you mean 'NAME'? "; empty if none is near.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // A single typing error in a short name counts as near, although the Jaro–Winkler similarity is low.
    let similarity = |name: &&str| match strsim::osa_distance(given, name) {
        0 | 1 if name.len() < 5 => 1.0,
        _ => strsim::jaro_winkler(given, name),
    };
    let best =
        known.into_iter().filter(|name| similarity(name) > 0.7).max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    best.map(|name| format!("did you mean '{name}'? ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn typing_errors_and_prefixes_get_a_suggestion() {
        let known = ["random-search", "regularized-evolution", "reinforce"];
        assert_eq!(did_you_mean("random", known), "did you mean 'random-search'? ");
        assert_eq!(did_you_mean("regularised-evoltion", known), "did you mean 'regularized-evolution'? ");
        assert_eq!(did_you_mean("hyperband", known), "");
        assert_eq!(did_you_mean("mpl", ["resnet", "mlp", "mobile"]), "did you mean 'mlp'? ");
    }
}
