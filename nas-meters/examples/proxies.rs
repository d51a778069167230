//! Measures how well zero-cost proxies rank the cells of NAS-Bench-201: prints Spearman's correlation with the accuracy
//! after 200 epochs on CIFAR-10, and that of published values of the same proxies for the same cells.
//!
//! `proxies CELLS SIDE [PROXY...]` draws CELLS random cells that have published values, in the published network (5
//! cells a stage, 16 channels), for images of 3×SIDE×SIDE. It computes all proxies if none is named, and always
//! `params` and `flops` for images of 3×32×32. The variable `NAS_DATA` names the folder with `nasbench201.csv.gz` and
//! `nasbench201_zerocost.csv.gz`.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

use nas_api::graph::{count, shape};
use nas_api::rng::{seeded, seq::SliceRandom};
use nas_api::{Graph, SearchSpace, Settings, Task};
use nas_meters::Proxy;
use nas_spaces::NasBench201;
use stats_claw::tests_stat::Alternative;
use stats_claw::tests_stat::correlation::spearman;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The figures of one cell in both tables.
struct Cell {
    arch: String,
    numbers: HashMap<String, f64>,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let wanted: usize = arguments.next().ok_or("give the number of cells")?.parse()?;
    let side: i64 = arguments.next().ok_or("give the side length of images")?.parse()?;
    let named: Vec<String> = arguments.collect();
    if let Some(name) = named.iter().find(|name| Proxy::ALL.iter().all(|proxy| proxy.name() != name.as_str())) {
        return Err(format!("there is no proxy '{name}'").into());
    }

    let folder = std::env::var_os("NAS_DATA").ok_or("NAS_DATA must name the folder with the tables")?;
    let mut cells = cells(Path::new(&folder))?;
    cells.shuffle(&mut seeded(0));
    cells.truncate(wanted);
    let space = NasBench201::new();
    let (full, small) = (task(&space, 32), task(&space, side));
    println!("{} cells, images of 3x{side}x{side}", cells.len());
    println!("proxy       failed  accuracy  published  both  s/cell");

    row("params", "", &cells, |cell| Ok(counts(&space, cell, &full)?.0))?;
    row("flops", "", &cells, |cell| Ok(counts(&space, cell, &full)?.1))?;
    for proxy in Proxy::ALL {
        if named.is_empty() || named.iter().any(|name| name == proxy.name()) {
            let published = published(proxy);
            row(proxy.name(), published, &cells, |cell| Ok(proxy.score(&graph(&space, cell, &small)?, &small)?))?;
        }
    }
    Ok(())
}

/// The cells that are in both tables, in their order.
fn cells(folder: &Path) -> Result<Vec<Cell>> {
    let open = |name: &str| -> Result<_> {
        let path = folder.join(name);
        let file = std::fs::File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(csv::Reader::from_reader(flate2::read::GzDecoder::new(file)))
    };
    let mut accuracies = HashMap::new();
    for row in open("nasbench201.csv.gz")?.deserialize::<HashMap<String, String>>() {
        let row = row?;
        accuracies.insert(row["index"].clone(), (row["arch"].clone(), row["c10_test_200"].parse::<f64>()?));
    }
    let mut cells = Vec::new();
    for row in open("nasbench201_zerocost.csv.gz")?.deserialize::<HashMap<String, String>>() {
        let row = row?;
        let (arch, accuracy) = accuracies.remove(&row["index"]).ok_or("the tables are not of one benchmark")?;
        let numbers = row.into_iter().filter_map(|(name, value)| Some((name, value.parse().ok()?)));
        let mut numbers: HashMap<String, f64> = numbers.collect();
        numbers.insert("accuracy".into(), accuracy);
        cells.push(Cell { arch, numbers });
    }
    Ok(cells)
}

/// The name of a proxy in the published table.
fn published(proxy: Proxy) -> &'static str {
    match proxy {
        Proxy::Synflow => "c10_synflow",
        Proxy::JacobCov => "c10_jacov",
        Proxy::Nwot => "c10_nwot",
        Proxy::Snip => "c10_snip",
        Proxy::Grasp => "c10_grasp",
        Proxy::Fisher => "c10_fisher",
        Proxy::GradNorm => "c10_grad_norm",
        Proxy::L2Norm => "c10_l2_norm",
        Proxy::Zen => "c10_zen",
    }
}

fn task(space: &NasBench201, side: i64) -> Task {
    let settings = Settings::defaults(&space.task_parameters());
    Task { input_shape: vec![3, side, side], outputs: 10, kind: "classification".into(), settings }
}

fn graph(space: &NasBench201, cell: &Cell, task: &Task) -> Result<Graph> {
    Ok(space.build(&space.parse(&cell.arch)?, task)?)
}

fn counts(space: &NasBench201, cell: &Cell, task: &Task) -> Result<(f64, f64)> {
    let graph = graph(space, cell, task)?;
    let counts = count::count(&graph, &shape::infer(&graph, &task.input_shape)?)?;
    Ok((counts.params as f64, counts.flops as f64))
}

/// Prints one line. Cells for which a proxy has no value are left out of its correlations.
fn row(name: &str, published: &str, cells: &[Cell], of: impl Fn(&Cell) -> Result<f64>) -> Result<()> {
    let started = Instant::now();
    let (mut found, mut accuracies, mut references) = (Vec::new(), Vec::new(), Vec::new());
    let mut reason = None;
    for cell in cells {
        match of(cell) {
            Ok(value) => {
                found.push(value);
                accuracies.push(cell.numbers["accuracy"]);
                references.extend(cell.numbers.get(published));
            }
            Err(error) => reason = Some(error),
        }
    }
    let seconds = started.elapsed().as_secs_f64() / cells.len() as f64;
    let failed = cells.len() - found.len();
    let between = |a: &[f64], b: &[f64]| match a.len() == b.len() {
        true => spearman(a, b, Alternative::TwoSided).map_or(f64::NAN, |result| result.statistic),
        false => f64::NAN,
    };
    let correlations = [(&found, &accuracies), (&references, &accuracies), (&found, &references)];
    let [accuracy, published, both] = correlations.map(|(a, b)| between(a, b));
    println!("{name:<10}{failed:>8}{accuracy:>10.3}{published:>11.3}{both:>6.2}{seconds:>8.3}");
    if let Some(reason) = reason {
        println!("  without a value: {reason}");
    }
    Ok(())
}
