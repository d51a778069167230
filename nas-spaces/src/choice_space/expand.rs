//! From a template to a network: which layers occur, checked for every structure of the space when it is opened.

use std::collections::HashSet;

use nas_api::graph::operators;
use nas_api::{Attribute, Graph, GraphBuilder, Symbol};

use super::attribute::{kind, required};
use super::decisions::{Decisions, Made};
use super::spec::Scalar;
use super::template::{Layer, MAX_REPEAT, Name, Step, Term, Terms};

/// Layers of one network at most.
const MAX_LAYERS: usize = 1000;

/// One layer of one network.
struct Occurrence<'t> {
    /// `layer 2 ('stem')` or `layer 3, repetition 2, block layer 1`.
    place: String,
    /// What its node's name begins with; complete where the user named the layer.
    name: String,
    layer: &'t Layer,
    n: Option<u32>,
}

/// The template of a space, with its decisions.
pub struct Expansion<'t> {
    pub decisions: &'t Decisions,
    pub steps: &'t [Step],
}

impl<'t> Expansion<'t> {
    /// The decisions on which it depends which layers occur.
    pub fn structural(&self) -> Result<Vec<usize>, String> {
        let mut found = Vec::new();
        for step in self.steps {
            let mut most = None;
            if let Some(repeat) = &step.repeat {
                found.extend(self.decision(repeat, None)?);
                most = Some(self.repetitions(repeat)?);
            }
            for n in most.map_or(vec![None], |most| (1..=most).map(Some).collect()) {
                for (name, value) in step.layers.iter().flat_map(|layer| &layer.when) {
                    let condition = self.decisions.condition([(name.at(n)?, value)].into_iter())?;
                    found.extend(condition.0.iter().map(|(decision, _)| *decision));
                }
            }
            for (name, value) in &step.when {
                let condition = self.decisions.condition([(name.at(None)?, value)].into_iter())?;
                found.extend(condition.0.iter().map(|(decision, _)| *decision));
            }
        }
        Ok(found)
    }

    /// Checks every layer in every structure, and that every decision matters.
    pub fn check(&self, structures: &[(Vec<Made>, f64)], structural: &[usize]) -> Result<(), String> {
        if self.steps.is_empty() {
            return Ok(());
        }
        let mut used: HashSet<usize> = structural.iter().copied().collect();
        // The values of a layer are the same checks whatever the structure, but for its repetition.
        let mut checked: HashSet<(*const Layer, Option<u32>)> = HashSet::new();
        for (made, _) in structures {
            for Occurrence { place, layer, n, .. } in self.occurrences(made)? {
                let wrong = |problem: String| format!("{place}: {problem}");
                for term in self.terms(layer) {
                    let Some(decision) = self.decision(term, n).map_err(wrong)? else { continue };
                    used.insert(decision);
                    if made[decision] == Made::No {
                        let name = &self.decisions.decisions[decision].name;
                        let state = self.describe(made);
                        return Err(wrong(format!("reads the decision '{name}', which is not made where {state}")));
                    }
                }
                if checked.insert((std::ptr::from_ref(layer), n)) {
                    self.check_layer(layer, n).map_err(wrong)?;
                }
            }
        }
        let in_conditions = |at: usize| self.decisions.is_looked_at(at);
        match (0..self.decisions.decisions.len()).find(|at| !used.contains(at) && !in_conditions(*at)) {
            Some(unused) => {
                let name = &self.decisions.decisions[unused].name;
                Err(format!("decision '{name}': no layer and no condition reads it; write '${name}' in a layer"))
            }
            None => Ok(()),
        }
    }

