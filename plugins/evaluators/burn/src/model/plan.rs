//! What has to be computed, in order, and which weights that takes.

use nas_api::graph::{GraphError, Shape, needed, shape, weights};
use nas_api::{Graph, Node};

use super::operator::{self, Activation, Operator};
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
    /// The weights, in the order of their nodes.
    pub slots: Vec<Slot>,
    /// The shape of one example.
    pub input: Vec<usize>,
    /// Numbers that the network returns for one example.
    pub outputs: usize,
}

impl Plan {
    /// Checks a graph: shapes fit, operators are known here, one output of `outputs` numbers.
    pub fn of(graph: &Graph, input: &[usize], outputs: usize) -> Result<Self, GraphError> {
        let input_shape: Shape = input.iter().map(|&size| size as i64).collect();
        let shapes = shape::infer(graph, &input_shape)?;
        let [output] = graph.outputs[..] else {
            let count = graph.outputs.len();
            return Err(GraphError::whole(format!("has {count} outputs; this evaluator trains networks with one")));
        };
        let output = output as usize;
        let returned: i64 = shapes[output].iter().product();
        if returned != outputs as i64 {
            let problem =
                format!("returns {returned} numbers (shape {:?}), but the task has {outputs}", shapes[output]);
            return Err(GraphError::new(&graph.nodes[output], problem));
        }

        let needed = needed(graph);
        let mut plan = Self { steps: Vec::new(), slots: Vec::new(), input: input.to_vec(), outputs };
        let mut positions = vec![usize::MAX; graph.nodes.len()];
        let mut counts = Counts::default();
        for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
            let input_shapes: Vec<&Shape> = node.inputs.iter().map(|&input| &shapes[input as usize]).collect();
            let operator = operator(node, index, &shapes[index], &input_shapes, &mut counts)?;
            let input = input_shapes.first().map_or(&[][..], |shape| shape);
            plan.slots.extend(weights::of_node(node, index, input, &shapes[index])?.into_iter().map(Slot::new));
            positions[index] = plan.steps.len();
            let inputs = node.inputs.iter().map(|&input| positions[input as usize]).collect();
            plan.steps.push(Step { operator, inputs, last: Vec::new() });
        }
        plan.mark_last();
        Ok(plan)
    }

    /// The plan in which these operators, of one operand, hand on what they are given.
    pub fn bypass(mut self, skipped: impl Fn(&Operator) -> bool) -> Self {
        for step in self.steps.iter_mut().filter(|step| skipped(&step.operator)) {
            step.operator = Operator::Activation(Activation::Identity);
        }
        self
    }

    fn mark_last(&mut self) {
        let mut read = vec![false; self.steps.len()];
        for step in self.steps.iter_mut().rev() {
            for &input in &step.inputs {
                if !read[input] {
                    read[input] = true;
                    step.last.push(input);
                }
            }
        }
    }
}

/// What a node computes, with the next free positions of its weights.
fn operator(
    node: &Node,
    index: usize,
    shape: &Shape,
    inputs: &[&Shape],
    counts: &mut Counts,
) -> Result<Operator, GraphError> {
    if !matches!((node.op.as_str(), shape.len()), ("Constant", 0) | (_, 1 | 3)) {
        let problem = format!("gives a value of shape {shape:?}; this evaluator computes values of 1 or 3 axes");
        return Err(GraphError::new(node, problem));
    }
    refuse_new_forms(node, inputs)?;
    if let Some(activation) = Activation::of(node)? {
        return Ok(Operator::Activation(activation));
    }
    Ok(match node.op.as_str() {
        "Input" => Operator::Input,
        "Constant" => Operator::Constant(node.float("value_float", 0.0)?),
        "Softmax" => Operator::Softmax(node.axis("axis", Some(-1), shape.len())? + 1),
        "Dropout" => Operator::Dropout { ratio: node.float("ratio", 0.5)?, node: index as u32 },
        "Flatten" => Operator::Flatten,
        "Gemm" => Operator::Gemm { weight: counts.matrix(), bias: bias(node, counts)? },
        "Conv" => {
            let options = operator::convolution(node)?;
            Operator::Conv { weight: counts.kernel(), bias: bias(node, counts)?, options }
        }
        "BatchNormalization" => Operator::BatchNormalization {
            scale: counts.vector(),
            shift: counts.vector(),
            running: counts.running(),
            epsilon: node.float("epsilon", 1e-5)?,
            momentum: node.float("momentum", 0.9)?,
        },
        "MaxPool" => Operator::MaxPool(operator::max_pool(node)?),
        "AveragePool" => Operator::AveragePool(operator::average_pool(node)?),
        "GlobalAveragePool" => Operator::GlobalAveragePool,
        "Add" => Operator::Add,
        "Mul" => Operator::Mul,
        "Sum" => Operator::Sum,
        "Concat" => Operator::Concat(node.axis("axis", None, shape.len())? + 1),
        "Choice" => {
            return Err(GraphError::new(node, "this evaluator trains no supernets: choose before training"));
        }
        _ => return Err(GraphError::new(node, "this evaluator cannot train this operator")),
    })
}

/// The position of a node's bias, if it has one.
fn bias(node: &Node, counts: &mut Counts) -> Result<Option<usize>, GraphError> {
    Ok(weights::has_bias(node)?.then(|| counts.vector()))
}

/// Known operators in a form that this evaluator does not compute.
fn refuse_new_forms(node: &Node, inputs: &[&Shape]) -> Result<(), GraphError> {
    let refused = |problem: &str| Err(GraphError::new(node, format!("this evaluator cannot train {problem}")));
    match node.op.as_str() {
        "Gemm" if inputs.first().is_some_and(|input| input.len() != 1) => {
            refused("a Gemm of values that are no vectors")
        }
        op if node.attribute("tied").is_some() => refused(&format!("a {op} with the weights of another node")),
        // Values without axes are constants.
        "Add" | "Mul" if inputs.iter().all(|input| !input.is_empty()) && inputs[0].len() != inputs[1].len() => {
            refused("an operator on values of different numbers of axes")
        }
        _ => Ok(()),
    }
}

/// The next free position of each list of weights.
#[derive(Default)]
struct Counts {
    vectors: usize,
    matrices: usize,
    kernels: usize,
    running: usize,
}

fn next(count: &mut usize) -> usize {
    *count += 1;
    *count - 1
}

impl Counts {
    fn vector(&mut self) -> usize {
        next(&mut self.vectors)
    }

    fn matrix(&mut self) -> usize {
        next(&mut self.matrices)
    }

    fn kernel(&mut self) -> usize {
        next(&mut self.kernels)
    }

    fn running(&mut self) -> usize {
        next(&mut self.running)
    }
}
