//! What choice spaces and grammars share: both are defined by a TOML text with a name.
//!
//! Each keeps its own struct with the fields `name`, `version`, `description` and `reference`: with
//! `#[serde(flatten)]`, serde would no longer refuse unknown keys, and errors would lose their line numbers.

use nas_api::{Error, Result};
use serde::de::DeserializeOwned;

/// Reads a definition. `kind` is what it defines, for messages.
///
/// # Errors
/// If the text is not TOML or does not have the fields of `T`. The message names the line.
pub fn read<T: DeserializeOwned>(text: &str, kind: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| Error::new(format!("the definition of the {kind}: {error}")))
}

/// The number of characters of a name that are compared with known ones.
const COMPARED: usize = 64;

/// Returns the known name that is most like a name that is not known; `None` if none is.
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // The distance takes time and memory of the product of both lengths, and no known name is nearly as long.
    let name: String = name.chars().take(COMPARED).collect::<String>().to_lowercase();
    let distance = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &name);
    let nearest = known.into_iter().min_by_key(|known| distance(known));
    nearest.filter(|known| distance(known) <= known.len().div_ceil(2))
}

/// Checks the name of a space.
///
/// # Errors
/// If it is not in kebab case.
pub fn check_name(name: &str) -> Result<(), String> {
    let allowed = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if name.starts_with(|first: char| first.is_ascii_lowercase()) && name.chars().all(allowed) {
        return Ok(());
    }
    Err("its name must be kebab case: lower-case letters, digits and hyphens".into())
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn an_endless_name_is_not_compared_as_a_whole() {
        assert_eq!(nearest("dephtwise", ["depthwise", "conv"]), Some("depthwise"));
        assert_eq!(nearest(&"w".repeat(100_000_000), ["depthwise", "conv"]), None);
    }
}