    /// The network in which these choices are made.
    pub fn build(&self, made: &[Made], outputs: u32) -> Result<Graph, String> {
        let mut graph = GraphBuilder::new();
        let mut value = graph.input();
        for Occurrence { place, name, layer, n } in self.occurrences(made)? {
            let wrong = |problem: String| format!("{place}: {problem}");
            let resolve = |term: &Term| self.resolve(term, n, made, outputs).map_err(wrong);
            let op = resolve(&layer.op)?.to_string();
            let mut attributes: Vec<(Symbol, Attribute)> = Vec::with_capacity(layer.attributes.len());
            for (attribute, terms) in &layer.attributes {
                if let Terms::List(terms) = terms {
                    let values = terms.iter().map(resolve).collect::<Result<Vec<Scalar>, _>>()?;
                    let kind = kind(attribute).ok_or_else(|| wrong(format!("attribute '{attribute}' is not known")))?;
                    let value = kind.attribute(&values);
                    let value = value.map_err(|problem| wrong(format!("attribute '{attribute}' {problem}")))?;
                    attributes.push((attribute.clone().into(), value));
                }
            }
            if layer.attributes.iter().any(|(_, terms)| matches!(terms, Terms::Same)) {
                attributes.push(("pads".into(), Attribute::Ints(same(&attributes))));
            }
            let name = if layer.named { name } else { format!("{name}.{}", op.to_lowercase()) };
            value = graph.node(name, op, &[value], attributes);
        }
        Ok(graph.finish(&[value]))
    }

