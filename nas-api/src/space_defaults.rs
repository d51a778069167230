//! The default implementations of [`SearchSpace`]'s functions, which need nothing but [`SearchSpace::next`]: a genotype
//! is a walk from decision to decision.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::rng::{Random, RngExt, seeded};
use crate::{Decision, Error, Genotype, Result, SearchSpace};

/// Returns the decisions that a valid genotype makes, in order.
pub fn decisions<'s, S: SearchSpace + ?Sized>(space: &'s S, genotype: &[u32]) -> Vec<&'s Decision> {
    let mut made = Vec::with_capacity(genotype.len());
    made.extend((0..genotype.len()).map_while(|length| space.next(&genotype[..length])));
    made
}

fn complete<'s, S: SearchSpace + ?Sized>(space: &'s S, mut choose: impl FnMut(&'s Decision) -> u32) -> Genotype {
    let mut genotype = Genotype::new();
    while let Some(decision) = space.next(&genotype) {
        genotype.push(choose(decision));
    }
    genotype
}

fn uniform(rng: &mut Random, decision: &Decision) -> u32 {
    rng.random_range(0..decision.len())
}

/// Returns a genotype whose every decision is uniform.
pub fn sample<S: SearchSpace + ?Sized>(space: &S, seed: u32) -> Genotype {
    let mut rng = seeded(seed);
    complete(space, |decision| uniform(&mut rng, decision))
}

/// The decisions that a genotype makes, with look-up by name.
struct GenotypeDecisions<'s> {
    decisions: Vec<&'s Decision>,
    /// Filled at first use, because many spaces never need it.
    positions: OnceCell<HashMap<&'s str, usize>>,
}

impl<'s> GenotypeDecisions<'s> {
    fn of<S: SearchSpace + ?Sized>(space: &'s S, genotype: &[u32]) -> Self {
        Self { decisions: decisions(space, genotype), positions: OnceCell::new() }
    }

    /// Returns the position of the decision with this name. It is nearly always the expected one; the next expected
    /// position is the one after it.
    fn position(&self, expected: &mut usize, name: &str) -> Option<usize> {
        let found = match self.decisions.get(*expected) {
            Some(same) if same.name == name => Some(*expected),
            _ => {
                let named = || self.decisions.iter().enumerate().map(|(at, decision)| (decision.name.as_str(), at));
                self.positions.get_or_init(|| named().collect()).get(name).copied()
            }
        };
        if let Some(found) = found {
            *expected = found + 1;
        }
        found
    }
}

/// Returns `parent`, which makes the decisions `made`, with the choice at `position` replaced. Decisions that remain
/// keep their choices, and `fill` makes new ones. The flag says whether all decisions are the same as before, so that
/// replacing the choice again leads back to `parent`.
fn replace<'s, S: SearchSpace + ?Sized>(
    space: &'s S,
    made: &GenotypeDecisions<'_>,
    parent: &[u32],
    position: usize,
    choice: u32,
    mut fill: impl FnMut(&'s Decision) -> u32,
) -> (Genotype, bool) {
    let mut child = Genotype::with_capacity(parent.len());
    child.extend_from_slice(&parent[..position]);
    child.push(choice);
    let (mut expected, mut same) = (child.len(), true);
    while let Some(decision) = space.next(&child) {
        child.push(match made.position(&mut expected, &decision.name) {
            Some(at) if parent[at] < decision.len() => {
                same &= at == child.len();
                parent[at]
            }
            _ => {
                same = false;
                fill(decision)
            }
        });
    }
    same &= child.len() == parent.len();
    (child, same)
}

/// Returns a copy of `parent` with one decision changed. The decision is uniform among those with more than one choice,
/// and its new choice is uniform among the others.
pub fn mutate<S: SearchSpace + ?Sized>(space: &S, parent: &[u32], seed: u32) -> Genotype {
    let mut rng = seeded(seed);
    let made = GenotypeDecisions::of(space, parent);
    let choices = &made.decisions;
    let open = choices.iter().filter(|decision| decision.len() > 1).count();
    if open == 0 {
        return parent.to_vec();
    }
    let pick = rng.random_range(0..open as u32) as usize;
    let Some((position, decision)) = choices.iter().enumerate().filter(|(_, decision)| decision.len() > 1).nth(pick)
    else {
        return parent.to_vec();
    };
    let mut choice = rng.random_range(0..decision.len() - 1);
    if choice >= parent[position] {
        choice += 1;
    }
    replace(space, &made, parent, position, choice, |decision| uniform(&mut rng, decision)).0
}

/// Returns a child that makes every decision as one of its parents, matched by name; each parent is equally likely. A
/// decision that only one parent makes is that parent's, and one that neither makes is uniform.
pub fn crossover<S: SearchSpace + ?Sized>(space: &S, a: &[u32], b: &[u32], seed: u32) -> Genotype {
    let mut rng = seeded(seed);
    let (made_a, made_b) = (GenotypeDecisions::of(space, a), GenotypeDecisions::of(space, b));
    let (mut next_a, mut next_b) = (0, 0);
    complete(space, |decision| {
        let from_a = made_a.position(&mut next_a, &decision.name).map(|position| a[position]);
        let from_b = made_b.position(&mut next_b, &decision.name).map(|position| b[position]);
        let choice = match (from_a, from_b) {
            (Some(a), Some(b)) => Some(if rng.random::<bool>() { a } else { b }),
            (Some(one), None) | (None, Some(one)) => Some(one),
            (None, None) => None,
        };
        match choice {
            Some(choice) if choice < decision.len() => choice,
            _ => uniform(&mut rng, decision),
        }
    })
}

