//! What every operator of the vocabulary is in ONNX. Most are ONNX's own; weights become inputs, and a few attributes too.

use std::collections::HashMap;

use nas_api::Node;
use nas_api::graph::GraphError;

use super::builder::{Builder, Value};
use super::proto::Attribute;
use super::{sequence, shaping};
use nas_api::graph::weights::has_bias;

/// The first version of ONNX's operator set that has an operator as it is written here; 17 has most of them.
pub fn opset(op: &str) -> i64 {
    match op {
        "Mish" => 18,
        "Gelu" => 20,
        "GroupNormalization" => 21,
        "RMSNormalization" | "RotaryEmbedding" | "Attention" => 23,
        _ => 17,
    }
}

/// A node with what its translation looks at.
pub struct Context<'c> {
    /// The node.
    pub node: &'c Node,
    /// The sizes of its value.
    pub shape: &'c [i64],
    /// Its inputs.
    pub inputs: Vec<Value>,
    /// Names of its weights by the last part of their name; `tied` too.
    pub weights: HashMap<&'static str, String>,
}

impl Context<'_> {
    /// The first input for every example.
    pub fn first(&self, graph: &mut Builder) -> String {
        self.inputs.first().map(|value| graph.with_batch(value)).unwrap_or_default()
    }

    /// The sizes of the first input.
    pub fn first_shape(&self) -> &[i64] {
        self.inputs.first().map_or(&[], |value| &value.shape)
    }

    /// The name of a weight. Every weight that is asked for is a slot of this node.
    pub fn weight(&self, what: &str) -> &str {
        self.weights.get(what).map_or("", String::as_str)
    }

    /// The node with these inputs and attributes, under its own name.
    pub fn node(&self, graph: &mut Builder, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        graph.node(&self.node.name, &self.node.op, inputs, attributes)
    }

    /// A name for a step on the way to the node's value.
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

/// Writes a node; its value comes back.
pub fn lower(graph: &mut Builder, at: &Context<'_>) -> Result<Value, GraphError> {
    let node = at.node;
    let done = |name: String| Ok(Value { name, shape: at.shape.to_vec(), batched: true });
    match node.op.as_str() {
        "Constant" => {
            let name = graph.float(node.float("value_float", 0.0)?);
            return Ok(Value { name, shape: Vec::new(), batched: false });
        }
        "Weight" => {
            return Ok(Value { name: at.weight("weight").to_owned(), shape: at.shape.to_vec(), batched: false });
        }
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min" => {
            let operands: Vec<&Value> = at.inputs.iter().collect();
            let names = graph.aligned(&operands);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let name = at.node(graph, &names, Vec::new());
            return Ok(Value { name, shape: at.shape.to_vec(), batched: operands.iter().any(|value| value.batched) });
        }
        _ => {}
    }
    let x = at.first(graph);
    let alone: &[&str] = &[&x];
    match node.op.as_str() {
        "Identity" | "Relu" | "Sigmoid" | "Tanh" | "Selu" | "HardSwish" | "Mish" | "Softplus" | "Neg" | "Abs"
        | "Exp" | "Log" | "Sqrt" | "Reciprocal" | "Erf" | "GlobalAveragePool" | "GlobalMaxPool" => {
            done(at.node(graph, alone, Vec::new()))
        }
        "Gelu" => done(at.node(graph, alone, vec![Attribute::text("approximate", node.text("approximate", "none")?)])),
        "Elu" => done(at.node(graph, alone, vec![at.float("alpha", 1.0)?])),
        "LeakyRelu" => done(at.node(graph, alone, vec![at.float("alpha", 0.01)?])),
        "HardSigmoid" => done(at.node(graph, alone, vec![at.float("alpha", 0.2)?, at.float("beta", 0.5)?])),
        "Softmax" | "LogSoftmax" => done(at.node(graph, alone, vec![at.int("axis", -1)?])),
        "Swish" => {
            // ONNX has `Swish` since version 24 alone, which few programs read.
            let alpha = node.float("alpha", 1.0)?;
            let scaled = if alpha == 1.0 {
                x.clone()
            } else {
                let alpha = graph.float(alpha);
                graph.node(&at.step("scaled"), "Mul", &[&x, &alpha], Vec::new())
            };
            let gate = graph.node(&at.step("gate"), "Sigmoid", &[&scaled], Vec::new());
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
            done(at.node(graph, &inputs[..if max.is_empty() { 2 } else { 3 }], Vec::new()))
        }
        "Dropout" => {
            let ratio = graph.float(node.float("ratio", 0.5)?);
            done(at.node(graph, &[&x, &ratio], Vec::new()))
        }
        "Flatten" => done(at.node(graph, alone, vec![Attribute::int("axis", 1)])),
        "Gemm" => done(gemm(graph, at, &x)?),
        "Conv" | "ConvTranspose" => {
            let attributes = window(at, true)?;
            let inputs = [x.as_str(), at.weight("weight"), at.weight("bias")];
            done(at.node(graph, &inputs[..if has_bias(node)? { 3 } else { 2 }], attributes))
        }
        "MaxPool" | "AveragePool" => {
            let mut attributes = window(at, false)?;
            if node.op == "AveragePool" {
                attributes.push(at.int("count_include_pad", 0)?);
            }
            done(at.node(graph, alone, attributes))
        }
        "BatchNormalization" => {
            let [scale, bias] = [at.weight("weight"), at.weight("bias")];
            let inputs = [x.as_str(), scale, bias, at.weight("running_mean"), at.weight("running_var")];
            done(at.node(graph, &inputs, vec![at.float("epsilon", 1e-5)?, at.float("momentum", 0.9)?]))
        }
        "LayerNormalization" | "RMSNormalization" => {
            let axis = node.axis("axis", Some(-1), at.shape.len())? as i64 + 1;
            let inputs = [x.as_str(), at.weight("weight"), at.weight("bias")];
            let count = if at.weights.contains_key("bias") { 3 } else { 2 };
            done(at.node(graph, &inputs[..count], vec![Attribute::int("axis", axis), at.float("epsilon", 1e-5)?]))
        }
        "GroupNormalization" | "InstanceNormalization" => {
            let mut attributes = vec![at.float("epsilon", 1e-5)?];
            if node.op == "GroupNormalization" {
                attributes.push(Attribute::int("num_groups", node.int("num_groups", None)?));
            }
            done(at.node(graph, &[&x, at.weight("weight"), at.weight("bias")], attributes))
        }
        "Sum" => {
            let inputs: Vec<String> = at.inputs.iter().map(|value| graph.with_batch(value)).collect();
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            done(at.node(graph, &inputs, Vec::new()))
        }
        "Concat" => {
            let inputs: Vec<String> = at.inputs.iter().map(|value| graph.with_batch(value)).collect();
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            let axis = Attribute::int("axis", node.int("axis", None)?);
            done(at.node(graph, &inputs, vec![axis]))
        }
        "MatMul" => {
            let operands: Vec<&Value> = at.inputs.iter().collect();
            let mut names = graph.aligned(&operands);
            // A value without a batch has fewer axes than the other, which numpy's rule allows; two of them have none.
            if operands.iter().all(|value| !value.batched) {
                names[0] = graph.with_batch(operands[0]);
            }
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            done(at.node(graph, &names, Vec::new()))
        }
        "Transpose" | "Reshape" | "Slice" | "Pad" | "Resize" | "DepthToSpace" | "SpaceToDepth" | "ReduceMean"
        | "ReduceSum" | "ReduceMax" | "ReduceMin" => done(shaping::lower(graph, at, &x)?),
        "Gather" | "Attention" | "RotaryEmbedding" | "Routing" => done(sequence::lower(graph, at, &x)?),
        _ => Err(GraphError::new(node, "the ONNX export does not know this operator")),
    }
}

