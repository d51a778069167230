//! Valid definitions build what they say, and invalid ones are refused with a message that names the fault.

#![allow(clippy::unwrap_used)]

use nas_api::graph::{count, shape};
use nas_api::{Attribute, Genotype, SearchSpace, Setting, Settings, Task, Value};

use super::ChoiceSpace;

const TINY_CNN: &str = include_str!("../../../docs/examples/tiny-cnn.toml");

fn task() -> Task {
    Task { input_shape: vec![1, 8, 8], outputs: 10, kind: "classification".into(), settings: Settings::default() }
}

/// A definition of these decisions and layers.
fn definition(decisions: &str, layers: &str) -> String {
    format!("name = \"t\"\nversion = \"1\"\n{decisions}\n{layers}")
}

const WIDTH: &str = "[[decision]]\nname = \"width\"\nchoices = [4, 8]\n";
const HIDDEN: &str = "[[layer]]\nop = \"Gemm\"\nout_features = \"$width\"\n";

#[track_caller]
fn refused(decisions: &str, layers: &str, words: &[&str]) {
    let error = ChoiceSpace::from_toml(&definition(decisions, layers)).unwrap_err().to_string();
    for words in words {
        assert!(error.contains(words), "'{words}' is not in: {error}");
    }
}

#[test]
fn the_example_builds_the_layers_that_its_text_names() {
    let space = ChoiceSpace::from_toml(TINY_CNN).unwrap();
    let text = "blocks=2,width1=8,kernel1=3,width2=16,kernel2=5,activation=Gelu,pool=MaxPool,pool_kernel=2,dropout=0.2";
    let genotype = space.parse(text).unwrap();
    let graph = space.build(&genotype, &task()).unwrap();
    let names: Vec<(&str, &str)> = graph.nodes.iter().map(|node| (node.name.as_str(), node.op.as_str())).collect();
    let expected = [
        ("input", "Input"),
        ("body.1.conv", "Conv"),
        ("body.1.norm", "BatchNormalization"),
        ("body.1.3.gelu", "Gelu"),
        ("body.2.conv", "Conv"),
        ("body.2.norm", "BatchNormalization"),
        ("body.2.3.gelu", "Gelu"),
        ("2.maxpool", "MaxPool"),
        ("5.flatten", "Flatten"),
        ("6.dropout", "Dropout"),
        ("head", "Gemm"),
    ];
    assert_eq!(names, expected);
    assert_eq!(graph.nodes[4].attribute("pads"), Some(&Attribute::Ints(vec![2; 4])));
    let shapes = shape::infer(&graph, &[1, 8, 8]).unwrap();
    let counts = count::count(&graph, &shapes).unwrap();
    assert_eq!(counts.params, 8 * 9 + 16 + 16 * 8 * 25 + 32 + 16 * 16 * 10 + 10);
}

#[test]
fn the_definition_in_the_documentation_is_valid() {
    let page = include_str!("../../../docs/spaces.md");
    let (_, section) = page.split_once("## Choice spaces").unwrap();
    let (_, rest) = section.split_once("```toml\n").unwrap();
    let (definition, _) = rest.split_once("```").unwrap();
    let space = ChoiceSpace::from_toml(definition).unwrap();
    for seed in 0..20 {
        space.build(&space.sample(seed), &task()).unwrap();
    }
}

#[test]
fn the_size_counts_every_genotype() {
    let space = ChoiceSpace::from_toml(TINY_CNN).unwrap();
    let mut open = vec![Genotype::new()];
    let mut complete = 0;
    while let Some(prefix) = open.pop() {
        match space.next(&prefix) {
            Some(decision) => open.extend((0..decision.len()).map(|choice| [&prefix[..], &[choice]].concat())),
            None => complete += 1,
        }
    }
    assert_eq!(complete, (9 + 81 + 729) * 3 * 5 * 3);
    assert!((space.info().log10_size.unwrap() - f64::from(complete).log10()).abs() < 1e-12);
}

#[test]
fn the_definition_is_a_parameter() {
    let set = |text: &str| {
        let given = vec![Setting { name: "definition".into(), value: Value::Text(text.into()) }];
        ChoiceSpace::open(&Settings::checked(&ChoiceSpace::parameters(), &given).unwrap())
    };
    assert_eq!(set(TINY_CNN).unwrap().info().name, "tiny-cnn");
    assert!(set(" ").unwrap_err().to_string().contains("'definition'"));
    assert!(set("name = 3").unwrap_err().to_string().contains("line 1"));
}

