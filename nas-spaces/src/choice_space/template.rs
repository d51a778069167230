//! The network template of a definition: a chain of layers and repeated blocks of layers.

use toml::{Table, Value};

use super::decisions::is_name;
use super::fault::Fault;
use super::spec::Scalar;

/// The largest number of repetitions of one block.
pub const MAX_REPEAT: u32 = 100;

/// A name that may contain `{n}`, the number of the repetition, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name of the decision in the repetition `n`.
    ///
    /// # Errors
    /// If the name contains `{n}` but nothing is repeated.
    pub fn at(&self, n: Option<u32>) -> Result<String, String> {
        match n {
            Some(n) => Ok(self.0.replace("{n}", &n.to_string())),
            None if self.0.contains("{n}") => Err(format!("'{}' contains {{n}}, but nothing is repeated here", self.0)),
            None => Ok(self.0.clone()),
        }
    }
}

/// A value in a layer.
#[derive(Clone, Debug)]
pub enum Term {
    Literal(Scalar),
    /// `$width`: the choice of that decision.
    Decision(Name),
    /// `$outputs`: the number of outputs of the task.
    Outputs,
}

/// The values of one attribute.
#[derive(Clone, Debug)]
pub enum Terms {
    List(Vec<Term>),
    /// `pads = "same"`: the padding that keeps height and width at stride 1.
    Same,
}

/// One operator.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The name in the definition, or the position counted from 1.
    pub label: String,
    /// Whether the definition names it.
    pub named: bool,
    pub when: Vec<(Name, Value)>,
    pub op: Term,
    pub attributes: Vec<(String, Terms)>,
}

/// One step of the chain: a layer, or repeated layers.
#[derive(Clone, Debug)]
pub struct Step {
    pub label: String,
    pub when: Vec<(Name, Value)>,
    /// `None` for a single layer that is neither repeated nor a block.
    pub repeat: Option<Term>,
    /// Whether the layers are those of a `block`, not the step itself.
    pub block: bool,
    pub layers: Vec<Layer>,
}

impl Layer {
    /// The operator and the values of attributes, each with its key.
    pub fn terms(&self) -> impl Iterator<Item = (&str, &Term)> {
        let attributes = self.attributes.iter().flat_map(|(name, terms)| {
            let terms = if let Terms::List(terms) = terms { &terms[..] } else { &[] };
            terms.iter().map(|term| (name.as_str(), term))
        });
        [("op", &self.op)].into_iter().chain(attributes)
    }
}

impl Step {
    /// A fault of the layer at this index of the step.
    pub fn inside_block(&self, fault: Fault, item: usize) -> Fault {
        if self.block { fault.inside("block", item) } else { fault }
    }
}

/// Reads the steps of a template.
///
/// # Errors
/// If a layer is malformed. The message names the layer by its position and its name.
pub fn steps(tables: &[Table]) -> Result<Vec<Step>, Fault> {
    let mut steps: Vec<Step> = Vec::with_capacity(tables.len());
    for (position, table) in (1..).zip(tables) {
        let inside = |fault: Fault, at: &str| fault.inside("layer", position - 1).named(&format!("layer {at}"));
        let (label, named) = label(table, position).map_err(|fault| inside(fault, &position.to_string()))?;
        let wrong = |fault: Fault| inside(fault, &numbered(position, &label, named));
        if named && steps.iter().any(|step| step.label == label) {
            return Err(wrong(Fault::at_key("name", "an earlier layer has the same name")));
        }
        steps.push(step(table, label.clone(), named).map_err(wrong)?);
    }
    Ok(steps)
}

/// How messages refer to a layer.
fn numbered(position: usize, label: &str, named: bool) -> String {
    if named { format!("{position} ('{label}')") } else { position.to_string() }
}

fn label(table: &Table, position: usize) -> Result<(String, bool), Fault> {
    match table.get("name") {
        None => Ok((position.to_string(), false)),
        Some(Value::String(name)) if is_name(name) && name != "input" => Ok((name.clone(), true)),
        Some(other) => {
            let rule = "a name is a letter, then letters, digits and underscores ('input' is reserved)";
            Err(Fault::at_key("name", format!("{other} is not a valid name; {rule}")))
        }
    }
}

