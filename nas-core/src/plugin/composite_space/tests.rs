#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use nas_api::graph::{count, shape};
use nas_api::{OpenSpace, Settings, Task, conformance};
use nas_spaces::{ChoiceSpace, Darts, Mlp, NasBench201, ResNet};

use super::super::{Options, Registry};

fn registry() -> Registry {
    let mut registry = Registry::new(Options::default());
    registry.add_space::<Mlp>().unwrap();
    registry.add_space::<Darts>().unwrap();
    registry.add_space::<NasBench201>().unwrap();
    registry.add_space::<ResNet>().unwrap();
    registry.read_tables_with::<ChoiceSpace>();
    registry
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn open(text: &str) -> Result<Box<dyn OpenSpace>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "product.toml", text);
    let source = registry().space(path.to_str().unwrap()).map_err(|error| error.to_string())?;
    let settings = Settings::defaults(&source.parameters().unwrap());
    source.open(&settings).map_err(|error| error.to_string())
}

fn task(space: &mut dyn OpenSpace) -> Task {
    let settings = Settings::defaults(&space.task_parameters().unwrap());
    Task { input_shape: vec![3, 16, 16], outputs: 10, kind: "classification".into(), settings }
}

const SERIES: &str = "name = 'cells'\nfeatures = 24\n[[product]]\nuse = 'nas-bench-201'\n[[product]]\nuse = 'mlp'\n";
const CELL: &str = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|";

#[test]
fn products_conform() {
    let sum = "name = 'sum'\njoin = 'sum'\n[[product]]\nuse = 'nas-bench-201'\nfix = ['op_0_1=nor_conv_1x1|none']\n\
                  [[product]]\nuse = 'nas-bench-201'\n[[product]]\nuse = 'resnet'\n";
    let conditional_first = "name = 'c'\njoin = 'sum'\n[[product]]\nuse = 'resnet'\n[[product]]\nuse = 'mlp'\n";
    for text in [SERIES, sum, conditional_first] {
        let mut space = open(text).unwrap();
        let task = task(&mut *space);
        conformance::check_space(&mut *space, &task, 8).unwrap_or_else(|broken| unreachable!("{text}: {broken}"));
    }
}

#[test]
fn networks_are_joined_in_series() {
    let mut space = open(SERIES).unwrap();
    let info = space.info().unwrap();
    let (cells, mlp) = (15_625_f64.log10(), 1_884_f64.log10());
    assert!((info.log10_size.unwrap() - cells - mlp).abs() < 1e-9);
    assert_eq!((info.decisions.len(), info.conditional), (6 + 7, true));
    assert_eq!(info.decisions[6].name, "mlp.layers");
    let text = format!("{CELL} & layers=1,width1=32,activation1=relu");
    let genotype = space.parse(&text).unwrap().unwrap();
    assert_eq!(space.format(&genotype).unwrap(), text);

    // The network of cells has 24 outputs, which the multilayer perceptron maps to 10.
    let whole = task(&mut *space);
    let graph = space.build(&genotype, &whole).unwrap().unwrap();
    let params = count::count(&graph, &shape::infer(&graph, &whole.input_shape).unwrap()).unwrap().params;
    let source = registry().space("nas-bench-201").unwrap();
    let mut alone = source.open(&Settings::defaults(&source.parameters().unwrap())).unwrap();
    let mut cells = task(&mut *alone);
    cells.outputs = 24;
    let genotype = alone.parse(CELL).unwrap().unwrap();
    let graph = alone.build(&genotype, &cells).unwrap().unwrap();
    let own = count::count(&graph, &shape::infer(&graph, &cells.input_shape).unwrap()).unwrap().params;
    assert_eq!(params, own + (24 * 32 + 32) + (32 * 10 + 10));
    assert!(whole.settings.0.iter().any(|setting| setting.name == "nas-bench-201.channels"), "{whole:?}");
}

#[test]
fn invalid_products_are_refused_with_a_reason() {
    let refused = |text: &str| open(text).err().unwrap();
    assert!(refused("name = 'a'\n[[product]]\nuse = 'mlp'\n").contains("2 to 8 spaces, and this one 1"));
    assert!(refused("name = 'a'\nproduct = ['mlp', 'mlpp']\n").contains("did you mean 'mlp'"));
    assert!(refused("name = 'a'\nproduct = ['mlp', {layers = 2}]\n").contains("product[1]: there is no 'use'"));
    assert!(refused("name = 'a'\nproduct = ['mlp', {use = 'mlp', lairs = 2}]\n").contains("product[1].lairs"));
    assert!(refused("name = 'a'\njion = 'sum'\nproduct = ['mlp', 'mlp']\n").contains("unknown field `jion`"));
    assert!(refused("name = 'a'\nfeatures = 0\nproduct = ['mlp', 'mlp']\n").contains("1 or more"));
    assert!(refused("name = 'a'\nproduct = ['./product.toml', 'mlp']\n").contains("is a product, too"));
    let mut space = open(SERIES).unwrap();
    let words = space.parse(CELL).unwrap().unwrap_err();
    assert!(words.contains("the text of 'mlp'"), "{words}");
    let words = space.parse(&format!("{CELL} & layers=9")).unwrap().unwrap_err();
    assert!(words.contains("layers"), "{words}");
    assert!(space.validate(&[0, 0, 0]).unwrap().unwrap_err().contains("within the decisions of 'nas-bench-201'"));
}

/// A product with the name of a space shadows it, so that it would contain itself.
#[test]
fn a_product_that_contains_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("spaces")).unwrap();
    write(&folder, "spaces/mlp.toml", "name = 'a'\njoin = 'sum'\nproduct = ['mlp', 'resnet']\n");
    let mut registry = Registry::new(Options { search_path: vec![folder.path().to_owned()], ..Options::default() });
    registry.add_space::<Mlp>().unwrap();
    registry.add_space::<ResNet>().unwrap();
    registry.read_tables_with::<ChoiceSpace>();
    let words = registry.space("mlp").err().unwrap().to_string();
    assert!(words.contains("mlp is a product, too"), "{words}");
}

#[test]
fn an_unknown_choice_is_reported_as_an_invalid_genotype() {
    let mut space = open("name = 'c'\njoin = 'sum'\n[[product]]\nuse = 'resnet'\n[[product]]\nuse = 'mlp'\n").unwrap();
    let words = space.validate(&[9, 0]).unwrap().unwrap_err();
    assert!(words.contains("'resnet.block' has no choice 9"), "{words}");
}

#[test]
fn a_changed_part_changes_the_digest_of_the_product() {
    let folder = tempfile::tempdir().unwrap();
    let table = include_str!("../../../../docs/examples/tiny-cnn.toml");
    write(&folder, "part.toml", table);
    let product = write(&folder, "product.toml", "name = 'a'\njoin = 'sum'\nproduct = ['./part.toml', 'resnet']\n");
    let digest = || registry().space(product.to_str().unwrap()).unwrap().identity().digest.clone();
    let before = digest();
    write(&folder, "part.toml", &format!("{table}\n# changed\n"));
    assert_ne!(before, digest());
}

/// A place where the text could be cut is tried with every part, so their number needs an end.
#[test]
fn a_text_of_separators_is_refused() {
    let mut space = open(SERIES).unwrap();
    let reason = space.parse(&" & ".repeat(20_000)).unwrap().unwrap_err();
    assert!(reason.contains("' & ' occurs too often"), "{reason}");
}
