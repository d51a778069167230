//! Operators on sequences: embeddings, attention, rotary positions, and the routing of a mixture of experts.

use burn::tensor::{IndexingUpdateOp, Tensor, TensorData, activation, module};
use nas_api::Node;
use nas_api::graph::GraphError;
use nas_kernels::{self as kernel, Seen};

use super::autocast::{is_narrow, widened};
use super::value::Value;

/// Tensors that depend on sizes only, so that all layers of a network share them. They are made once per run.
#[derive(Default)]
pub struct Tables {
    masks: Vec<(Mask, Tensor<4>)>,
    angles: Vec<(Angles, [Tensor<4>; 2])>,
}

impl Tables {
    fn mask(&mut self, of: &Mask, like: &Tensor<4>) -> Tensor<4> {
        if let Some((_, mask)) = self.masks.iter().find(|(known, _)| known == of) {
            return mask.clone();
        }
        let numbers = TensorData::new(of.numbers(), [1, 1, of.positions, of.positions]);
        // The type is not always f32: zero-cost proxies compute in double precision.
        let mask = Tensor::<4>::from_data(numbers, &like.device()).cast(like.dtype());
        self.masks.push((of.clone(), mask.clone()));
        mask
    }

    /// The cosines and sines of angles, `[1, positions, 1, pairs]` each.
    fn angles(&mut self, of: &Angles, like: &Tensor<4>) -> [Tensor<4>; 2] {
        if let Some((_, tables)) = self.angles.iter().find(|(known, _)| known == of) {
            return tables.clone();
        }
        let table = |function: fn(f64) -> f64| {
            let numbers = of.numbers().map(|angle| function(angle) as f32).collect::<Vec<_>>();
            Tensor::<4>::from_data(TensorData::new(numbers, [1, of.positions, 1, of.pairs]), &like.device())
                .cast(like.dtype())
        };
        let tables = [table(f64::cos), table(f64::sin)];
        self.angles.push((of.clone(), tables.clone()));
        tables
    }
}

/// The rows of a table by their indices, which are given as floats. An invalid index gives NaN, so that training fails
/// with a message; burn would end the process.
pub fn embedding(value: Value, table: Tensor<2>) -> Value {
    let mut dims = value.dims();
    let (batch, [rows, width]) = (value.batch(), table.dims());
    let given = value.tensor([batch, dims[1..].iter().product()]);
    let named = given.clone().floor().clamp(0.0, (rows - 1) as f64);
    let wrong = given.not_equal(named.clone()).any().into_scalar::<bool>();
    let found = module::embedding(table, named.int());
    dims.push(width);
    Value::new(if wrong { found.full_like(f32::NAN) } else { found }, &dims)
}

/// The mask of a causal attention.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mask {
    positions: usize,
    /// The number of positions that a position sees: itself and those directly before it.
    seen: usize,
}

impl Mask {
    /// The numbers to add to scores: 0 for visible positions, -∞ for the others.
    fn numbers(&self) -> Vec<f32> {
        let sees = |from: usize, to: usize| to <= from && from - to < self.seen;
        let row = |from| (0..self.positions).map(move |to| if sees(from, to) { 0.0 } else { f32::NEG_INFINITY });
        (0..self.positions).flat_map(row).collect()
    }
}

/// The operator `Attention`.
#[derive(Clone, Debug)]
pub struct Attention {
    /// The number of heads of the keys and the values.
    groups: usize,
    /// The number of heads of the queries for each head of the keys.
    queries: usize,
    mask: Option<Mask>,
    scale: f64,
    softcap: f64,
}

impl Attention {
    /// Reads the attributes of a node whose queries have the shape `query`, `[positions, width]`.
    ///
    /// # Errors
    ///
    /// Fails if an attribute is missing or invalid.
    pub fn of(node: &Node, query: &[i64]) -> Result<Self, GraphError> {
        let heads = node.int("q_num_heads", None)?;
        let groups = node.int("kv_num_heads", None)?;
        let window = node.int("window", Some(0))?;
        let (positions, width) = (query[0] as usize, query[1] / heads);
        let seen = if window > 0 { window as usize } else { positions };
        Ok(Self {
            groups: groups as usize,
            queries: (heads / groups) as usize,
            mask: (node.int("is_causal", Some(0))? != 0).then_some(Mask { positions, seen }),
            scale: node.float("scale", (width as f64).sqrt().recip())?,
            softcap: node.float("softcap", 0.0)?,
        })
    }

    /// Computes the attention for a batch. The queries of all heads that share keys go through one matrix product.
    pub fn apply(&self, query: Value, key: Value, value: Value, tables: &mut Tables) -> Value {
        let (from, to) = (query.dims(), value.dims());
        let (batch, from, queries, groups) = (from[0], from[1], self.queries, self.groups);
        let heads = |value: Value| {
            let dims = value.dims();
            value.tensor([batch, dims[1], groups, dims[2] / groups])
        };
        let width = query.dims()[2] / (groups * queries);
        let query = query.tensor([batch, from, groups, queries, width]).permute([0, 2, 3, 1, 4]);
        let query = query.reshape([batch, groups, queries * from, width]);
        // In a narrow type, scale before the product, so that scores which fit do not overflow on the way.
        let (query, scale) = match is_narrow(&query) && self.scale.abs() < 1.0 {
            true => (query.mul_scalar(self.scale), 1.0),
            false => (query, self.scale),
        };
        let scores = product(query, heads(key).permute([0, 2, 3, 1]));
        let weights = self.weights(widened(scores), scale, tables);
        let value = heads(value).permute([0, 2, 1, 3]);
        let found = product(weights.cast(value.dtype()), value);
        let width = to[2] / groups;
        let found = found.reshape([batch, groups, queries, from, width]).permute([0, 3, 1, 2, 4]);
        Value::Rows(found.reshape([batch, from, groups * queries * width]))
    }
}

