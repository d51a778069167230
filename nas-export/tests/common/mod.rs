//! Shared by the tests of exports: folders of exported networks, and the Python that checks them.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod mutate;
pub mod python;
pub mod zoo;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nas_api::rng::{RngExt, derive, seeded};
use nas_api::{Graph, SearchSpace, Settings, Task};
use nas_export::{About, Model, Weights};
use serde_json::json;

/// Examples in one batch.
const BATCH: usize = 3;

/// A folder of exported networks and its `manifest.json`.
pub struct Folder {
    pub path: PathBuf,
    /// The size in bytes above which a network has its weights in a file of their own.
    pub largest: u64,
    rows: Vec<serde_json::Value>,
}

pub fn task(input_shape: &[i64], outputs: u32, settings: Settings) -> Task {
    Task { input_shape: input_shape.to_vec(), outputs, kind: "classification".into(), settings }
}

impl Folder {
    pub fn new(name: &str) -> Self {
        // The process's number keeps runs apart that happen at once.
        let path = target().join("export-tests").join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self { path, largest: 1 << 30, rows: Vec::new() }
    }

    /// Exports random networks of a space.
    pub fn space<S: SearchSpace>(&mut self, space: &S, task: &Task, seeds: &[u32]) {
        let about = space.info();
        for &seed in seeds {
            let genotype = space.sample(seed);
            let graph = space.build(&genotype, task).unwrap();
            let about = About { space: about.name.clone(), text: space.format(&genotype) };
            self.add(&format!("{}-{seed}", about.space), &graph, task, about);
        }
    }

    /// Exports one network in every format, with weights none of which is 0 or 1.
    pub fn add(&mut self, name: &str, graph: &Graph, task: &Task, about: About) {
        let model = Model::new(graph, task, about).unwrap_or_else(|error| panic!("{name}: {error}"));
        let at = |ending: &str| self.path.join(format!("{name}{ending}"));
        nas_export::write_safetensors(&model, &Weights::Fresh(7), &at(".weights")).unwrap();
        randomize(&at(".weights"));
        let weights = Weights::open(&at(".weights")).unwrap();
        nas_export::onnx::write_up_to(&model, &weights, &at(".onnx"), self.largest)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        nas_export::write_pytorch(&model, &weights, &at(".py")).unwrap_or_else(|error| panic!("{name}: {error}"));

        // Imported again, it has the same weights under the same names, and computes the same.
        let imported = nas_export::import(&at(".onnx")).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = Model::new(&imported.graph, task, About::default()).unwrap();
        nas_export::onnx::write(&again, &weights, &at(".again.onnx")).unwrap_or_else(|error| panic!("{name}: {error}"));

        let inputs = inputs(&model);
        write_floats(&at(".input"), &inputs);
        let shape: Vec<usize> = task.input_shape.iter().map(|&size| size as usize).collect();
        let output_shapes: Vec<_> = graph
            .outputs
            .iter()
            .map(|&output| nas_api::graph::shape::infer(graph, &task.input_shape).unwrap()[output as usize].clone())
            .collect();
        let outputs = output_shapes[0].iter().product::<i64>() as usize;
        // burn trains networks with one output, and knows every operator.
        let burn = (graph.outputs.len() == 1).then(|| {
            let values = nas_network::run(graph, &shape, outputs, &at(".weights"), inputs.clone())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            write_floats(&at(".burn"), &values);
            format!("{name}.burn")
        });
        let gradients = burn.is_some().then(|| {
            let directions: Vec<f32> = inputs_of(None, BATCH * outputs);
            let (graph, weights) = (without_dropout(graph), at(".weights"));
            let found = nas_network::gradients(&graph, &shape, outputs, &weights, inputs, directions.clone())
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            write_floats(&at(".directions"), &directions);
            write_floats(&at(".gradients"), &found.iter().flat_map(|(_, values)| values.clone()).collect::<Vec<f32>>());
            found.into_iter().map(|(name, values)| (name, values.len())).collect::<Vec<_>>()
        });
        self.rows.push(json!({
            "name": name, "onnx": format!("{name}.onnx"), "again": format!("{name}.again.onnx"),
            "module": format!("{name}.py"), "input": format!("{name}.input"), "batch": BATCH,
            "input_shape": task.input_shape,
            "output_shapes": output_shapes, "burn": burn, "gradients": gradients,
        }));
    }

