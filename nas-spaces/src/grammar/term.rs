//! Terms, which combine rules and primitives.

use std::fmt;

use super::text::Expression;
use crate::definition::nearest;

/// How terms are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combinator {
    /// Applies the terms one after the other.
    Linear,
    /// Applies all but the last term one after the other, and adds the last term, which reads the same input.
    Residual,
    /// Applies all terms to the input and adds the results.
    Sum,
    /// Applies all terms to the input, concatenates the channels, and projects them to the channels of one result.
    Concat,
    /// The six edges of a cell of NAS-Bench-201.
    Cell,
}

/// Name, combinator, and the least and largest number of terms.
const COMBINATORS: [(&str, Combinator, [usize; 2]); 5] = [
    ("linear", Combinator::Linear, [1, MAX_TERMS]),
    ("residual", Combinator::Residual, [2, MAX_TERMS]),
    ("sum", Combinator::Sum, [2, MAX_TERMS]),
    ("concat", Combinator::Concat, [2, MAX_TERMS]),
    ("cell", Combinator::Cell, [6, 6]),
];
/// The largest number of terms in one combinator.
const MAX_TERMS: usize = 64;

/// What a primitive does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Returns its input.
    Id,
    /// Returns zeros of its input's shape.
    Zero,
    /// The residual block of NAS-Bench-201, which halves the resolution and doubles the channels.
    Down,
    /// A convolution.
    Conv,
    /// A depthwise convolution.
    Depthwise,
    /// A pooling, by its ONNX name.
    Pool(&'static str),
    /// Normalisation over groups of channels.
    GroupNorm,
    /// Any other operator, by its ONNX name; it takes no numbers.
    Plain(&'static str),
}

const PRIMITIVES: [(&str, Op); 23] = [
    ("id", Op::Id),
    ("zero", Op::Zero),
    ("down", Op::Down),
    ("conv", Op::Conv),
    ("depthwise-conv", Op::Depthwise),
    ("avg-pool", Op::Pool("AveragePool")),
    ("max-pool", Op::Pool("MaxPool")),
    ("batch-norm", Op::Plain("BatchNormalization")),
    ("instance-norm", Op::Plain("InstanceNormalization")),
    // It has one group, which covers all channels and positions of an image of any size.
    ("layer-norm", Op::GroupNorm),
    ("group-norm", Op::GroupNorm),
    ("relu", Op::Plain("Relu")),
    ("leaky-relu", Op::Plain("LeakyRelu")),
    ("elu", Op::Plain("Elu")),
    ("selu", Op::Plain("Selu")),
    ("gelu", Op::Plain("Gelu")),
    ("mish", Op::Plain("Mish")),
    ("swish", Op::Plain("Swish")),
    ("hard-swish", Op::Plain("HardSwish")),
    ("sigmoid", Op::Plain("Sigmoid")),
    ("hard-sigmoid", Op::Plain("HardSigmoid")),
    ("tanh", Op::Plain("Tanh")),
    ("softplus", Op::Plain("Softplus")),
];

/// One operation with its numbers. Numbers that it does not take are 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Primitive {
    pub name: &'static str,
    pub op: Op,
    pub kernel: i64,
    pub dilation: i64,
    pub groups: i64,
}

/// The right-hand side of a rule. A term without rules is an architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// The index of a rule.
    Rule(usize),
    Primitive(Primitive),
    Combined(Combinator, Vec<Term>),
}

impl Term {
    /// The term that an expression means, given the names of the rules.
    ///
    /// # Errors
    /// If a name is unknown, or a rule, combinator or primitive is given the wrong arguments.
    pub fn new(expression: &Expression, rules: &[&str]) -> Result<Self, String> {
        let Expression { name, terms, numbers } = expression;
        let bare = terms.is_empty() && numbers.is_empty();
        if let Some(rule) = rules.iter().position(|rule| rule == name) {
            return if bare { Ok(Self::Rule(rule)) } else { Err(format!("the rule '{name}' takes no arguments")) };
        }
        if let Some((_, combinator, [least, most])) = COMBINATORS.iter().find(|(known, ..)| known == name) {
            if !numbers.is_empty() {
                return Err(format!("'{name}' takes terms, not the number {}", numbers[0].1));
            }
            if !(*least..=*most).contains(&terms.len()) {
                let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
                return Err(format!("'{name}' takes {wanted} terms, not {}", terms.len()));
            }
            let terms = terms.iter().map(|term| Self::new(term, rules)).collect::<Result<_, _>>()?;
            return Ok(Self::Combined(*combinator, terms));
        }
        if let Some(&(name, op)) = PRIMITIVES.iter().find(|(known, _)| known == name) {
            if let Some(term) = terms.first() {
                return Err(format!("'{name}' takes no terms, but '{}' is in its parentheses", term.name));
            }
            return Primitive::new(name, op, numbers).map(Self::Primitive);
        }
        Err(unknown(name, rules))
    }

    /// The indices of the rules in it, from left to right.
    pub fn rules(&self) -> Vec<usize> {
        match self {
            Self::Rule(rule) => vec![*rule],
            Self::Primitive(_) => Vec::new(),
            Self::Combined(_, terms) => terms.iter().flat_map(Self::rules).collect(),
        }
    }

