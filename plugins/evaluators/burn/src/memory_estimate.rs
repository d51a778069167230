//! Estimates training memory in advance and picks the largest batch size that fits.

use std::borrow::Cow;

use nas_api::Graph;
use nas_api::graph::count::{count, needed};
use nas_api::graph::training::{training_only, with_auxiliaries};
use nas_api::graph::{GraphError, Node, Shape, inference, memory, shape};
use nas_data::Examples;
use nas_network::Need;
use nas_network::Precision;

use crate::hyperparameters::Training;
use crate::metrics;
use crate::optimizer::Method;

/// The largest batch size that is chosen here.
pub const MOST: usize = 1024;
/// The bytes of a number.
const NUMBER: u64 = 4;
/// The bytes of a number in narrow precision.
const NARROW: u64 = 2;
/// The bytes that burn keeps for each number that it clips: one for the lower and one for the upper limit.
const MASKS: u64 = 2;
/// The memory of a process before it trains: code, thread stacks, allocator tables. Measured.
const PROCESS: u64 = 12 << 20;

impl Training {
    /// The training with the batch size that fits the memory if none is set.
    ///
    /// # Errors
    ///
    /// Fails if not even one example fits, or if the graph is invalid.
    pub fn fitted(&self, graph: &Graph, examples: &Examples) -> Result<Cow<'_, Self>, String> {
        if self.batch_size > 0 {
            return Ok(Cow::Borrowed(self));
        }
        let footprint = Footprint::of(graph, examples, self).map_err(|error| error.to_string())?;
        let most = MOST.min(examples.len());
        let batch_size = footprint.batch_size(self.memory << 20, most).ok_or_else(|| {
            let (needed, given) = (footprint.at(1).div_ceil(1 << 20), self.memory);
            format!("training takes about {needed} MiB with a batch size of 1, more than the {given} MiB of 'memory'")
        })?;
        Ok(Cow::Owned(Self { batch_size, ..self.clone() }))
    }
}

/// The memory, in bytes, that a training takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Weights, gradients, optimizer states, and the process itself.
    fixed: u64,
    /// For each example of a batch: the values that the gradients need, the gradients in flight, and the inputs.
    example: u64,
    /// For a batch of validation, besides the weights.
    validation: u64,
}

impl Footprint {
    /// The footprint of a network on these examples.
    ///
    /// # Errors
    ///
    /// Fails if the graph is invalid for the shape of the examples.
    pub fn of(graph: &Graph, examples: &Examples, training: &Training) -> Result<Self, GraphError> {
        let input: Vec<i64> = examples.shape.iter().map(|&size| size as i64).collect();
        let heads = training.auxiliary_weight > 0.0 && training_only(graph).is_some();
        let trained = if heads { with_auxiliaries(graph) } else { graph.clone() };
        let shapes = shape::infer(&trained, &input)?;
        let params = count(&trained, &shapes)?.params;
        let own = inference(graph);
        let validation =
            memory::memory(&own, &shape::infer(&own, &input)?, metrics::batch(examples) as u32, NUMBER as u32)?;
        Ok(Self {
            fixed: params.saturating_mul(of_weight(training)).saturating_add(PROCESS),
            example: of_example(&trained, &shapes, training),
            validation: validation.inference,
        })
    }

    /// The bytes with this batch size.
    pub fn at(&self, batch: usize) -> u64 {
        let training = self.example.saturating_mul(batch as u64);
        self.fixed.saturating_add(training.max(self.validation))
    }

    /// The largest power of two, up to `most`, for which the training fits into `bytes`; `None` if not even one example
    /// fits.
    pub fn batch_size(&self, bytes: u64, most: usize) -> Option<usize> {
        let sizes = std::iter::successors(Some(1_usize), |size| size.checked_mul(2));
        sizes.take_while(|&size| size <= most.max(1) && self.at(size) <= bytes).last()
    }
}

/// The bytes that are kept for each weight: itself, its gradient, the step made of both, the optimizer's state, its
/// average, and the narrow copy that products read.
fn of_weight(training: &Training) -> u64 {
    let remembered = match training.optimizer.method {
        Method::Sgd => u64::from(training.optimizer.momentum > 0.0),
        Method::Adam | Method::AdamW => 2,
    };
    let copy = if training.precision == Precision::F32 { 0 } else { NARROW };
    NUMBER * (3 + remembered + u64::from(training.ema_decay > 0.0)) + copy
}

