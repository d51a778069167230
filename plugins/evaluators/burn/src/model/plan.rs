//! What has to be computed, in order, and which weights that takes.

use std::collections::{HashMap, HashSet};

use nas_api::graph::{GraphError, Shape, needed, shape, weights};
use nas_api::{Graph, Node};

use super::activation::Activation;
use super::block::joined;
use super::operator::Operator;
use super::read::{Counts, Place, operator};
use super::weights::Slot;

/// One node that the output needs.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it computes.
    pub operator: Operator,
    /// Steps whose values it reads.
    pub inputs: Vec<usize>,
    /// Inputs that no later step reads: their memory can be used again.
    pub last: Vec<usize>,
}

/// A checked graph, without what no output needs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// In the graph's order; the last one is the output.
    pub steps: Vec<Step>,
    /// The same with several of them joined, which is quicker where nobody watches.
    pub joined: Vec<Step>,
    /// The weights, in the order of their nodes.
    pub slots: Vec<Slot>,
    /// The shape of one example.
    pub input: Vec<usize>,
    /// Rows that the network returns for one example: 1, or one per position where it returns something at each.
    pub rows: usize,
    /// Numbers in each of them.
    pub outputs: usize,
}

impl Plan {
    /// Checks a graph: shapes fit, operators are known here, and its one output has `outputs` numbers, in all or along
    /// its last axis.
    pub fn of(graph: &Graph, input: &[usize], outputs: usize) -> Result<Self, GraphError> {
        let input_shape: Shape = input.iter().map(|&size| size as i64).collect();
        let shapes = shape::infer(graph, &input_shape)?;
        let [output] = graph.outputs[..] else {
            let count = graph.outputs.len();
            return Err(GraphError::whole(format!("has {count} outputs; this evaluator trains networks with one")));
        };
        let rows = rows(&graph.nodes[output as usize], &shapes[output as usize], outputs)?;
        let mut plan =
            Self { steps: Vec::new(), joined: Vec::new(), slots: Vec::new(), input: input.to_vec(), rows, outputs };
        plan.add_steps(graph, &shapes)?;
        mark_last(&mut plan.steps);
        plan.joined = joined(&plan.steps);
        Ok(plan)
    }

    fn add_steps(&mut self, graph: &Graph, shapes: &[Shape]) -> Result<(), GraphError> {
        let needed = needed(graph);
        let owners = owners(graph, &needed)?;
        let mut owned: HashMap<&str, Operator> = HashMap::new();
        let mut positions = vec![usize::MAX; graph.nodes.len()];
        let mut counts = Counts::default();
        for (index, node) in graph.nodes.iter().enumerate() {
            // Where a node is needed for its weights alone, its value is not.
            let owner = owners.contains(node.name.as_str());
            if !needed[index] && !owner {
                continue;
            }
            let input = node.inputs.first().map_or(&[][..], |&input| &shapes[input as usize]);
            let place = Place { index, input, output: &shapes[index] };
            let tied = owned.get(node.text("tied", "")?);
            let operator = operator(node, &place, tied, &mut counts)?;
            let slots = weights::of_node(node, index, input, &shapes[index])?;
            self.slots.extend(slots.into_iter().map(|slot| Slot::new(slot, &node.op)));
            if owner {
                owned.insert(&node.name, operator.clone());
            }
            if needed[index] {
                positions[index] = self.steps.len();
                let inputs = node.inputs.iter().map(|&input| positions[input as usize]).collect();
                self.steps.push(Step { operator, inputs, last: Vec::new() });
            }
        }
        Ok(())
    }

    /// The plan in which these operators, of one operand, hand on what they are given.
    pub fn bypass(mut self, skipped: impl Fn(&Operator) -> bool) -> Self {
        for step in self.steps.iter_mut().filter(|step| skipped(&step.operator)) {
            step.operator = Operator::Activation(Activation::Identity);
        }
        self.joined = joined(&self.steps);
        self
    }

    /// The plan of a training that leaves no path out.
    pub fn without_drop_path(self) -> Self {
        let any = self.steps.iter().any(|step| matches!(step.operator, Operator::DropPath { .. }));
        if any { self.bypass(|operator| matches!(operator, Operator::DropPath { .. })) } else { self }
    }
}

/// Marks what is read for the last time.
pub fn mark_last(steps: &mut [Step]) {
    let mut read = vec![false; steps.len()];
    for step in steps.iter_mut().rev() {
        for &input in &step.inputs {
            if !read[input] {
                read[input] = true;
                step.last.push(input);
            }
        }
    }
}

/// Rows of `outputs` numbers in the value of the output.
fn rows(node: &Node, shape: &Shape, outputs: usize) -> Result<usize, GraphError> {
    let (numbers, last) = (shape.iter().product::<i64>(), shape.last().copied().unwrap_or(1));
    let outputs = outputs as i64;
    if numbers == outputs {
        return Ok(1);
    }
    if last == outputs {
        return Ok((numbers / last) as usize);
    }
    Err(GraphError::new(node, format!("returns {numbers} numbers (shape {shape:?}), but the task has {outputs}")))
}

/// Names of the nodes whose weights others use.
fn owners<'g>(graph: &'g Graph, needed: &[bool]) -> Result<HashSet<&'g str>, GraphError> {
    let tied = graph.nodes.iter().zip(needed).filter(|(_, needed)| **needed).map(|(node, _)| node.text("tied", ""));
    tied.filter(|owner| !matches!(owner, Ok(""))).collect()
}