    /// Removes the folder. A failed check ends the test before, so that its files stay.
    pub fn remove(self) {
        fs::remove_dir_all(self.path).unwrap();
    }

    /// Checks all networks, and returns what the script printed; `None`, with a printed reason, if there is no Python.
    /// CI must have one.
    pub fn check(&self) -> Option<String> {
        fs::write(self.path.join("manifest.json"), serde_json::to_string(&self.rows).unwrap()).unwrap();
        let python = python::python(&target())?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check_onnx.py");
        let run = Command::new(python).arg(script).arg(&self.path).output().unwrap();
        let output = [String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr)].concat();
        println!("{output}");
        assert!(run.status.success(), "{output}");
        Some(output)
    }
}

/// Returns token numbers for networks with an embedding, else numbers around 0.
fn inputs(model: &Model) -> Vec<f32> {
    let tokens =
        model.graph.nodes.iter().find(|node| node.op == "Gather").map(|node| node.int("num_embeddings", None).unwrap());
    inputs_of(tokens, BATCH * model.task.input_shape.iter().product::<i64>() as usize)
}

fn inputs_of(tokens: Option<i64>, count: usize) -> Vec<f32> {
    let mut rng = seeded(derive(3, "inputs", 0));
    let mut draw = || f64::from(rng.random::<u32>()) / f64::from(u32::MAX);
    (0..count)
        .map(|_| match tokens {
            Some(tokens) => ((draw() * tokens as f64) as i64).min(tokens - 1) as f32,
            None => (draw() * 4.0 - 2.0) as f32,
        })
        .collect()
}

/// Sets the ratio of dropout to 0, because other programs draw other masks.
fn without_dropout(graph: &Graph) -> Graph {
    let mut graph = graph.clone();
    for node in graph.nodes.iter_mut().filter(|node| node.op == "Dropout") {
        node.attributes = vec![nas_api::graph::builder::float("ratio", 0.0)];
    }
    graph
}

fn write_floats(path: &Path, values: &[f32]) {
    fs::write(path, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
}

/// Adds random numbers to arrays of equal ones (biases, means, scales), so that a weight that an export leaves out or
/// mistakes for another changes the result.
fn randomize(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let begin = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..begin]).unwrap();
    let mut arrays: Vec<(u64, u64)> = (header.as_object().unwrap().values())
        .filter_map(|about| Some((about["data_offsets"][0].as_u64()?, about["data_offsets"][1].as_u64()?)))
        .collect();
    arrays.sort_unstable();
    let mut rng = seeded(11);
    for (from, to) in arrays {
        let array = &mut bytes[begin + from as usize..begin + to as usize];
        let equal = array.chunks_exact(4).all(|word| word == &array[..4]);
        for word in array.chunks_exact_mut(4) {
            // Other arrays are random already, and larger weights would make deep networks overflow. A variance stays
            // positive, because what is added is.
            if equal {
                let value = f32::from_le_bytes(word.try_into().unwrap());
                let value = value + rng.random::<u32>() as f32 / u32::MAX as f32 * 0.2;
                word.copy_from_slice(&value.to_le_bytes());
            }
        }
    }
    fs::write(path, bytes).unwrap();
}

pub fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target")
}

/// Returns the seed of the first network of each space: NAS_EXPORT_FIRST, or 0.
pub fn first() -> u32 {
    std::env::var("NAS_EXPORT_FIRST").ok().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Returns the seed after the last network of each space: NAS_EXPORT_COUNT, or `few`.
pub fn count(few: u32) -> u32 {
    std::env::var("NAS_EXPORT_COUNT").ok().map_or(few, |count| count.parse().expect("NAS_EXPORT_COUNT is a number"))
}
