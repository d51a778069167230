//! The decisions of a choice space and the conditions under which they are made.

use std::collections::HashSet;

use nas_api::{Decision, Error, Result};

use super::spec::{DecisionSpec, Scalar, scalars};

/// Decisions at most.
const MAX_DECISIONS: usize = 256;
/// Choices of one decision at most.
const MAX_CHOICES: usize = 1000;
/// Combinations of the choices that conditions look at, at most: each is checked when the space is opened.
const MAX_STRUCTURES: usize = 10_000;

/// Holds where each of these decisions is made and has one of these choices.
#[derive(Clone, Debug, Default)]
pub struct Condition(pub Vec<(usize, Vec<u32>)>);

impl Condition {
    /// `choice_of`: what was chosen for a decision, by its position; `None` where it is not made.
    pub fn holds(&self, choice_of: impl Fn(usize) -> Option<u32>) -> bool {
        self.0.iter().all(|(decision, choices)| choice_of(*decision).is_some_and(|choice| choices.contains(&choice)))
    }
}

/// What is known of one decision when only the choices that conditions look at are fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is not made.
    No,
    /// It is made, one way or another.
    Any,
    /// It has this choice.
    Choice(u32),
}

impl Made {
    pub fn choice(self) -> Option<u32> {
        match self {
            Self::Choice(choice) => Some(choice),
            Self::No | Self::Any => None,
        }
    }
}

/// All decisions, in order.
#[derive(Clone, Debug)]
pub struct Decisions {
    pub decisions: Vec<Decision>,
    /// The choices as layers use them.
    pub values: Vec<Vec<Scalar>>,
    conditions: Vec<Condition>,
    pub conditional: bool,
}

impl Decisions {
    /// The decisions of a definition, checked.
    pub fn new(specs: &[DecisionSpec]) -> Result<Self> {
        if specs.is_empty() || specs.len() > MAX_DECISIONS {
            let count = specs.len();
            return Err(Error::new(format!("a choice space has 1 to {MAX_DECISIONS} decisions, not {count}")));
        }
        let mut table = Self { decisions: vec![], values: vec![], conditions: vec![], conditional: false };
        for spec in specs {
            let wrong = |problem: String| Error::new(format!("decision '{}': {problem}", spec.name));
            if !is_name(&spec.name) || spec.name == "outputs" {
                let rule = "a name is a letter, then letters, digits and underscores ('outputs' is taken)";
                return Err(wrong(format!("cannot be called so; {rule}")));
            }
            if table.position(&spec.name).is_some() {
                return Err(wrong("an earlier decision has the same name".into()));
            }
            let values = choices(&spec.choices).map_err(wrong)?;
            let condition = table.condition(spec.when.iter()).map_err(wrong)?;
            table.conditional |= !condition.0.is_empty();
            let mut decision = Decision::new(&spec.name, values.iter().map(Scalar::to_string));
            decision.ordered = spec.ordered;
            table.decisions.push(decision);
            table.values.push(values);
            table.conditions.push(condition);
        }
        Ok(table)
    }