    /// The layers that occur, in order.
    fn occurrences(&self, made: &[Made]) -> Result<Vec<Occurrence<'t>>, String> {
        let mut found = Vec::new();
        for (position, step) in (1..).zip(self.steps) {
            let place = if step.label == position.to_string() {
                format!("layer {position}")
            } else {
                format!("layer {position} ('{}')", step.label)
            };
            let wrong = |problem: String| format!("{place}: {problem}");
            if !self.holds(&step.when, None, made).map_err(wrong)? {
                continue;
            }
            let Some(repeat) = &step.repeat else {
                for layer in &step.layers {
                    if self.holds(&layer.when, None, made).map_err(wrong)? {
                        let (place, name) = (place.clone(), step.label.clone());
                        found.push(Occurrence { place, name, layer, n: None });
                    }
                }
                continue;
            };
            let times = match self.resolve(repeat, None, made, 0).map_err(wrong)? {
                Scalar::Int(times) => u32::try_from(times).unwrap_or(0),
                other => return Err(wrong(format!("'repeat' is '{other}', not a whole number"))),
            };
            for n in 1..=times {
                for (item, layer) in (1..).zip(&step.layers) {
                    let place = format!("{place}, repetition {n}, block layer {item}");
                    if self.holds(&layer.when, Some(n), made).map_err(|problem| format!("{place}: {problem}"))? {
                        let name = format!("{}.{n}.{}", step.label, layer.label);
                        found.push(Occurrence { place, name, layer, n: Some(n) });
                    }
                }
                if found.len() > MAX_LAYERS {
                    return Err(wrong(format!("the network has more than {MAX_LAYERS} layers")));
                }
            }
        }
        Ok(found)
    }

    fn holds(&self, when: &[(Name, toml::Value)], n: Option<u32>, made: &[Made]) -> Result<bool, String> {
        for (name, value) in when {
            let condition = self.decisions.condition([(name.at(n)?, value)].into_iter())?;
            if !condition.holds(|decision| made[decision].choice()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn decision(&self, term: &Term, n: Option<u32>) -> Result<Option<usize>, String> {
        let Term::Decision(name) = term else { return Ok(None) };
        let name = name.at(n)?;
        match self.decisions.position(&name) {
            Some(position) => Ok(Some(position)),
            None => {
                let known: Vec<&str> = self.decisions.decisions.iter().map(|known| known.name.as_str()).collect();
                Err(format!("there is no decision '{name}' (known: {}, outputs)", known.join(", ")))
            }
        }
    }

    fn resolve(&self, term: &Term, n: Option<u32>, made: &[Made], outputs: u32) -> Result<Scalar, String> {
        let Some(decision) = self.decision(term, n)? else {
            return Ok(match term {
                Term::Literal(scalar) => scalar.clone(),
                _ => Scalar::Int(i64::from(outputs)),
            });
        };
        let value = made[decision].choice().and_then(|choice| self.decisions.values[decision].get(choice as usize));
        let name = &self.decisions.decisions[decision].name;
        value
            .cloned()
            .ok_or_else(|| format!("reads the decision '{name}', which is not made where {}", self.describe(made)))
    }

    /// All values that a term can have; 1 for the task's outputs, which are at least that.
    fn values(&self, term: &Term, n: Option<u32>) -> Result<Vec<Scalar>, String> {
        match self.decision(term, n)? {
            Some(decision) => Ok(self.decisions.values[decision].clone()),
            None => self.resolve(term, n, &[], 1).map(|value| vec![value]),
        }
    }

    fn terms(&self, layer: &'t Layer) -> impl Iterator<Item = &'t Term> {
        let attributes = layer.attributes.iter().flat_map(|(_, terms)| match terms {
            Terms::List(terms) => &terms[..],
            Terms::Same => &[],
        });
        [&layer.op].into_iter().chain(attributes)
    }

    fn repetitions(&self, repeat: &Term) -> Result<u32, String> {
        let mut most = 0;
        for value in self.values(repeat, None)? {
            let times = match value {
                Scalar::Int(times) => u32::try_from(times).ok().filter(|&times| times <= MAX_REPEAT),
                _ => None,
            };
            let times = times.filter(|_| !matches!(repeat, Term::Outputs));
            most = most.max(times.ok_or_else(|| {
                format!("'repeat' must be a whole number from 0 to {MAX_REPEAT}, or a decision of such, not '{value}'")
            })?);
        }
        Ok(most)
    }

    fn check_layer(&self, layer: &Layer, n: Option<u32>) -> Result<(), String> {
        for op in self.values(&layer.op, n)? {
            let op = op.to_string();
            if !operators::is_unary(&op) {
                return Err(format!("'{op}' is no ONNX operator with one input that nas knows (docs/spaces.md)"));
            }
            let known = operators::attributes(&op).unwrap_or_default();
            for (attribute, _) in &layer.attributes {
                if !known.contains(&attribute.as_str()) {
                    let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                    return Err(format!("'{op}' takes no attribute '{attribute}' (known: {known})"));
                }
            }
            for required in required(&op) {
                if !layer.attributes.iter().any(|(attribute, _)| attribute == required) {
                    return Err(format!("'{op}' needs the attribute '{required}'"));
                }
            }
        }
        let same = layer.attributes.iter().any(|(_, terms)| matches!(terms, Terms::Same));
        for (attribute, terms) in &layer.attributes {
            let Terms::List(terms) = terms else { continue };
            let wrong = |problem: String| format!("attribute '{attribute}' {problem}");
            let kind = kind(attribute).ok_or_else(|| wrong("is not known".into()))?;
            kind.check_count(terms.len()).map_err(wrong)?;
            for value in terms.iter().map(|term| self.values(term, n)).collect::<Result<Vec<_>, _>>()?.concat() {
                kind.check(&value).map_err(wrong)?;
                if same && attribute == "kernel_shape" && matches!(value, Scalar::Int(size) if size % 2 == 0) {
                    return Err(wrong(format!("is {value}, but pads = \"same\" needs odd kernels")));
                }
            }
        }
        Ok(())
    }

    fn describe(&self, made: &[Made]) -> String {
        let choices = self.decisions.decisions.iter().zip(made).filter_map(|(decision, made)| {
            let choice = decision.choices.get(made.choice()? as usize)?;
            Some(format!("{}={choice}", decision.name))
        });
        choices.collect::<Vec<_>>().join(", ")
    }
}

/// The padding with which a window of stride 1 keeps height and width.
fn same(attributes: &[(Symbol, Attribute)]) -> Vec<i64> {
    let sizes = |name: &str, default: i64| match attributes.iter().find(|(known, _)| *known == name) {
        Some((_, Attribute::Ints(sizes))) if sizes.len() == 2 => [sizes[0], sizes[1]],
        _ => [default; 2],
    };
    let (kernel, dilation) = (sizes("kernel_shape", 1), sizes("dilations", 1));
    // Saturating: absurd sizes are refused by shape inference.
    let pad = |side: usize| (kernel[side] - 1).saturating_mul(dilation[side]) / 2;
    vec![pad(0), pad(1), pad(0), pad(1)]
}