#[test]
fn a_space_without_layers_has_decisions_but_no_networks() {
    let space = ChoiceSpace::from_toml(&definition(WIDTH, "")).unwrap();
    assert_eq!(space.info().decisions.len(), 1);
    assert!(space.build(&[0], &task()).unwrap_err().to_string().contains("defines no [[layer]]"));
}

#[test]
fn a_chain_that_does_not_fit_the_task_is_refused() {
    let space = ChoiceSpace::from_toml(&definition(WIDTH, HIDDEN)).unwrap();
    let error = space.build(&[0], &task()).unwrap_err().to_string();
    assert!(error.contains("shape [1, 8, 4]") && error.contains("Flatten"), "{error}");
    let pool = "[[layer]]\nop = \"MaxPool\"\nkernel_shape = \"$width\"\nstrides = 1\n";
    let pooled = ChoiceSpace::from_toml(&definition(WIDTH, pool)).unwrap();
    let error = pooled.build(&[0], &Task { input_shape: vec![7], ..task() }).unwrap_err().to_string();
    assert!(error.contains("node '1.maxpool' (MaxPool)") && error.contains("[7]"), "{error}");
    let error = space.build(&[0], &Task { input_shape: vec![7], ..task() }).unwrap_err().to_string();
    assert!(error.contains("shape [4]") && error.contains("$outputs"), "{error}");
}

#[test]
fn invalid_decisions_are_refused() {
    let decision = |rest: &str| format!("{WIDTH}[[decision]]\n{rest}\n");
    refused("decision = []", "", &["1 to 256 decisions, not 0"]);
    refused(&decision("name = \"width\"\nchoices = [1]"), HIDDEN, &["decision 'width'", "same name"]);
    refused(&decision("name = \"9\"\nchoices = [1]"), HIDDEN, &["decision '9'", "its name is invalid"]);
    refused(&decision("name = \"outputs\"\nchoices = [1]"), HIDDEN, &["reserved"]);
    refused(&decision("name = \"a\"\nchoices = []"), HIDDEN, &["decision 'a'", "not 0"]);
    refused(&decision("name = \"a\"\nchoices = [1, \"1\"]"), HIDDEN, &["'1' appears twice"]);
    refused(&decision("name = \"a\"\nchoices = [\"x=1\"]"), HIDDEN, &["'x=1'"]);
    refused(&decision("name = \"a\"\nchoices = [[1]]"), HIDDEN, &["neither a text nor a number"]);
    refused(&decision("name = \"a\"\nchoices = [1]\norder = true"), HIDDEN, &["unknown field `order`"]);
    refused(&decision("name = \"a\"\nchoices = [1]\nwhen = { b = 1 }"), HIDDEN, &["'b'", "not an earlier decision"]);
    refused(&decision("name = \"a\"\nchoices = [1]\nwhen = { a = 1 }"), HIDDEN, &["not an earlier decision"]);
    refused(&decision("name = \"a\"\nchoices = [1]\nwhen = { width = 5 }"), HIDDEN, &["'5'", "(4, 8)"]);
    refused(&decision("name = \"a\"\nchoices = [1]"), HIDDEN, &["decision 'a'", "no layer and no condition reads it"]);
}