/// The most bytes that one example of a batch keeps.
fn of_example(graph: &Graph, shapes: &[Shape], training: &Training) -> u64 {
    let size = |shape: &Shape| shape.iter().product::<i64>() as u64;
    let readers = readers(graph);
    let narrow = (training.precision != Precision::F32).then(|| narrow_values(graph, &readers));
    let (mut kept, mut largest) = (0_u64, 0_u64);
    for (position, shape) in shapes.iter().enumerate().filter(|(position, _)| readers[*position].is_some()) {
        let node = &graph.nodes[position];
        let (numbers, scores) = (size(shape), scores(node, shapes));
        let of_number = match &narrow {
            Some(narrow) => of_mixed(graph, &readers, position, narrow),
            None if is_kept(graph, &readers, position, training) => NUMBER,
            None => 0,
        };
        // With narrow products, scores are kept as computed and, narrow, as the next product reads them.
        let of_score = if narrow.is_some() { NUMBER + NARROW } else { NUMBER };
        kept = kept.saturating_add(numbers.saturating_mul(of_number)).saturating_add(scores.saturating_mul(of_score));
        largest = largest.max(if of_number > 0 { numbers } else { 0 }).max(scores);
    }
    // The softmax, its logarithm and the gradient of the outputs.
    let returned: u64 = graph.outputs.iter().map(|&output| size(&shapes[output as usize])).sum();
    kept.saturating_add(largest.saturating_mul(2 * NUMBER)).saturating_add(returned.saturating_mul(3 * NUMBER))
}

/// Whether the value of each node is narrow if products are; see [`Need`].
fn narrow_values(graph: &Graph, readers: &[Option<Vec<usize>>]) -> Vec<bool> {
    let mut narrow: Vec<bool> = Vec::with_capacity(graph.nodes.len());
    for (position, node) in graph.nodes.iter().enumerate() {
        let mut inputs = node.inputs.iter().map(|&input| input as usize);
        let own = match Need::of(&node.op) {
            Need::Narrow => true,
            Need::Wide => false,
            Need::WideInside => inputs.next().is_some_and(|input| narrow[input]),
            Need::Given => {
                let mut inputs = inputs.filter(|&input| graph.nodes[input].op != "Constant").peekable();
                inputs.peek().is_some() && inputs.all(|input| narrow[input])
            }
        };
        let is_product = |&reader: &usize| Need::of(&graph.nodes[reader].op) == Need::Narrow;
        let for_products =
            readers[position].as_ref().is_some_and(|readers| !readers.is_empty() && readers.iter().all(is_product));
        narrow.push(own || for_products && !graph.outputs.contains(&(position as u32)));
    }
    narrow
}

/// With narrow products, the bytes that gradients need for each number of a value and of its copies in the other
/// precision. All steps are then burn's own, which keep more than those of [`is_kept`].
fn of_mixed(graph: &Graph, readers: &[Option<Vec<usize>>], position: usize, narrow: &[bool]) -> u64 {
    let op = |position: usize| graph.nodes[position].op.as_str();
    if matches!(op(position), "Weight" | "Constant") {
        return 0;
    }
    let is_narrow = narrow[position];
    let (mut own, mut copies) = (0, 0);
    for &reader in readers[position].as_deref().unwrap_or_default() {
        if op(reader) == "Clip" {
            copies += MASKS;
        }
        match (Need::of(op(reader)), is_narrow) {
            (Need::Narrow, false) => copies += NARROW,
            (Need::Wide | Need::WideInside, true) if !keeps_nothing(op(reader)) => copies += NUMBER,
            _ if keeps_nothing(op(reader)) => {}
            (_, true) => own = NARROW,
            (_, false) => own = NUMBER,
        }
    }
    own + copies
}

/// Whether the gradient of this operator needs no operand: derivatives of sums do not depend on the terms, and those of
/// rearranged numbers not on the numbers.
fn keeps_nothing(op: &str) -> bool {
    matches!(
        op,
        "Sum"
            | "Add"
            | "Sub"
            | "Concat"
            | "GlobalAveragePool"
            | "ReduceMean"
            | "ReduceSum"
            | "Identity"
            | "Reshape"
            | "Flatten"
            | "Transpose"
            | "Slice"
            | "Pad"
    )
}

