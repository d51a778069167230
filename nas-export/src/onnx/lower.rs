//! Translates every operator of the vocabulary to ONNX. Most exist there, with weights and some attributes as inputs.

use std::collections::HashMap;

use nas_api::Node;
use nas_api::graph::GraphError;

use super::builder::{Builder, Value};
use super::proto::Attribute;
use super::{sequence, shaping};
use nas_api::graph::weights::has_bias;

/// Returns the first version of ONNX's operator set, from 17 on, that has an operator as it is written here.
pub fn opset(op: &str) -> i64 {
    match op {
        "Mish" => 18,
        "Gelu" => 20,
        "GroupNormalization" => 21,
        "RMSNormalization" | "RotaryEmbedding" | "Attention" => 23,
        _ => 17,
    }
}

/// A node with what its translation needs.
pub struct Context<'c> {
    /// The node.
    pub node: &'c Node,
    /// The shape of its value for one example.
    pub shape: &'c [i64],
    /// The values that it reads.
    pub inputs: Vec<Value>,
    /// The names of its weights by their role (`weight`, `bias`), those of a `tied` node included.
    pub weights: HashMap<&'static str, String>,
}

impl Context<'_> {
    /// Returns the name of the first input, with a batch.
    pub fn first(&self, graph: &mut Builder) -> String {
        self.inputs.first().map(|value| graph.with_batch(value)).unwrap_or_default()
    }

    /// Returns the shape of the first input for one example.
    pub fn first_shape(&self) -> &[i64] {
        self.inputs.first().map_or(&[], |value| &value.shape)
    }

    /// Returns the name of a weight by its role; empty if the node has none.
    pub fn weight(&self, what: &str) -> &str {
        self.weights.get(what).map_or("", String::as_str)
    }

    /// Adds a node of the same operator and name, and returns the name of its value.
    pub fn node(&self, graph: &mut Builder, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        graph.node(&self.node.name, &self.node.op, inputs, attributes)
    }

    /// Returns a name for an intermediate value.
    pub fn step(&self, what: &str) -> String {
        format!("{}.{what}", self.node.name)
    }

    fn float(&self, name: &str, default: f64) -> Result<Attribute, GraphError> {
        Ok(Attribute::float(name, self.node.float(name, default)?))
    }

    fn int(&self, name: &str, default: i64) -> Result<Attribute, GraphError> {
        Ok(Attribute::int(name, self.node.int(name, Some(default))?))
    }
}