fn product(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    kernel::products(&a, &b).unwrap_or_else(|| a.matmul(b))
}

impl Attention {
    /// The softmax of `scale` times the scores, `[batch, groups, queries · from, to]`, over the visible positions.
    fn weights(&self, mut scores: Tensor<4>, mut scale: f64, tables: &mut Tables) -> Tensor<4> {
        if self.softcap > 0.0 {
            scores = scores.mul_scalar(scale / self.softcap).tanh().mul_scalar(self.softcap);
            scale = 1.0;
        }
        let seen = match &self.mask {
            Some(mask) => Seen::Before { rows: mask.positions, count: mask.seen },
            None => Seen::All,
        };
        if let Some(weights) = kernel::softmax(&scores, scale as f32, seen) {
            return weights;
        }
        scores = scores.mul_scalar(scale);
        if let Some(mask) = &self.mask {
            let [batch, groups, rows, to] = scores.dims();
            let (queries, table) = (rows / mask.positions, tables.mask(mask, &scores));
            let masked = scores.reshape([batch, groups * queries, mask.positions, to]) + table;
            scores = masked.reshape([batch, groups, rows, to]);
        }
        activation::softmax(scores, 3)
    }
}

/// The angles by which pairs of numbers are rotated.
#[derive(Clone, Debug, PartialEq)]
struct Angles {
    positions: usize,
    pairs: usize,
    base: f64,
}

impl Angles {
    /// Position · base^(−i / pairs) (Su et al. 2021, "RoFormer", section 3.2.2), position by position.
    fn numbers(&self) -> impl Iterator<Item = f64> + use<> {
        let Self { positions, pairs, base } = *self;
        let power = move |pair: usize| base.powf(-(pair as f64) / pairs as f64);
        (0..positions).flat_map(move |position| (0..pairs).map(move |pair| position as f64 * power(pair)))
    }
}

/// The operator `RotaryEmbedding`.
#[derive(Clone, Debug)]
pub struct Rotary {
    heads: usize,
    angles: Angles,
    /// Whether neighbours form a pair; otherwise a number of the first half and one of the second do.
    interleaved: bool,
}

impl Rotary {
    /// Reads the attributes of a node whose input has the shape `input`, `[positions, width]`.
    ///
    /// # Errors
    ///
    /// Fails if an attribute is missing or invalid.
    pub fn of(node: &Node, input: &[i64]) -> Result<Self, GraphError> {
        let heads = node.int("num_heads", None)?;
        let given = node.int("rotary_embedding_dim", Some(0))?;
        let rotated = if given == 0 { input[1] / heads } else { given };
        let base = node.float("base", 10_000.0)?;
        Ok(Self {
            heads: heads as usize,
            angles: Angles { positions: input[0] as usize, pairs: rotated as usize / 2, base },
            interleaved: node.int("interleaved", Some(0))? != 0,
        })
    }

    /// Computes the rotation for a batch.
    pub fn apply(&self, value: Value, tables: &mut Tables) -> Value {
        let all = value.dims();
        let (pairs, width) = (self.angles.pairs, all[2] / self.heads);
        let dims = [all[0], all[1], self.heads, width];
        let x = value.tensor(dims);
        let [cos, sin] = tables.angles(&self.angles, &x);
        let (a, b) = self.pair(x.clone());
        let turned = (a.clone() * cos.clone() - b.clone() * sin.clone(), b * cos + a * sin);
        let mut parts = if self.interleaved {
            let [a, b] = [turned.0, turned.1].map(|part| part.unsqueeze_dim::<5>(4));
            vec![Tensor::cat(vec![a, b], 4).reshape([dims[0], dims[1], dims[2], 2 * pairs])]
        } else {
            vec![turned.0, turned.1]
        };
        if 2 * pairs < width {
            parts.push(x.narrow(3, 2 * pairs, width - 2 * pairs));
        }
        Value::new(Tensor::cat(parts, 3), &all)
    }

    /// The first and the second numbers of all pairs.
    fn pair(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let pairs = self.angles.pairs;
        if !self.interleaved {
            return (x.clone().narrow(3, 0, pairs), x.narrow(3, pairs, pairs));
        }
        let [batch, positions, heads, _] = x.dims();
        let x = x.narrow(3, 0, 2 * pairs).reshape([batch, positions, heads, pairs, 2]);
        (x.clone().narrow(4, 0, 1).squeeze_dim(4), x.narrow(4, 1, 1).squeeze_dim(4))
    }
}

/// The softmax over the `k` largest numbers of the last axis; the others become 0.
pub fn routing(value: Value, k: usize) -> Value {
    let dims = value.dims();
    let experts = dims[dims.len() - 1];
    let x = value.tensor([dims.iter().product::<usize>() / experts, experts]);
    let (_, places) = x.clone().detach().topk_with_indices(k, 1);
    let gates = activation::softmax(x.clone().gather(1, places.clone()), 1);
    Value::new(x.zeros_like().scatter(1, places, gates, IndexingUpdateOp::Add), &dims)
}
