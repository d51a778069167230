//! The default answers of a space, made from nothing but its decisions: a genotype is a walk from decision to decision.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::rng::{Random, RngExt, seeded};
use crate::{Decision, Error, Genotype, Result, SearchSpace};

/// The decisions that a valid genotype makes, in order.
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

/// Every decision uniformly.
pub fn sample<S: SearchSpace + ?Sized>(space: &S, seed: u32) -> Genotype {
    let mut rng = seeded(seed);
    complete(space, |decision| uniform(&mut rng, decision))
}

/// The decisions that a genotype makes, to be found by name.
struct Made<'s> {
    decisions: Vec<&'s Decision>,
    /// Made where it is first needed: in many spaces it never is.
    places: OnceCell<HashMap<&'s str, usize>>,
}

impl<'s> Made<'s> {
    fn by<S: SearchSpace + ?Sized>(space: &'s S, genotype: &[u32]) -> Self {
        Self { decisions: decisions(space, genotype), places: OnceCell::new() }
    }

    /// Where the decision of this name stands; nearly always where it is expected. Then the next one is expected behind it.
    fn place(&self, expected: &mut usize, name: &str) -> Option<usize> {
        let found = match self.decisions.get(*expected) {
            Some(same) if same.name == name => Some(*expected),
            _ => {
                let named = || self.decisions.iter().enumerate().map(|(at, decision)| (decision.name.as_str(), at));
                self.places.get_or_init(|| named().collect()).get(name).copied()
            }
        };
        if let Some(found) = found {
            *expected = found + 1;
        }
        found
    }
}

/// The genotype, which makes the decisions `made`, with the choice at `position` replaced. Those keep their choices;
/// those that newly appear are made by `fill`. Also whether all decisions are the same as before, so that replacing the
/// choice once more leads back.
fn replace<'s, S: SearchSpace + ?Sized>(
    space: &'s S,
    made: &Made<'_>,
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
        child.push(match made.place(&mut expected, &decision.name) {
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

/// One decision, uniformly chosen among those with a choice, changed to another choice, uniformly chosen.
pub fn mutate<S: SearchSpace + ?Sized>(space: &S, parent: &[u32], seed: u32) -> Genotype {
    let mut rng = seeded(seed);
    let made = Made::by(space, parent);
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

/// Every decision from one parent or the other, by its name; one that only one parent makes comes from that one.
pub fn crossover<S: SearchSpace + ?Sized>(space: &S, a: &[u32], b: &[u32], seed: u32) -> Genotype {
    let mut rng = seeded(seed);
    let (made_a, made_b) = (Made::by(space, a), Made::by(space, b));
    let (mut next_a, mut next_b) = (0, 0);
    complete(space, |decision| {
        let from_a = made_a.place(&mut next_a, &decision.name).map(|place| a[place]);
        let from_b = made_b.place(&mut next_b, &decision.name).map(|place| b[place]);
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

/// All genotypes that differ in one decision: by one step where it is ordered, by any other choice where not.
///
/// Decisions that newly appear take their first choice. So that being a neighbour is symmetric, a decision can make
/// others disappear only while those stand at their first choice.
pub fn neighbors<S: SearchSpace + ?Sized>(space: &S, of: &[u32]) -> Vec<Genotype> {
    let first = |_: &Decision| 0;
    let mut found = Vec::new();
    let made = Made::by(space, of);
    for (position, decision) in made.decisions.iter().enumerate() {
        let old = of[position];
        for choice in (0..decision.len()).filter(|&choice| choice != old) {
            if decision.ordered && choice.abs_diff(old) != 1 {
                continue;
            }
            let (neighbor, same) = replace(space, &made, of, position, choice, first);
            let back = || replace(space, &Made::by(space, &neighbor), &neighbor, position, old, first).0;
            if same || back() == of {
                found.push(neighbor);
            }
        }
    }
    found
}

/// Every choice exists, and the genotype is neither too short nor too long.
pub fn validate<S: SearchSpace + ?Sized>(space: &S, genotype: &[u32]) -> Result<()> {
    for (position, &choice) in genotype.iter().enumerate() {
        let Some(decision) = space.next(&genotype[..position]) else {
            return Err(Error::new(format!("{} choices, but it is complete after {position}", genotype.len())));
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
            Err(Error::new(format!("{} choices, but decision '{}' is still to be made", genotype.len(), decision.name)))
        }
        None => Ok(()),
    }
}

/// The choices, joined by commas.
pub fn key(genotype: &[u32]) -> String {
    let choices: Vec<String> = genotype.iter().map(u32::to_string).collect();
    choices.join(",")
}

/// For every decision that can occur: its position on 0 to 1 where it is ordered, one number per choice (1 for the one
/// made) where not. Decisions that a genotype does not make are −1 and all 0.
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

/// `name=choice` for every decision, joined by commas.
pub fn format<S: SearchSpace + ?Sized>(space: &S, genotype: &[u32]) -> String {
    let made = decisions(space, genotype);
    let parts: Vec<String> = made
        .iter()
        .zip(genotype)
        .map(|(decision, &choice)| format!("{}={}", decision.name, decision.choices[choice as usize]))
        .collect();
    parts.join(",")
}

/// Reads [`format`] back.
pub fn parse<S: SearchSpace + ?Sized>(space: &S, text: &str) -> Result<Genotype> {
    let mut genotype = Genotype::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (name, choice) = part.split_once('=').ok_or_else(|| Error::new(format!("'{part}' is not NAME=CHOICE")))?;
        let Some(decision) = space.next(&genotype) else {
            return Err(Error::new(format!("'{part}' is one decision too many")));
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
