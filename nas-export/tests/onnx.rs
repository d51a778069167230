//! Exported networks compute the same in other programs.
//!
//! `NAS_EXPORT_COUNT=500` checks the networks of seeds below 500 of each space, and `NAS_EXPORT_FIRST=300` leaves out
//! those below 300. `NAS_EXPORT_PYTHON` names a Python that has PyTorch, too.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Folder, count, first, task, zoo};
use nas_api::{SearchSpace, Setting, Settings, Task, Value};
use nas_export::About;
use nas_spaces::{
    ChoiceSpace, Conv1d, Darts, DecoderLm, Detector, GrammarSpace, Mlp, Mobile, NasBench101, NasBench201,
    NasBenchMacro, ResNet, ResidualMlp, VisionTransformer,
};

fn settings(given: &[(&str, &[f64])]) -> Vec<Setting> {
    let value = |values: &[f64]| match *values {
        [one] => Value::Number(one),
        _ => Value::Numbers(values.to_vec()),
    };
    given.iter().map(|(name, values)| Setting { name: (*name).into(), value: value(values) }).collect()
}

/// Opens a space with some settings. A setting with one number is no list.
fn open<S: SearchSpace>(given: &[(&str, &[f64])]) -> S {
    S::open(&Settings::checked(&S::parameters(), &settings(given)).unwrap()).unwrap()
}

fn task_of<S: SearchSpace>(space: &S, input: &[i64], outputs: u32, given: &[(&str, &[f64])]) -> Task {
    task(input, outputs, Settings::checked(&space.task_parameters(), &settings(given)).unwrap())
}

/// Checks `few` random networks of a space, or as many as NAS_EXPORT_COUNT says. Large ones are checked four at a time.
fn check_few<S: SearchSpace>(few: u32, space: &S, input: &[i64], outputs: u32, given: &[(&str, &[f64])]) {
    let task = task_of(space, input, outputs, given);
    let all: Vec<u32> = (first()..count(few)).collect();
    for seeds in all.chunks(if few < 4 { 4 } else { 50 }) {
        let mut folder = Folder::new(&space.info().name);
        folder.space(space, &task, seeds);
        folder.check();
        folder.remove();
    }
}

fn check<S: SearchSpace>(space: &S, input: &[i64], outputs: u32, given: &[(&str, &[f64])]) {
    check_few(6, space, input, outputs, given);
}

#[test]
fn mlp() {
    check(&open::<Mlp>(&[]), &[1, 8, 8], 10, &[]);
}

#[test]
fn nas_bench_101() {
    check(&open::<NasBench101>(&[]), &[3, 8, 8], 10, &[("channels", &[8.0]), ("cells", &[1.0])]);
}

#[test]
fn nas_bench_201() {
    check(&open::<NasBench201>(&[]), &[3, 9, 8], 10, &[("channels", &[4.0]), ("cells", &[1.0])]);
}

#[test]
fn choice_spaces() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/tiny-cnn.toml")).unwrap();
    check(&ChoiceSpace::from_toml(&text).unwrap(), &[1, 8, 8], 10, &[]);
}

#[test]
fn grammar_spaces() {
    let text = "name = \"small\"\nversion = \"1\"\nstart = \"A\"\ndepth = 4\n[rules]\n\
                A = [\"linear(B, down, B)\", \"residual(B, down, down)\"]\n\
                B = [\"OP\", \"concat(OP, B)\", \"cell(OP, zero, B, OP, OP, OP)\"]\n\
                OP = [\"id\", \"linear(mish, conv(3, dilation=2), layer-norm)\", \"avg-pool(3)\", \
                \"linear(hard-swish, depthwise-conv(3), instance-norm)\"]\n";
    check(&GrammarSpace::from_toml(text).unwrap(), &[3, 9, 8], 10, &[("channels", &[4.0])]);
}

#[test]
fn conv_1d() {
    check(&open::<Conv1d>(&[("layers", &[1.0, 2.0, 3.0]), ("widths", &[4.0, 8.0])]), &[3, 64], 5, &[]);
}

