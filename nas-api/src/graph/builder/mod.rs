//! The graph builder, by which spaces build graphs node by node.

mod options;

use super::{Attribute, Graph, Node, Symbol};

pub use options::{Convolution, Heads, Window, float, int, ints, text};

/// A node of a graph that is being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(u32);

/// Builds a graph node by node. A node can read earlier nodes only, so the graph is always in topological order.
///
/// Methods add one node (unless they say otherwise) with the given name, which must be unique within the graph, and
/// return it. Sizes and attributes are not checked here, but by [`infer`](super::shape::infer).
///
/// # Examples
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

/// Returns `prefix.name`.
fn join(prefix: &str, name: &str) -> String {
    [prefix, ".", name].concat()
}

impl Default for GraphBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl GraphBuilder {
    /// Returns a builder without nodes.
    pub fn new() -> Self {
        // Most graphs have tens to hundreds of nodes, and a list that starts empty is copied at each doubling.
        Self { nodes: Vec::with_capacity(128) }
    }

    /// Adds a node with any operator and attributes.
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

    /// Adds a node with an operator that needs no attributes.
    pub fn op(&mut self, name: impl Into<String>, op: impl Into<Symbol>, inputs: &[NodeId]) -> NodeId {
        self.node(name, op, inputs, Vec::new())
    }

    /// Adds the `Input`, under the name `input`: one example of the task.
    pub fn input(&mut self) -> NodeId {
        self.op("input", "Input", &[])
    }

    /// Adds a fully connected layer with bias on the last axis: `[.., in]` becomes `[.., out_features]`.
    pub fn gemm(&mut self, name: impl Into<String>, input: NodeId, out_features: i64) -> NodeId {
        self.node(name, "Gemm", &[input], vec![int("out_features", out_features)])
    }

    /// Adds a fully connected layer without bias on the last axis: `[.., in]` becomes `[.., out_features]`.
    pub fn gemm_without_bias(&mut self, name: impl Into<String>, input: NodeId, out_features: i64) -> NodeId {
        self.node(name, "Gemm", &[input], vec![int("out_features", out_features), int("bias", 0)])
    }

    /// Adds a convolution of images `[channels, height, width]` without bias, as is usual before a normalisation.
    pub fn conv(&mut self, name: impl Into<String>, input: NodeId, out_channels: i64, window: Window) -> NodeId {
        self.convolve(name, input, Convolution::new(out_channels, window))
    }

    /// Adds a convolution with these options.
    pub fn convolve(&mut self, name: impl Into<String>, input: NodeId, convolution: Convolution) -> NodeId {
        self.node(name, "Conv", &[input], convolution.attributes())
    }

    /// Applies an earlier `Conv` or `GroupNormalization` to another value with the same number of channels. The new
    /// node shares the weights of `layer`.
    pub fn reuse(&mut self, name: impl Into<String>, layer: NodeId, input: NodeId) -> NodeId {
        let Node { name: owner, op, mut attributes, .. } = self.nodes[layer.0 as usize].clone();
        // A layer that is tied itself already names the owner of its weights.
        if !attributes.iter().any(|(known, _)| known == "tied") {
            attributes.push(text("tied", &owner));
        }
        self.node(name, op, &[input], attributes)
    }

    /// Adds a pooling of images `[channels, height, width]`. `op` is `MaxPool` or `AveragePool`, which does not count
    /// the padding.
    pub fn pool(&mut self, name: impl Into<String>, op: impl Into<Symbol>, input: NodeId, window: Window) -> NodeId {
        self.node(name, op, &[input], window.attributes(2))
    }

    /// Adds a pooling of signals `[channels, length]`. `op` is `MaxPool` or `AveragePool`, which does not count the
    /// padding.
    pub fn pool_1d(&mut self, name: impl Into<String>, op: impl Into<Symbol>, input: NodeId, window: Window) -> NodeId {
        self.node(name, op, &[input], window.attributes(1))
    }

    /// Adds the mean of every channel, as a vector `[channels]`. These are two nodes, `name` and `name.flat`, of which
    /// the second is returned.
    pub fn global_average(&mut self, name: &str, input: NodeId) -> NodeId {
        let means = self.op(name, "GlobalAveragePool", &[input]);
        self.op(join(name, "flat"), "Flatten", &[means])
    }

    /// Adds the clamping of every element to `min..=max`.
    pub fn clip(&mut self, name: impl Into<String>, input: NodeId, min: f64, max: f64) -> NodeId {
        self.node(name, "Clip", &[input], vec![float("min", min), float("max", max)])
    }

    /// Adds a ReLU6, which clamps every element to 0..=6.
    pub fn relu6(&mut self, name: impl Into<String>, input: NodeId) -> NodeId {
        self.clip(name, input, 0.0, 6.0)
    }

