//! The steps that a network computes, in order, and the weights that they use.

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

/// One node that an output depends on.
#[derive(Clone, Debug)]
pub struct Step {
    /// The operator that it computes.
    pub operator: Operator,
    /// The precision that it needs where products are narrow.
    pub need: Need,
    /// The steps whose values it reads.
    pub inputs: Vec<usize>,
    /// The inputs that no later step reads, whose memory can then be reused.
    pub last: Vec<usize>,
}

/// Steps in the order of their computation.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    /// The steps; none reads the value of a later one.
    pub list: Vec<Step>,
    /// The steps whose values the network returns, in the order of its outputs.
    pub returned: Vec<usize>,
}

impl Steps {
    /// The steps that the first `outputs` outputs need.
    fn returning(&self, outputs: usize) -> Self {
        let stands: Vec<usize> = (0..self.list.len()).collect();
        compact(self.list.clone(), &stands, &self.returned[..outputs])
    }
}

/// One output of a network: for each example a matrix of `rows` by `numbers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// 1, or the number of positions if the network returns something at each.
    pub rows: usize,
    /// The count of numbers in each row.
    pub numbers: usize,
}

/// A checked graph, reduced to what its outputs need.
#[derive(Clone, Debug)]
pub struct Plan {
    /// One step per node, in the graph's order.
    pub steps: Steps,
    /// The same steps, some of them fused into one, which is faster. Used unless a [`Watch`](crate::Watch) wants the
    /// value of every step.
    pub joined: Steps,
    /// The fused steps for inference, which returns no auxiliary outputs.
    pub inference: Steps,
    /// The weights, in the order of their nodes.
    pub slots: Vec<Slot>,
    /// The shape of one example.
    pub input: Vec<usize>,
    /// The network's outputs; at least one.
    pub outputs: Vec<Output>,
    /// The precision of products if it is narrower than that of the weights.
    pub narrow: Option<FloatDType>,
}

impl Plan {
    /// Checks a graph for examples of the shape `input`: shapes must fit, operators must be known, and there must be
    /// one output for each entry of `numbers`, with that count of numbers in all or along its last axis.
    ///
    /// # Errors
    ///
    /// Fails if one of these conditions does not hold or an attribute is invalid.
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

    /// The plan of a network that returns only its first `outputs` outputs outside training; the others are auxiliary.
    pub fn with_auxiliary(mut self, outputs: usize) -> Self {
        self.inference = self.joined.returning(outputs);
        self
    }

    /// The plan of a network whose products are computed in this precision.
    pub fn in_precision(self, precision: Precision) -> Self {
        Self { narrow: precision.narrow(), ..self }
    }

    /// The first output; most networks have only one.
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
            // A node that is needed only for its weights is not computed.
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

    /// The plan in which the selected operators, which must have one operand, return it unchanged.
    pub fn bypass(mut self, skipped: impl Fn(&Operator) -> bool) -> Self {
        for step in self.steps.list.iter_mut().filter(|step| skipped(&step.operator)) {
            step.operator = Operator::Activation(Activation::Identity);
        }
        self.joined = joined(&self.steps);
        self.inference = self.joined.returning(self.inference.returned.len());
        self
    }

    /// The plan of a training that drops no paths.
    pub fn without_drop_path(self) -> Self {
        let any = self.steps.list.iter().any(|step| matches!(step.operator, Operator::DropPath { .. }));
        if any { self.bypass(|operator| matches!(operator, Operator::DropPath { .. })) } else { self }
    }
}

/// Marks where each value is read for the last time. Returned values are kept to the end.
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

/// The number of rows of `outputs` numbers in the value of an output.
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

/// The names of the nodes whose weights other nodes use.
fn owners<'g>(graph: &'g Graph, needed: &[bool]) -> Result<HashSet<&'g str>, GraphError> {
    let tied = graph.nodes.iter().zip(needed).filter(|(_, needed)| **needed).map(|(node, _)| node.text("tied", ""));
    tied.filter(|owner| !matches!(owner, Ok(""))).collect()
}
