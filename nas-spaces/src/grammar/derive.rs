//! From choices to the term that they derive, leftmost rule first, and back.

use std::collections::HashMap;

use super::places::{Choice, Place, Places};
use super::rules::Rules;
use super::term::Term;

/// A grammar with its places.
#[derive(Clone, Copy)]
pub struct Derivations<'g> {
    pub rules: &'g Rules,
    pub places: &'g Places,
}

impl<'g> Derivations<'g> {
    fn alternative(self, place: &Place, option: &Choice) -> &'g Term {
        &self.rules.rules[place.rule].alternatives[option.alternative].term
    }

    /// The term of a valid genotype; choices that are missing are the first ones.
    pub fn term(self, genotype: &[u32]) -> Term {
        self.expanded(0, &mut genotype.iter())
    }

    fn expanded(self, at: usize, choices: &mut std::slice::Iter<'_, u32>) -> Term {
        let place = &self.places.places[at];
        let choice = place.decision.and_then(|_| choices.next()).map_or(0, |&choice| choice as usize);
        let option = place.options.get(choice).unwrap_or(&place.options[0]);
        self.filled(self.alternative(place, option), &mut option.children.iter(), choices)
    }

    /// A right-hand side with its rules replaced.
    fn filled(
        self,
        term: &Term,
        children: &mut std::slice::Iter<'_, usize>,
        choices: &mut std::slice::Iter<'_, u32>,
    ) -> Term {
        match term {
            Term::Rule(rule) => children.next().map_or(Term::Rule(*rule), |&child| self.expanded(child, choices)),
            Term::Primitive(primitive) => Term::Primitive(*primitive),
            Term::Combined(combinator, terms) => {
                let terms = terms.iter().map(|term| self.filled(term, children, choices));
                Term::Combined(*combinator, terms.collect())
            }
        }
    }

    /// The first derivation of a term, or the innermost place at which none was found.
    pub fn genotype(self, term: &Term) -> Result<Vec<u32>, String> {
        let mut search = Search { derivations: self, found: HashMap::new(), deepest: None };
        if search.option(0, term, 0).is_none() {
            return Err(search.problem());
        }
        let mut genotype = Vec::new();
        search.collect(0, term, &mut genotype);
        Ok(genotype)
    }
}

/// Which option of a place derives a part of the term. Every pair of place and part is looked at once: a part derives
/// from a place, or does not, whatever is around it.
struct Search<'g, 't> {
    derivations: Derivations<'g>,
    found: HashMap<(usize, *const Term), Option<usize>>,
    /// How deep the deepest failure lies, its place, and what was found there.
    deepest: Option<(usize, usize, &'t Term)>,
}

impl<'t> Search<'_, 't> {
    fn option(&mut self, at: usize, part: &'t Term, depth: usize) -> Option<usize> {
        if let Some(known) = self.found.get(&(at, std::ptr::from_ref(part))) {
            return *known;
        }
        let derivations = self.derivations;
        let place = &derivations.places.places[at];
        let found = place.options.iter().position(|option| {
            let mut parts = Vec::with_capacity(option.children.len());
            matches(derivations.alternative(place, option), part, &mut parts)
                && option.children.iter().zip(parts).all(|(&child, part)| self.option(child, part, depth + 1).is_some())
        });
        if found.is_none() {
            self.failed(depth, at, part);
        }
        self.found.insert((at, std::ptr::from_ref(part)), found);
        found
    }

    fn failed(&mut self, depth: usize, at: usize, part: &'t Term) {
        match &mut self.deepest {
            // Where a rule only stands for another one, the outer one is the decision that the user made.
            Some((_, place, known)) if std::ptr::eq(*known, part) => *place = at,
            Some((deepest, ..)) if *deepest >= depth => {}
            deepest => *deepest = Some((depth, at, part)),
        }
    }

    /// Writes down the choices of a part that was found.
    fn collect(&self, at: usize, part: &'t Term, genotype: &mut Vec<u32>) {
        let place = &self.derivations.places.places[at];
        let Some(&Some(found)) = self.found.get(&(at, std::ptr::from_ref(part))) else { return };
        if place.decision.is_some() {
            genotype.push(u32::try_from(found).unwrap_or(u32::MAX));
        }
        let option = &place.options[found];
        let mut parts = Vec::with_capacity(option.children.len());
        matches(self.derivations.alternative(place, option), part, &mut parts);
        option.children.iter().zip(parts).for_each(|(&child, part)| self.collect(child, part, genotype));
    }

    fn problem(&self) -> String {
        let Some((_, at, part)) = self.deepest else { return "is not derived by the grammar".into() };
        let Derivations { rules, places } = self.derivations;
        let place = &places.places[at];
        let rule = &rules.rules[place.rule];
        let allowed: Vec<&str> =
            place.options.iter().map(|option| rule.alternatives[option.alternative].text.as_str()).collect();
        let part = shortened(&part.text(&[]));
        let name = place.decision.map_or(rule.name.as_str(), |decision| places.decisions[decision].name.as_str());
        format!("'{part}' stands where {name} must be one of {}", allowed.join(" | "))
    }
}

/// A text as a message quotes it.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Whether a term has the form of a right-hand side; `parts`: what stands for its rules, from left to right.
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
