//! Builds graphs node by node; what spaces use.

mod options;

use super::{Attribute, Graph, Node, Symbol};

pub use options::{Convolution, Heads, Window, float, int, ints, text};

/// A node of the graph being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(u32);

/// A graph being built. Inputs are earlier nodes, so that what comes out is always in topological order.
///
/// ```
/// # use nas_api::GraphBuilder;
/// let mut graph = GraphBuilder::new();
/// let input = graph.input();
/// let flat = graph.op("flatten", "Flatten", &[input]);
/// let hidden = graph.gemm("hidden", flat, 64);
/// let hidden = graph.op("relu", "Relu", &[hidden]);
/// let logits = graph.gemm("head", hidden, 10);
/// let graph = graph.finish(&[logits]);
/// assert_eq!(graph.nodes.len(), 5);
/// ```
#[derive(Clone, Debug)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
}

/// `prefix.name`.
fn join(prefix: &str, name: &str) -> String {
    [prefix, ".", name].concat()
}

impl Default for GraphBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl GraphBuilder {
    /// An empty graph.
    pub fn new() -> Self {
        // Most networks have tens to hundreds of nodes; a list that grows from nothing is copied for each doubling.
        Self { nodes: Vec::with_capacity(128) }
    }

    /// Any operator, with attributes.
    pub fn node(
        &mut self,
        name: impl Into<String>,
        op: impl Into<Symbol>,
        inputs: &[NodeId],
        attributes: Vec<(Symbol, Attribute)>,
    ) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let inputs = inputs.iter().map(|input| input.0).collect();
        self.nodes.push(Node { name: name.into(), op: op.into(), inputs, attributes });
        id
    }

    /// An operator without attributes.
    pub fn op(&mut self, name: impl Into<String>, op: impl Into<Symbol>, inputs: &[NodeId]) -> NodeId {
        self.node(name, op, inputs, Vec::new())
    }

    /// The task's input.
    pub fn input(&mut self) -> NodeId {
        self.op("input", "Input", &[])
    }

    /// A fully connected layer with bias, on the last axis.
    pub fn gemm(&mut self, name: impl Into<String>, input: NodeId, out_features: i64) -> NodeId {
        self.node(name, "Gemm", &[input], vec![int("out_features", out_features)])
    }

    /// A fully connected layer without bias, on the last axis.
    pub fn gemm_without_bias(&mut self, name: impl Into<String>, input: NodeId, out_features: i64) -> NodeId {
        self.node(name, "Gemm", &[input], vec![int("out_features", out_features), int("bias", 0)])
    }

    /// A convolution of images without bias, as it stands before a normalisation.
    pub fn conv(&mut self, name: impl Into<String>, input: NodeId, out_channels: i64, window: Window) -> NodeId {
        self.convolve(name, input, Convolution::new(out_channels, window))
    }

    /// Any convolution.
    pub fn convolve(&mut self, name: impl Into<String>, input: NodeId, convolution: Convolution) -> NodeId {
        self.node(name, "Conv", &[input], convolution.attributes())
    }

    /// An earlier `Conv` or `GroupNormalization` once more, with the same weights, on another value of as many channels.
    pub fn again(&mut self, name: impl Into<String>, layer: NodeId, input: NodeId) -> NodeId {
        let Node { name: owner, op, mut attributes, .. } = self.nodes[layer.0 as usize].clone();
        // Where the layer is tied itself, it names the owner already.
        if !attributes.iter().any(|(known, _)| known == "tied") {
            attributes.push(text("tied", &owner));
        }
        self.node(name, op, &[input], attributes)
    }

    /// `AveragePool` (the padding does not count) or `MaxPool`, of images.
    pub fn pool(&mut self, name: impl Into<String>, op: impl Into<Symbol>, input: NodeId, window: Window) -> NodeId {
        self.node(name, op, &[input], window.attributes(2))
    }

    /// `AveragePool` (the padding does not count) or `MaxPool`, of signals [channels, length].
    pub fn pool_1d(&mut self, name: impl Into<String>, op: impl Into<Symbol>, input: NodeId, window: Window) -> NodeId {
        self.node(name, op, &[input], window.attributes(1))
    }

    /// The mean of every channel, as a vector: `name` and `name.flat`.
    pub fn global_average(&mut self, name: &str, input: NodeId) -> NodeId {
        let means = self.op(name, "GlobalAveragePool", &[input]);
        self.op(join(name, "flat"), "Flatten", &[means])
    }

    /// The numbers held between two bounds.
    pub fn clip(&mut self, name: impl Into<String>, input: NodeId, min: f64, max: f64) -> NodeId {
        self.node(name, "Clip", &[input], vec![float("min", min), float("max", max)])
    }

    /// ReLU6: held between 0 and 6.
    pub fn relu6(&mut self, name: impl Into<String>, input: NodeId) -> NodeId {
        self.clip(name, input, 0.0, 6.0)
    }

    /// The sum of two values, broadcast.
    pub fn add(&mut self, name: impl Into<String>, a: NodeId, b: NodeId) -> NodeId {
        self.op(name, "Add", &[a, b])
    }

    /// The product of two values, number by number, broadcast.
    pub fn mul(&mut self, name: impl Into<String>, a: NodeId, b: NodeId) -> NodeId {
        self.op(name, "Mul", &[a, b])
    }

    /// Values joined along an axis, counted with the batch.
    pub fn concat(&mut self, name: impl Into<String>, inputs: &[NodeId], axis: i64) -> NodeId {
        self.node(name, "Concat", inputs, vec![int("axis", axis)])
    }

    /// Another shape (without the batch) for the same numbers; one size may be −1.
    pub fn reshape(&mut self, name: impl Into<String>, input: NodeId, shape: &[i64]) -> NodeId {
        self.node(name, "Reshape", &[input], vec![ints("shape", shape)])
    }

    /// Axes in another order, counted with the batch, which stays first.
    pub fn transpose(&mut self, name: impl Into<String>, input: NodeId, perm: &[i64]) -> NodeId {
        self.node(name, "Transpose", &[input], vec![ints("perm", perm)])
    }

    /// The positions `start` to `end` − 1 of an axis, counted with the batch.
    pub fn slice(&mut self, name: impl Into<String>, input: NodeId, axis: i64, start: i64, end: i64) -> NodeId {
        self.node(name, "Slice", &[input], vec![int("axis", axis), int("start", start), int("end", end)])
    }

    /// The mean over axes, counted with the batch, which then are gone.
    pub fn mean(&mut self, name: impl Into<String>, input: NodeId, axes: &[i64]) -> NodeId {
        self.node(name, "ReduceMean", &[input], vec![ints("axes", axes), int("keepdims", 0)])
    }

    /// A trainable value that is the same for every example; `init` is `zeros`, `ones` or `normal`.
    pub fn weight(&mut self, name: impl Into<String>, shape: &[i64], init: &str) -> NodeId {
        self.node(name, "Weight", &[], vec![ints("shape", shape), text("init", init)])
    }

    /// A learned vector of `width` numbers for each of `count` indices.
    pub fn embedding(&mut self, name: impl Into<String>, indices: NodeId, count: i64, width: i64) -> NodeId {
        let sizes = vec![int("num_embeddings", count), int("embedding_dim", width)];
        self.node(name, "Gather", &[indices], sizes)
    }

    /// A layer normalisation of the last axis, with scale and shift.
    pub fn layer_norm(&mut self, name: impl Into<String>, input: NodeId) -> NodeId {
        self.op(name, "LayerNormalization", &[input])
    }

    /// A normalisation of the last axis by its root mean square, with a scale.
    pub fn rms_norm(&mut self, name: impl Into<String>, input: NodeId) -> NodeId {
        self.op(name, "RMSNormalization", &[input])
    }

    /// Attention of queries, keys and values, each [positions, features].
    pub fn attention(&mut self, name: impl Into<String>, qkv: [NodeId; 3], heads: Heads) -> NodeId {
        self.node(name, "Attention", &qkv, heads.attributes())
    }

    /// All zeros, of the shape of `like`.
    pub fn zeros(&mut self, name: impl Into<String>, like: NodeId) -> NodeId {
        let name = name.into();
        let zero = self.node(join(&name, "zero"), "Constant", &[], vec![float("value_float", 0.0)]);
        self.op(name, "Mul", &[like, zero])
    }

    /// A value that training may replace by zeros for some examples.
    pub fn drop_path(&mut self, name: impl Into<String>, input: NodeId) -> NodeId {
        self.op(name, "DropPath", &[input])
    }

    /// An output that is read in training alone; it is not among those of [`GraphBuilder::finish`].
    pub fn auxiliary(&mut self, name: impl Into<String>, input: NodeId) -> NodeId {
        self.op(name, "Auxiliary", &[input])
    }

    /// The graph that returns the values of these nodes.
    pub fn finish(self, outputs: &[NodeId]) -> Graph {
        Graph { nodes: self.nodes, outputs: outputs.iter().map(|output| output.0).collect() }
    }
}
