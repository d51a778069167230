//! What is left of each decision.

use nas_api::{Decision, Error, Result};

use crate::names::did_you_mean;

/// What is left of one decision.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Of the whole decision's choices, in its order.
    pub choices: Vec<u32>,
    /// The decision among them; `None`: it is made.
    pub open: Option<Decision>,
}

/// A rule for every decision, in their order, from `DECISION=CHOICE|CHOICE` or `BEGINNING*=CHOICE|CHOICE`. A decision
/// may have one rule.
pub fn read(decisions: &[Decision], texts: &[String]) -> Result<Vec<Rule>> {
    let mut left: Vec<Option<Vec<u32>>> = vec![None; decisions.len()];
    for text in texts {
        let form = "write DECISION=CHOICE or DECISION=CHOICE|CHOICE";
        let Some((name, choices)) = text.split_once('=') else {
            return Err(Error::new(format!("'{text}' has no '='; {form}")));
        };
        let name = name.trim();
        let meant = |decision: &Decision| match name.strip_suffix('*') {
            Some(beginning) => decision.name.starts_with(beginning),
            None => decision.name == name,
        };
        let mut found = false;
        for (decision, left) in decisions.iter().zip(&mut left).filter(|(decision, _)| meant(decision)) {
            found = true;
            let choices = chosen(decision, choices)?;
            if left.replace(choices).is_some() {
                return Err(Error::new(format!("the decision '{}' has two rules", decision.name)));
            }
        }
        if !found {
            let known = || decisions.iter().map(|decision| decision.name.as_str());
            let (near, all) = (did_you_mean(name, known()), known().collect::<Vec<_>>().join(", "));
            return Err(Error::new(format!("there is no decision '{name}'; {near}known: {all}")));
        }
    }
    Ok(decisions.iter().zip(left).map(|(decision, left)| rule(decision, left)).collect())
}

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

fn rule(decision: &Decision, left: Option<Vec<u32>>) -> Rule {
    let Some(choices) = left else {
        return Rule { choices: (0..decision.len()).collect(), open: Some(decision.clone()) };
    };
    let names = choices.iter().filter_map(|&choice| decision.choices.get(choice as usize).cloned());
    let open = Decision { choices: names.collect(), ..decision.clone() };
    Rule { open: (choices.len() > 1).then_some(open), choices }
}
