//! One layer: causal attention, followed by a feed-forward layer or a mixture of experts.

use nas_api::graph::builder::{float, int};
use nas_api::{GraphBuilder, Heads, NodeId};

use super::network::Style;

/// The activation of feed-forward layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    Relu,
    /// The square of ReLU (So et al. 2021, "Primer").
    SquaredRelu,
    /// The tanh approximation of GELU, as in GPT-2.
    Gelu,
    Silu,
}

/// The experts, which are feed-forward layers of which every position uses some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Experts {
    /// The number of experts.
    pub count: i64,
    /// The number of experts that each position uses.
    pub used: i64,
}

/// One layer.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Heads of the queries.
    pub heads: i64,
    /// Heads of keys and values; a divisor of `heads`.
    pub key_value_heads: i64,
    /// The hidden width of a feed-forward layer.
    pub hidden: i64,
    /// The number of positions that the attention sees; 0 means all.
    pub window: i64,
    pub experts: Experts,
}

impl Default for Block {
    fn default() -> Self {
        Self { heads: 1, key_value_heads: 1, hidden: 1, window: 0, experts: Experts { count: 1, used: 1 } }
    }
}

impl Block {
    /// Builds the layer, which maps [positions, width] to the same shape.
    pub fn build(&self, graph: &mut GraphBuilder, name: &str, input: NodeId, style: &Style) -> NodeId {
        let node = |part: &str| [name, part].concat();
        let mut value = if style.norm_first { style.norm(graph, node(".norm1"), input) } else { input };
        value = self.attention(graph, name, value, style);
        value = style.dropout(graph, node(".dropout1"), value);
        let mut middle = graph.add(node(".add1"), input, value);
        if !style.norm_first {
            middle = style.norm(graph, node(".norm1"), middle);
        }
        let mut value = if style.norm_first { style.norm(graph, node(".norm2"), middle) } else { middle };
        value = if self.experts.count == 1 {
            self.feed_forward(graph, &node(".feed"), value, style, 1.0)
        } else {
            self.mixture(graph, name, value, style)
        };
        value = style.dropout(graph, node(".dropout2"), value);
        let value = graph.add(node(".add2"), middle, value);
        if style.norm_first { value } else { style.norm(graph, node(".norm2"), value) }
    }

    fn attention(&self, graph: &mut GraphBuilder, name: &str, input: NodeId, style: &Style) -> NodeId {
        let node = |part: &str| [name, part].concat();
        let heads = [self.heads, self.key_value_heads, self.key_value_heads];
        let mut qkv = [".query", ".key", ".value"];
        let mut values = [input; 3];
        for ((value, part), heads) in values.iter_mut().zip(&mut qkv).zip(heads) {
            *value = style.linear(graph, node(part), input, heads * style.head_size);
        }
        if style.rotary {
            for ((value, part), heads) in values.iter_mut().zip([".query_turned", ".key_turned"]).zip(heads) {
                let mut attributes = vec![int("num_heads", heads)];
                if style.base != 10_000.0 {
                    attributes.push(float("base", style.base));
                }
                *value = graph.node(node(part), "RotaryEmbedding", &[*value], attributes);
            }
        }
        let heads = Heads { query: self.heads, key_value: self.key_value_heads, causal: true, window: self.window };
        let value = graph.attention(node(".attention"), values, heads);
        style.linear(graph, node(".project"), value, style.width)
    }

    /// A mixture of experts: a router weights the experts, and each position uses the best of them (Jiang et al. 2024,
    /// section 2.1). The multiply-accumulates of an expert count for its share of the positions under an even load.
    fn mixture(&self, graph: &mut GraphBuilder, name: &str, input: NodeId, style: &Style) -> NodeId {
        let node = |part: &str| [name, part].concat();
        let Experts { count, used } = self.experts;
        let scores = graph.gemm_without_bias(node(".router"), input, count);
        let shares = graph.node(node(".routing"), "Routing", &[scores], vec![int("k", used)]);
        let rate = used as f64 / count as f64;
        let mut weighted = Vec::with_capacity(count as usize);
        for expert in 0..count {
            let name = format!("{name}.expert{}", expert + 1);
            let value = self.feed_forward(graph, &name, input, style, rate);
            let share = graph.slice([&name, ".share"].concat(), shares, 2, expert, expert + 1);
            weighted.push(graph.mul([&name, ".weighted"].concat(), value, share));
        }
        graph.op(node(".experts"), "Sum", &weighted)
    }

    fn feed_forward(&self, graph: &mut GraphBuilder, name: &str, input: NodeId, style: &Style, rate: f64) -> NodeId {
        let node = |part: &str| [name, part].concat();
        let linear = |graph: &mut GraphBuilder, part: &str, input: NodeId, out: i64| {
            let mut attributes = vec![int("out_features", out)];
            if !style.bias {
                attributes.push(int("bias", 0));
            }
            if rate != 1.0 {
                attributes.push(float("rate", rate));
            }
            graph.node(node(part), "Gemm", &[input], attributes)
        };
        let value = linear(graph, ".expand", input, self.hidden);
        let mut value = activate(graph, name, value, style.activation);
        if style.gated {
            let gate = linear(graph, ".gate", input, self.hidden);
            value = graph.mul(node(".gated"), value, gate);
        }
        linear(graph, ".contract", value, style.width)
    }
}

fn activate(graph: &mut GraphBuilder, name: &str, value: NodeId, activation: Activation) -> NodeId {
    let node = |part: &str| [name, part].concat();
    match activation {
        Activation::Relu => graph.op(node(".relu"), "Relu", &[value]),
        Activation::SquaredRelu => {
            let value = graph.op(node(".relu"), "Relu", &[value]);
            graph.mul(node(".squared"), value, value)
        }
        Activation::Gelu => {
            let tanh = vec![nas_api::graph::builder::text("approximate", "tanh")];
            graph.node(node(".gelu"), "Gelu", &[value], tanh)
        }
        Activation::Silu => graph.op(node(".silu"), "Swish", &[value]),
    }
}
