#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};

use nas_api::graph::training::with_auxiliaries;
use nas_api::graph::{count, inference, shape};
use nas_api::{SearchSpace, Setting, Settings, Task, Value};
use proptest::prelude::*;

use super::Darts;
use super::cell::{self, Cell, Edge, Operation, sources};
use super::identity;

const DARTS_V1: &str = "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), \
    ('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], \
    normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), \
    ('max_pool_3x3', 0), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)], \
    reduce_concat=[2, 3, 4, 5])";
const DARTS_V2: &str = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), \
    ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], \
    normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), \
    ('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], \
    reduce_concat=[2, 3, 4, 5])";
const PC_DARTS_CIFAR: &str = "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), \
    ('dil_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)], \
    normal_concat=range(2, 6), reduce=[('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 1), \
    ('sep_conv_5x5', 2), ('sep_conv_3x3', 0), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)], \
    reduce_concat=range(2, 6))";
const PC_DARTS_IMAGE: &str = "Genotype(normal=[('skip_connect', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 0), \
    ('skip_connect', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('dil_conv_5x5', 4)], \
    normal_concat=range(2, 6), reduce=[('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_5x5', 2), \
    ('max_pool_3x3', 1), ('sep_conv_3x3', 2), ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 3)], \
    reduce_concat=range(2, 6))";

fn task(space: &Darts, shape: [i64; 3], outputs: u32, set: &[(&str, Value)]) -> Task {
    let set: Vec<Setting> =
        set.iter().map(|(name, value)| Setting { name: (*name).into(), value: value.clone() }).collect();
    let settings = Settings::checked(&space.task_parameters(), &set).unwrap();
    Task { input_shape: shape.to_vec(), outputs, kind: "classification".into(), settings }
}

fn counts(space: &Darts, genotype: &[u32], task: &Task) -> (u64, u64) {
    let graph = space.build(genotype, task).unwrap();
    let counts = count::count(&graph, &shape::infer(&graph, &task.input_shape).unwrap()).unwrap();
    (counts.params, counts.macs)
}

/// The published parameters on CIFAR-10 are 3.3 M (DARTS V2) and 3.63 M (PC-DARTS). The exact numbers are those of a
/// PyTorch network written from the paper, without the auxiliary head.
#[test]
fn published_cells_have_the_counts_of_pytorch() {
    let space = Darts::new();
    let cifar = task(&space, [3, 32, 32], 10, &[]);
    let set = [("channels", Value::Number(48.0)), ("layers", Value::Number(14.0))];
    let imagenet = [&set[..], &[("stem", Value::Text("imagenet".into()))]].concat();
    let imagenet = task(&space, [3, 224, 224], 1000, &imagenet);
    let expected = [
        (DARTS_V1, (3_169_414, 500_987_520), (4_510_432, 505_864_704)),
        (DARTS_V2, (3_349_342, 528_359_040), (4_718_752, 529_911_552)),
        (PC_DARTS_CIFAR, (3_634_678, 556_670_592), (5_270_560, 571_137_408)),
        (PC_DARTS_IMAGE, (3_721_510, 570_466_944), (5_342_464, 581_627_328)),
    ];
    for (text, on_cifar, on_imagenet) in expected {
        let genotype = space.parse(text).unwrap();
        assert_eq!(counts(&space, &genotype, &cifar), on_cifar, "{text}");
        assert_eq!(counts(&space, &genotype, &imagenet), on_imagenet, "{text}");
    }
}

/// By hand, its parameters on CIFAR-10 are 4 · 144 · 128 + 2 · 128 in the first convolution with its normalisation,
/// 128 · 768 · 4 + 2 · 768 in the second, and 768 · 10 + 10 in the linear layer.
#[test]
fn the_auxiliary_head_has_the_authors_shape_and_is_not_counted() {
    let space = Darts::new();
    for (stem, side, channels, more) in [
        ("cifar", 32, 36, 576 * 128 + 256 + 393_216 + 1536 + 7690),
        ("imagenet", 224, 48, 768 * 128 + 256 + 393_216 + 7690),
    ] {
        let set = |auxiliary| {
            let stem = Value::Text(stem.into());
            [("auxiliary", Value::Truth(auxiliary)), ("stem", stem), ("channels", Value::Number(f64::from(channels)))]
        };
        let task = |auxiliary| task(&space, [3, side, side], 10, &set(auxiliary));
        let genotype = space.parse(DARTS_V2).unwrap();
        assert_eq!(counts(&space, &genotype, &task(true)), counts(&space, &genotype, &task(false)));
        let graph = space.build(&genotype, &task(true)).unwrap();
        assert_eq!(inference(&graph), inference(&space.build(&genotype, &task(false)).unwrap()));
        let trained = with_auxiliaries(&graph);
        let shapes = shape::infer(&trained, &task(true).input_shape).unwrap();
        let found = count::count(&trained, &shapes).unwrap().params - counts(&space, &genotype, &task(true)).0;
        assert_eq!(found, more, "{stem}");
        let shape = |name: &str| &shapes[graph.nodes.iter().position(|node| node.name == name).unwrap()];
        assert_eq!(shape("auxiliary.pool")[1..], [2, 2]);
        assert_eq!(*shape("auxiliary.b.relu"), [768, 1, 1]);
        assert_eq!(*shape("auxiliary"), [10]);
    }
}

#[test]
fn images_that_are_too_small_for_the_auxiliary_head_are_refused() {
    let space = Darts::new();
    for (stem, layers, least) in [("cifar", 20.0, 29), ("cifar", 1.0, 15), ("imagenet", 14.0, 193)] {
        let set =
            [("auxiliary", Value::Truth(true)), ("stem", Value::Text(stem.into())), ("layers", Value::Number(layers))];
        let built = |side| {
            let task = task(&space, [1, side, side + 1], 10, &set);
            let graph = space.build(&[2; 22], &task)?;
            Ok::<_, nas_api::Error>(shape::infer(&graph, &task.input_shape).unwrap())
        };
        assert!(built(least).is_ok(), "{stem}");
        let error = built(least - 1).unwrap_err().to_string();
        assert!(
            error.contains(&format!("at least {least}x{least} pixels")) && error.contains("auxiliary = false"),
            "{error}"
        );
    }
}

/// As in the authors' model.py, a drop path follows every operation except `Identity`, the skip connection of stride 1.
#[test]
fn every_operation_except_skip_connections_has_a_drop_path() {
    let space = Darts::new();
    let task = task(&space, [3, 32, 32], 10, &[("layers", Value::Number(3.0))]);
    let graph = space.build(&space.parse(DARTS_V1).unwrap(), &task).unwrap();
    let dropped = |cell: &str| {
        let paths = graph.nodes.iter().filter(|node| node.op == "DropPath" && node.name.starts_with(cell));
        paths.map(|node| graph.nodes[node.inputs[0] as usize].op.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(dropped("cell1."), ["BatchNormalization"; 5]);
    // Every edge from the inputs of the cell has stride 2, and all other edges are skips.
    assert_eq!(dropped("cell2."), ["MaxPool", "MaxPool", "MaxPool", "MaxPool", "AveragePool"]);
    let supernet = space.supernet(&task).unwrap().unwrap();
    assert!(supernet.nodes.iter().all(|node| node.op != "DropPath"));
}

#[test]
fn texts_are_read_in_any_python_layout() {
    let space = Darts::new();
    let genotype = space.parse(DARTS_V2).unwrap();
    let text = space.format(&genotype);
    assert!(text.starts_with("Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "), "{text}");
    assert!(text.ends_with("('skip_connect', 2)], reduce_concat=range(2, 6))"), "{text}");
    assert_eq!(space.parse(&text).unwrap(), genotype);
    let reformatted =
        DARTS_V2.replace('\'', "\"").replace(", ", " ,\n  ").replace(")]", "),\n]").replace("[2 ", "[ 2 ");
    assert_eq!(space.parse(&reformatted).unwrap(), genotype);
}

#[test]
fn malformed_texts_are_refused_with_the_reason() {
    let space = Darts::new();
    let refused = |from: &str, to: &str, words: &str| {
        let error = space.parse(&DARTS_V1.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused("('sep_conv_3x3', 1)", "('sep_conv_7x7', 1)", "'normal' names the operation 'sep_conv_7x7'");
    refused("('sep_conv_3x3', 1)", "('none', 1)", "'normal' names the operation 'none'");
    refused("('sep_conv_3x3', 1)", "('sep_conv_3x3', 0)", "node 2 of 'normal' reads node 0 twice");
    refused("('sep_conv_3x3', 1)", "('sep_conv_3x3', 2)", "node 2 of 'normal' reads node 2, which does not come");
    refused("('sep_conv_3x3', 1), ", "", "'normal' has 7 pairs");
    refused("normal_concat=[2, 3, 4, 5]", "normal_concat=[2, 3, 4]", "'normal_concat' must join the nodes 2 to 5");
    refused("reduce=", "normal=", "expected 'reduce' before");
    assert!(space.parse(&format!("{DARTS_V1} x")).unwrap_err().to_string().contains("'x' follows the genotype"));
}

#[test]
fn the_size_is_the_published_one() {
    // By the paper's analysis of complexity, a cell of 4 nodes has 1 * 3 * 6 * 10 * 7^8 = 10^9 possibilities.
    let cell = 180.0 * 7_f64.powi(8);
    let size = SearchSpace::info(&Darts::new()).log10_size.unwrap();
    assert!((size - 2.0 * cell.log10()).abs() < 1e-9, "{size}");
}

#[test]
fn images_that_cannot_be_halved_are_refused() {
    let space = Darts::new();
    for (stem, least) in [("cifar", 3), ("imagenet", 17)] {
        let set = [("stem", Value::Text(stem.into())), ("layers", Value::Number(3.0))];
        let genotype = vec![2; 22];
        let built = |side| {
            let task = task(&space, [1, side, side + 1], 10, &set);
            let graph = space.build(&genotype, &task)?;
            Ok::<_, nas_api::Error>(shape::infer(&graph, &task.input_shape).unwrap())
        };
        assert!(built(least).is_ok(), "{stem}");
        let error = built(least - 1).unwrap_err().to_string();
        assert!(error.contains(&format!("at least {least}x{least} pixels")), "{error}");
    }
}

/// The cell with its inner nodes in another order; `None` if a node would come before a node that it reads.
fn reordered(cell: &Cell, order: &[usize; 4]) -> Option<Cell> {
    let moved = |node: usize| {
        if node < 2 { Some(node) } else { order.iter().position(|&old| old + 2 == node).map(|at| at + 2) }
    };
    let mut new = *cell;
    for (at, &old) in order.iter().enumerate() {
        for (slot, edge) in cell[old].iter().enumerate() {
            let source = moved(edge.source)?;
            if source >= at + 2 {
                return None;
            }
            new[at][slot] = Edge { source, ..*edge };
        }
        new[at].sort_by_key(|edge| edge.source);
    }
    Some(new)
}

#[test]
fn keys_see_through_skips_and_average_pooling() {
    use Operation::{AvgPool, MaxPool, Sep3, Skip};
    let edge = |operation, source| Edge { source, operation };
    let cell =
        |edges: [[(Operation, usize); 2]; 4]| edges.map(|node| node.map(|(operation, source)| edge(operation, source)));
    let base = [[(Skip, 0), (Skip, 1)], [(Skip, 0), (Skip, 2)], [(Skip, 1), (Skip, 2)]];
    let [a, b, c] = base;
    // The sums 2x + y + y and x + 2y + x are equal.
    let through = |last| cell([a, b, c, last]);
    let (one, other) = (through([(Skip, 1), (Skip, 3)]), through([(Skip, 0), (Skip, 4)]));
    assert_eq!(identity::key(&one, false), identity::key(&other, false));
    assert_ne!(identity::key(&one, true), identity::key(&other, true), "strided skips have weights");
    // An average distributes over a sum, but a maximum does not.
    let pooled = |op| {
        let split = [[(op, 0), (op, 1)], [(Skip, 0), (Skip, 1)], [(Skip, 2), (Sep3, 3)], [(Sep3, 0), (Sep3, 1)]];
        let whole = [[(op, 0), (op, 1)], [(Skip, 0), (Skip, 1)], [(op, 3), (Sep3, 3)], [(Sep3, 0), (Sep3, 1)]];
        identity::key(&cell(split), false) == identity::key(&cell(whole), false)
    };
    assert!(pooled(AvgPool) && !pooled(MaxPool));
    // Two convolutions of the same value are not one.
    let twice = cell([[(Sep3, 0), (Sep3, 1)], [(Sep3, 0), (Sep3, 1)], a, a]);
    let shared = cell([[(Sep3, 0), (Sep3, 1)], [(Skip, 2), (Sep3, 1)], a, a]);
    assert_ne!(identity::key(&twice, false), identity::key(&shared, false));
}

fn any_cell() -> impl Strategy<Value = Cell> {
    let node = |node: usize| {
        (0..sources(node).count(), 0..7_usize, 0..7_usize).prop_map(move |(pair, a, b)| {
            let (first, second) = sources(node).nth(pair).unwrap();
            let edge = |source, operation: usize| Edge { source, operation: cell::OPERATIONS[operation] };
            [edge(first, a), edge(second, b)]
        })
    };
    (node(2), node(3), node(4), node(5)).prop_map(|(a, b, c, d)| [a, b, c, d])
}

proptest! {
    #[test]
    fn the_order_of_the_nodes_does_not_matter(cell in any_cell(), order in Just([0, 1, 2, 3]).prop_shuffle()) {
        if let Some(other) = reordered(&cell, &order) {
            for reduces in [false, true] {
                prop_assert_eq!(identity::key(&cell, reduces), identity::key(&other, reduces));
            }
        }
    }

    #[test]
    fn every_genotype_is_read_back(seed in any::<u32>()) {
        let space = Darts::new();
        let genotype = SearchSpace::sample(&space, seed);
        prop_assert_eq!(space.parse(&space.format(&genotype)).unwrap(), genotype);
    }
}

/// The value of a cell without weights, computed from hashes in place of its inputs and without a canonical form.
fn fingerprint(cell: &Cell) -> Vec<u64> {
    let mix = |words: &[u64]| {
        words.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, word| {
            let hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hash ^ (hash >> 29)
        })
    };
    let mut values: Vec<u64> = vec![mix(&[1]), mix(&[2])];
    for edges in cell {
        let terms = edges.map(|edge| {
            let input = values[edge.source];
            match edge.operation {
                Operation::Skip => input,
                operation => mix(&[operation as u64 + 3, input]),
            }
        });
        values.push(terms[0].wrapping_add(terms[1]));
    }
    let mut outputs = values[2..].to_vec();
    outputs.sort_unstable();
    outputs
}

/// For all cells of two operations without weights, keys are equal exactly if the outputs are.
#[test]
fn keys_are_exact_where_nothing_has_weights() {
    let operations = [Operation::Skip, Operation::MaxPool];
    let mut cells = vec![Vec::new()];
    for node in 2..6 {
        let mut next = Vec::new();
        for cell in &cells {
            for (first, second) in sources(node) {
                for (a, b) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    let edges = [(first, a), (second, b)]
                        .map(|(source, operation): (usize, usize)| Edge { source, operation: operations[operation] });
                    next.push([&cell[..], &[edges]].concat());
                }
            }
        }
        cells = next;
    }
    assert_eq!(cells.len(), 180 * 256);
    let (mut by_key, mut prints) = (HashMap::new(), HashSet::new());
    for cell in cells {
        let cell: Cell = cell.try_into().unwrap();
        let print = fingerprint(&cell);
        prints.insert(print.clone());
        let key = identity::key(&cell, false);
        assert_eq!(*by_key.entry(key.clone()).or_insert(print.clone()), print, "{key}");
    }
    assert_eq!(by_key.len(), prints.len());
}
