//! What is wrong with a definition, and where in its text.

use toml::de::{DeTable, DeValue};

/// A fault of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, beginning with the decision or the layer.
    pub text: String,
    /// The keys and positions that lead to the faulty value; empty if the place is not known.
    path: Vec<Segment>,
    /// Whether the path begins at the top level, so that nothing can be put in front of it.
    complete: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(String),
    /// Counted from 0.
    Item(usize),
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self { text, path: Vec::new(), complete: false }
    }
}

impl Fault {
    /// A fault of the value of this key.
    pub fn at_key(key: &str, text: impl Into<String>) -> Self {
        Self { path: vec![Segment::Key(key.to_owned())], ..Self::from(text.into()) }
    }

    /// A fault of the choices of the decision at this index, wherever it was found.
    pub fn in_choices(decision: usize, text: impl Into<String>) -> Self {
        Self { complete: true, ..Self::at_key("choices", text).inside("decision", decision) }
    }

    /// The same fault, whose place is inside the table at an index of a list.
    #[must_use]
    pub fn inside(mut self, list: &str, index: usize) -> Self {
        if !self.complete {
            self.path.splice(0..0, [Segment::Key(list.to_owned()), Segment::Item(index)]);
        }
        self
    }

    /// The same fault with the name of its place in front of the text.
    #[must_use]
    pub fn named(self, place: &str) -> Self {
        Self { text: format!("{place}: {}", self.text), ..self }
    }

    /// The line and the column of the faulty value in the text of the definition, counted from 1.
    pub fn position(&self, definition: &str) -> Option<(usize, usize)> {
        let root = DeValue::Table(DeTable::parse(definition).ok()?.into_inner());
        let (mut value, mut start) = (&root, None);
        for segment in &self.path {
            let next = match segment {
                Segment::Key(key) => value.get(key.as_str()),
                Segment::Item(index) => value.get(*index),
            };
            // A key that is missing has no place; its table has.
            let Some(next) = next else { break };
            (value, start) = (next.get_ref(), Some(next.span().start));
        }
        let before = definition.get(..start?)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name = 'ü'\n\n[[layer]]\nop = 'Relu'\n[[layer]]\nrepeat = 2\n[[layer.block]]\n  op = 'Rely'\n";

    #[test]
    fn a_fault_is_found_in_the_text() {
        let block = |key: &str| Fault::at_key(key, "x").inside("block", 0).inside("layer", 1);
        assert_eq!(block("op").position(TEXT), Some((8, 8)));
        assert_eq!(block("missing").position(TEXT), Some((7, 1)), "the table stands for a key that it lacks");
        assert_eq!(Fault::at_key("name", "x").position(TEXT), Some((1, 8)));
        assert_eq!(Fault::from("x".to_owned()).position(TEXT), None);
        let kept = Fault::in_choices(3, "x");
        assert_eq!(kept.clone().inside("layer", 1), kept);
        assert_eq!(kept.named("layer 2").text, "layer 2: x");
    }
}
