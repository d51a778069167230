//! The decisions of a choice space and the conditions under which they are made.

use std::collections::HashSet;

use nas_api::Decision;

use super::fault::Fault;
use super::spec::{DecisionSpec, Scalar, scalars};

/// The largest number of decisions.
const MAX_DECISIONS: usize = 256;
/// The largest number of choices of one decision.
const MAX_CHOICES: usize = 1000;
/// The largest number of combinations of the choices that conditions depend on. Opening a space checks each of them.
const MAX_STRUCTURES: usize = 10_000;

/// A condition, which holds if each of these decisions is made and has one of these choices.
#[derive(Clone, Debug, Default)]
pub struct Condition(pub Vec<(usize, Vec<u32>)>);

impl Condition {
    /// Whether it holds. `choice_of` returns the choice of the decision at an index, or `None` if it is not made.
    pub fn holds(&self, choice_of: impl Fn(usize) -> Option<u32>) -> bool {
        self.0.iter().all(|(decision, choices)| choice_of(*decision).is_some_and(|choice| choices.contains(&choice)))
    }
}

/// What is known of one decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionState {
    /// It is not made.
    Skipped,
    /// It is made, but its choice is not fixed.
    Open,
    /// It is made and has this choice.
    Chosen(u32),
}

impl DecisionState {
    /// The choice, if it is fixed.
    pub fn choice(self) -> Option<u32> {
        match self {
            Self::Chosen(choice) => Some(choice),
            Self::Skipped | Self::Open => None,
        }
    }
}

/// All decisions, in order.
#[derive(Clone, Debug)]
pub struct Decisions {
    pub decisions: Vec<Decision>,
    /// The choices of every decision as layers use them.
    pub values: Vec<Vec<Scalar>>,
    conditions: Vec<Condition>,
    /// Whether any decision has a condition.
    pub conditional: bool,
}

impl Decisions {
    /// Checks the decisions of a definition.
    ///
    /// # Errors
    /// If there are none or too many, or one is invalid. The message names the decision.
    pub fn new(specs: &[DecisionSpec]) -> Result<Self, Fault> {
        if specs.is_empty() || specs.len() > MAX_DECISIONS {
            let count = specs.len();
            let problem = format!("a choice space has 1 to {MAX_DECISIONS} decisions, not {count}");
            return Err(Fault::at_key("decision", problem));
        }
        let mut table = Self { decisions: vec![], values: vec![], conditions: vec![], conditional: false };
        for (index, spec) in specs.iter().enumerate() {
            let wrong = |key: &str, problem: String| {
                Fault::at_key(key, problem).inside("decision", index).named(&format!("decision '{}'", spec.name))
            };
            if !is_name(&spec.name) || spec.name == "outputs" {
                let rule = "a name is a letter, then letters, digits and underscores ('outputs' is reserved)";
                return Err(wrong("name", format!("its name is invalid; {rule}")));
            }
            if table.position(&spec.name).is_some() {
                return Err(wrong("name", "an earlier decision has the same name".into()));
            }
            let values = choices(&spec.choices).map_err(|problem| wrong("choices", problem))?;
            let condition = table.condition(spec.when.iter()).map_err(|problem| wrong("when", problem))?;
            table.conditional |= !condition.0.is_empty();
            let mut decision = Decision::new(&spec.name, values.iter().map(Scalar::to_string));
            decision.ordered = spec.ordered;
            table.decisions.push(decision);
            table.values.push(values);
            table.conditions.push(condition);
        }
        Ok(table)
    }

