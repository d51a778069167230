//! Names that users mistype.

/// The known name nearest to a misspelt one, as the end of a sentence; empty where nothing is near.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // One slip of the finger is near in a short name too, where the measure of Jaro and Winkler sees little in common.
    let near = |name: &&str| match strsim::osa_distance(given, name) {
        0 | 1 if name.len() < 5 => 1.0,
        _ => strsim::jaro_winkler(given, name),
    };
    let best = known.into_iter().filter(|name| near(name) > 0.7).max_by(|a, b| near(a).total_cmp(&near(b)));
    best.map(|name| format!("did you mean '{name}'? ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn slips_and_beginnings_are_answered_and_nonsense_is_not() {
        let known = ["random-search", "regularized-evolution", "reinforce"];
        assert_eq!(did_you_mean("random", known), "did you mean 'random-search'? ");
        assert_eq!(did_you_mean("regularised-evoltion", known), "did you mean 'regularized-evolution'? ");
        assert_eq!(did_you_mean("hyperband", known), "");
        assert_eq!(did_you_mean("mpl", ["resnet", "mlp", "mobile"]), "did you mean 'mlp'? ");
    }
}
