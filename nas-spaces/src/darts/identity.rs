//! Which cells are the same network.
//!
//! A cell concatenates its four inner nodes, and every reader of the result starts with a 1×1 convolution or a linear
//! layer, so that the order of the nodes only renames weights. A node is a sum: skips of stride 1 vanish in it, and
//! average pooling distributes over it. Each operation with weights is a separate instance, even if another one applies
//! the same operation to the same value. Operations without weights are the same if their inputs are.
//!
//! The key numbers the instances by what they compute. Among instances with equal signatures it takes the order with
//! the least text.

use super::cell::{Cell, Edge, Operation};

/// A summand.
#[derive(Clone, Debug)]
enum Term {
    /// The output of the cell before the previous one (0) or of the previous one (1).
    Input(usize),
    /// The result of an instance, by its index.
    Instance(usize),
    /// The max pooling of a sum, with its stride.
    Max(u32, Value),
    /// The average pooling of one summand, with its stride.
    Avg(u32, Box<Term>),
}

/// A sum of terms.
type Value = Vec<Term>;

/// An operation with weights and its input.
struct Instance {
    operation: Operation,
    stride: u32,
    input: Value,
}

/// The key of a cell. Two normal cells, or two reduction cells, have equal keys exactly if they are the same network.
pub fn key(cell: &Cell, reduces: bool) -> String {
    let mut instances = Vec::new();
    let mut values = vec![vec![Term::Input(0)], vec![Term::Input(1)]];
    for edges in cell {
        let mut sum = Value::new();
        for &Edge { source, operation } in edges {
            let stride = if reduces && source < 2 { 2 } else { 1 };
            let input = values.get(source).cloned().unwrap_or_default();
            match operation {
                Operation::Skip if stride == 1 => sum.extend(input),
                Operation::AvgPool => sum.extend(input.into_iter().map(|term| Term::Avg(stride, Box::new(term)))),
                Operation::MaxPool => sum.push(Term::Max(stride, input)),
                _ => {
                    sum.push(Term::Instance(instances.len()));
                    instances.push(Instance { operation, stride, input });
                }
            }
        }
        values.push(sum);
    }
    let signatures: Vec<String> = (0..instances.len()).map(|at| signature(&instances, at)).collect();
    let mut order: Vec<usize> = (0..instances.len()).collect();
    order.sort_by(|a, b| signatures[*a].cmp(&signatures[*b]));
    let mut numbering = Numbering { instances: &instances, outputs: &values[2..], signatures: &signatures, best: None };
    numbering.search(&mut order, 0);
    numbering.best.unwrap_or_default()
}

/// The text of what an instance computes. It refers to other instances by their signatures, not by numbers.
fn signature(instances: &[Instance], at: usize) -> String {
    let Instance { operation, stride, input } = &instances[at];
    format!("{}/{stride}({})", operation.name(), text(input, &|earlier| signature(instances, earlier)))
}

/// The text of a sum, with its terms sorted. `name` returns the text of an instance.
fn text(value: &Value, name: &dyn Fn(usize) -> String) -> String {
    let mut terms: Vec<String> = value.iter().map(|term| term_text(term, name)).collect();
    terms.sort();
    terms.join("+")
}

fn term_text(term: &Term, name: &dyn Fn(usize) -> String) -> String {
    match term {
        Term::Input(input) => format!("x{input}"),
        Term::Instance(at) => name(*at),
        Term::Max(stride, input) => format!("max/{stride}({})", text(input, name)),
        Term::Avg(stride, input) => format!("avg/{stride}({})", term_text(input, name)),
    }
}

/// The search for the order of instances that gives the least text.
struct Numbering<'c> {
    instances: &'c [Instance],
    outputs: &'c [Value],
    signatures: &'c [String],
    best: Option<String>,
}

impl Numbering<'_> {
    /// Tries every order of the instances from `at` on that only permutes instances with equal signatures. There are
    /// few, because each node reads two different nodes: in the worst case two signatures occur four times each.
    fn search(&mut self, order: &mut [usize], at: usize) {
        if at == order.len() {
            let text = self.text(order);
            if self.best.as_ref().is_none_or(|best| text < *best) {
                self.best = Some(text);
            }
            return;
        }
        for other in at..order.len() {
            if self.signatures[order[other]] != self.signatures[order[at]] {
                break;
            }
            order.swap(at, other);
            self.search(order, at + 1);
            order.swap(at, other);
        }
    }

    /// The text of the cell with this order of instances.
    fn text(&self, order: &[usize]) -> String {
        let mut numbers = vec![0; order.len()];
        for (number, &at) in order.iter().enumerate() {
            numbers[at] = number;
        }
        let name = |at: usize| numbers[at].to_string();
        let mut parts: Vec<String> = Vec::with_capacity(order.len() + self.outputs.len());
        for &at in order {
            let Instance { operation, stride, input } = &self.instances[at];
            parts.push(format!("{}/{stride}({})", operation.name(), text(input, &name)));
        }
        let mut outputs: Vec<String> = self.outputs.iter().map(|value| text(value, &name)).collect();
        outputs.sort();
        parts.extend(outputs);
        parts.join(";")
    }
}
