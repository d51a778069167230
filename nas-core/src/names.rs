//! Suggestions for mistyped names.

/// The number of characters that are compared: the distances take time and memory of the product of both lengths.
const COMPARED: usize = 64;

/// Suggests the known name that is nearest to a misspelt one, as "did you mean 'NAME'? "; empty if none is near.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let given = &given[..given.char_indices().nth(COMPARED).map_or(given.len(), |(end, _)| end)];
    let given = given.to_lowercase();
    let similarity = |name: &&str| match strsim::osa_distance(&given, &name.to_lowercase()) {
        // Nothing but the case differs, or there is a single typing error in a short name, whose Jaro–Winkler
        // similarity is low.
        0 => 1.0,
        _ if given.len() > 1 && initials(name) == given => SAME_INITIALS,
        1 if name.len() < 5 => TYPING_ERROR,
        // Of several names with the word, the one with the fewest other letters is nearest.
        _ if has_word_of(name, &given) => {
            let shared = SAME_WORD + strsim::normalized_damerau_levenshtein(&given, name) / 10.0;
            strsim::jaro_winkler(&given, name).max(shared)
        }
        _ => strsim::jaro_winkler(&given, name),
    };
    let best =
        known.into_iter().filter(|name| similarity(name) > 0.7).max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    best.map(|name| format!("did you mean '{name}'? ")).unwrap_or_default()
}

/// The similarity of short names that differ in one typing error.
const TYPING_ERROR: f64 = 0.94;
/// The similarity of a name and its initials, as in `learning_rate` and `lr`.
const SAME_INITIALS: f64 = 0.95;
/// The least similarity of names that share a word.
const SAME_WORD: f64 = 0.8;
/// Words with fewer letters say little.
const SHORTEST_WORD: usize = 4;

/// Whether a word of one name begins with a word of the other, as in `evolution` and `regularized-evolution`.
fn has_word_of(name: &str, given: &str) -> bool {
    let words = |text: &'_ str| -> Vec<String> {
        let letters = text.split(|letter: char| !letter.is_alphanumeric());
        letters.filter(|word| word.len() >= SHORTEST_WORD).map(str::to_lowercase).collect()
    };
    let (ours, theirs) = (words(name), words(given));
    ours.iter().any(|our| theirs.iter().any(|their| our.starts_with(their.as_str()) || their.starts_with(our.as_str())))
}

/// The first letters of the words of a name.
fn initials(name: &str) -> String {
    name.split(|letter: char| !letter.is_alphanumeric()).filter_map(|word| word.chars().next()).collect()
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
        assert_eq!(did_you_mean("evolution", known), "did you mean 'regularized-evolution'? ");
        assert_eq!(did_you_mean("evolutionary-search", ["tpe", "genetic"]), "");
        assert_eq!(did_you_mean("genetic-algorithm", ["tpe", "genetic"]), "did you mean 'genetic'? ");
        assert_eq!(did_you_mean("TPE", ["tpe", "genetic"]), "did you mean 'tpe'? ");
        assert_eq!(did_you_mean("Bananas2", ["bananas", "bohb"]), "did you mean 'bananas'? ");
        assert_eq!(did_you_mean("lr", ["l2", "learning_rate", "l1"]), "did you mean 'learning_rate'? ");
        assert_eq!(did_you_mean("gp", ["grid", "gaussian-process"]), "did you mean 'gaussian-process'? ");
        let metrics = ["val_accuracy", "val_top5_accuracy", "val_balanced_accuracy"];
        assert_eq!(did_you_mean("accuracy", metrics), "did you mean 'val_accuracy'? ");
        assert_eq!(did_you_mean(&"w".repeat(10_000_000), known), "");
        assert_eq!(did_you_mean("mpl", ["resnet", "mlp", "mobile"]), "did you mean 'mlp'? ");
    }
}