/// Returns all genotypes that differ from `of` in one decision: by one step if it is ordered, by any choice if not.
///
/// Decisions that newly appear take their first choice. To keep the relation symmetric, a change that makes decisions
/// disappear counts only if those have their first choice.
pub fn neighbors<S: SearchSpace + ?Sized>(space: &S, of: &[u32]) -> Vec<Genotype> {
    let first = |_: &Decision| 0;
    let mut found = Vec::new();
    let made = GenotypeDecisions::of(space, of);
    for (position, decision) in made.decisions.iter().enumerate() {
        let old = of[position];
        for choice in (0..decision.len()).filter(|&choice| choice != old) {
            if decision.ordered && choice.abs_diff(old) != 1 {
                continue;
            }
            let (neighbor, same) = replace(space, &made, of, position, choice, first);
            let back = || replace(space, &GenotypeDecisions::of(space, &neighbor), &neighbor, position, old, first).0;
            if same || back() == of {
                found.push(neighbor);
            }
        }
    }
    found
}

/// Checks that every choice exists and that the genotype is neither too short nor too long.
///
/// # Errors
///
/// Returns an error that names the first decision that is missing, superfluous or has no such choice.
pub fn validate<S: SearchSpace + ?Sized>(space: &S, genotype: &[u32]) -> Result<()> {
    for (position, &choice) in genotype.iter().enumerate() {
        let Some(decision) = space.next(&genotype[..position]) else {
            return Err(Error::new(format!("it has {} choices and is complete after {position}", genotype.len())));
        };
        if choice >= decision.len() {
            let (name, count) = (&decision.name, decision.len());
            return Err(Error::new(format!(
                "decision '{name}' (position {position}) has {count} choices, so there is no choice {choice}"
            )));
        }
    }
    match space.next(genotype) {
        Some(decision) => {
            Err(Error::new(format!("it has {} choices and lacks the decision '{}'", genotype.len(), decision.name)))
        }
        None => Ok(()),
    }
}

/// Returns the choices, joined by commas.
pub fn key(genotype: &[u32]) -> String {
    let choices: Vec<String> = genotype.iter().map(u32::to_string).collect();
    choices.join(",")
}

/// Returns the features of a genotype: for every decision that can occur, the choice scaled to 0..=1 if it is ordered,
/// and a one-hot code of the choice if not. A decision that the genotype does not make is −1 if it is ordered, and all
/// 0 if not.
pub fn features<S: SearchSpace + ?Sized>(space: &S, genotype: &[u32]) -> Vec<f32> {
    let made: HashMap<&str, u32> = decisions(space, genotype)
        .into_iter()
        .zip(genotype)
        .map(|(decision, &choice)| (decision.name.as_str(), choice))
        .collect();
    let mut features = Vec::new();
    for decision in &space.info().decisions {
        let choice = made.get(decision.name.as_str()).copied();
        if decision.ordered {
            let last = decision.len().saturating_sub(1).max(1) as f32;
            features.push(choice.map_or(-1.0, |choice| choice as f32 / last));
        } else {
            features.extend((0..decision.len()).map(|other| if choice == Some(other) { 1.0 } else { 0.0 }));
        }
    }
    features
}

/// Returns `name=choice` for every decision, joined by commas.
pub fn format<S: SearchSpace + ?Sized>(space: &S, genotype: &[u32]) -> String {
    let made = decisions(space, genotype);
    let parts: Vec<String> = made
        .iter()
        .zip(genotype)
        .map(|(decision, &choice)| format!("{}={}", decision.name, decision.choices[choice as usize]))
        .collect();
    parts.join(",")
}

/// Parses the text that [`format()`] returns.
///
/// # Errors
///
/// Returns an error that names the first part of the text that is not `name=choice` of the decision in turn, or the
/// decision that is missing.
pub fn parse<S: SearchSpace + ?Sized>(space: &S, text: &str) -> Result<Genotype> {
    let mut genotype = Genotype::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, choice) = part.split_once('=').ok_or_else(|| Error::new(format!("'{part}' is not NAME=CHOICE")))?;
        let Some(decision) = space.next(&genotype) else {
            return Err(Error::new(format!("'{part}' follows a complete genotype")));
        };
        if decision.name != name.trim() {
            return Err(Error::new(format!("decision '{}' comes next, not '{name}'", decision.name)));
        }
        let Some(index) = decision.choices.iter().position(|known| known == choice.trim()) else {
            return Err(Error::new(format!("'{choice}' is no choice of '{name}' ({})", decision.choices.join(", "))));
        };
        genotype.push(index as u32);
    }
    validate(space, &genotype)?;
    Ok(genotype)
}