    /// The least common multiple of all groups that channels are divided into.
    pub fn groups(&self) -> u32 {
        match self {
            Self::Rule(_) => 1,
            Self::Primitive(primitive) => u32::try_from(primitive.groups).unwrap_or(1),
            Self::Combined(_, terms) => terms.iter().fold(1, |common, term| common_multiple(common, term.groups())),
        }
    }

    /// Appends the text of the term to `to`. `rules` are the names of the rules.
    pub fn write(&self, rules: &[&str], to: &mut String) {
        match self {
            Self::Rule(rule) => to.push_str(rules.get(*rule).unwrap_or(&"?")),
            Self::Primitive(primitive) => to.push_str(&primitive.to_string()),
            Self::Combined(combinator, terms) => {
                to.push_str(combinator.name());
                for (at, term) in terms.iter().enumerate() {
                    to.push_str(if at == 0 { "(" } else { ", " });
                    term.write(rules, to);
                }
                to.push(')');
            }
        }
    }

    /// The text of the term. `rules` are the names of the rules.
    pub fn text(&self, rules: &[&str]) -> String {
        let mut text = String::new();
        self.write(rules, &mut text);
        text
    }
}

/// The least common multiple.
pub fn common_multiple(a: u32, b: u32) -> u32 {
    let (mut divisor, mut rest) = (a, b);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a / divisor.max(1)).saturating_mul(b)
}

/// The message for an unknown name, with the most similar known one.
fn unknown(name: &str, rules: &[&str]) -> String {
    let combinators = COMBINATORS.iter().map(|(known, ..)| *known);
    let all = combinators.chain(PRIMITIVES.iter().map(|(known, _)| *known)).chain(rules.iter().copied());
    let hint = nearest(name, all).map_or(String::new(), |nearest| format!("; did you mean '{nearest}'?"));
    if name.starts_with(|first: char| first.is_ascii_uppercase()) {
        if rules.is_empty() {
            return format!("'{name}' would be a rule, but the text of a network has no rules");
        }
        format!("there is no rule '{name}'{hint}")
    } else {
        format!("there is no combinator or primitive '{name}'{hint}")
    }
}

impl Combinator {
    fn name(self) -> &'static str {
        COMBINATORS.iter().find(|(_, known, _)| *known == self).map_or("", |(name, ..)| name)
    }
}

impl Primitive {
    /// The primitive `id`, which changes nothing.
    pub const ID: Self = Self { name: "id", op: Op::Id, kernel: 1, dilation: 1, groups: 1 };
    /// The primitive `zero`.
    pub const ZERO: Self = Self { name: "zero", op: Op::Zero, ..Self::ID };

    fn new(name: &'static str, op: Op, numbers: &[(Option<String>, u32)]) -> Result<Self, String> {
        let mut primitive = Self { name, op, ..Self::ID };
        let (first, others): (Option<&str>, &[&str]) = match op {
            Op::Conv => (Some("kernel"), &["dilation", "groups"]),
            Op::Depthwise => (Some("kernel"), &["dilation"]),
            Op::Pool(_) => (Some("kernel"), &[]),
            Op::GroupNorm if name == "group-norm" => (Some("groups"), &[]),
            _ => (None, &[]),
        };
        let mut set: Vec<&str> = Vec::with_capacity(numbers.len());
        for (at, (key, number)) in numbers.iter().enumerate() {
            let key = match (key, first) {
                (None, Some(first)) if at == 0 => first,
                (Some(key), _) if others.contains(&key.as_str()) && !set.contains(&key.as_str()) => key,
                _ => return Err(expected_form(name, first, others)),
            };
            primitive.set(key, *number)?;
            set.push(key);
        }
        if first.is_some_and(|first| !set.contains(&first)) {
            return Err(expected_form(name, first, others));
        }
        Ok(primitive)
    }

    fn set(&mut self, key: &str, number: u32) -> Result<(), String> {
        let (field, most) = match key {
            "kernel" => (&mut self.kernel, 15),
            "dilation" => (&mut self.dilation, 8),
            _ => (&mut self.groups, 64),
        };
        if number == 0 || number > most {
            return Err(format!("the {key} of '{}' must lie between 1 and {most}, but is {number}", self.name));
        }
        if key == "kernel" && number.is_multiple_of(2) {
            return Err(format!("the kernel of '{}' must be odd to keep the size, not {number}", self.name));
        }
        *field = i64::from(number);
        Ok(())
    }
}

/// The message that says how a primitive is written.
fn expected_form(name: &str, first: Option<&str>, others: &[&str]) -> String {
    let Some(first) = first else { return format!("'{name}' takes no numbers") };
    let others: String = others.iter().map(|other| format!(", {other}=NUMBER")).collect();
    let optional = if others.is_empty() { "" } else { "; named numbers are optional" };
    format!("must be written as {name}({}{others}){optional}", first.to_uppercase())
}

impl fmt::Display for Primitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.op {
            Op::Conv | Op::Depthwise | Op::Pool(_) => {
                write!(f, "({}", self.kernel)?;
                if self.dilation != 1 {
                    write!(f, ", dilation={}", self.dilation)?;
                }
                if self.groups != 1 {
                    write!(f, ", groups={}", self.groups)?;
                }
                f.write_str(")")
            }
            Op::GroupNorm if self.name == "group-norm" => write!(f, "({})", self.groups),
            _ => Ok(()),
        }
    }
}
