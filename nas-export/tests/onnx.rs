//! Exported networks compute elsewhere what they compute here. `NAS_EXPORT_COUNT=500 cargo test --release -p nas-export`
//! checks 500 networks of each space; `NAS_EXPORT_PYTHON` names a Python that has PyTorch, too.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Folder, count, settings, task, zoo};
use nas_api::{SearchSpace, Settings, Value};
use nas_export::About;
use nas_spaces::{Mlp, NasBench101, NasBench201, TableSpace};

fn open<S: SearchSpace>() -> S {
    S::open(&Settings::defaults(&S::parameters())).unwrap()
}

#[test]
fn random_networks_of_every_space_compute_the_same_elsewhere() {
    let mut folder = Folder::new("spaces");
    let networks = count(8);
    folder.space(&open::<Mlp>(), &task(&[1, 8, 8], 10, Settings::default()), networks);
    let small = [("channels", Value::Number(8.0)), ("cells", Value::Number(1.0))];
    let space = open::<NasBench101>();
    folder.space(&space, &task(&[3, 8, 8], 10, settings(&space.task_parameters(), &small)), networks);
    let space = open::<NasBench201>();
    folder.space(&space, &task(&[3, 9, 8], 10, settings(&space.task_parameters(), &small)), networks);
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/tiny-cnn.toml")).unwrap();
    folder.space(&TableSpace::from_toml(&text).unwrap(), &task(&[1, 8, 8], 10, Settings::default()), networks);
    assert_eq!(folder.with_burn(), 4 * networks as usize);
    folder.check();
}

#[test]
fn every_operator_computes_the_same_elsewhere() {
    let mut folder = Folder::new("operators");
    for case in zoo::plain() {
        folder.add(&case.name, &case.graph, &task(&case.input, 1, Settings::default()), About::default());
    }
    folder.check();
}
