//! The genotypes of a product, which are those of its parts one after the other.

use nas_api::rng::{RngExt, derive, seeded};
use nas_api::{Decision, Error, Genotype, OpenSpace, Result, Space, SpaceInfo};

use super::{Definition, Join};

/// The separator between the texts of two parts.
const SEPARATOR: &str = " & ";
/// The maximum number of places at which a text is cut. A text of thousands of separators would take minutes.
const MAX_CUTS: u32 = 1000;

/// How many choices at the beginning of a list belong to a part.
enum PartLength {
    /// This number of choices is a complete genotype.
    Complete(usize),
    /// The list ends before the genotype is complete.
    Incomplete,
    /// A choice does not exist, for this reason.
    Invalid(String),
}

/// A space within a product.
pub struct Part {
    pub space: Box<dyn OpenSpace>,
    pub info: SpaceInfo,
    /// The prefix of its decisions, settings and nodes: the space's name, with a number if several parts have that
    /// name.
    pub label: String,
}

impl Part {
    /// Wraps an open space. `same` counts the earlier parts of a name.
    ///
    /// # Errors
    /// The space cannot describe itself.
    pub fn new(mut space: Box<dyn OpenSpace>, same: impl FnOnce(&str) -> usize) -> Result<Self> {
        let info = space.info()?;
        let label = match same(&info.name) {
            0 => info.name.clone(),
            before => format!("{}-{}", info.name, before + 1),
        };
        Ok(Self { space, info, label })
    }

    /// Whether the space has this name.
    pub fn is_called(&self, name: &str) -> bool {
        self.info.name == name
    }

    /// The decision with the part's label in its name.
    fn named(&self, decision: Decision) -> Decision {
        Decision { name: format!("{}.{}", self.label, decision.name), ..decision }
    }

    /// How many of these unchecked choices, counted from the first, belong to this part.
    fn length(&mut self, choices: &[u32]) -> Result<PartLength> {
        if !self.info.conditional {
            let length = self.info.decisions.len();
            return Ok(if length <= choices.len() { PartLength::Complete(length) } else { PartLength::Incomplete });
        }
        for length in 0..=choices.len() {
            let Some(decision) = self.space.next(&choices[..length])? else { return Ok(PartLength::Complete(length)) };
            if let Some(&choice) = choices.get(length).filter(|&&choice| choice >= decision.len()) {
                return Ok(PartLength::Invalid(format!("'{}' has no choice {choice}", self.named(decision).name)));
            }
        }
        Ok(PartLength::Incomplete)
    }
}

/// Several spaces as one.
pub struct Product {
    pub(super) parts: Vec<Part>,
    pub(super) join: Join,
    pub(super) features: u32,
    info: SpaceInfo,
}

impl Product {
    pub(super) fn new(definition: &Definition, parts: Vec<Part>) -> Self {
        let sizes = parts.iter().map(|part| part.info.log10_size);
        let names: Vec<&str> = parts.iter().map(|part| part.info.name.as_str()).collect();
        let own = &definition.description;
        let info = SpaceInfo {
            name: definition.name.clone(),
            version: "1".into(),
            log10_size: sizes.sum(),
            decisions: parts
                .iter()
                .flat_map(|part| part.info.decisions.iter().map(|d| part.named(d.clone())))
                .collect(),
            conditional: parts.iter().any(|part| part.info.conditional),
            standard: false,
            description: if own.is_empty() { format!("The product of {}.", names.join(" and ")) } else { own.clone() },
            reference: definition.reference.clone(),
        };
        Self { parts, join: definition.join, features: definition.features, info }
    }

    /// The genotype of each part. The inner `Err` says why the genotype is invalid.
    pub(super) fn split(&mut self, genotype: &[u32]) -> Result<Result<Vec<Genotype>, String>> {
        let mut rest = genotype;
        let mut split = Vec::with_capacity(self.parts.len());
        let last = self.parts.len() - 1;
        for (at, part) in self.parts.iter_mut().enumerate() {
            let length = match if at == last { PartLength::Complete(rest.len()) } else { part.length(rest)? } {
                PartLength::Complete(length) => length,
                PartLength::Incomplete => return Ok(Err(format!("it ends within the decisions of '{}'", part.label))),
                PartLength::Invalid(reason) => return Ok(Err(reason)),
            };
            let (own, others) = rest.split_at(length);
            if let Err(reason) = part.space.validate(own)? {
                return Ok(Err(format!("'{}': {reason}", part.label)));
            }
            split.push(own.to_vec());
            rest = others;
        }
        Ok(Ok(split))
    }

    /// The genotype of each part; an error if the genotype is invalid.
    pub(super) fn parts_of(&mut self, genotype: &[u32], call: &str) -> Result<Vec<Genotype>> {
        let refused =
            |reason| Error::new(format!("the genotype {genotype:?} was passed to space.{call}, but {reason}"));
        self.split(genotype)?.map_err(refused)
    }

    /// The answer of every part about its own genotype.
    fn answers(
        &mut self,
        genotype: &[u32],
        call: &str,
        ask: impl Fn(&mut Part, &[u32]) -> Result<String>,
    ) -> Result<Vec<String>> {
        let split = self.parts_of(genotype, call)?;
        self.parts.iter_mut().zip(&split).map(|(part, own)| ask(part, own)).collect()
    }

