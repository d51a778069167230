//! What has to be computed, in order, and which weights that takes.

use nas_api::graph::{GraphError, Shape, shape};
use nas_api::{Graph, Node};

use super::operator::{self, Activation, Operator};
use super::weights::{Fill, Place, Slot};

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

        let needed = needed(graph, output);
        let mut plan = Self { steps: Vec::new(), slots: Vec::new(), input: input.to_vec(), outputs };
        let mut positions = vec![usize::MAX; graph.nodes.len()];
        let mut counts = Counts::default();
        for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
            let input_shapes: Vec<&Shape> = node.inputs.iter().map(|&input| &shapes[input as usize]).collect();
            let operator = plan.operator(node, index, &shapes[index], &input_shapes, &mut counts)?;
            positions[index] = plan.steps.len();
            let inputs = node.inputs.iter().map(|&input| positions[input as usize]).collect();
            plan.steps.push(Step { operator, inputs, last: Vec::new() });
        }
        plan.mark_last();
        Ok(plan)
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

    fn slot(&mut self, node: &Node, what: &str, shape: Vec<usize>, place: Place, fill: Fill) {
        self.slots.push(Slot { name: format!("{}.{what}", node.name), shape, place, fill });
    }

    fn operator(
        &mut self,
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
        let size = |axis: usize| inputs.first().and_then(|shape| shape.get(axis)).map_or(0, |&size| size as usize);
        Ok(match node.op.as_str() {
            "Input" => Operator::Input,
            "Constant" => Operator::Constant(node.float("value_float", 0.0)?),
            "Softmax" => Operator::Softmax(operator::axis(node, Some(-1), shape.len())?),
            "Dropout" => Operator::Dropout { ratio: node.float("ratio", 0.5)?, node: index as u32 },
            "Flatten" => Operator::Flatten,
            "Gemm" => {
                let (from, to) = (size(0), shape[0] as usize);
                self.slot(node, "weight", vec![to, from], Place::Matrix, Fill::he(from));
                let bias = self.bias(node, to, counts)?;
                Operator::Gemm { weight: counts.matrix(), bias }
            }
            "Conv" => {
                let [height, width] = operator::kernel(node)?;
                let (from, to) = (size(0) / operator::groups(node)?, shape[0] as usize);
                let fill = Fill::he(from * height * width);
                self.slot(node, "weight", vec![to, from, height, width], Place::Kernel, fill);
                let bias = self.bias(node, to, counts)?;
                Operator::Conv { weight: counts.kernel(), bias, options: operator::convolution(node)? }
            }
            "BatchNormalization" => {
                let channels = vec![shape[0] as usize];
                self.slot(node, "weight", channels.clone(), Place::Vector, Fill::Constant(1.0));
                self.slot(node, "bias", channels.clone(), Place::Vector, Fill::Constant(0.0));
                self.slot(node, "running_mean", channels.clone(), Place::Mean, Fill::Constant(0.0));
                self.slot(node, "running_var", channels, Place::Variance, Fill::Constant(1.0));
                Operator::BatchNormalization {
                    scale: counts.vector(),
                    shift: counts.vector(),
                    running: counts.running(),
                    epsilon: node.float("epsilon", 1e-5)?,
                    momentum: node.float("momentum", 0.9)?,
                }
            }
            "MaxPool" => Operator::MaxPool(operator::max_pool(node)?),
            "AveragePool" => Operator::AveragePool(operator::average_pool(node)?),
            "GlobalAveragePool" => Operator::GlobalAveragePool,
            "Add" => Operator::Add,
            "Mul" => Operator::Mul,
            "Sum" => Operator::Sum,
            "Concat" => Operator::Concat(operator::axis(node, None, shape.len())?),
            "Choice" => {
                return Err(GraphError::new(node, "this evaluator trains no supernets: choose before training"));
            }
            _ => return Err(GraphError::new(node, "this evaluator cannot train this operator")),
        })
    }

    fn bias(&mut self, node: &Node, size: usize, counts: &mut Counts) -> Result<Option<usize>, GraphError> {
        if node.int("bias", Some(1))? == 0 {
            return Ok(None);
        }
        self.slot(node, "bias", vec![size], Place::Vector, Fill::Constant(0.0));
        Ok(Some(counts.vector()))
    }
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

/// Which nodes the output needs.
fn needed(graph: &Graph, output: usize) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    needed[output] = true;
    for index in (0..=output).rev() {
        if needed[index] {
            for &input in &graph.nodes[index].inputs {
                needed[input as usize] = true;
            }
        }
    }
    needed
}