#[test]
fn invalid_layers_are_refused() {
    let layer = |rest: &str| format!("{HIDDEN}[[layer]]\n{rest}\n");
    refused(WIDTH, &layer("op = \"Rely\""), &["layer 2", "'Rely' is not an ONNX operator"]);
    refused(WIDTH, &layer("op = \"Sum\""), &["'Sum' is not an ONNX operator with one input"]);
    refused(WIDTH, &layer("op = \"$width\""), &["layer 2", "'4' is not an ONNX operator"]);
    refused(WIDTH, &layer("op = 3"), &["'op' must be"]);
    refused(WIDTH, &layer("name = \"x\""), &["layer 2 ('x')", "neither 'op'"]);
    refused(WIDTH, &layer("op = \"Relu\"\nslope = 1"), &["'Relu' takes no attribute 'slope' (known: none)"]);
    refused(WIDTH, &layer("op = \"Gemm\""), &["needs the attribute 'out_features'"]);
    refused(WIDTH, &layer("op = \"Gemm\"\nout_features = \"$wide\""), &["no decision 'wide'", "width"]);
    refused(WIDTH, &layer("op = \"Gemm\"\nout_features = \"$width{n}\""), &["nothing is repeated here"]);
    refused(WIDTH, &layer("op = \"Gemm\"\nout_features = 0"), &["at least 1, not '0'"]);
    refused(WIDTH, &layer("op = \"Gemm\"\nout_features = [1, 2]"), &["one value, not 2"]);
    refused(WIDTH, &layer("op = \"Dropout\"\nratio = \"$width\""), &["'ratio' must be a number between", "'4'"]);
    refused(
        WIDTH,
        &layer("op = \"MaxPool\"\nstrides = 1\nkernel_shape = [1, 2, 3]"),
        &["one whole number for all or 2"],
    );
    let even = "op = \"Conv\"\nout_channels = 1\nkernel_shape = \"$width\"\npads = \"same\"";
    refused(WIDTH, &layer(even), &["odd kernels"]);
    refused(WIDTH, &layer("op = \"Relu\"\nwhen = { width = 5 }"), &["'5'"]);
    refused(WIDTH, &layer("op = \"Relu\"\nwhen = 5"), &["'when' must be a table"]);
    refused(WIDTH, &layer("op = \"Relu\"\nrepeat = 101"), &["0 to 100", "'101'"]);
    refused(WIDTH, &layer("op = \"Relu\"\nrepeat = \"$outputs\""), &["0 to 100"]);
    refused(WIDTH, &layer("op = \"Relu\"\nblock = []"), &["'op' cannot be combined with 'block'"]);
    refused(WIDTH, &layer("block = []"), &["no layers"]);
    refused(WIDTH, &layer("block = [{ op = \"Relu\", repeat = 2 }]"), &["cannot be used inside a block"]);
    refused(WIDTH, &layer("op = \"Relu\"\nname = \"input\""), &["reserved"]);
    refused(WIDTH, &layer("op = \"Relu\"\nname = \"a\"\n[[layer]]\nop = \"Relu\"\nname = \"a\""), &["same name"]);
}

#[test]
fn errors_name_the_line_and_the_column_and_what_was_probably_meant() {
    // `WIDTH` takes the lines 3 to 5, and `HIDDEN` 7 to 9.
    let layer = |rest: &str| format!("{HIDDEN}[[layer]]\n{rest}\n");
    refused(WIDTH, &layer("op = \"ReLU\""), &["choice space 't', line 11, column 6: layer 2:", "mean 'Relu'?"]);
    refused(WIDTH, &layer("op = \"GELU\""), &["did you mean 'Gelu'?", "nas space operators"]);
    refused(WIDTH, &layer("op = \"Conv\"\nkernel_size = 3"), &["line 12, column 15", "did you mean 'kernel_shape'?"]);
    let block = "[[layer.block]]\nop = \"Relu\"\n[[layer.block]]\nop = \"Conv\"\npadding = 1";
    refused(WIDTH, &layer(block), &["line 15, column 11: layer 2, repetition 1, block layer 2", "mean 'pads'?"]);
    let padded = "op = \"Conv\"\nout_channels = 4\nkernel_shape = 3\npads = \"valid\"";
    refused(WIDTH, &layer(padded), &["line 14, column 8", "\"same\" or whole numbers"]);
    refused(WIDTH, &layer("op = \"Gemm\"\nout_features = \"$wide\""), &["line 12, column 16", "'wide'"]);
    let activation = format!("{WIDTH}[[decision]]\nname = \"act\"\nchoices = [\"Relu\", \"SiLU\"]\n");
    refused(&activation, &layer("op = \"$act\""), &["line 8, column 11: layer 2:", "did you mean 'Swish'?"]);
    refused(&activation, HIDDEN, &["line 7, column 8: decision 'act'", "no layer and no condition reads it"]);
    refused("decision = []", "", &["line 3, column 12"]);
}

#[test]
fn a_pool_says_how_far_its_window_moves() {
    let pool = |rest: &str| format!("{HIDDEN}[[layer]]\nop = \"MaxPool\"\nkernel_shape = 2\n{rest}\n");
    refused(WIDTH, &pool(""), &["layer 2", "'MaxPool' needs the attribute 'strides'", "2 halves"]);
    for rest in ["strides = 2", "strides = 1", "pads = [0, 0, 1, 1]"] {
        ChoiceSpace::from_toml(&definition(WIDTH, &pool(rest))).unwrap();
    }
}

