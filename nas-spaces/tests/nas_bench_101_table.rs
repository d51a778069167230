//! Compares every cell with the published table (file `nasbench101_20k.csv.gz` in the folder `NAS_DATA`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../tests/common/test_data.rs"]
mod test_data;

use std::collections::HashMap;

use nas_api::graph::{count, shape};
use nas_api::{SearchSpace, Settings, Task};
use nas_spaces::NasBench101;
use test_data::test_data;

#[test]
fn hash_and_parameters_of_every_cell_agree_with_the_published_table() {
    let Some(path) = test_data("nasbench101_20k.csv.gz") else { return };
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut table = csv::Reader::from_reader(flate2::read::GzDecoder::new(file));
    let (space, exact) = (NasBench101::new(), NasBench101::exact());
    let settings = Settings::defaults(&space.task_parameters());
    let task = Task { input_shape: vec![3, 32, 32], outputs: 10, kind: "classification".into(), settings };
    let params = |text: &str| {
        let graph = space.build(&space.parse(text).unwrap(), &task).unwrap();
        let shapes = shape::infer(&graph, &task.input_shape).unwrap();
        count::count(&graph, &shapes).unwrap().params.to_string()
    };
    let (mut rows, mut reordered) = (0, 0);
    for row in table.deserialize::<HashMap<String, String>>() {
        let row = row.unwrap();
        let text = format!("{}/{}", row["adjacency_upper"], row["ops"]);
        let genotype = space.parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(space.key(&genotype), row["hash"], "{text}");
        // If the channels do not divide evenly, the first vertices have one more. The table lists some of these cells
        // in a different order of vertices than the one that was trained.
        if params(&text) != row["params"] {
            let other =
                orders(&row["adjacency_upper"], &row["ops"]).into_iter().find(|text| params(text) == row["params"]);
            let other = other.unwrap_or_else(|| panic!("{text}: no order of its vertices has {}", row["params"]));
            assert_eq!(space.key(&space.parse(&other).unwrap()), row["hash"]);
            assert_ne!(exact.key(&space.parse(&other).unwrap()), exact.key(&genotype), "{text} and {other}");
            reordered += 1;
        }
        rows += 1;
    }
    assert_eq!((rows, reordered), (20_001, 661));
}

/// The texts of the cell for all orders of its inner vertices in which edges go to higher vertices.
fn orders(bits: &str, operations: &str) -> Vec<String> {
    let (vertices, operations) = (operations.len() + 2, operations.as_bytes());
    let mut bits = bits.bytes();
    let pairs = || (0..vertices).flat_map(|source| (source + 1..vertices).map(move |target| (source, target)));
    let edges: Vec<(usize, usize)> = pairs().filter(|_| bits.next() == Some(b'1')).collect();
    let mut found = Vec::new();
    let mut pending = vec![vec![0]];
    while let Some(order) = pending.pop() {
        if order.len() + 1 == vertices {
            let index = |vertex: usize| order.iter().position(|&known| known == vertex).unwrap_or(vertices - 1);
            let moved: Vec<_> = edges.iter().map(|&(source, target)| (index(source), index(target))).collect();
            let bits: String = pairs().map(|pair| if moved.contains(&pair) { '1' } else { '0' }).collect();
            let letters: String = order[1..].iter().map(|&vertex| char::from(operations[vertex - 1])).collect();
            found.push(format!("{bits}/{letters}"));
            continue;
        }
        let ready = (1..vertices - 1).filter(|vertex| !order.contains(vertex));
        let ready = ready.filter(|&vertex| edges.iter().all(|&(from, to)| to != vertex || order.contains(&from)));
        pending.extend(ready.map(|vertex| [&order[..], &[vertex]].concat()));
    }
    found
}
