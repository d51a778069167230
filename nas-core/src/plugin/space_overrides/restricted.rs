//! A part of a space, in which some choices are left out. A decision with one remaining choice is made.
//!
//! The genotypes of the part contain only the open decisions; keys, texts, features and networks are those of the whole
//! space. A sample is one of the whole space that lies in the part, unless too many attempts fail. Mutants, children
//! and neighbors are the standard ones over the open decisions.

mod rules;
mod view;

use nas_api::rng::derive;
use nas_api::{
    Attribute, Decision, Error, Genotype, Graph, Network, OpenSpace, Parameter, Result, Space, SpaceInfo, Task,
    space_defaults as standard,
};

use view::RestrictedView;

/// The number of samples of the whole space that are tried before a sample is drawn decision by decision.
const ATTEMPTS: u32 = 100;

/// The part of a space that the rules of `fix` keep.
pub struct Restricted {
    view: RestrictedView,
    /// Whether the whole space samples decision by decision, too.
    standard: bool,
}

impl Restricted {
    /// Restricts a space by rules of the form `DECISION=CHOICE|CHOICE`.
    ///
    /// # Errors
    /// A rule is wrong, or the space cannot describe itself.
    pub fn new(mut space: Box<dyn OpenSpace>, rules: &[String]) -> Result<Self> {
        let info = space.info()?;
        let rules = rules::read(&info.decisions, rules)?;
        let standard = info.standard;
        Ok(Self { view: RestrictedView::new(space, info, rules), standard })
    }

    /// Checks that a genotype belongs to the part.
    fn check(&mut self, genotype: &[u32], call: &str) -> Result<()> {
        let refused =
            |reason| Error::new(format!("the genotype {genotype:?} was passed to space.{call}, but {reason}"));
        self.validate(genotype)?.map_err(refused)
    }

    /// Checks a genotype of the part and converts it to one of the whole space.
    fn whole(&mut self, genotype: &[u32], call: &str) -> Result<Genotype> {
        self.check(genotype, call)?;
        self.view.to_whole(genotype)
    }
}

impl Space for Restricted {
    fn info(&mut self) -> Result<SpaceInfo> {
        Ok(self.view.info().clone())
    }

    fn next(&mut self, prefix: &[u32]) -> Result<Option<Decision>> {
        Ok(self.view.open_decision(prefix)?.cloned())
    }

    fn sample(&mut self, seed: u32) -> Result<Genotype> {
        if !self.standard {
            for attempt in 0..ATTEMPTS {
                let sample = self.view.space().sample(derive(seed, "fix", attempt))?;
                if let Ok(part) = self.view.to_part(&sample)? {
                    return Ok(part);
                }
            }
        }
        self.view.checked(|view| standard::sample(view, seed))
    }

    fn mutate(&mut self, parent: &[u32], seed: u32) -> Result<Genotype> {
        self.check(parent, "mutate")?;
        self.view.checked(|view| standard::mutate(view, parent, seed))
    }

    fn crossover(&mut self, a: &[u32], b: &[u32], seed: u32) -> Result<Genotype> {
        self.check(a, "crossover")?;
        self.check(b, "crossover")?;
        self.view.checked(|view| standard::crossover(view, a, b, seed))
    }

    fn neighbors(&mut self, of: &[u32]) -> Result<Vec<Genotype>> {
        self.check(of, "neighbors")?;
        self.view.checked(|view| standard::neighbors(view, of))
    }

    fn validate(&mut self, genotype: &[u32]) -> Result<Result<(), String>> {
        match self.view.checked(|view| standard::validate(view, genotype))? {
            Ok(()) => {
                let whole = self.view.to_whole(genotype)?;
                self.view.space().validate(&whole)
            }
            Err(reason) => Ok(Err(reason.to_string())),
        }
    }

    fn key(&mut self, genotype: &[u32]) -> Result<String> {
        let whole = self.whole(genotype, "key")?;
        self.view.space().key(&whole)
    }

    fn features(&mut self, genotype: &[u32]) -> Result<Vec<f32>> {
        let whole = self.whole(genotype, "features")?;
        self.view.space().features(&whole)
    }

    fn format(&mut self, genotype: &[u32]) -> Result<String> {
        let whole = self.whole(genotype, "format")?;
        self.view.space().format(&whole)
    }

    fn parse(&mut self, text: &str) -> Result<Result<Genotype, String>> {
        // A temporary in the head of `match` would keep the space borrowed in its arms.
        let parsed = self.view.space().parse(text)?;
        match parsed {
            Ok(whole) => self.view.to_part(&whole),
            Err(reason) => Ok(Err(reason)),
        }
    }
}

impl Network for Restricted {
    fn task_parameters(&mut self) -> Result<Vec<Parameter>> {
        self.view.space().task_parameters()
    }

    fn build(&mut self, genotype: &[u32], task: &Task) -> Result<Result<Graph, String>> {
        let whole = self.whole(genotype, "build")?;
        self.view.space().build(&whole, task)
    }

    fn supernet(&mut self, task: &Task) -> Result<Result<Option<Graph>, String>> {
        let whole = self.view.space().supernet(task)?;
        Ok(whole.map(|graph| graph.map(|graph| self.without_choices(graph))))
    }

    fn original(&mut self, genotype: &[u32]) -> Result<Genotype> {
        let whole = self.whole(genotype, "original")?;
        self.view.space().original(&whole)
    }
}

impl Restricted {
    /// Removes the choices that are left out from the inputs of the supernet's `Choice` nodes.
    fn without_choices(&self, mut graph: Graph) -> Graph {
        for node in graph.nodes.iter_mut().filter(|node| node.op == "Choice") {
            let Some(Attribute::Text(decision)) = node.attribute("decision") else { continue };
            let Some(rule) = self.view.rule(decision) else { continue };
            let kept = rule.choices.iter().filter_map(|&choice| node.inputs.get(choice as usize).copied());
            node.inputs = kept.collect();
            if rule.open.is_none() {
                node.op = "Identity".into();
                node.attributes.clear();
            }
        }
        graph
    }
}
