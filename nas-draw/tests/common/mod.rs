//! Networks that the tests draw.
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use nas_api::{Attribute, Graph, GraphBuilder, NodeId, OpenSpace, Settings, Symbol, Task};
use nas_draw::Subject;

pub struct Network {
    pub graph: Graph,
    pub input: Vec<i64>,
    pub title: String,
    pub text: String,
    pub choices: Vec<(String, String)>,
}

impl Network {
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            graph: &self.graph,
            input_shape: &self.input,
            title: self.title.clone(),
            text: self.text.clone(),
            choices: self.choices.clone(),
        }
    }

    pub fn plain(title: &str, graph: Graph, input: &[i64]) -> Self {
        Self { graph, input: input.to_vec(), title: title.into(), text: String::new(), choices: Vec::new() }
    }
}

/// Returns the architecture of a text, or of seed 3.
pub fn architecture(mut space: impl OpenSpace, text: Option<&str>, input: &[i64]) -> Network {
    let genotype = match text {
        Some(text) => space.parse(text).unwrap().unwrap(),
        None => space.sample(3).unwrap(),
    };
    let settings = Settings::defaults(&space.task_parameters().unwrap());
    let task = Task { input_shape: input.to_vec(), outputs: 10, kind: "classification".into(), settings };
    let choice = |space: &mut dyn OpenSpace, at: usize| {
        let decision = space.next(&genotype[..at]).unwrap().unwrap();
        (decision.name.clone(), decision.choices[genotype[at] as usize].clone())
    };
    Network {
        graph: space.build(&genotype, &task).unwrap().unwrap(),
        input: input.to_vec(),
        title: space.info().unwrap().name,
        text: space.format(&genotype).unwrap(),
        choices: (0..genotype.len()).map(|at| choice(&mut space, at)).collect(),
    }
}

fn int(name: &'static str, value: i64) -> (Symbol, Attribute) {
    (name.into(), Attribute::Int(value))
}

fn attention(graph: &mut GraphBuilder, name: &str, x: NodeId, heads: [i64; 2], size: i64, causal: bool) -> NodeId {
    let [queries, keys] = heads;
    let mut project = |part: &str, heads: i64| {
        let value = graph.gemm(format!("{name}.{part}"), x, heads * size);
        if causal && part != "v" {
            graph.node(format!("{name}.{part}_rotary"), "RotaryEmbedding", &[value], vec![int("num_heads", heads)])
        } else {
            value
        }
    };
    let inputs = [project("q", queries), project("k", keys), project("v", keys)];
    let attributes = vec![int("q_num_heads", queries), int("kv_num_heads", keys), int("is_causal", i64::from(causal))];
    let mixed = graph.node(format!("{name}.mix"), "Attention", &inputs, attributes);
    graph.gemm(format!("{name}.out"), mixed, queries * size)
}

/// Returns a vision transformer: patches of an image, then equal encoder layers.
pub fn vit(layers: usize) -> Network {
    let mut graph = GraphBuilder::new();
    let x = graph.input();
    let patches = vec![
        int("out_channels", 192),
        ("kernel_shape".into(), Attribute::Ints(vec![16, 16])),
        ("strides".into(), Attribute::Ints(vec![16, 16])),
    ];
    let x = graph.node("embed.patches", "Conv", &[x], patches);
    let x = graph.node("embed.flat", "Reshape", &[x], vec![("shape".into(), Attribute::Ints(vec![192, 196]))]);
    let x = graph.node("embed.turned", "Transpose", &[x], vec![("perm".into(), Attribute::Ints(vec![0, 2, 1]))]);
    let shape = |sizes: &[i64]| vec![("shape".into(), Attribute::Ints(sizes.to_vec()))];
    let class = graph.node("embed.class", "Weight", &[], shape(&[1, 192]));
    let x = graph.node("embed.joined", "Concat", &[class, x], vec![int("axis", 1)]);
    let places = graph.node("embed.positions", "Weight", &[], shape(&[197, 192]));
    let mut x = graph.op("embed.sum", "Add", &[x, places]);
    for layer in 1..=layers {
        let name = format!("layer{layer}");
        let y = graph.op(format!("{name}.norm1"), "LayerNormalization", &[x]);
        let y = attention(&mut graph, &format!("{name}.attention"), y, [3, 3], 64, false);
        x = graph.op(format!("{name}.sum1"), "Add", &[x, y]);
        let y = graph.op(format!("{name}.norm2"), "LayerNormalization", &[x]);
        let y = graph.gemm(format!("{name}.mlp.up"), y, 768);
        let y = graph.op(format!("{name}.mlp.gelu"), "Gelu", &[y]);
        let y = graph.gemm(format!("{name}.mlp.down"), y, 192);
        x = graph.op(format!("{name}.sum2"), "Add", &[x, y]);
    }
    let x = graph.op("norm", "LayerNormalization", &[x]);
    let x = graph.node("class", "Slice", &[x], vec![int("axis", 1), int("start", 0), int("end", 1)]);
    let x = graph.op("flat", "Flatten", &[x]);
    let x = graph.gemm("head", x, 1000);
    Network::plain("ViT-Ti/16", graph.finish(&[x]), &[3, 224, 224])
}

/// Returns a language model with causal attention, whose layers have this number of experts.
pub fn decoder(layers: usize, experts: usize) -> Network {
    let mut graph = GraphBuilder::new();
    let x = graph.input();
    let mut x = graph.node("embedding", "Gather", &[x], vec![int("num_embeddings", 32000), int("embedding_dim", 512)]);
    for layer in 0..layers {
        let name = format!("layers.{layer}");
        let y = graph.op(format!("{name}.norm1"), "RMSNormalization", &[x]);
        let y = attention(&mut graph, &format!("{name}.attention"), y, [8, 2], 64, true);
        x = graph.op(format!("{name}.residual1"), "Add", &[x, y]);
        let y = graph.op(format!("{name}.norm2"), "RMSNormalization", &[x]);
        let expert = |graph: &mut GraphBuilder, name: &str| {
            let gate = graph.gemm(format!("{name}.gate"), y, 1024);
            let gate = graph.op(format!("{name}.silu"), "Swish", &[gate]);
            let up = graph.gemm(format!("{name}.up"), y, 1024);
            let both = graph.op(format!("{name}.product"), "Mul", &[gate, up]);
            graph.gemm(format!("{name}.down"), both, 512)
        };
        let y = if experts > 1 {
            let routes = graph.gemm(format!("{name}.moe.router"), y, experts as i64);
            let routes = graph.node(format!("{name}.moe.routing"), "Routing", &[routes], vec![int("k", 2)]);
            let mut weighted = Vec::new();
            for number in 0..experts as i64 {
                let value = expert(&mut graph, &format!("{name}.moe.expert{number}"));
                let part = vec![int("axis", -1), int("start", number), int("end", number + 1)];
                let share = graph.node(format!("{name}.moe.share{number}"), "Slice", &[routes], part);
                weighted.push(graph.op(format!("{name}.moe.weighted{number}"), "Mul", &[value, share]));
            }
            graph.op(format!("{name}.moe.sum"), "Sum", &weighted)
        } else {
            expert(&mut graph, &format!("{name}.mlp"))
        };
        x = graph.op(format!("{name}.residual2"), "Add", &[x, y]);
    }
    let x = graph.op("norm", "RMSNormalization", &[x]);
    let mut head = vec![int("out_features", 32000), int("bias", 0)];
    head.push(("tied".into(), Attribute::Text("embedding".into())));
    let x = graph.node("head", "Gemm", &[x], head);
    Network::plain("decoder", graph.finish(&[x]), &[128])
}
