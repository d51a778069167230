//! A part of a space: some choices are left out, and decisions of which one choice is left are made.
//!
//! Its genotypes make the open decisions alone; keys, texts, features and networks are those of the whole space. Samples
//! are the whole space's that happen to lie in the part, where that does not take too long; mutants, children and
//! neighbours are the standard ones of the open decisions.

mod rules;
mod walk;

use nas_api::rng::derive;
use nas_api::{
    Attribute, Decision, Error, Genotype, Graph, Network, OpenSpace, Parameter, Result, Space, SpaceInfo, Task,
    space_defaults as standard,
};

use walk::Walk;

/// Samples of the whole space that are tried before one is drawn decision by decision.
const ATTEMPTS: u32 = 100;

/// The part of a space that `fix` leaves.
pub struct Restricted {
    walk: Walk,
    /// Drawing decision by decision is what the whole space does too.
    standard: bool,
}

impl Restricted {
    /// Reads the rules, `DECISION=CHOICE|CHOICE` each.
    pub fn new(mut space: Box<dyn OpenSpace>, rules: &[String]) -> Result<Self> {
        let info = space.info()?;
        let rules = rules::read(&info.decisions, rules)?;
        let standard = info.standard;
        Ok(Self { walk: Walk::new(space, info, rules), standard })
    }

    fn belongs(&mut self, genotype: &[u32], call: &str) -> Result<()> {
        let refused =
            |reason| Error::new(format!("the genotype {genotype:?} was passed to space.{call}, but {reason}"));
        self.validate(genotype)?.map_err(refused)
    }

    /// The whole space's genotype of one that has been checked.
    fn whole(&mut self, genotype: &[u32], call: &str) -> Result<Genotype> {
        self.belongs(genotype, call)?;
        self.walk.whole(genotype)
    }
}

impl Space for Restricted {
    fn info(&mut self) -> Result<SpaceInfo> {
        Ok(self.walk.info().clone())
    }

    fn next(&mut self, prefix: &[u32]) -> Result<Option<Decision>> {
        Ok(self.walk.step(prefix)?.cloned())
    }

    fn sample(&mut self, seed: u32) -> Result<Genotype> {
        if !self.standard {
            for attempt in 0..ATTEMPTS {
                let sample = self.walk.space().sample(derive(seed, "fix", attempt))?;
                if let Ok(part) = self.walk.part(&sample)? {
                    return Ok(part);
                }
            }
        }
        self.walk.asked(|walk| standard::sample(walk, seed))
    }

    fn mutate(&mut self, parent: &[u32], seed: u32) -> Result<Genotype> {
        self.belongs(parent, "mutate")?;
        self.walk.asked(|walk| standard::mutate(walk, parent, seed))
    }

    fn crossover(&mut self, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype> {
        self.belongs(a, "crossover")?;
        self.belongs(b, "crossover")?;
        self.walk.asked(|walk| standard::crossover(walk, a, b, seed))
    }

    fn neighbors(&mut self, of: &[u32]) -> Result<Vec<Genotype>> {
        self.belongs(of, "neighbors")?;
        self.walk.asked(|walk| standard::neighbors(walk, of))
    }

    fn validate(&mut self, genotype: &[u32]) -> Result<Result<(), String>> {
        match self.walk.asked(|walk| standard::validate(walk, genotype))? {
            Ok(()) => {
                let whole = self.walk.whole(genotype)?;
                self.walk.space().validate(&whole)
            }
            Err(reason) => Ok(Err(reason.to_string())),
        }
    }

    fn key(&mut self, genotype: &[u32]) -> Result<String> {
        let whole = self.whole(genotype, "key")?;
        self.walk.space().key(&whole)
    }

    fn features(&mut self, genotype: &[u32]) -> Result<Vec<f32>> {
        let whole = self.whole(genotype, "features")?;
        self.walk.space().features(&whole)
    }

    fn format(&mut self, genotype: &[u32]) -> Result<String> {
        let whole = self.whole(genotype, "format")?;
        self.walk.space().format(&whole)
    }

    fn parse(&mut self, text: &str) -> Result<Result<Genotype, String>> {
        // Bound first: a value in the head of `match` would keep the space borrowed in its arms.
        let parsed = self.walk.space().parse(text)?;
        match parsed {
            Ok(whole) => self.walk.part(&whole),
            Err(reason) => Ok(Err(reason)),
        }
    }
}

impl Network for Restricted {
    fn task_parameters(&mut self) -> Result<Vec<Parameter>> {
        self.walk.space().task_parameters()
    }

    fn build(&mut self, genotype: &[u32], task: &Task) -> Result<Result<Graph, String>> {
        let whole = self.whole(genotype, "build")?;
        self.walk.space().build(&whole, task)
    }

    fn supernet(&mut self, task: &Task) -> Result<Result<Option<Graph>, String>> {
        let whole = self.walk.space().supernet(task)?;
        Ok(whole.map(|graph| graph.map(|graph| self.without_choices(graph))))
    }

    fn original(&mut self, genotype: &[u32]) -> Result<Genotype> {
        let whole = self.whole(genotype, "original")?;
        self.walk.space().original(&whole)
    }
}

impl Restricted {
    /// A supernet in which the choices that are left out are read by nothing.
    fn without_choices(&self, mut graph: Graph) -> Graph {
        for node in graph.nodes.iter_mut().filter(|node| node.op == "Choice") {
            let Some(Attribute::Text(decision)) = node.attribute("decision") else { continue };
            let Some(rule) = self.walk.rule(decision) else { continue };
            let left = rule.choices.iter().filter_map(|&choice| node.inputs.get(choice as usize).copied());
            node.inputs = left.collect();
            if rule.open.is_none() {
                node.op = "Identity".into();
                node.attributes.clear();
            }
        }
        graph
    }
}
