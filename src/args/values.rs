//! Parsers of values, whose messages say what a value must be.

/// Parses a whole number from `MIN` to `MAX`.
///
/// # Errors
/// The text is not such a number.
pub fn whole<N: TryFrom<u64>, const MIN: u64, const MAX: u64>(text: &str) -> Result<N, String> {
    let parsed = text.trim().parse::<u64>().ok().filter(|number| (MIN..=MAX).contains(number));
    parsed.and_then(|number| N::try_from(number).ok()).ok_or_else(|| match MAX {
        u64::MAX => format!("must be a whole number of at least {MIN}"),
        _ => format!("must be a whole number from {MIN} to {MAX}"),
    })
}

/// Parses any whole number that fits into 32 bits, as counts and seeds do.
///
/// # Errors
/// The text is not such a number.
pub fn count(text: &str) -> Result<u32, String> {
    whole::<u32, 0, 4_294_967_295>(text)
}

/// Parses a number.
///
/// # Errors
/// The text is not a number.
pub fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.trim().parse().map_err(|_| "must be a number".to_owned())
}

/// Parses a limit of seconds for one trial.
///
/// # Errors
/// The text is not a number in the range.
pub fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| (0.001..=1e9).contains(seconds));
    seconds.ok_or_else(|| "must be a number of seconds from 0.001 to 1e9".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_say_what_a_value_must_be() {
        assert_eq!(whole::<u32, 1, 1024>("16"), Ok(16));
        assert_eq!(whole::<u32, 1, 1024>("ten"), Err("must be a whole number from 1 to 1024".into()));
        assert_eq!(whole::<u32, 1, 1024>("1025"), Err("must be a whole number from 1 to 1024".into()));
        assert_eq!(count("-1"), Err("must be a whole number from 0 to 4294967295".into()));
        assert_eq!(number::<f64>("1e3"), Ok(1000.0));
        assert_eq!(number::<f64>("much"), Err("must be a number".into()));
        assert!(seconds("0").is_err() && seconds("0.5") == Ok(0.5));
    }
}
