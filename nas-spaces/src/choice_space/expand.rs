//! Expands the template to a network, and checks every structure of the space when it is opened.

use std::collections::HashSet;

use nas_api::graph::operators;
use nas_api::{Attribute, Graph, GraphBuilder, Symbol};

use super::attribute::{kind, required};
use super::decisions::{DecisionState, Decisions};
use super::spec::Scalar;
use super::template::{Layer, MAX_REPEAT, Name, Step, Term, Terms};

/// The largest number of layers in one network.
const MAX_LAYERS: usize = 1000;

/// One layer of one network.
struct Occurrence<'t> {
    /// How messages refer to it: `layer 2 ('stem')` or `layer 3, repetition 2, block layer 1`.
    location: String,
    /// The name of its node, or the beginning of it if the definition does not name the layer.
    name: String,
    layer: &'t Layer,
    /// The number of the repetition, counted from 1; `None` outside repetitions.
    n: Option<u32>,
}

/// The template of a space, with its decisions.
pub struct Expansion<'t> {
    pub decisions: &'t Decisions,
    pub steps: &'t [Step],
}

impl<'t> Expansion<'t> {
    /// The decisions that determine which layers occur.
    ///
    /// # Errors
    /// If a condition or a repetition names an unknown decision or an impossible value.
    pub fn structural(&self) -> Result<Vec<usize>, String> {
        let mut found = Vec::new();
        for step in self.steps {
            let mut max_repeat = None;
            if let Some(repeat) = &step.repeat {
                found.extend(self.decision(repeat, None)?);
                max_repeat = Some(self.max_repetitions(repeat)?);
            }
            for n in max_repeat.map_or(vec![None], |max| (1..=max).map(Some).collect()) {
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

    /// Checks every layer in every structure, and that every decision is used.
    ///
    /// # Errors
    /// If a layer is invalid or reads a decision that is not made, or a decision is not used.
    pub fn check(&self, structures: &[(Vec<DecisionState>, f64)], structural: &[usize]) -> Result<(), String> {
        if self.steps.is_empty() {
            return Ok(());
        }
        let mut used: HashSet<usize> = structural.iter().copied().collect();
        // The checks of a layer's values depend on its repetition, not on the structure.
        let mut checked: HashSet<(*const Layer, Option<u32>)> = HashSet::new();
        for (states, _) in structures {
            for Occurrence { location, layer, n, .. } in self.occurrences(states)? {
                let wrong = |problem: String| format!("{location}: {problem}");
                for term in self.terms(layer) {
                    let Some(decision) = self.decision(term, n).map_err(wrong)? else { continue };
                    used.insert(decision);
                    if states[decision] == DecisionState::Skipped {
                        let name = &self.decisions.decisions[decision].name;
                        let state = self.describe(states);
                        return Err(wrong(format!("reads the decision '{name}', which is not made where {state}")));
                    }
                }
                if checked.insert((std::ptr::from_ref(layer), n)) {
                    self.check_layer(layer, n).map_err(wrong)?;
                }
            }
        }
        let in_conditions = |at: usize| self.decisions.is_in_condition(at);
        match (0..self.decisions.decisions.len()).find(|at| !used.contains(at) && !in_conditions(*at)) {
            Some(unused) => {
                let name = &self.decisions.decisions[unused].name;
                Err(format!("decision '{name}': no layer and no condition reads it; write '${name}' in a layer"))
            }
            None => Ok(()),
        }
    }

    /// The network in which the decisions have these states.
    ///
    /// # Errors
    /// If a layer reads a decision that is not made, or the network has too many layers.
    pub fn build(&self, states: &[DecisionState], outputs: u32) -> Result<Graph, String> {
        let mut graph = GraphBuilder::new();
        let mut value = graph.input();
        for Occurrence { location, name, layer, n } in self.occurrences(states)? {
            let wrong = |problem: String| format!("{location}: {problem}");
            let resolve = |term: &Term| self.resolve(term, n, states, outputs).map_err(wrong);
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
    fn occurrences(&self, states: &[DecisionState]) -> Result<Vec<Occurrence<'t>>, String> {
        let mut found = Vec::new();
        for (position, step) in (1..).zip(self.steps) {
            let location = if step.label == position.to_string() {
                format!("layer {position}")
            } else {
                format!("layer {position} ('{}')", step.label)
            };
            let wrong = |problem: String| format!("{location}: {problem}");
            if !self.holds(&step.when, None, states).map_err(wrong)? {
                continue;
            }
            let Some(repeat) = &step.repeat else {
                for layer in &step.layers {
                    if self.holds(&layer.when, None, states).map_err(wrong)? {
                        let (location, name) = (location.clone(), step.label.clone());
                        found.push(Occurrence { location, name, layer, n: None });
                    }
                }
                continue;
            };
            let times = match self.resolve(repeat, None, states, 0).map_err(wrong)? {
                Scalar::Int(times) => u32::try_from(times).unwrap_or(0),
                other => return Err(wrong(format!("'repeat' is '{other}', not a whole number"))),
            };
            for n in 1..=times {
                for (item, layer) in (1..).zip(&step.layers) {
                    let location = format!("{location}, repetition {n}, block layer {item}");
                    if self.holds(&layer.when, Some(n), states).map_err(|problem| format!("{location}: {problem}"))? {
                        let name = format!("{}.{n}.{}", step.label, layer.label);
                        found.push(Occurrence { location, name, layer, n: Some(n) });
                    }
                }
                if found.len() > MAX_LAYERS {
                    return Err(wrong(format!("the network has more than {MAX_LAYERS} layers")));
                }
            }
        }
        Ok(found)
    }

    fn holds(&self, when: &[(Name, toml::Value)], n: Option<u32>, states: &[DecisionState]) -> Result<bool, String> {
        for (name, value) in when {
            let condition = self.decisions.condition([(name.at(n)?, value)].into_iter())?;
            if !condition.holds(|decision| states[decision].choice()) {
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

    fn resolve(&self, term: &Term, n: Option<u32>, states: &[DecisionState], outputs: u32) -> Result<Scalar, String> {
        let Some(decision) = self.decision(term, n)? else {
            return Ok(match term {
                Term::Literal(scalar) => scalar.clone(),
                _ => Scalar::Int(i64::from(outputs)),
            });
        };
        let value = states[decision].choice().and_then(|choice| self.decisions.values[decision].get(choice as usize));
        let name = &self.decisions.decisions[decision].name;
        value
            .cloned()
            .ok_or_else(|| format!("reads the decision '{name}', which is not made where {}", self.describe(states)))
    }

    /// All values that a term can have. For the task's outputs this is 1, which they are at least.
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

    fn max_repetitions(&self, repeat: &Term) -> Result<u32, String> {
        let mut most = 0;
        for value in self.values(repeat, None)? {
            let times = match value {
                Scalar::Int(times) => u32::try_from(times).ok().filter(|&times| times <= MAX_REPEAT),
                _ => None,
            };
            let times = times.filter(|_| !matches!(repeat, Term::Outputs));
            most = most.max(times.ok_or_else(|| {
                format!(
                    "'repeat' must be a whole number from 0 to {MAX_REPEAT}, or a decision among such numbers, not \
                     '{value}'"
                )
            })?);
        }
        Ok(most)
    }

    fn check_layer(&self, layer: &Layer, n: Option<u32>) -> Result<(), String> {
        for op in self.values(&layer.op, n)? {
            let op = op.to_string();
            if !operators::is_unary(&op) {
                return Err(format!("'{op}' is not an ONNX operator with one input that nas knows (docs/spaces.md)"));
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

    fn describe(&self, states: &[DecisionState]) -> String {
        let choices = self.decisions.decisions.iter().zip(states).filter_map(|(decision, state)| {
            let choice = decision.choices.get(state.choice()? as usize)?;
            Some(format!("{}={choice}", decision.name))
        });
        choices.collect::<Vec<_>>().join(", ")
    }
}

/// The padding that keeps height and width for a window of stride 1.
fn same(attributes: &[(Symbol, Attribute)]) -> Vec<i64> {
    let sizes = |name: &str, default: i64| match attributes.iter().find(|(known, _)| *known == name) {
        Some((_, Attribute::Ints(sizes))) if sizes.len() == 2 => [sizes[0], sizes[1]],
        _ => [default; 2],
    };
    let (kernel, dilation) = (sizes("kernel_shape", 1), sizes("dilations", 1));
    // The product saturates because shape inference refuses excessive sizes only later.
    let pad = |side: usize| (kernel[side] - 1).saturating_mul(dilation[side]) / 2;
    vec![pad(0), pad(1), pad(0), pad(1)]
}
