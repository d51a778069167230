//! Expands the template to a network, and checks every structure of the space when it is opened.

use std::collections::HashSet;

use nas_api::graph::operators;
use nas_api::{Attribute, Graph, GraphBuilder, Symbol};

use super::attribute::{kind, required};
use super::decisions::{DecisionState, Decisions};
use super::fault::Fault;
use super::spec::Scalar;
use super::suggest::{refused_attribute, refused_operator};
use super::template::{Layer, MAX_REPEAT, Name, Step, Term, Terms};

/// The largest number of layers in one network.
const MAX_LAYERS: usize = 1000;

/// One layer of one network.
struct Occurrence<'t> {
    /// How messages refer to it: `layer 2 ('stem')` or `layer 3, repetition 2, block layer 1`.
    location: String,
    /// The position of its step in the definition, and its own in the step's block, if it has one; both from 0.
    place: (usize, Option<usize>),
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
    pub fn structural(&self) -> Result<Vec<usize>, Fault> {
        let mut found = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let decisions = self.structural_of(step);
            found.extend(decisions.map_err(|fault| fault.inside("layer", index).named(&located(index, step)))?);
        }
        Ok(found)
    }

    fn structural_of(&self, step: &Step) -> Result<Vec<usize>, Fault> {
        let mut found = Vec::new();
        let mut max_repeat = None;
        if let Some(repeat) = &step.repeat {
            let wrong = |problem: String| Fault::at_key("repeat", problem);
            found.extend(self.decision(repeat, None).map_err(wrong)?);
            max_repeat = Some(self.max_repetitions(repeat).map_err(wrong)?);
        }
        let read = |name: &Name, value: &toml::Value, n: Option<u32>| -> Result<Vec<usize>, String> {
            let condition = self.decisions.condition([(name.at(n)?, value)].into_iter())?;
            Ok(condition.0.into_iter().map(|(decision, _)| decision).collect())
        };
        let wrong = |problem: String| Fault::at_key("when", problem);
        for n in max_repeat.map_or(vec![None], |max| (1..=max).map(Some).collect()) {
            for (item, layer) in step.layers.iter().enumerate() {
                for (name, value) in &layer.when {
                    found.extend(read(name, value, n).map_err(wrong).map_err(|fault| step.inside_block(fault, item))?);
                }
            }
        }
        for (name, value) in &step.when {
            found.extend(read(name, value, None).map_err(wrong)?);
        }
        Ok(found)
    }

    /// Checks every layer in every structure, and that every decision is used.
    ///
    /// # Errors
    /// If a layer is invalid or reads a decision that is not made, or a decision is not used.
    pub fn check(&self, structures: &[(Vec<DecisionState>, f64)], structural: &[usize]) -> Result<(), Fault> {
        if self.steps.is_empty() {
            return Ok(());
        }
        let mut used: HashSet<usize> = structural.iter().copied().collect();
        // The checks of a layer's values depend on its repetition, not on the structure.
        let mut checked: HashSet<(*const Layer, Option<u32>)> = HashSet::new();
        for (states, _) in structures {
            for Occurrence { location, place, layer, n, .. } in self.occurrences(states)? {
                let wrong = |fault: Fault| {
                    let fault = match place.1 {
                        Some(item) => fault.inside("block", item),
                        None => fault,
                    };
                    fault.inside("layer", place.0).named(&location)
                };
                for (key, term) in layer.terms() {
                    let decision = self.decision(term, n).map_err(|problem| wrong(Fault::at_key(key, problem)))?;
                    let Some(decision) = decision else { continue };
                    used.insert(decision);
                    if states[decision] == DecisionState::Skipped {
                        let name = &self.decisions.decisions[decision].name;
                        let state = self.describe(states);
                        let problem = format!("reads the decision '{name}', which is not made where {state}");
                        return Err(wrong(Fault::at_key(key, problem)));
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
                let problem =
                    format!("decision '{name}': no layer and no condition reads it; write '${name}' in a layer");
                Err(Fault::at_key("name", problem).inside("decision", unused))
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
        for Occurrence { location, name, layer, n, .. } in self.occurrences(states)? {
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
            let location = located(position - 1, step);
            let wrong = |problem: String| format!("{location}: {problem}");
            if !self.holds(&step.when, None, states).map_err(wrong)? {
                continue;
            }
            let Some(repeat) = &step.repeat else {
                for layer in &step.layers {
                    if self.holds(&layer.when, None, states).map_err(wrong)? {
                        let (location, name) = (location.clone(), step.label.clone());
                        found.push(Occurrence { location, place: (position - 1, None), name, layer, n: None });
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
                        let place = (position - 1, step.block.then_some(item - 1));
                        found.push(Occurrence { location, place, name, layer, n: Some(n) });
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

    fn check_layer(&self, layer: &Layer, n: Option<u32>) -> Result<(), Fault> {
        let op_values = self.values(&layer.op, n).map_err(|problem| Fault::at_key("op", problem))?;
        for op in op_values {
            let op = op.to_string();
            if !operators::is_unary(&op) {
                let problem = refused_operator(&op);
                return Err(match self.decision(&layer.op, n)? {
                    Some(decision) => Fault::in_choices(decision, problem),
                    None => Fault::at_key("op", problem),
                });
            }
            let known = operators::attributes(&op).unwrap_or_default();
            for (attribute, _) in &layer.attributes {
                if !known.contains(&attribute.as_str()) {
                    return Err(Fault::at_key(attribute, refused_attribute(&op, attribute, known)));
                }
            }
            let has = |wanted: &str| layer.attributes.iter().any(|(attribute, _)| attribute == wanted);
            if let Some(missing) = required(&op).iter().find(|required| !has(required)) {
                return Err(Fault::at_key("op", format!("'{op}' needs the attribute '{missing}'")));
            }
            // ONNX's default of 1 is seldom what a definition means: most pools halve the sizes.
            if ["MaxPool", "AveragePool"].contains(&op.as_str()) && !has("strides") && !has("pads") {
                let problem = format!(
                    "'{op}' needs the attribute 'strides': 2 halves height and width, 1 moves the window by one pixel"
                );
                return Err(Fault::at_key("op", problem));
            }
        }
        let same = layer.attributes.iter().any(|(_, terms)| matches!(terms, Terms::Same));
        for (attribute, terms) in &layer.attributes {
            let Terms::List(terms) = terms else { continue };
            let wrong = |problem: String| Fault::at_key(attribute, format!("attribute '{attribute}' {problem}"));
            let kind = kind(attribute).ok_or_else(|| wrong("is not known".into()))?;
            kind.check_count(terms.len()).map_err(wrong)?;
            let values = terms.iter().map(|term| self.values(term, n)).collect::<Result<Vec<_>, _>>();
            for value in values.map_err(|problem| Fault::at_key(attribute, problem))?.concat() {
                if attribute == "pads" && matches!(value, Scalar::Text(_)) {
                    return Err(wrong(format!("must be \"same\" or whole numbers of at least 0, not '{value}'")));
                }
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

/// How messages refer to the step at an index: `layer 2` or `layer 2 ('stem')`.
fn located(index: usize, step: &Step) -> String {
    let position = (index + 1).to_string();
    if step.label == position { format!("layer {position}") } else { format!("layer {position} ('{}')", step.label) }
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
