//! Converts choices to the term that they derive (leftmost rule first) and a term back to choices.

use std::collections::HashMap;

use super::positions::{Choice, Position, Positions};
use super::rules::Rules;
use super::term::Term;

/// A grammar with its positions, which is what derivations need.
#[derive(Clone, Copy)]
pub struct Derivations<'g> {
    pub rules: &'g Rules,
    pub positions: &'g Positions,
}

impl<'g> Derivations<'g> {
    fn alternative(self, position: &Position, choice: &Choice) -> &'g Term {
        &self.rules.rules[position.rule].alternatives[choice.alternative].term
    }

    /// The term of a valid genotype. A missing choice counts as the first one.
    pub fn term(self, genotype: &[u32]) -> Term {
        self.expand(0, &mut genotype.iter())
    }

    fn expand(self, at: usize, choices: &mut std::slice::Iter<'_, u32>) -> Term {
        let position = &self.positions.all[at];
        let index = position.decision.and_then(|_| choices.next()).map_or(0, |&choice| choice as usize);
        let choice = position.choices.get(index).unwrap_or(&position.choices[0]);
        self.substitute(self.alternative(position, choice), &mut choice.children.iter(), choices)
    }

    /// A right-hand side with each rule replaced by its expansion.
    fn substitute(
        self,
        term: &Term,
        children: &mut std::slice::Iter<'_, usize>,
        choices: &mut std::slice::Iter<'_, u32>,
    ) -> Term {
        match term {
            Term::Rule(rule) => children.next().map_or(Term::Rule(*rule), |&child| self.expand(child, choices)),
            Term::Primitive(primitive) => Term::Primitive(*primitive),
            Term::Combined(combinator, terms) => {
                let terms = terms.iter().map(|term| self.substitute(term, children, choices));
                Term::Combined(*combinator, terms.collect())
            }
        }
    }

    /// The genotype of the first derivation of a term.
    ///
    /// # Errors
    /// If the grammar does not derive the term. The message names the innermost position that does not match.
    pub fn genotype(self, term: &Term) -> Result<Vec<u32>, String> {
        let mut search = Search { derivations: self, known: HashMap::new(), deepest: None };
        if search.matching_choice(0, term, 0).is_none() {
            return Err(search.error());
        }
        let mut genotype = Vec::new();
        search.collect(0, term, &mut genotype);
        Ok(genotype)
    }
}

/// Finds the choice of a position that derives a part of the term. Whether a position derives a part does not depend on
/// the terms around them, so that each pair is looked at once.
struct Search<'g, 't> {
    derivations: Derivations<'g>,
    known: HashMap<(usize, *const Term), Option<usize>>,
    /// The deepest failure: its depth, its position, and the part that the position does not derive.
    deepest: Option<(usize, usize, &'t Term)>,
}

impl<'t> Search<'_, 't> {
    fn matching_choice(&mut self, at: usize, part: &'t Term, depth: usize) -> Option<usize> {
        if let Some(known) = self.known.get(&(at, std::ptr::from_ref(part))) {
            return *known;
        }
        let derivations = self.derivations;
        let position = &derivations.positions.all[at];
        let found = position.choices.iter().position(|choice| {
            let mut parts = Vec::with_capacity(choice.children.len());
            matches(derivations.alternative(position, choice), part, &mut parts)
                && choice
                    .children
                    .iter()
                    .zip(parts)
                    .all(|(&child, part)| self.matching_choice(child, part, depth + 1).is_some())
        });
        if found.is_none() {
            self.record_failure(depth, at, part);
        }
        self.known.insert((at, std::ptr::from_ref(part)), found);
        found
    }

    fn record_failure(&mut self, depth: usize, at: usize, part: &'t Term) {
        match &mut self.deepest {
            // If an alternative is just another rule, report the outer rule, whose choice the user can see.
            Some((_, position, known)) if std::ptr::eq(*known, part) => *position = at,
            Some((deepest, ..)) if *deepest >= depth => {}
            deepest => *deepest = Some((depth, at, part)),
        }
    }

    /// Appends the choices of a part for which the search succeeded.
    fn collect(&self, at: usize, part: &'t Term, genotype: &mut Vec<u32>) {
        let position = &self.derivations.positions.all[at];
        let Some(&Some(found)) = self.known.get(&(at, std::ptr::from_ref(part))) else { return };
        if position.decision.is_some() {
            genotype.push(u32::try_from(found).unwrap_or(u32::MAX));
        }
        let choice = &position.choices[found];
        let mut parts = Vec::with_capacity(choice.children.len());
        matches(self.derivations.alternative(position, choice), part, &mut parts);
        choice.children.iter().zip(parts).for_each(|(&child, part)| self.collect(child, part, genotype));
    }

    fn error(&self) -> String {
        let Some((_, at, part)) = self.deepest else { return "is not derived by the grammar".into() };
        let Derivations { rules, positions } = self.derivations;
        let position = &positions.all[at];
        let rule = &rules.rules[position.rule];
        let allowed: Vec<&str> =
            position.choices.iter().map(|choice| rule.alternatives[choice.alternative].text.as_str()).collect();
        let part = truncated(&part.text(&[]));
        let name = position.decision.map_or(rule.name.as_str(), |decision| positions.decisions[decision].name.as_str());
        format!("found '{part}', but {name} must be one of {}", allowed.join(" | "))
    }
}

/// The beginning of a text, short enough for a message.
fn truncated(text: &str) -> String {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether a term has the form of a right-hand side. `parts` receives what matches its rules, from left to right.
fn matches<'t>(form: &Term, term: &'t Term, parts: &mut Vec<&'t Term>) -> bool {
    match (form, term) {
        (Term::Rule(_), _) => {
            parts.push(term);
            true
        }
        (Term::Primitive(one), Term::Primitive(other)) => one == other,
        (Term::Combined(one, forms), Term::Combined(other, terms)) => {
            one == other
                && forms.len() == terms.len()
                && forms.iter().zip(terms).all(|(form, term)| matches(form, term, parts))
        }
        _ => false,
    }
}
