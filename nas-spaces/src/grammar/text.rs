//! Parses the text of terms, such as `linear(relu, conv(3, dilation=2), NORM)`.

/// The deepest nesting of a term. Reading, building and writing a term recurse as deeply.
pub const MAX_NESTING: usize = 200;

/// A name and the arguments in the parentheses after it.
#[derive(Debug, PartialEq, Eq)]
pub struct Expression {
    pub name: String,
    pub terms: Vec<Expression>,
    /// Numbers, some of them named.
    pub numbers: Vec<(Option<String>, u32)>,
}

/// Parses a whole text.
///
/// # Errors
/// If the text is malformed or nested too deeply. The message says what was expected at which column.
pub fn read(text: &str) -> Result<Expression, String> {
    let mut reader = Reader { text, rest: text };
    let expression = reader.expression(1)?;
    reader.skip_spaces();
    if reader.rest.is_empty() { Ok(expression) } else { Err(reader.expected("the end")) }
}

struct Reader<'t> {
    text: &'t str,
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn expression(&mut self, nesting: usize) -> Result<Expression, String> {
        if nesting > MAX_NESTING {
            return Err(format!("is nested more than {MAX_NESTING} deep"));
        }
        let name = self.word().ok_or_else(|| self.expected("the name of a rule, combinator or primitive"))?;
        self.arguments(name, nesting)
    }

    /// The arguments after a name, if there are any.
    fn arguments(&mut self, name: &str, nesting: usize) -> Result<Expression, String> {
        let mut expression = Expression { name: name.to_owned(), terms: Vec::new(), numbers: Vec::new() };
        if !self.eat('(') {
            return Ok(expression);
        }
        loop {
            self.argument(&mut expression, nesting)?;
            if self.eat(')') {
                return Ok(expression);
            }
            if !self.eat(',') {
                return Err(self.expected("',' or ')'"));
            }
        }
    }

    /// A term, a number, or a named number.
    fn argument(&mut self, expression: &mut Expression, nesting: usize) -> Result<(), String> {
        if let Some(number) = self.number()? {
            expression.numbers.push((None, number));
            return Ok(());
        }
        let before = self.rest;
        if let Some(name) = self.word()
            && self.eat('=')
        {
            let number = self.number()?.ok_or_else(|| self.expected("a whole number"))?;
            expression.numbers.push((Some(name.to_owned()), number));
            return Ok(());
        }
        self.rest = before;
        expression.terms.push(self.expression(nesting + 1)?);
        Ok(())
    }

    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.skip_spaces();
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Takes the longest run of accepted characters.
    fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> &'t str {
        self.skip_spaces();
        let end = self.rest.find(|next| !accepts(next)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn word(&mut self) -> Option<&'t str> {
        self.skip_spaces();
        if !self.rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return None;
        }
        Some(self.take_while(|next| next.is_ascii_alphanumeric() || next == '_' || next == '-'))
    }

    fn number(&mut self) -> Result<Option<u32>, String> {
        match self.take_while(|next| next.is_ascii_digit()) {
            "" => Ok(None),
            digits => digits.parse().map(Some).map_err(|_| format!("the number {digits} is too large")),
        }
    }

    fn expected(&mut self, wanted: &str) -> String {
        self.skip_spaces();
        let column = self.text[..self.text.len() - self.rest.len()].chars().count() + 1;
        match self.rest.chars().next() {
            Some(found) => format!("expected {wanted} at column {column}, found '{}'", found.escape_default()),
            None => format!("expected {wanted} at column {column}, found the end of the text"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn terms_and_numbers_are_read() {
        let leaf = |name: &str, numbers: &[(Option<&str>, u32)]| {
            let numbers = numbers.iter().map(|(name, number)| (name.map(str::to_owned), *number)).collect();
            Expression { name: name.into(), terms: vec![], numbers }
        };
        let conv = leaf("conv", &[(None, 3), (Some("dilation"), 2)]);
        let all = Expression { name: "linear".into(), terms: vec![leaf("relu", &[]), conv], numbers: vec![] };
        assert_eq!(read(" linear ( relu,conv(3 , dilation = 2) ) ").unwrap(), all);
    }

    #[test]
    fn errors_name_the_column() {
        let refused = |text: &str, words: &str| {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        };
        let name = "expected the name of a rule, combinator or primitive at column";
        refused("", &format!("{name} 1, found the end of the text"));
        refused("linear(relu", "expected ',' or ')' at column 12, found the end of the text");
        refused("linear(relu mish)", "expected ',' or ')' at column 13, found 'm'");
        refused("linear()", &format!("{name} 8, found ')'"));
        refused("relu)", "expected the end at column 5, found ')'");
        refused("conv(99999999999)", "too large");
        refused("conv(3, dilation=x)", "expected a whole number at column 18, found 'x'");
        refused(&"linear(".repeat(1000), "more than 200 deep");
    }
}
