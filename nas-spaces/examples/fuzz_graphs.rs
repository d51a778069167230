//! A fuzzer that checks damaged graphs for a given time. It stops at a panic, a slow check or high memory use.
//!
//!     cargo run --release -p nas-spaces --example fuzz_graphs -- --seconds 3600 [--seed N]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fuzzing;

use std::time::{Duration, Instant};

use fuzzing::{LONG, MEMORY, arguments, peak};
use nas_api::graph::memory::memory;
use nas_api::graph::{count, operators, shape, weights};
use nas_api::rng::{Random, RngExt, seeded};
use nas_api::{Attribute, Graph, SearchSpace, Settings, Task};
use nas_spaces::{
    Conv1d, Darts, DecoderLm, Detector, GrammarSpace, Mlp, Mobile, NasBench101, NasBench201, NasBenchMacro, ResNet,
    ResidualMlp, VisionTransformer,
};

/// Numbers near the limits of what is allowed.
const NUMBERS: [i64; 16] =
    [0, 1, -1, 2, 3, -2, 7, 64, 1000, 1 << 16, 1 << 31, (1 << 31) + 1, 1 << 40, i64::MAX, i64::MIN, 1_000_000_000_000];

fn main() {
    let (seconds, seed) = arguments();
    let graphs = graphs();
    let end = Instant::now() + Duration::from_secs(seconds.into());
    let mut rng = seeded(seed);
    let (mut valid, mut refused, mut longest) = (0_u64, 0_u64, Duration::ZERO);
    while Instant::now() < end {
        for (graph, input) in &graphs {
            let (graph, input) = damaged(graph, input, &mut rng);
            let started = Instant::now();
            let result = std::panic::catch_unwind(|| check(&graph, &input));
            let took = started.elapsed();
            longest = longest.max(took);
            match result {
                Ok(is_valid) if took <= LONG => *if is_valid { &mut valid } else { &mut refused } += 1,
                _ => {
                    let path = std::env::temp_dir().join("finding.txt");
                    std::fs::write(&path, format!("{input:?}\n{graph:#?}")).unwrap();
                    panic!("a finding after {} graphs, {took:?}: {}", valid + refused, path.display());
                }
            }
        }
        assert!(peak().unwrap_or(0) < MEMORY, "{} KiB after {} graphs", peak().unwrap_or(0), valid + refused);
    }
    println!(
        "{valid} graphs valid, {refused} refused, the longest check took {longest:?}, {} KiB at most",
        peak().unwrap_or(0)
    );
}

/// Does everything that is done with a graph before training, and returns whether the graph is valid.
fn check(graph: &Graph, input: &[i64]) -> bool {
    let Ok(shapes) = shape::infer(graph, input) else { return false };
    // The counts of a valid graph may still overflow.
    let _ = count::count(graph, &shapes);
    let _ = memory(graph, &shapes, 8, 4);
    let _ = weights::tensor_specs(graph, &shapes);
    true
}

fn graphs() -> Vec<(Graph, Vec<i64>)> {
    let mut graphs = Vec::new();
    add::<Conv1d>(&mut graphs, &[3, 64]);
    add::<Darts>(&mut graphs, &[3, 32, 32]);
    add::<DecoderLm>(&mut graphs, &[16]);
    add::<Detector>(&mut graphs, &[3, 64, 64]);
    add::<GrammarSpace>(&mut graphs, &[3, 32, 32]);
    add::<Mlp>(&mut graphs, &[8]);
    add::<Mobile>(&mut graphs, &[3, 64, 64]);
    add::<NasBench101>(&mut graphs, &[3, 32, 32]);
    add::<NasBench201>(&mut graphs, &[3, 32, 32]);
    add::<NasBenchMacro>(&mut graphs, &[3, 32, 32]);
    add::<ResNet>(&mut graphs, &[3, 32, 32]);
    add::<ResidualMlp>(&mut graphs, &[8]);
    add::<VisionTransformer>(&mut graphs, &[3, 32, 32]);
    graphs
}

/// Adds some networks of a space, and its supernet.
fn add<S: SearchSpace>(graphs: &mut Vec<(Graph, Vec<i64>)>, input: &[i64]) {
    let space = S::open(&Settings::defaults(&S::parameters())).unwrap();
    let settings = Settings::defaults(&space.task_parameters());
    let task = Task { input_shape: input.to_vec(), outputs: 10, kind: "classification".into(), settings };
    let built = (0..4).filter_map(|seed| space.build(&space.sample(seed), &task).ok());
    graphs.extend(built.chain(space.supernet(&task).ok().flatten()).map(|graph| (graph, input.to_vec())));
}

fn pick<'a, T>(items: &'a [T], rng: &mut Random) -> Option<&'a T> {
    (!items.is_empty()).then(|| &items[rng.random_range(0..items.len() as u32) as usize])
}

fn number(rng: &mut Random) -> i64 {
    if rng.random::<bool>() { *pick(&NUMBERS, rng).unwrap() } else { i64::from(rng.random_range(-9..70_i32)) }
}

fn attribute(rng: &mut Random) -> Attribute {
    match rng.random_range(0..5_u32) {
        0 => Attribute::Int(number(rng)),
        1 => Attribute::Ints((0..rng.random_range(0..9_u32)).map(|_| number(rng)).collect()),
        2 => Attribute::Float(*pick(&[0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 0.5], rng).unwrap()),
        3 => Attribute::Floats(vec![number(rng) as f64; 3]),
        _ => Attribute::Text((*pick(&["", "input", "x".repeat(5000).as_str(), "nearest"], rng).unwrap()).to_owned()),
    }
}

/// A copy with one to four changes.
fn damaged(graph: &Graph, input: &[i64], rng: &mut Random) -> (Graph, Vec<i64>) {
    let (mut graph, mut input) = (graph.clone(), input.to_vec());
    let known: Vec<&str> = operators::names().collect();
    for _ in 0..rng.random_range(1..5_u32) {
        let count = graph.nodes.len() as u32;
        let at = rng.random_range(0..count.max(1)) as usize;
        let other = rng.random_range(0..count.saturating_add(2));
        let Some(node) = graph.nodes.get_mut(at) else { continue };
        match rng.random_range(0..12_u32) {
            0 => node.op = (*pick(&known, rng).unwrap()).into(),
            1 => node.op = "Unknown".into(),
            2 => node.inputs.push(other),
            3 => drop(node.inputs.pop()),
            4 => {
                if let Some(input) = node.inputs.first_mut() {
                    *input = other;
                }
            }
            5 => {
                let value = attribute(rng);
                if let Some((_, old)) = node.attributes.first_mut() {
                    *old = value;
                }
            }
            6 => {
                // Changes the numbers of an attribute, but not its kind.
                let value = number(rng);
                for (_, old) in &mut node.attributes {
                    match old {
                        Attribute::Int(old) => *old = value,
                        Attribute::Ints(old) => old.iter_mut().for_each(|old| *old = value),
                        _ => {}
                    }
                }
            }
            7 => {
                let names = operators::attributes(&node.op).unwrap_or_default();
                let name = pick(names, rng).map_or("nonsense", |name| *name).to_owned();
                node.attributes.push((name.into(), attribute(rng)));
            }
            8 => graph.nodes.swap(at, (other % count) as usize),
            9 => graph.outputs.push(other),
            10 => graph.nodes.truncate(at + 1),
            _ => match input.first_mut() {
                Some(size) if rng.random::<bool>() => *size = number(rng),
                _ => input.push(number(rng)),
            },
        }
    }
    (graph, input)
}