#[test]
fn residual_mlp() {
    check(&open::<ResidualMlp>(&[("layers", &[1.0, 2.0]), ("widths", &[8.0, 16.0])]), &[7], 5, &[]);
}

#[test]
fn vision_transformer() {
    let small =
        [("layers", &[1.0, 2.0][..]), ("widths", &[12.0, 16.0]), ("patches", &[4.0, 8.0]), ("head_size", &[4.0])];
    check(&open::<VisionTransformer>(&small), &[3, 16, 16], 5, &[]);
}

#[test]
fn decoder_lm() {
    let small =
        [("layers", &[1.0, 2.0][..]), ("widths", &[16.0, 32.0]), ("head_sizes", &[4.0, 8.0]), ("heads", &[2.0, 4.0])];
    check(&open::<DecoderLm>(&small), &[12], 20, &[]);
}

#[test]
fn darts() {
    check(&open::<Darts>(&[]), &[3, 16, 16], 5, &[("channels", &[4.0]), ("layers", &[3.0])]);
}

#[test]
fn nas_bench_macro() {
    check(&open::<NasBenchMacro>(&[]), &[3, 16, 16], 5, &[("channels", &[4.0])]);
}

#[test]
fn resnet() {
    check_few(1, &open::<ResNet>(&[]), &[3, 32, 32], 5, &[]);
}

/// Every kind of neck and head is checked on the smallest backbone, because values grow with the number of residual
/// blocks. The sides are not divisible by the strides, so that maps must be cropped.
#[test]
fn detector() {
    let space = open::<Detector>(&[]);
    let task = task_of(&space, &[3, 72, 41], 5, &[]);
    let mut folder = Folder::new("detector");
    for (at, choices) in [
        "neck=fpn,neck_width=64,neck_conv=full,extra_levels=2,head_depth=2,head_conv=full,\
         head_weights=shared,head_norm=group",
        "neck=pan,neck_width=96,neck_conv=separable,extra_levels=1,head_depth=1,head_conv=separable,\
         head_weights=shared,head_norm=batch",
        "neck=pan,neck_width=64,neck_conv=full,extra_levels=0,head_depth=0,head_conv=separable,head_weights=separate",
    ]
    .into_iter()
    .enumerate()
    {
        let text = format!("block=basic,width=16,depth1=1,depth2=1,depth3=1,depth4=1,{choices}");
        let graph = space.build(&space.parse(&text).unwrap(), &task).unwrap();
        folder.add(&format!("detector-{at}"), &graph, &task, About { space: "detector".into(), text });
    }
    folder.check();
    folder.remove();
    check_few(1, &space, &[3, 64, 64], 5, &[]);
}

#[test]
fn mobile() {
    check_few(2, &open::<Mobile>(&[]), &[3, 32, 32], 5, &[]);
}

#[test]
fn every_operator_computes_the_same_in_other_programs() {
    let mut folder = Folder::new("operators");
    let mut ops = Vec::new();
    for case in zoo::all() {
        ops.extend(case.graph.nodes.iter().map(|node| node.op.clone()));
        folder.add(&case.name, &case.graph, &task(&case.input, 1, Settings::default()), About::default());
    }
    let missing: Vec<&str> = nas_api::graph::operators::names()
        .filter(|&op| !["Choice", "Auxiliary"].contains(&op) && !ops.iter().any(|known| known == op))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
    folder.check();
    folder.remove();
}

#[test]
fn weights_of_large_networks_are_beside_the_file() {
    let mut folder = Folder::new("large");
    folder.largest = 1;
    for case in zoo::all().into_iter().filter(|case| ["batch-norm", "conv-uneven", "embedding"].contains(&&*case.name))
    {
        folder.add(&case.name, &case.graph, &task(&case.input, 1, Settings::default()), About::default());
        assert!(folder.path.join(format!("{}.onnx.data", case.name)).is_file());
    }
    folder.check();
    folder.remove();
}