    /// The index of a decision.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.decisions.iter().position(|decision| decision.name == name)
    }

    /// Reads `{ decision = [choices], ... }`, all of which must hold.
    ///
    /// # Errors
    /// If it names a decision that is not known so far, or a choice that the decision does not have.
    pub fn condition<'v>(
        &self,
        entries: impl Iterator<Item = (impl AsRef<str>, &'v toml::Value)>,
    ) -> Result<Condition, String> {
        let mut condition = Condition::default();
        for (name, value) in entries {
            let name = name.as_ref();
            let decision = self.position(name);
            let decision =
                decision.ok_or_else(|| format!("'when' names '{name}', which is not an earlier decision"))?;
            let wanted = scalars(value).filter(|wanted| !wanted.is_empty());
            let wanted = wanted.ok_or_else(|| format!("'when.{name}' must be a choice or a list of choices"))?;
            let mut choices = Vec::with_capacity(wanted.len());
            for scalar in wanted {
                let known = &self.decisions[decision].choices;
                let choice = known.iter().position(|choice| *choice == scalar.to_string());
                let choice = choice.ok_or_else(|| {
                    format!("'when.{name}' names '{scalar}', which is not a choice of '{name}' ({})", known.join(", "))
                })?;
                choices.push(choice as u32);
            }
            condition.0.push((decision, choices));
        }
        Ok(condition)
    }

    /// The decision after a prefix of valid choices; `None` if the prefix is complete.
    pub fn next(&self, prefix: &[u32]) -> Option<&Decision> {
        if !self.conditional {
            return self.decisions.get(prefix.len());
        }
        let mut states = [None; MAX_DECISIONS];
        let mut choices = prefix.iter();
        for (at, condition) in self.conditions.iter().enumerate() {
            if condition.holds(|decision| states[decision]) {
                match choices.next() {
                    Some(&choice) => states[at] = Some(choice),
                    None => return Some(&self.decisions[at]),
                }
            }
        }
        None
    }

    /// Whether the condition of another decision depends on this one.
    pub fn is_in_condition(&self, decision: usize) -> bool {
        self.conditions.iter().any(|condition| condition.0.iter().any(|(at, _)| *at == decision))
    }

    /// The state of every decision in a valid genotype.
    pub fn states(&self, genotype: &[u32]) -> Vec<DecisionState> {
        let mut states = vec![DecisionState::Skipped; self.decisions.len()];
        let mut choices = genotype.iter();
        for (at, condition) in self.conditions.iter().enumerate() {
            if condition.holds(|decision| states[decision].choice()) {
                states[at] = choices.next().map_or(DecisionState::Skipped, |&choice| DecisionState::Chosen(choice));
            }
        }
        states
    }

    /// Every combination of choices of the decisions that conditions depend on and of those in `also`, each with log10
    /// of the number of its genotypes.
    ///
    /// # Errors
    /// If there are too many combinations to check.
    pub fn structures(&self, also: &[usize]) -> Result<Vec<(Vec<DecisionState>, f64)>, String> {
        let in_conditions =
            self.conditions.iter().flat_map(|condition| condition.0.iter().map(|(decision, _)| *decision));
        let mut fixed = vec![false; self.decisions.len()];
        for decision in in_conditions.chain(also.iter().copied()) {
            fixed[decision] = true;
        }
        let mut structures = vec![(Vec::new(), 0.0)];
        for (at, decision) in self.decisions.iter().enumerate() {
            let mut longer = Vec::with_capacity(structures.len());
            for (states, size) in structures {
                let states: Vec<DecisionState> = states;
                let more = |last| states.iter().copied().chain([last]).collect::<Vec<DecisionState>>();
                if !self.conditions[at].holds(|decision| states[decision].choice()) {
                    longer.push((more(DecisionState::Skipped), size));
                } else if fixed[at] {
                    longer.extend((0..decision.len()).map(|choice| (more(DecisionState::Chosen(choice)), size)));
                } else {
                    longer.push((more(DecisionState::Open), size + libm::log10(f64::from(decision.len()))));
                }
                if longer.len() > MAX_STRUCTURES {
                    let fixed = fixed.iter().zip(&self.decisions).filter(|(fixed, _)| **fixed);
                    let names: Vec<&str> = fixed.map(|(_, decision)| decision.name.as_str()).collect();
                    return Err(format!(
                        "conditions and repetitions depend on {}, which have more than {MAX_STRUCTURES} combinations, \
                         too many to check; let them depend on fewer decisions",
                        names.join(", ")
                    ));
                }
            }
            structures = longer;
        }
        Ok(structures)
    }
}

/// Whether a name is a letter, followed by letters, digits and underscores.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|other| other.is_ascii_alphanumeric() || other == '_')
}

fn choices(values: &[toml::Value]) -> Result<Vec<Scalar>, String> {
    if values.is_empty() || values.len() > MAX_CHOICES {
        return Err(format!("it takes 1 to {MAX_CHOICES} choices, not {}", values.len()));
    }
    let mut choices: Vec<Scalar> = Vec::with_capacity(values.len());
    let mut names = HashSet::with_capacity(values.len());
    for value in values {
        let choice = Scalar::read(value).filter(|_| !value.is_bool());
        let choice = choice.ok_or_else(|| format!("the choice {value} is neither a text nor a number"))?;
        let name = choice.to_string();
        // A genotype is written as NAME=CHOICE,NAME=CHOICE.
        if name.is_empty() || name != name.trim() || name.contains([',', '=', '$']) {
            return Err(format!("the choice '{name}' is empty, or has a comma, '=', '$' or outer spaces"));
        }
        if !names.insert(name.clone()) {
            return Err(format!("the choice '{name}' appears twice"));
        }
        choices.push(choice);
    }
    Ok(choices)
}