    /// Parses the texts of the parts from number `at` on. The separator may occur in a part's own text, so every
    /// position of it is tried.
    fn parse_from(&mut self, at: usize, text: &str, cuts: &mut u32) -> Result<Result<Genotype, String>> {
        if at + 1 == self.parts.len() {
            return self.parts[at].space.parse(text);
        }
        let mut reason = format!("'{SEPARATOR}' and the text of '{}' are missing", self.parts[at + 1].label);
        for (cut, _) in text.match_indices(SEPARATOR) {
            if *cuts == MAX_CUTS {
                return Ok(Err(format!(
                    "'{SEPARATOR}' occurs too often; the text of a genotype has it between two parts"
                )));
            }
            *cuts += 1;
            let own = match self.parts[at].space.parse(&text[..cut])? {
                Ok(own) => own,
                Err(problem) => {
                    reason = format!("'{}': {problem}", self.parts[at].label);
                    continue;
                }
            };
            match self.parse_from(at + 1, &text[cut + SEPARATOR.len()..], cuts)? {
                Ok(others) => return Ok(Ok([own, others].concat())),
                Err(problem) => reason = problem,
            }
        }
        Ok(Err(reason))
    }
}

impl Space for Product {
    fn info(&mut self) -> Result<SpaceInfo> {
        Ok(self.info.clone())
    }

    fn next(&mut self, prefix: &[u32]) -> Result<Option<Decision>> {
        let mut rest = prefix;
        for part in &mut self.parts {
            match part.length(rest)? {
                // If nothing is left, the first decision of the next part follows.
                PartLength::Complete(length) => rest = &rest[length..],
                PartLength::Incomplete => return Ok(part.space.next(rest)?.map(|decision| part.named(decision))),
                PartLength::Invalid(reason) => {
                    return Err(Error::new(format!("the prefix {prefix:?} was passed to space.next, but {reason}")));
                }
            }
        }
        if rest.is_empty() {
            return Ok(None);
        }
        Err(Error::new(format!("the prefix {prefix:?} was passed to space.next, but it is longer than a genotype")))
    }

    fn sample(&mut self, seed: u32) -> Result<Genotype> {
        let mut genotype = Genotype::new();
        for (number, part) in (0..).zip(&mut self.parts) {
            genotype.extend(part.space.sample(derive(seed, "product", number))?);
        }
        Ok(genotype)
    }

    /// Mutates the part of a uniformly chosen decision.
    fn mutate(&mut self, parent: &[u32], seed: u32) -> Result<Genotype> {
        let mut split = self.parts_of(parent, "mutate")?;
        if parent.is_empty() {
            return Ok(Genotype::new());
        }
        let mut rng = seeded(derive(seed, "product", 0));
        let mut place = rng.random_range(0..parent.len() as u32) as usize;
        for (part, own) in self.parts.iter_mut().zip(&mut split) {
            if place < own.len() {
                *own = part.space.mutate(own, rng.random())?;
                break;
            }
            place -= own.len();
        }
        Ok(split.concat())
    }

    fn crossover(&mut self, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype> {
        let (a, b) = (self.parts_of(a, "crossover")?, self.parts_of(b, "crossover")?);
        let mut child = Genotype::new();
        for (number, (part, (a, b))) in (0..).zip(self.parts.iter_mut().zip(a.iter().zip(&b))) {
            child.extend(part.space.crossover(a, b, derive(seed, "product", number))?);
        }
        Ok(child)
    }

    fn neighbors(&mut self, of: &[u32]) -> Result<Vec<Genotype>> {
        let split = self.parts_of(of, "neighbors")?;
        let mut found = Vec::new();
        for (at, part) in self.parts.iter_mut().enumerate() {
            let (before, after) = (split[..at].concat(), split[at + 1..].concat());
            let own = part.space.neighbors(&split[at])?;
            found.extend(own.into_iter().map(|own| [&before[..], &own, &after].concat()));
        }
        Ok(found)
    }

    fn validate(&mut self, genotype: &[u32]) -> Result<Result<(), String>> {
        Ok(self.split(genotype)?.map(|_| ()))
    }

    fn key(&mut self, genotype: &[u32]) -> Result<String> {
        let keys = self.answers(genotype, "key", |part, own| part.space.key(own))?;
        // The lengths make sure that different lists of keys give different texts.
        Ok(keys.iter().map(|key| format!("{}:{key}", key.len())).collect())
    }

    fn features(&mut self, genotype: &[u32]) -> Result<Vec<f32>> {
        let split = self.parts_of(genotype, "features")?;
        let mut features = Vec::new();
        for (part, own) in self.parts.iter_mut().zip(&split) {
            features.extend(part.space.features(own)?);
        }
        Ok(features)
    }

    fn format(&mut self, genotype: &[u32]) -> Result<String> {
        Ok(self.answers(genotype, "format", |part, own| part.space.format(own))?.join(SEPARATOR))
    }

    fn parse(&mut self, text: &str) -> Result<Result<Genotype, String>> {
        self.parse_from(0, text.trim(), &mut 0)
    }
}
