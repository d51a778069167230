//! Compares every cell with the published table (file `nasbench201.csv.gz` in the folder `NAS_DATA`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../tests/common/test_data.rs"]
mod test_data;

use std::collections::{HashMap, HashSet};

use nas_api::graph::{count, shape};
use nas_api::{SearchSpace, Settings, Task};
use nas_spaces::{Identity, NasBench201};
use test_data::test_data;

/// The table; `None` with a printed reason if it is missing, which is an error in CI.
fn table() -> Option<csv::Reader<flate2::read::GzDecoder<std::fs::File>>> {
    let path = test_data("nasbench201.csv.gz")?;
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(csv::Reader::from_reader(flate2::read::GzDecoder::new(file)))
}

fn task(space: &NasBench201, input_shape: [i64; 3], outputs: u32) -> Task {
    let settings = Settings::defaults(&space.task_parameters());
    Task { input_shape: input_shape.to_vec(), outputs, kind: "classification".into(), settings }
}

/// Parameters and FLOPs in millions, as in the table.
fn costs(space: &NasBench201, genotype: &[u32], task: &Task) -> (f64, f64) {
    let graph = space.build(genotype, task).unwrap();
    let shapes = shape::infer(&graph, &task.input_shape).unwrap();
    assert_eq!(shapes[graph.outputs[0] as usize], [i64::from(task.outputs)]);
    let counts = count::count(&graph, &shapes).unwrap();
    (counts.params as f64 / 1e6, counts.flops as f64 / 1e6)
}

#[test]
fn every_cell_agrees_with_the_published_table() {
    let Some(mut table) = table() else { return };
    let (space, by_topology) = (NasBench201::new(), NasBench201::with_identity(Identity::Topology));
    let tasks = [
        ("flops_m_c10", task(&space, [3, 32, 32], 10)),
        ("flops_m_c100", task(&space, [3, 32, 32], 100)),
        ("flops_m_in16", task(&space, [3, 16, 16], 120)),
    ];
    let mut published: HashMap<String, (f64, f64)> = HashMap::new();
    let (mut rows, mut disagreeing) = (0, 0);
    let (mut keys, mut topologies, mut unsound) = (HashMap::new(), HashMap::new(), HashSet::new());
    for row in table.deserialize::<HashMap<String, String>>() {
        let row = row.unwrap();
        let number = |column: &str| row[column].parse::<f64>().unwrap();
        let edges = ["op_0_1", "op_0_2", "op_1_2", "op_0_3", "op_1_3", "op_2_3"];
        let genotype: Vec<u32> = edges.iter().map(|edge| row[*edge].parse().unwrap()).collect();
        let arch = &row["arch"];
        assert_eq!(&space.format(&genotype), arch);
        assert_eq!(space.parse(arch).unwrap(), genotype);

        // The table rounds to six and five decimals.
        for (column, task) in &tasks {
            let (params, flops) = costs(&space, &genotype, task);
            assert!((flops - number(column)).abs() < 0.51e-5, "{arch}: {column} {} but {flops}", number(column));
            if *column == "flops_m_c10" {
                assert!((params - number("params_m")).abs() < 0.51e-6, "{arch}: {} but {params}", number("params_m"));
            }
        }
        disagreeing += u32::from(row["params_m"] != row["params_m_recorded"]);
        rows += 1;

        let costs = (number("params_m"), number("flops_m_c10"));
        let key = space.key(&genotype);
        let same_key = *keys.entry(key.clone()).or_insert(costs);
        assert_eq!(same_key, costs, "{arch}: another cell with the key {key} has different costs");
        let topology = by_topology.key(&genotype);
        if *topologies.entry(topology.clone()).or_insert(costs) != costs {
            unsound.insert(topology);
        }
        published.insert(arch.clone(), costs);
    }
    assert_eq!((rows, published.len()), (15_625, 15_625));
    assert_eq!(disagreeing, 150);
    assert_eq!(topologies.len(), 6466);
    // These classes are the reason why the published topology is not the default key.
    assert_eq!(unsound.len(), 578);
    assert_eq!(keys.len(), 6410);
}