    /// The position of a decision.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.decisions.iter().position(|decision| decision.name == name)
    }

    /// Reads `{ decision = [choices], ... }`, all of which must hold. Only decisions known so far can be named.
    pub fn condition<'v>(
        &self,
        entries: impl Iterator<Item = (impl AsRef<str>, &'v toml::Value)>,
    ) -> Result<Condition, String> {
        let mut condition = Condition::default();
        for (name, value) in entries {
            let name = name.as_ref();
            let decision = self.position(name);
            let decision = decision.ok_or_else(|| format!("'when' names '{name}', which is no earlier decision"))?;
            let wanted = scalars(value).filter(|wanted| !wanted.is_empty());
            let wanted = wanted.ok_or_else(|| format!("'when.{name}' must be a choice or a list of choices"))?;
            let mut choices = Vec::with_capacity(wanted.len());
            for scalar in wanted {
                let known = &self.decisions[decision].choices;
                let choice = known.iter().position(|choice| *choice == scalar.to_string());
                let choice = choice.ok_or_else(|| {
                    format!("'when.{name}' names '{scalar}', which is no choice of '{name}' ({})", known.join(", "))
                })?;
                choices.push(choice as u32);
            }
            condition.0.push((decision, choices));
        }
        Ok(condition)
    }

    /// The decision after a prefix of valid choices.
    pub fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        if !self.conditional {
            return self.decisions.get(prefix.len());
        }
        let mut made = [None; MAX_DECISIONS];
        let mut choices = prefix.iter();
        for (at, condition) in self.conditions.iter().enumerate() {
            if condition.holds(|decision| made[decision]) {
                match choices.next() {
                    Some(&choice) => made[at] = Some(choice),
                    None => return Some(&self.decisions[at]),
                }
            }
        }
        None
    }

    /// Whether a condition of another decision depends on this one.
    pub fn is_looked_at(&self, decision: usize) -> bool {
        self.conditions.iter().any(|condition| condition.0.iter().any(|(at, _)| *at == decision))
    }

    /// What a valid genotype makes of every decision.
    pub fn made(&self, genotype: &[u32]) -> Vec<Made> {
        let mut made = vec![Made::No; self.decisions.len()];
        let mut choices = genotype.iter();
        for (at, condition) in self.conditions.iter().enumerate() {
            if condition.holds(|decision| made[decision].choice()) {
                made[at] = choices.next().map_or(Made::No, |&choice| Made::Choice(choice));
            }
        }
        made
    }

    /// Every combination of choices of the decisions that conditions of this space look at, and of those in `also`,
    /// each with log10 of the number of its genotypes.
    pub fn structures(&self, also: &[usize]) -> Result<Vec<(Vec<Made>, f64)>> {
        let looked_at = self.conditions.iter().flat_map(|condition| condition.0.iter().map(|(decision, _)| *decision));
        let mut fixed = vec![false; self.decisions.len()];
        for decision in looked_at.chain(also.iter().copied()) {
            fixed[decision] = true;
        }
        let mut structures = vec![(Vec::new(), 0.0)];
        for (at, decision) in self.decisions.iter().enumerate() {
            let mut longer = Vec::with_capacity(structures.len());
            for (made, size) in structures {
                let made: Vec<Made> = made;
                let more = |last| made.iter().copied().chain([last]).collect::<Vec<Made>>();
                if !self.conditions[at].holds(|decision| made[decision].choice()) {
                    longer.push((more(Made::No), size));
                } else if fixed[at] {
                    longer.extend((0..decision.len()).map(|choice| (more(Made::Choice(choice)), size)));
                } else {
                    longer.push((more(Made::Any), size + libm::log10(f64::from(decision.len()))));
                }
                if longer.len() > MAX_STRUCTURES {
                    let fixed = fixed.iter().zip(&self.decisions).filter(|(fixed, _)| **fixed);
                    let names: Vec<&str> = fixed.map(|(_, decision)| decision.name.as_str()).collect();
                    return Err(Error::new(format!(
                        "conditions and repetitions look at {}: more than {MAX_STRUCTURES} combinations, too many to \
                         check; let them look at fewer decisions",
                        names.join(", ")
                    )));
                }
            }
            structures = longer;
        }
        Ok(structures)
    }
}

/// A letter, then letters, digits and underscores.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|other| other.is_ascii_alphanumeric() || other == '_')
}

fn choices(values: &[toml::Value]) -> Result<Vec<Scalar>, String> {
    if values.is_empty() || values.len() > MAX_CHOICES {
        return Err(format!("takes 1 to {MAX_CHOICES} choices, not {}", values.len()));
    }
    let mut choices: Vec<Scalar> = Vec::with_capacity(values.len());
    let mut names = HashSet::with_capacity(values.len());
    for value in values {
        let choice = Scalar::read(value).filter(|_| !value.is_bool());
        let choice = choice.ok_or_else(|| format!("the choice {value} is neither a text nor a number"))?;
        let name = choice.to_string();
        // A genotype is written as NAME=CHOICE,NAME=CHOICE.
        if name.is_empty() || name != name.trim() || name.contains([',', '=', '$']) {
            return Err(format!("the choice '{name}' is empty, or holds a comma, '=', '$' or outer spaces"));
        }
        if !names.insert(name.clone()) {
            return Err(format!("the choice '{name}' is there twice"));
        }
        choices.push(choice);
    }
    Ok(choices)
}
