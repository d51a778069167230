//! What has to be computed, in order, and which weights that takes.

use std::collections::{HashMap, HashSet};

use burn::tensor::FloatDType;
use nas_api::graph::{GraphError, Shape, needed, shape, weights};
use nas_api::{Graph, Node};

use super::activation::Activation;
use super::autocast::Need;
use super::fusion::{compact, joined};
use super::operator::Operator;
use super::parse_node::{Counts, Place, operator};
use super::weights::Slot;
use crate::precision::Precision;

/// One node that an output needs.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it computes.
    pub operator: Operator,
    /// In which precision, where products are narrow.
    pub need: Need,
    /// Steps whose values it reads.
    pub inputs: Vec<usize>,
    /// Inputs that no later step reads: their memory can be used again.
    pub last: Vec<usize>,
}

/// Steps in the order in which they are computed.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    /// No step reads a later one.
    pub list: Vec<Step>,
    /// The steps whose values the network returns, in the order of its outputs.
    pub returned: Vec<usize>,
}

impl Steps {
    /// The same with the first so many outputs alone.
    fn returning(&self, outputs: usize) -> Self {
        let stands: Vec<usize> = (0..self.list.len()).collect();
        compact(self.list.clone(), &stands, &self.returned[..outputs])
    }
}

/// One output of a network: for one example so many rows of so many numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// 1, or one per position where the network returns something at each.
    pub rows: usize,
    /// Numbers in each of them.
    pub numbers: usize,
}

/// A checked graph, without what no output needs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// In the graph's order.
    pub steps: Steps,
    /// The same with several of them joined, which is quicker where nobody watches.
    pub joined: Steps,
    /// Those of them that inference takes, which returns no auxiliary outputs.
    pub inference: Steps,
    /// The weights, in the order of their nodes.
    pub slots: Vec<Slot>,
    /// The shape of one example.
    pub input: Vec<usize>,
    /// What the network returns; at least one.
    pub outputs: Vec<Output>,
    /// The precision of products, where it is narrower than that of the weights.
    pub narrow: Option<FloatDType>,
}

impl Plan {
    /// Checks a graph: shapes fit, operators are known here, and it has as many outputs as there are `numbers`, each of so
    /// many of them, in all or along its last axis.
    pub fn of(graph: &Graph, input: &[usize], numbers: &[usize]) -> Result<Self, GraphError> {
        let input_shape: Shape = input.iter().map(|&size| size as i64).collect();
        let shapes = shape::infer(graph, &input_shape)?;
        let (found, wanted) = (graph.outputs.len(), numbers.len());
        if found != wanted || wanted == 0 {
            return Err(GraphError::whole(format!("has {found} outputs, but the task wants {wanted}")));
        }
        let rows = |(&output, &numbers): (&u32, &usize)| {
            let rows = rows(&graph.nodes[output as usize], &shapes[output as usize], numbers)?;
            Ok(Output { rows, numbers })
        };
        let outputs = graph.outputs.iter().zip(numbers).map(rows).collect::<Result<_, _>>()?;
        let mut plan = Self {
            steps: Steps::default(),
            joined: Steps::default(),
            inference: Steps::default(),
            slots: Vec::new(),
            input: input.to_vec(),
            outputs,
            narrow: None,
        };
        plan.add_steps(graph, &shapes)?;
        mark_last(&mut plan.steps);
        plan.joined = joined(&plan.steps);
        plan.inference = plan.joined.clone();
        Ok(plan)
    }

    /// The plan of a network of which only the first so many outputs are read outside training.
    pub fn with_auxiliary(mut self, outputs: usize) -> Self {
        self.inference = self.joined.returning(outputs);
        self
    }

    /// The plan of a network whose products are computed so.
    pub fn in_precision(self, precision: Precision) -> Self {
        Self { narrow: precision.narrow(), ..self }
    }

    /// Rows and numbers of the first output, which most networks have alone.
    pub fn first(&self) -> Output {
        self.outputs[0]
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
                positions[index] = self.steps.list.len();
                let inputs = node.inputs.iter().map(|&input| positions[input as usize]).collect();
                self.steps.list.push(Step { operator, need: Need::of(&node.op), inputs, last: Vec::new() });
            }
        }
        self.steps.returned = graph.outputs.iter().map(|&output| positions[output as usize]).collect();
        Ok(())
    }

    /// The plan in which these operators, of one operand, hand on what they are given.
    pub fn bypass(mut self, skipped: impl Fn(&Operator) -> bool) -> Self {
        for step in self.steps.list.iter_mut().filter(|step| skipped(&step.operator)) {
            step.operator = Operator::Activation(Activation::Identity);
        }
        self.joined = joined(&self.steps);
        self.inference = self.joined.returning(self.inference.returned.len());
        self
    }

    /// The plan of a training that leaves no path out.
    pub fn without_drop_path(self) -> Self {
        let any = self.steps.list.iter().any(|step| matches!(step.operator, Operator::DropPath { .. }));
        if any { self.bypass(|operator| matches!(operator, Operator::DropPath { .. })) } else { self }
    }
}

/// Marks what is read for the last time, which what is returned never is.
pub fn mark_last(steps: &mut Steps) {
    let mut read = vec![false; steps.list.len()];
    steps.returned.iter().for_each(|&at| read[at] = true);
    for step in steps.list.iter_mut().rev() {
        for &input in &step.inputs {
            if !read[input] {
                read[input] = true;
                step.last.push(input);
            }
        }
    }
}

/// Rows of `outputs` numbers in the value of an output.
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
