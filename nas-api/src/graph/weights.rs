//! The weights of a network: their names, shapes and initial values. Training, export and loading all take them from
//! here, so that they agree.

use super::{Graph, GraphError, Node, Shape};
use crate::rng::{Random, RngExt, derive, seeded};

/// A tensor of weights or running statistics of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// The position of the node in its graph.
    pub node: usize,
    /// The name: `<node>.weight`, `<node>.bias`, `<node>.running_mean` or `<node>.running_var`.
    pub name: String,
    /// The last part of the name: `weight`, `bias`, `running_mean` or `running_var`.
    pub what: &'static str,
    /// The shape. The weight of a `Gemm` is `[out, in]`, that of a `Conv` `[out, in / group, kernel...]`, and that of a
    /// `ConvTranspose` `[in, out / group, kernel...]`.
    pub shape: Vec<usize>,
    /// The initial values.
    pub initializer: Initializer,
}

/// The distribution of initial values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initializer {
    /// Every element has this value.
    Constant(f32),
    /// Uniform between minus and plus this bound.
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
}

/// The standard deviation of embeddings and learned values, as in GPT-2 (Radford et al. 2019).
const NORMAL: f64 = 0.02;

/// Kaiming (He) uniform, fan-in mode: ±√(6 / fan_in) (He, Zhang, Ren & Sun 2015, section 2.2).
fn he(fan_in: usize) -> Initializer {
    Initializer::Uniform((6.0 / fan_in.max(1) as f64).sqrt())
}

impl TensorSpec {
    /// Returns the number of elements.
    pub fn numbers(&self) -> u64 {
        self.shape.iter().map(|&size| size as u64).product()
    }

    /// Returns the initial values in row-major order. Every slot draws from its own stream of random numbers, so that
    /// other nodes do not change them.
    pub fn initial(&self, seed: u32) -> impl Iterator<Item = f32> + use<> {
        let mut rng = seeded(derive(seed, &self.name, 0));
        let fill = self.initializer;
        (0..self.numbers()).map(move |_| match fill {
            Initializer::Constant(value) => value,
            Initializer::Uniform(bound) => ((unit(&mut rng) * 2.0 - 1.0) * bound) as f32,
            Initializer::Normal(deviation) => {
                // The Box-Muller transform. `libm` gives the same bits on every machine.
                let (radius, angle) = (unit(&mut rng), unit(&mut rng));
                // `unit` can exceed 1 slightly, which makes the logarithm positive.
                let radius = libm::sqrt((-2.0 * libm::log(radius)).max(0.0));
                (radius * libm::cos(std::f64::consts::TAU * angle) * deviation) as f32
            }
        })
    }
}

/// Returns a number above 0 and at most 1 + 2⁻³³. The divisor must stay, because another one would change the initial
/// weights of every study.
fn unit(rng: &mut Random) -> f64 {
    (f64::from(rng.random::<u32>()) + 0.5) / f64::from(u32::MAX)
}

/// Returns the slots of all nodes, in the graph's order. `shapes` are the shapes of the nodes' values (see
/// [`infer`](super::shape::infer)).
///
/// # Errors
///
/// Returns an error if the graph is a supernet: a `Choice` has no single set of weights.
pub fn tensor_specs(graph: &Graph, shapes: &[Shape]) -> Result<Vec<TensorSpec>, GraphError> {
    let mut slots = Vec::new();
    for (position, node) in graph.nodes.iter().enumerate() {
        let input = node.inputs.first().map_or(&[][..], |&input| &shapes[input as usize]);
        slots.extend(of_node(node, position, input, &shapes[position])?);
    }
    Ok(slots)
}

/// Returns the slots of the node at this position of its graph. `input` is the shape of its first input, and `output`
/// the shape of its value.
///
/// # Errors
///
/// Returns an error if the node is a `Choice` or has an attribute that is not valid.
pub fn of_node(node: &Node, position: usize, input: &[i64], output: &[i64]) -> Result<Vec<TensorSpec>, GraphError> {
    if node.op == "Choice" {
        return Err(GraphError::new(node, "is still open, so this is a supernet: choose one of its architectures"));
    }
    let mut slots = Vec::new();
    let mut add = |what: &'static str, shape: &[i64], initializer: Initializer| {
        let name = format!("{}.{what}", node.name);
        // Shape inference has checked that sizes are positive and within the limits.
        let shape = shape.iter().map(|&size| size as usize).collect();
        slots.push(TensorSpec { node: position, name, what, shape, initializer });
    };
    add_slots(node, input, output, &mut add)?;
    Ok(slots)
}

fn add_slots(
    node: &Node,
    input: &[i64],
    output: &[i64],
    add: &mut dyn FnMut(&'static str, &[i64], Initializer),
) -> Result<(), GraphError> {
    if shared_owner(node)?.is_some() {
        return Ok(());
    }
    let (zero, one) = (Initializer::Constant(0.0), Initializer::Constant(1.0));
    let channels = &input[..input.len().min(1)];
    match node.op.as_str() {
        "Gemm" => {
            let (from, to) = (input[input.len() - 1], output[output.len() - 1]);
            if node.text("tied", "")?.is_empty() {
                add("weight", &[to, from], he(from as usize));
            }
            if has_bias(node)? {
                add("bias", &[to], zero);
            }
        }
        "Conv" | "ConvTranspose" => {
            let group = node.int("group", Some(1))?;
            let kernel = node.ints("kernel_shape", input.len() - 1, None)?;
            let (from, to) = (input[0], output[0]);
            let sizes = if node.op == "Conv" { [to, from / group] } else { [from, to / group] };
            let fan_in = kernel.iter().product::<i64>() * (from / group);
            add("weight", &[&sizes[..], &kernel].concat(), he(fan_in as usize));
            if has_bias(node)? {
                add("bias", &[to], zero);
            }
        }
        "BatchNormalization" => {
            for (what, fill) in [("weight", one), ("bias", zero), ("running_mean", zero), ("running_var", one)] {
                add(what, channels, fill);
            }
        }
        "GroupNormalization" | "InstanceNormalization" => {
            add("weight", channels, one);
            add("bias", channels, zero);
        }
        "LayerNormalization" | "RMSNormalization" => {
            let normalised = &input[node.axis("axis", Some(-1), input.len())?..];
            add("weight", normalised, one);
            if node.op == "LayerNormalization" && has_bias(node)? {
                add("bias", normalised, zero);
            }
        }
        "Gather" => {
            let sizes = [node.int("num_embeddings", None)?, node.int("embedding_dim", None)?];
            add("weight", &sizes, Initializer::Normal(NORMAL));
        }
        "Weight" => {
            let fill = match node.text("init", "normal")? {
                "zeros" => zero,
                "ones" => one,
                _ => Initializer::Normal(NORMAL),
            };
            add("weight", output, fill);
        }
        _ => {}
    }
    Ok(())
}

/// Returns the name of the earlier node whose weights this node reuses in full, if there is one. Returns `None` for a
/// tied `Gemm`, which shares only the matrix.
///
/// # Errors
///
/// Returns an error if the attribute `tied` is not a text.
pub fn shared_owner(node: &Node) -> Result<Option<&str>, GraphError> {
    let owner = node.text("tied", "")?;
    Ok((node.op != "Gemm" && !owner.is_empty()).then_some(owner))
}

/// Returns whether a node has a bias, which is the default.
///
/// # Errors
///
/// Returns an error if the attribute `bias` is not a whole number.
pub fn has_bias(node: &Node) -> Result<bool, GraphError> {
    Ok(node.int("bias", Some(1))? != 0)
}