/// ONNX's `Gemm` for vectors; a matrix product for what has more axes.
fn gemm(graph: &mut Builder, at: &Context<'_>, x: &str) -> Result<String, GraphError> {
    let (weight, bias) = (at.weight("weight"), has_bias(at.node)?);
    if at.shape.len() == 1 {
        let inputs = [x, weight, at.weight("bias")];
        return Ok(at.node(graph, &inputs[..if bias { 3 } else { 2 }], vec![Attribute::int("transB", 1)]));
    }
    // Weights keep the layout [out, in] in every file; every runtime turns a constant once, when it loads the network.
    let turned = graph.shared(&format!("turned {weight}"), |graph| {
        graph.node(&format!("{weight}.turned"), "Transpose", &[weight], vec![Attribute::ints("perm", vec![1, 0])])
    });
    if !bias {
        return Ok(graph.node(&at.node.name, "MatMul", &[x, &turned], Vec::new()));
    }
    let product = graph.node(&at.step("product"), "MatMul", &[x, &turned], Vec::new());
    Ok(graph.node(&at.node.name, "Add", &[&product, at.weight("bias")], Vec::new()))
}

/// How a window moves: one number per axis after the channels.
fn window(at: &Context<'_>, convolution: bool) -> Result<Vec<Attribute>, GraphError> {
    let (node, axes) = (at.node, at.first_shape().len() - 1);
    let mut attributes = vec![
        Attribute::ints("kernel_shape", node.ints("kernel_shape", axes, None)?),
        Attribute::ints("strides", node.ints("strides", axes, Some(1))?),
        Attribute::ints("pads", node.ints("pads", 2 * axes, Some(0))?),
    ];
    if convolution {
        attributes.push(Attribute::ints("dilations", node.ints("dilations", axes, Some(1))?));
        attributes.push(at.int("group", 1)?);
    }
    if node.op == "ConvTranspose" {
        attributes.push(Attribute::ints("output_padding", node.ints("output_padding", axes, Some(0))?));
    }
    Ok(attributes)
}
