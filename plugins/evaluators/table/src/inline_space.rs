//! Mappings that define their space: the decisions, and the cells with the choices of a row.

use nas_api::{Setting, Value};
use serde::Deserialize;
use toml::Table;

use crate::mapping::Map;

/// The separator of several choices in one cell.
const SEPARATOR: char = '-';

/// One `[[decision]]`: the fields of a choice space (`docs/spaces.md`), and the cell of a row that has the choice.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionMap {
    /// The name, as in a choice space.
    pub name: String,
    /// The choices, as in a choice space.
    pub choices: Vec<toml::Value>,
    /// Whether neighbouring choices are similar, as in a choice space.
    #[serde(default)]
    pub ordered: bool,
    /// The condition under which the decision is made, as in a choice space.
    #[serde(default)]
    pub when: Table,
    /// The column with the choice, whose cell is empty if the decision is not made. By default, the decision's name.
    pub column: Option<String>,
    /// The position of the choice, counted from 1, in a cell that has several choices joined by `-`.
    pub item: Option<usize>,
    /// The weight of this decision in the distance between two architectures.
    #[serde(default = "one")]
    pub weight: u32,
}

fn one() -> u32 {
    1
}

impl DecisionMap {
    /// Returns the column with the choice.
    pub fn column(&self) -> &str {
        self.column.as_deref().unwrap_or(&self.name)
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let wrong = |problem: &str| Err(format!("decision '{}': {problem}", self.name));
        match (self.item, self.weight) {
            (Some(0), _) => wrong("'item' counts from 1"),
            (_, 0 | 1_000_001..) => wrong("'weight' must be from 1 to 1000000"),
            // Choices are stored in 16 bits; a choice space allows fewer anyway.
            _ if self.choices.is_empty() || self.choices.len() > 1000 => wrong("takes 1 to 1000 choices"),
            _ => Ok(()),
        }
    }

    /// Returns the index of the choice in the cell, or `None` if the decision is not made. The error is a text that is
    /// no choice.
    pub(crate) fn choice<'c>(&self, cell: &'c str) -> Result<Option<usize>, &'c str> {
        let part = match self.item {
            Some(item) => cell.split(SEPARATOR).nth(item - 1).unwrap_or_default(),
            None => cell,
        }
        .trim();
        if part.is_empty() {
            return Ok(None);
        }
        self.position(part).map(Some).ok_or(part)
    }

    /// Returns the index of the choice with this text or, for numbers, with this value (`8.0` is 8).
    fn position(&self, text: &str) -> Option<usize> {
        let number: Option<f64> = text.parse().ok();
        let is = |choice: &toml::Value| match choice {
            toml::Value::String(choice) => choice == text,
            toml::Value::Integer(choice) => number == Some(*choice as f64),
            toml::Value::Float(choice) => number == Some(*choice),
            _ => false,
        };
        self.choices.iter().position(is)
    }

    /// Returns the name of a choice in the space.
    fn name_of(&self, choice: usize) -> String {
        match self.choices.get(choice) {
            Some(toml::Value::String(choice)) => choice.clone(),
            Some(toml::Value::Integer(choice)) => choice.to_string(),
            Some(toml::Value::Float(choice)) => choice.to_string(),
            _ => String::new(),
        }
    }
}

impl Map {
    /// Returns the settings with which the space must be opened: its definition, if the mapping has one.
    pub fn space_settings(&self) -> Vec<Setting> {
        if self.decision.is_empty() {
            return Vec::new();
        }
        let text = |text: &str| toml::Value::String(text.to_owned());
        let decisions = self.decision.iter().map(|decision| {
            let mut table = Table::new();
            table.insert("name".into(), text(&decision.name));
            table.insert("choices".into(), toml::Value::Array(decision.choices.clone()));
            table.insert("ordered".into(), toml::Value::Boolean(decision.ordered));
            if !decision.when.is_empty() {
                table.insert("when".into(), toml::Value::Table(decision.when.clone()));
            }
            toml::Value::Table(table)
        });
        let mut space = Table::new();
        space.insert("name".into(), text(&self.space));
        space.insert("version".into(), text(&self.version));
        space.insert("description".into(), text(&self.description));
        space.insert("reference".into(), text(&self.reference));
        space.insert("decision".into(), toml::Value::Array(decisions.collect()));
        vec![Setting { name: "definition".into(), value: Value::Text(space.to_string()) }]
    }

    /// Returns the text form of a row's choices. A choice is its index plus 1, or 0 if the decision is not made.
    pub(crate) fn text(&self, choices: &[u16]) -> String {
        let made = self.decision.iter().zip(choices).filter(|(_, choice)| **choice > 0);
        let parts =
            made.map(|(decision, &choice)| format!("{}={}", decision.name, decision.name_of(choice as usize - 1)));
        parts.collect::<Vec<_>>().join(",")
    }

    /// Parses the text form that [`text`](Self::text) returns; `None` if it is not valid.
    pub(crate) fn choices(&self, text: &str) -> Option<Vec<u16>> {
        let mut choices = vec![0; self.decision.len()];
        for part in text.split(',') {
            let (name, choice) = part.split_once('=')?;
            let at = self.decision.iter().position(|decision| decision.name == name)?;
            choices[at] = u16::try_from(self.decision[at].position(choice)? + 1).ok()?;
        }
        Some(choices)
    }
}