fn step(table: &Table, label: String, named: bool) -> Result<Step, Fault> {
    let repeat = table.get("repeat").map(|value| term("repeat", value)).transpose()?;
    let Some(block) = table.get("block") else {
        let mut layer = layer(table, label.clone(), named, &["repeat"])?;
        if repeat.is_none() {
            return Ok(Step { label, when: Vec::new(), repeat, block: false, layers: vec![layer] });
        }
        // The name belongs to the repetition, in which the layer is the first.
        (layer.label, layer.named) = ("1".into(), false);
        return Ok(Step { label, when: Vec::new(), repeat, block: false, layers: vec![layer] });
    };
    if let Some(key) = table.keys().find(|key| !["name", "when", "repeat", "block"].contains(&key.as_str())) {
        let problem = format!("'{key}' cannot be combined with 'block'; put it into a layer of the block");
        return Err(Fault::at_key(key, problem));
    }
    let not_layers = || Fault::at_key("block", "'block' must be a list of layers: [[layer.block]]");
    let Value::Array(block) = block else { return Err(not_layers()) };
    let mut layers: Vec<Layer> = Vec::with_capacity(block.len());
    for (position, value) in (1..).zip(block) {
        let Value::Table(table) = value else { return Err(not_layers()) };
        let inside = |fault: Fault, at: &str| fault.inside("block", position - 1).named(&format!("block layer {at}"));
        let (label, named) = self::label(table, position).map_err(|fault| inside(fault, &position.to_string()))?;
        let wrong = |fault: Fault| inside(fault, &numbered(position, &label, named));
        if named && layers.iter().any(|layer| layer.label == label) {
            return Err(wrong(Fault::at_key("name", "an earlier layer of the block has the same name")));
        }
        layers.push(layer(table, label.clone(), named, &[]).map_err(wrong)?);
    }
    if layers.is_empty() {
        return Err(Fault::at_key("block", "its block has no layers"));
    }
    let once = Term::Literal(Scalar::Int(1));
    Ok(Step { label, when: conditions(table)?, repeat: Some(repeat.unwrap_or(once)), block: true, layers })
}

/// One layer. `own_keys` are keys of the table that belong to the step, not to the operator.
fn layer(table: &Table, label: String, named: bool, own_keys: &[&str]) -> Result<Layer, Fault> {
    let op = table.get("op");
    let op = op.ok_or_else(|| Fault::at_key("op", "has neither 'op' (an ONNX operator) nor 'block'"))?;
    let op = term("op", op)?;
    if matches!(op, Term::Outputs | Term::Literal(Scalar::Int(_) | Scalar::Float(_))) {
        return Err(Fault::at_key("op", "'op' must be the name of an ONNX operator or a decision"));
    }
    let mut attributes = Vec::new();
    for (name, value) in table {
        if ["op", "name", "when"].contains(&name.as_str()) || own_keys.contains(&name.as_str()) {
            continue;
        }
        if ["repeat", "block"].contains(&name.as_str()) {
            return Err(Fault::at_key(name, format!("'{name}' cannot be used inside a block")));
        }
        attributes.push((name.clone(), terms(name, value)?));
    }
    Ok(Layer { label, named, when: conditions(table)?, op, attributes })
}

fn conditions(table: &Table) -> Result<Vec<(Name, Value)>, Fault> {
    match table.get("when") {
        None => Ok(Vec::new()),
        Some(Value::Table(when)) => Ok(when.iter().map(|(name, value)| (Name(name.clone()), value.clone())).collect()),
        Some(_) => Err(Fault::at_key("when", "'when' must be a table: when = { decision = [choices] }")),
    }
}

fn term(name: &str, value: &Value) -> Result<Term, Fault> {
    let scalar = Scalar::read(value).ok_or_else(|| Fault::at_key(name, format!("'{name}' cannot be {value}")))?;
    Ok(match &scalar {
        Scalar::Text(text) => match text.strip_prefix('$') {
            Some("outputs") => Term::Outputs,
            Some(decision) => Term::Decision(Name(decision.to_owned())),
            None => Term::Literal(scalar),
        },
        _ => Term::Literal(scalar),
    })
}

fn terms(name: &str, value: &Value) -> Result<Terms, Fault> {
    match value {
        Value::String(text) if name == "pads" && text == "same" => Ok(Terms::Same),
        Value::Array(values) => values.iter().map(|value| term(name, value)).collect::<Result<_, _>>().map(Terms::List),
        value => term(name, value).map(|term| Terms::List(vec![term])),
    }
}
