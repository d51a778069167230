//! Which cells are the same network.
//!
//! A cell joins its four inner nodes channel by channel, and every reader of the join starts with a 1×1 convolution or a
//! linear layer, so the order of the nodes only renames weights. A node is a sum: skips of stride 1 pass through, and
//! average pooling goes through sums. Each operation with weights is an instance of its own, also where two of them do
//! the same to the same value; operations without weights are one where their values are one.
//!
//! The key numbers the instances: by what they compute, and among those that look alike by the order that gives the
//! least text.

use super::cell::{Cell, Edge, Operation};

/// A summand.
#[derive(Clone, Debug)]
enum Term {
    /// Output of the cell before the previous one (0) or of the previous one (1).
    Input(usize),
    /// What an instance of an operation with weights gives.
    Instance(usize),
    /// The maximum over a sum.
    Max(u32, Value),
    /// The average of one summand.
    Avg(u32, Box<Term>),
}

type Value = Vec<Term>;

/// An operation with weights.
struct Instance {
    operation: Operation,
    stride: u32,
    of: Value,
}

/// Equal for two normal cells, or for two reduction cells, just where they are one network.
pub fn key(cell: &Cell, reduces: bool) -> String {
    let mut instances = Vec::new();
    let mut values = vec![vec![Term::Input(0)], vec![Term::Input(1)]];
    for edges in cell {
        let mut sum = Value::new();
        for &Edge { source, operation } in edges {
            let stride = if reduces && source < 2 { 2 } else { 1 };
            let of = values.get(source).cloned().unwrap_or_default();
            match operation {
                Operation::Skip if stride == 1 => sum.extend(of),
                Operation::AvgPool => sum.extend(of.into_iter().map(|term| Term::Avg(stride, Box::new(term)))),
                Operation::MaxPool => sum.push(Term::Max(stride, of)),
                _ => {
                    sum.push(Term::Instance(instances.len()));
                    instances.push(Instance { operation, stride, of });
                }
            }
        }
        values.push(sum);
    }
    let looks: Vec<String> = (0..instances.len()).map(|at| look(&instances, at)).collect();
    let mut order: Vec<usize> = (0..instances.len()).collect();
    order.sort_by(|a, b| looks[*a].cmp(&looks[*b]));
    let mut numbering = Numbering { instances: &instances, outputs: &values[2..], looks: &looks, best: None };
    numbering.place(&mut order, 0);
    numbering.best.unwrap_or_default()
}

/// What an instance computes, those before it being told apart by what they compute alone.
fn look(instances: &[Instance], at: usize) -> String {
    let Instance { operation, stride, of } = &instances[at];
    format!("{}/{stride}({})", operation.name(), text(of, &|earlier| look(instances, earlier)))
}

/// A sum, its terms in the order of their texts.
fn text(value: &Value, name: &dyn Fn(usize) -> String) -> String {
    let mut terms: Vec<String> = value.iter().map(|term| term_text(term, name)).collect();
    terms.sort();
    terms.join("+")
}

fn term_text(term: &Term, name: &dyn Fn(usize) -> String) -> String {
    match term {
        Term::Input(input) => format!("x{input}"),
        Term::Instance(at) => name(*at),
        Term::Max(stride, of) => format!("max/{stride}({})", text(of, name)),
        Term::Avg(stride, of) => format!("avg/{stride}({})", term_text(of, name)),
    }
}

struct Numbering<'c> {
    instances: &'c [Instance],
    outputs: &'c [Value],
    looks: &'c [String],
    best: Option<String>,
}

impl Numbering<'_> {
    /// Tries every order of the instances from `at` on that keeps those that look alike together. They are few: nodes
    /// read two different nodes each, so that at worst two kinds occur four times.
    fn place(&mut self, order: &mut [usize], at: usize) {
        if at == order.len() {
            let text = self.written(order);
            if self.best.as_ref().is_none_or(|best| text < *best) {
                self.best = Some(text);
            }
            return;
        }
        for other in at..order.len() {
            if self.looks[order[other]] != self.looks[order[at]] {
                break;
            }
            order.swap(at, other);
            self.place(order, at + 1);
            order.swap(at, other);
        }
    }

    fn written(&self, order: &[usize]) -> String {
        let mut numbers = vec![0; order.len()];
        for (number, &at) in order.iter().enumerate() {
            numbers[at] = number;
        }
        let name = |at: usize| numbers[at].to_string();
        let mut parts: Vec<String> = Vec::with_capacity(order.len() + self.outputs.len());
        for &at in order {
            let Instance { operation, stride, of } = &self.instances[at];
            parts.push(format!("{}/{stride}({})", operation.name(), text(of, &name)));
        }
        let mut outputs: Vec<String> = self.outputs.iter().map(|value| text(value, &name)).collect();
        outputs.sort();
        parts.extend(outputs);
        parts.join(";")
    }
}