/// Adds the nodes that compute a node of the network, and returns its value.
///
/// # Errors
/// Fails if the operator is not known here, or an attribute is missing or invalid.
pub fn lower(graph: &mut Builder, context: &Context<'_>) -> Result<Value, GraphError> {
    let node = context.node;
    let done = |name: String| Ok(Value { name, shape: context.shape.to_vec(), batched: true });
    match node.op.as_str() {
        "Constant" => {
            let name = graph.float(node.float("value_float", 0.0)?);
            return Ok(Value { name, shape: Vec::new(), batched: false });
        }
        "Weight" => {
            return Ok(Value {
                name: context.weight("weight").to_owned(),
                shape: context.shape.to_vec(),
                batched: false,
            });
        }
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min" => {
            let operands: Vec<&Value> = context.inputs.iter().collect();
            let names = graph.aligned(&operands);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let name = context.node(graph, &names, Vec::new());
            return Ok(Value {
                name,
                shape: context.shape.to_vec(),
                batched: operands.iter().any(|value| value.batched),
            });
        }
        _ => {}
    }
    let x = context.first(graph);
    let only_x: &[&str] = &[&x];
    match node.op.as_str() {
        "Identity" | "Relu" | "Sigmoid" | "Tanh" | "Selu" | "HardSwish" | "Mish" | "Softplus" | "Neg" | "Abs"
        | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Erf" | "GlobalAveragePool" | "GlobalMaxPool" => {
            done(context.node(graph, only_x, Vec::new()))
        }
        "Gelu" => {
            done(context.node(graph, only_x, vec![Attribute::text("approximate", node.text("approximate", "none")?)]))
        }
        "Elu" => done(context.node(graph, only_x, vec![context.float("alpha", 1.0)?])),
        "LeakyRelu" => done(context.node(graph, only_x, vec![context.float("alpha", 0.01)?])),
        "HardSigmoid" => {
            done(context.node(graph, only_x, vec![context.float("alpha", 0.2)?, context.float("beta", 0.5)?]))
        }
        "Softmax" | "LogSoftmax" => done(context.node(graph, only_x, vec![context.int("axis", -1)?])),
        "Swish" => {
            // ONNX has `Swish` only since version 24, which few programs read.
            let alpha = node.float("alpha", 1.0)?;
            let scaled = if alpha == 1.0 {
                x.clone()
            } else {
                let alpha = graph.float(alpha);
                graph.node(&context.step("scaled"), "Mul", &[&x, &alpha], Vec::new())
            };
            let gate = graph.node(&context.step("gate"), "Sigmoid", &[&scaled], Vec::new());
            done(graph.node(&node.name, "Mul", &[&x, &gate], Vec::new()))
        }
        "Clip" => {
            let limit = |graph: &mut Builder, name: &str| {
                Ok::<_, GraphError>(match node.attribute(name) {
                    Some(_) => graph.float(node.float(name, 0.0)?),
                    None => String::new(),
                })
            };
            let (min, max) = (limit(graph, "min")?, limit(graph, "max")?);
            let inputs = [x.as_str(), &min, &max];
            done(context.node(graph, &inputs[..if max.is_empty() { 2 } else { 3 }], Vec::new()))
        }
        "Dropout" => {
            let ratio = graph.float(node.float("ratio", 0.5)?);
            done(context.node(graph, &[&x, &ratio], Vec::new()))
        }
        "Flatten" => done(context.node(graph, only_x, vec![Attribute::int("axis", 1)])),
        "Gemm" => done(gemm(graph, context, &x)?),
        "Conv" | "ConvTranspose" => {
            let attributes = window(context, true)?;
            let inputs = [x.as_str(), context.weight("weight"), context.weight("bias")];
            done(context.node(graph, &inputs[..if has_bias(node)? { 3 } else { 2 }], attributes))
        }
        "MaxPool" | "AveragePool" => {
            let mut attributes = window(context, false)?;
            if node.op == "AveragePool" {
                attributes.push(context.int("count_include_pad", 0)?);
            }
            done(context.node(graph, only_x, attributes))
        }
        "BatchNormalization" => {
            let [scale, bias] = [context.weight("weight"), context.weight("bias")];
            let inputs = [x.as_str(), scale, bias, context.weight("running_mean"), context.weight("running_var")];
            done(context.node(graph, &inputs, vec![context.float("epsilon", 1e-5)?, context.float("momentum", 0.9)?]))
        }
        "LayerNormalization" | "RMSNormalization" => {
            let axis = node.axis("axis", Some(-1), context.shape.len())? as i64 + 1;
            let inputs = [x.as_str(), context.weight("weight"), context.weight("bias")];
            let count = if context.weights.contains_key("bias") { 3 } else { 2 };
            done(context.node(
                graph,
                &inputs[..count],
                vec![Attribute::int("axis", axis), context.float("epsilon", 1e-5)?],
            ))
        }
        "GroupNormalization" | "InstanceNormalization" => {
            let mut attributes = vec![context.float("epsilon", 1e-5)?];
            if node.op == "GroupNormalization" {
                attributes.push(Attribute::int("num_groups", node.int("num_groups", None)?));
            }
            done(context.node(graph, &[&x, context.weight("weight"), context.weight("bias")], attributes))
        }
        "Sum" => {
            let inputs: Vec<String> = context.inputs.iter().map(|value| graph.with_batch(value)).collect();
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            done(context.node(graph, &inputs, Vec::new()))
        }
        "Concat" => {
            let inputs: Vec<String> = context.inputs.iter().map(|value| graph.with_batch(value)).collect();
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            let axis = Attribute::int("axis", node.int("axis", None)?);
            done(context.node(graph, &inputs, vec![axis]))
        }
        "MatMul" => {
            let operands: Vec<&Value> = context.inputs.iter().collect();
            let mut names = graph.aligned(&operands);
            // Broadcasting adds the batch to one value without it; if both lack it, it must be added here.
            if operands.iter().all(|value| !value.batched) {
                names[0] = graph.with_batch(operands[0]);
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            done(context.node(graph, &names, Vec::new()))
        }
        "Transpose" | "Reshape" | "Slice" | "Pad" | "Resize" | "DepthToSpace" | "SpaceToDepth" | "ReduceMean"
        | "ReduceSum" | "ReduceMax" | "ReduceMin" => done(shaping::lower(graph, context, &x)?),
        "Gather" | "Attention" | "RotaryEmbedding" | "Routing" => done(sequence::lower(graph, context, &x)?),
        _ => Err(GraphError::new(node, "the ONNX export does not know this operator")),
    }
}

/// Returns a fully connected layer: ONNX's `Gemm` for vectors, a matrix product for values with more axes.
fn gemm(graph: &mut Builder, context: &Context<'_>, x: &str) -> Result<String, GraphError> {
    let (weight, bias) = (context.weight("weight"), has_bias(context.node)?);
    if context.shape.len() == 1 {
        let inputs = [x, weight, context.weight("bias")];
        return Ok(context.node(graph, &inputs[..if bias { 3 } else { 2 }], vec![Attribute::int("transB", 1)]));
    }
    // Weights keep the layout [out, in] in every file; runtimes transpose a constant once, when they load the network.
    let transposed = graph.shared(&format!("turned {weight}"), |graph| {
        graph.node(&format!("{weight}.turned"), "Transpose", &[weight], vec![Attribute::ints("perm", vec![1, 0])])
    });
    if !bias {
        return Ok(graph.node(&context.node.name, "MatMul", &[x, &transposed], Vec::new()));
    }
    let product = graph.node(&context.step("product"), "MatMul", &[x, &transposed], Vec::new());
    Ok(graph.node(&context.node.name, "Add", &[&product, context.weight("bias")], Vec::new()))
}

/// Returns the attributes of a window: one number per axis after the channels, two per axis for pads.
fn window(context: &Context<'_>, convolution: bool) -> Result<Vec<Attribute>, GraphError> {
    let (node, axes) = (context.node, context.first_shape().len() - 1);
    let mut attributes = vec![
        Attribute::ints("kernel_shape", node.ints("kernel_shape", axes, None)?),
        Attribute::ints("strides", node.ints("strides", axes, Some(1))?),
        Attribute::ints("pads", node.ints("pads", 2 * axes, Some(0))?),
    ];
    if convolution {
        attributes.push(Attribute::ints("dilations", node.ints("dilations", axes, Some(1))?));
        attributes.push(context.int("group", 1)?);
    }
    if node.op == "ConvTranspose" {
        attributes.push(Attribute::ints("output_padding", node.ints("output_padding", axes, Some(0))?));
    }
    Ok(attributes)
}
