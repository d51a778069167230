//! The rules of `fix`, which say which choices of each decision are kept.

use nas_api::{Decision, Error, Result};

use crate::names::did_you_mean;

/// The choices of one decision that are kept.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The indices of the kept choices, in ascending order.
    pub choices: Vec<u32>,
    /// The decision among the kept choices; `None` if one is left, so that the decision is made.
    pub open: Option<Decision>,
}

/// Parses texts of the form `DECISION=CHOICE|CHOICE` or `PREFIX*=CHOICE|CHOICE` into a rule for every decision, in the
/// order of the decisions.
///
/// # Errors
/// A text has another form, names an unknown decision or choice, or a decision has two rules.
pub fn read(decisions: &[Decision], texts: &[String]) -> Result<Vec<Rule>> {
    let mut kept: Vec<Option<Vec<u32>>> = vec![None; decisions.len()];
    for text in texts {
        let form = "write DECISION=CHOICE or DECISION=CHOICE|CHOICE";
        let Some((name, choices)) = text.split_once('=') else {
            return Err(Error::new(format!("'{text}' has no '='; {form}")));
        };
        let name = name.trim();
        let meant = |decision: &Decision| match name.strip_suffix('*') {
            Some(prefix) => decision.name.starts_with(prefix),
            None => decision.name == name,
        };
        let mut found = false;
        for (decision, kept) in decisions.iter().zip(&mut kept).filter(|(decision, _)| meant(decision)) {
            found = true;
            let choices = chosen(decision, choices)?;
            if kept.replace(choices).is_some() {
                return Err(Error::new(format!("the decision '{}' has two rules", decision.name)));
            }
        }
        if !found {
            let known = || decisions.iter().map(|decision| decision.name.as_str());
            let (near, all) = (did_you_mean(name, known()), known().collect::<Vec<_>>().join(", "));
            return Err(Error::new(format!("there is no decision '{name}'; {near}known: {all}")));
        }
    }
    Ok(decisions.iter().zip(kept).map(|(decision, kept)| rule(decision, kept)).collect())
}

/// The indices of the choices that a rule names.
fn chosen(decision: &Decision, choices: &str) -> Result<Vec<u32>> {
    let mut chosen = Vec::new();
    for choice in choices.split('|').map(str::trim) {
        let Some(position) = decision.choices.iter().position(|known| known == choice) else {
            let (name, known) = (&decision.name, decision.choices.join(", "));
            return Err(Error::new(format!("'{choice}' is no choice of '{name}' ({known})")));
        };
        chosen.push(position as u32);
    }
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

fn rule(decision: &Decision, kept: Option<Vec<u32>>) -> Rule {
    let Some(choices) = kept else {
        return Rule { choices: (0..decision.len()).collect(), open: Some(decision.clone()) };
    };
    let names = choices.iter().filter_map(|&choice| decision.choices.get(choice as usize).cloned());
    let open = Decision { choices: names.collect(), ..decision.clone() };
    Rule { open: (choices.len() > 1).then_some(open), choices }
}