    /// Adds the elementwise sum of two values, with broadcasting.
    pub fn add(&mut self, name: impl Into<String>, a: NodeId, b: NodeId) -> NodeId {
        self.op(name, "Add", &[a, b])
    }

    /// Adds the elementwise product of two values, with broadcasting.
    pub fn mul(&mut self, name: impl Into<String>, a: NodeId, b: NodeId) -> NodeId {
        self.op(name, "Mul", &[a, b])
    }

    /// Adds the concatenation of values along `axis`, which counts the batch: 1 is the first axis of a shape.
    pub fn concat(&mut self, name: impl Into<String>, inputs: &[NodeId], axis: i64) -> NodeId {
        self.node(name, "Concat", inputs, vec![int("axis", axis)])
    }

    /// Adds a change of shape. `shape` does not include the batch, and one size may be −1, which means the rest.
    pub fn reshape(&mut self, name: impl Into<String>, input: NodeId, shape: &[i64]) -> NodeId {
        self.node(name, "Reshape", &[input], vec![ints("shape", shape)])
    }

    /// Adds a permutation of axes. `perm` counts the batch, which is 0 and stays first.
    pub fn transpose(&mut self, name: impl Into<String>, input: NodeId, perm: &[i64]) -> NodeId {
        self.node(name, "Transpose", &[input], vec![ints("perm", perm)])
    }

    /// Adds the selection of the positions `start..end` of `axis`, which counts the batch.
    pub fn slice(&mut self, name: impl Into<String>, input: NodeId, axis: i64, start: i64, end: i64) -> NodeId {
        self.node(name, "Slice", &[input], vec![int("axis", axis), int("start", start), int("end", end)])
    }

    /// Adds the mean over `axes`, which count the batch and are removed from the shape.
    pub fn mean(&mut self, name: impl Into<String>, input: NodeId, axes: &[i64]) -> NodeId {
        self.node(name, "ReduceMean", &[input], vec![ints("axes", axes), int("keepdims", 0)])
    }

    /// Adds a trainable value that is the same for every example. `init` is `zeros`, `ones` or `normal` (with the
    /// standard deviation 0.02).
    pub fn weight(&mut self, name: impl Into<String>, shape: &[i64], init: &str) -> NodeId {
        self.node(name, "Weight", &[], vec![ints("shape", shape), text("init", init)])
    }

    /// Adds an embedding: `indices`, each below `count`, become vectors of `width` numbers, in an additional last axis.
    pub fn embedding(&mut self, name: impl Into<String>, indices: NodeId, count: i64, width: i64) -> NodeId {
        let sizes = vec![int("num_embeddings", count), int("embedding_dim", width)];
        self.node(name, "Gather", &[indices], sizes)
    }

    /// Adds a layer normalisation of the last axis, with scale and shift.
    pub fn layer_norm(&mut self, name: impl Into<String>, input: NodeId) -> NodeId {
        self.op(name, "LayerNormalization", &[input])
    }

    /// Adds a normalisation of the last axis by its root mean square, with a scale.
    pub fn rms_norm(&mut self, name: impl Into<String>, input: NodeId) -> NodeId {
        self.op(name, "RMSNormalization", &[input])
    }

    /// Adds an attention over queries, keys and values, in this order, each `[positions, features]`.
    pub fn attention(&mut self, name: impl Into<String>, qkv: [NodeId; 3], heads: Heads) -> NodeId {
        self.node(name, "Attention", &qkv, heads.attributes())
    }

    /// Adds zeros in the shape of `like`. These are two nodes, `name.zero` and `name`, of which the second is returned.
    pub fn zeros(&mut self, name: impl Into<String>, like: NodeId) -> NodeId {
        let name = name.into();
        let zero = self.node(join(&name, "zero"), "Constant", &[], vec![float("value_float", 0.0)]);
        self.op(name, "Mul", &[like, zero])
    }

    /// Adds a `DropPath`: training can replace its value by zeros for some examples.
    pub fn drop_path(&mut self, name: impl Into<String>, input: NodeId) -> NodeId {
        self.op(name, "DropPath", &[input])
    }

    /// Adds an `Auxiliary`: an output that only training reads. Do not pass it to [`finish`](Self::finish).
    pub fn auxiliary(&mut self, name: impl Into<String>, input: NodeId) -> NodeId {
        self.op(name, "Auxiliary", &[input])
    }

    /// Returns the graph, with these nodes as its outputs.
    pub fn finish(self, outputs: &[NodeId]) -> Graph {
        Graph { nodes: self.nodes, outputs: outputs.iter().map(|output| output.0).collect() }
    }
}
