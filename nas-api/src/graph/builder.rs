//! Builds graphs node by node; what spaces use.

use super::{Attribute, Graph, Node};

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
#[derive(Clone, Debug, Default)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
}

/// How a convolution or pooling window moves. Square windows, equal padding on all sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Side length.
    pub kernel: i64,
    /// Step.
    pub stride: i64,
    /// Rows and columns added on each side.
    pub padding: i64,
}

impl Window {
    /// A window that keeps height and width at stride 1 (odd kernels).
    pub fn same(kernel: i64, stride: i64) -> Self {
        Self { kernel, stride, padding: kernel / 2 }
    }

    fn attributes(self) -> Vec<(String, Attribute)> {
        vec![
            ("kernel_shape".into(), Attribute::Ints(vec![self.kernel; 2])),
            ("strides".into(), Attribute::Ints(vec![self.stride; 2])),
            ("pads".into(), Attribute::Ints(vec![self.padding; 4])),
        ]
    }
}

impl GraphBuilder {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Any operator, with attributes.
    pub fn node(
        &mut self,
        name: impl Into<String>,
        op: &str,
        inputs: &[NodeId],
        attributes: Vec<(String, Attribute)>,
    ) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let inputs = inputs.iter().map(|input| input.0).collect();
        self.nodes.push(Node { name: name.into(), op: op.to_owned(), inputs, attributes });
        id
    }

    /// An operator without attributes.
    pub fn op(&mut self, name: impl Into<String>, op: &str, inputs: &[NodeId]) -> NodeId {
        self.node(name, op, inputs, Vec::new())
    }

    /// The task's input.
    pub fn input(&mut self) -> NodeId {
        self.op("input", "Input", &[])
    }

    /// A fully connected layer with bias.
    pub fn gemm(&mut self, name: impl Into<String>, input: NodeId, out_features: i64) -> NodeId {
        self.node(name, "Gemm", &[input], vec![("out_features".into(), Attribute::Int(out_features))])
    }

    /// A convolution without bias, as it stands before a normalisation.
    pub fn conv(&mut self, name: impl Into<String>, input: NodeId, out_channels: i64, window: Window) -> NodeId {
        let mut attributes = vec![("out_channels".into(), Attribute::Int(out_channels))];
        attributes.extend(window.attributes());
        attributes.push(("bias".into(), Attribute::Int(0)));
        self.node(name, "Conv", &[input], attributes)
    }

    /// `AveragePool` (the padding does not count) or `MaxPool`.
    pub fn pool(&mut self, name: impl Into<String>, op: &str, input: NodeId, window: Window) -> NodeId {
        self.node(name, op, &[input], window.attributes())
    }

    /// All zeros, of the shape of `like`.
    pub fn zeros(&mut self, name: impl Into<String>, like: NodeId) -> NodeId {
        let name = name.into();
        let zero = vec![("value_float".into(), Attribute::Float(0.0))];
        let zero = self.node(format!("{name}.zero"), "Constant", &[], zero);
        self.op(name, "Mul", &[like, zero])
    }

    /// The graph that returns the values of these nodes.
    pub fn finish(self, outputs: &[NodeId]) -> Graph {
        Graph { nodes: self.nodes, outputs: outputs.iter().map(|output| output.0).collect() }
    }
}
