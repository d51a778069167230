//! A mapping that defines its space: decisions, and the cells that say what a row chose.

use nas_api::{Setting, Value};
use serde::Deserialize;
use toml::Table;

use crate::map::Map;

/// What joins several choices in one cell.
const JOINT: char = '-';

/// One `[[decision]]`: what a choice space takes (`docs/spaces.md`), and where a row holds the choice.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionMap {
    /// As in a choice space.
    pub name: String,
    /// As in a choice space.
    pub choices: Vec<toml::Value>,
    /// As in a choice space.
    #[serde(default)]
    pub ordered: bool,
    /// As in a choice space.
    #[serde(default)]
    pub when: Table,
    /// The column with the choice itself, empty where the decision is not made; left out: the decision's name.
    pub column: Option<String>,
    /// The cell holds several choices joined by `-`, of which this is the one meant, from 1.
    pub item: Option<usize>,
    /// How much this decision counts in the distance between two architectures.
    #[serde(default = "one")]
    pub weight: u32,
}

fn one() -> u32 {
    1
}

impl DecisionMap {
    /// The column to read.
    pub fn column(&self) -> &str {
        self.column.as_deref().unwrap_or(&self.name)
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let wrong = |problem: &str| Err(format!("decision '{}': {problem}", self.name));
        match (self.item, self.weight) {
            (Some(0), _) => wrong("'item' counts from 1"),
            (_, 0 | 1_000_001..) => wrong("'weight' must be from 1 to 1000000"),
            // Positions are kept in 16 bits; a choice space takes fewer choices than that anyway.
            _ if self.choices.is_empty() || self.choices.len() > 1000 => wrong("takes 1 to 1000 choices"),
            _ => Ok(()),
        }
    }

    /// Which choice the cell holds; `None`: the decision is not made. `Err`: what it holds instead.
    pub(crate) fn choice<'c>(&self, cell: &'c str) -> Result<Option<usize>, &'c str> {
        let part = match self.item {
            Some(item) => cell.split(JOINT).nth(item - 1).unwrap_or_default(),
            None => cell,
        }
        .trim();
        if part.is_empty() {
            return Ok(None);
        }
        self.position(part).map(Some).ok_or(part)
    }

    /// Which choice this is: by its text, or as a number (`8.0` is 8).
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

    /// As the space writes it.
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
    /// What the space of this mapping must be opened with: its definition, where it is the mapping's own.
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

    /// The space's text of a row's choices, 0 where a decision is not made, else the choice's position and 1.
    pub(crate) fn text(&self, choices: &[u16]) -> String {
        let made = self.decision.iter().zip(choices).filter(|(_, choice)| **choice > 0);
        let parts =
            made.map(|(decision, &choice)| format!("{}={}", decision.name, decision.name_of(choice as usize - 1)));
        parts.collect::<Vec<_>>().join(",")
    }

    /// Reads [`text`](Self::text) back; `None`: it is none.
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