#[test]
fn a_layer_reads_only_decisions_that_are_made_where_it_occurs() {
    let decisions = "[[decision]]\nname = \"deep\"\nchoices = [\"yes\", \"no\"]\n
        [[decision]]\nname = \"width\"\nchoices = [4, 8]\nwhen = { deep = \"yes\" }\n";
    refused(decisions, HIDDEN, &["layer 1", "'width', which is not made where deep=no"]);
    let fits = format!("{HIDDEN}when = {{ deep = \"yes\" }}\n");
    let space = ChoiceSpace::from_toml(&definition(decisions, &fits)).unwrap();
    assert_eq!(space.info().log10_size, Some(libm::log10(3.0)));

    let repeated = "[[layer]]\nop = \"Gemm\"\nout_features = \"$width{n}\"\nrepeat = 2\n";
    let one = "[[decision]]\nname = \"width1\"\nchoices = [4, 8]\n";
    refused(one, repeated, &["layer 1, repetition 2", "no decision 'width2'"]);
}

#[test]
fn too_many_structures_are_refused_rather_than_checked_in_part() {
    let decisions: String =
        (0..20).map(|i| format!("[[decision]]\nname = \"d{i}\"\nchoices = [\"yes\", \"no\"]\n")).collect();
    let layers: String = (0..20).map(|i| format!("[[layer]]\nop = \"Relu\"\nwhen = {{ d{i} = \"yes\" }}\n")).collect();
    refused(&decisions, &layers, &["more than 10000 combinations", "d0, d1"]);
}

#[test]
fn sizes_beyond_the_range_of_a_float_are_counted() {
    let choices: Vec<String> = (0..1000).map(|choice| choice.to_string()).collect();
    let decisions: String =
        (0..200).map(|i| format!("[[decision]]\nname = \"d{i}\"\nchoices = [{}]\n", choices.join(","))).collect();
    let space = ChoiceSpace::from_toml(&definition(&decisions, "")).unwrap();
    assert!((space.info().log10_size.unwrap() - 600.0).abs() < 1e-9);
}

#[test]
fn chains_take_every_kind_of_operator_with_one_input() {
    let layers = r#"
        [[layer]]
        op = "SpaceToDepth"
        blocksize = 2
        [[layer]]
        op = "GroupNormalization"
        num_groups = "$groups"
        [[layer]]
        op = "Clip"
        min = 0
        max = 6
        [[layer]]
        op = "Resize"
        scales = 2
        mode = "$mode"
        [[layer]]
        op = "Reshape"
        shape = [4, -1]
        [[layer]]
        op = "Transpose"
        perm = [0, 2, 1]
        [[layer]]
        op = "Slice"
        axis = 1
        start = 0
        end = -1
        [[layer]]
        op = "ReduceMean"
        axes = "$axis"
        keepdims = false
        [[layer]]
        op = "Gemm"
        out_features = "$outputs"
    "#;
    let decisions = "[[decision]]\nname = \"groups\"\nchoices = [1, 2]\n\
                     [[decision]]\nname = \"mode\"\nchoices = [\"nearest\", \"linear\"]\n\
                     [[decision]]\nname = \"axis\"\nchoices = [1, 2]\n";
    let space = ChoiceSpace::from_toml(&definition(decisions, layers)).unwrap();
    for genotype in [[0, 0, 0], [1, 1, 1]] {
        let graph = space.build(&genotype, &task()).unwrap();
        let shapes = shape::infer(&graph, &[1, 8, 8]).unwrap();
        assert_eq!(shapes[7], [63, 4]);
        let features = if genotype[2] == 0 { 4 } else { 63 };
        assert_eq!(count::count(&graph, &shapes).unwrap().params, 2 * 4 + features * 10 + 10);
    }
    refused(WIDTH, "[[layer]]\nop = \"Resize\"\nscales = 2\nmode = \"cubic\"\n", &["'nearest' or 'linear'"]);
    refused(WIDTH, "[[layer]]\nop = \"Reshape\"\n", &["'Reshape' needs the attribute 'shape'"]);
    refused(WIDTH, "[[layer]]\nop = \"Transpose\"\nperm = []\n", &["1 to 9 whole numbers"]);
    refused(WIDTH, "[[layer]]\nop = \"Attention\"\n", &["not an ONNX operator with one input"]);
}