/// The readers of each node; `None` if no output needs the node.
fn readers(graph: &Graph) -> Vec<Option<Vec<usize>>> {
    let mut readers: Vec<Option<Vec<usize>>> = needed(graph).into_iter().map(|needed| needed.then(Vec::new)).collect();
    for (position, node) in graph.nodes.iter().enumerate() {
        if readers[position].is_some() {
            for &input in &node.inputs {
                readers[input as usize].iter_mut().for_each(|all| all.push(position));
            }
        }
    }
    readers
}

/// Whether the gradients need the value of a node and it is not shared with another node.
fn is_kept(graph: &Graph, readers: &[Option<Vec<usize>>], position: usize, training: &Training) -> bool {
    let op = |position: usize| graph.nodes[position].op.as_str();
    let read = readers[position].as_deref().unwrap_or_default();
    let is_rectifier = |at: usize| matches!(op(at), "Relu" | "Clip");
    match op(position) {
        "Weight" | "Constant" | "Identity" | "Reshape" | "Flatten" => false,
        "DropPath" if training.drop_path == 0.0 => false,
        // These are computed along with the normalisation, or again with the convolution; see `fusion.rs` of
        // `nas-network`.
        "BatchNormalization" if matches!(*read, [reader] if is_rectifier(reader)) => false,
        "Relu" | "Clip" if matches!(*read, [reader] if op(reader) == "Conv") => {
            let before = graph.nodes[position].inputs[0] as usize;
            op(before) == "BatchNormalization" && readers[before].as_ref().is_some_and(|readers| readers.len() == 1)
        }
        // The derivatives of sums do not depend on the terms.
        _ => !read.iter().all(|&reader| matches!(op(reader), "Sum" | "Add" | "Sub" | "Concat" | "GlobalAveragePool")),
    }
}

/// The number of scores in an attention: one for each head and pair of positions.
fn scores(node: &Node, shapes: &[Shape]) -> u64 {
    let positions = |at: usize| node.inputs.get(at).and_then(|&input| shapes[input as usize].first()).copied();
    match (node.op.as_str(), positions(0), positions(1)) {
        ("Attention", Some(queries), Some(keys)) => {
            let heads = node.int("q_num_heads", Some(1)).unwrap_or(1);
            [heads, queries, keys].into_iter().fold(1, |product, size| product.saturating_mul(size.max(0) as u64))
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use nas_api::{GraphBuilder, Window};

    use super::*;

    /// The bytes for each number of every value.
    fn kept(graph: &Graph) -> Vec<(String, u64)> {
        let readers = readers(graph);
        let narrow = narrow_values(graph, &readers);
        let nodes = graph.nodes.iter().enumerate();
        nodes.map(|(at, node)| (node.name.clone(), of_mixed(graph, &readers, at, &narrow))).collect()
    }

    #[test]
    fn narrow_products_keep_narrow_values_and_wide_copies() {
        let mut graph = GraphBuilder::new();
        let input = graph.input();
        let conv = graph.conv("conv", input, 4, Window::same(3, 1));
        let norm = graph.op("norm", "BatchNormalization", &[conv]);
        let relu = graph.op("relu", "Relu", &[norm]);
        let next = graph.conv("next", relu, 4, Window::same(3, 1));
        let sum = graph.add("sum", next, relu);
        let pool = graph.global_average("pool", sum);
        let head = graph.gemm("head", pool, 10);
        let kept = kept(&graph.finish(&[head]));
        let of = |name: &str| kept.iter().find(|(known, _)| known == name).unwrap().1;
        assert_eq!(kept[0].1, NARROW, "the input, for the convolution");
        assert_eq!(of("conv"), NUMBER, "a wide copy, for the normalisation");
        assert_eq!((of("norm"), of("relu")), (NARROW, NARROW));
        assert_eq!((of("next"), of("sum"), of("head")), (0, 0, 0));
    }

    #[test]
    fn the_largest_fitting_power_of_two_is_chosen() {
        let footprint = Footprint { fixed: 100, example: 10, validation: 35 };
        assert_eq!(footprint.batch_size(180, 1024), Some(8));
        assert_eq!(footprint.batch_size(179, 1024), Some(4));
        assert_eq!(footprint.batch_size(u64::MAX, 1024), Some(1024));
        assert_eq!(footprint.batch_size(u64::MAX, 1000), Some(512));
        assert_eq!(footprint.batch_size(135, 1024), Some(2));
        assert_eq!(footprint.batch_size(134, 1024), None, "validation does not fit");
    }
}
