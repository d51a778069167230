#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use nas_api::graph::{count, shape};
use nas_api::{OpenSpace, Setting, Settings, Task, Value, conformance};
use nas_spaces::{ChoiceSpace, Mlp, Mobile, NasBench101, NasBench201};

use super::super::{Options, Registry};

fn registry() -> Registry {
    let mut registry = Registry::new(Options::default());
    registry.add_space::<Mlp>().unwrap();
    registry.add_space::<Mobile>().unwrap();
    registry.add_space::<NasBench101>().unwrap();
    registry.add_space::<NasBench201>().unwrap();
    registry.read_tables_with::<ChoiceSpace>();
    registry
}

fn open(name: &str, set: &[(&str, Value)]) -> Result<Box<dyn OpenSpace>, String> {
    let source = registry().space(name).unwrap();
    let set: Vec<Setting> =
        set.iter().map(|(name, value)| Setting { name: (*name).into(), value: value.clone() }).collect();
    let settings = Settings::checked(&source.parameters().unwrap(), &set).unwrap();
    source.open(&settings).map_err(|error| error.to_string())
}

fn fix(rules: &[&str]) -> (&'static str, Value) {
    ("fix", Value::Texts(rules.iter().map(|&rule| rule.to_owned()).collect()))
}

fn start(texts: &str) -> (&'static str, Value) {
    ("start", Value::Text(texts.into()))
}

fn task(space: &mut dyn OpenSpace) -> Task {
    let settings = Settings::defaults(&space.task_parameters().unwrap());
    Task { input_shape: vec![3, 16, 16], outputs: 10, kind: "classification".into(), settings }
}

const TINY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/tiny-cnn.toml");
const CELL: &str = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|";

#[test]
fn restricted_and_seeded_spaces_conform() {
    let parts = [
        ("nas-bench-201", vec![fix(&["op_0_1=nor_conv_3x3", "op_2_3=none|skip_connect"])]),
        (
            "nas-bench-201",
            vec![
                fix(&["op_*=nor_conv_3x3|skip_connect"]),
                start(
                    "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
                ),
            ],
        ),
        ("nas-bench-201", vec![start(CELL)]),
        ("mlp", vec![fix(&["layers=2|3", "activation1=relu"])]),
        ("mobile", vec![fix(&["activation=relu", "squeeze*=no", "multiplier=0.50|1.00", "depth7=1"])]),
        (
            "nas-bench-101",
            vec![
                fix(&["edge_0_1=yes", "op_*=conv3x3-bn-relu|maxpool3x3"]),
                ("identity", Value::Text("network".into())),
            ],
        ),
        (
            TINY,
            vec![
                fix(&["blocks=2"]),
                start("blocks=2,width1=8,kernel1=3,width2=16,kernel2=1,activation=Relu,pool=none,dropout=0.2"),
            ],
        ),
    ];
    for (name, set) in parts {
        let mut space = match open(name, &set) {
            Ok(space) => space,
            Err(problem) => unreachable!("{name}: {problem}"),
        };
        let task = task(&mut *space);
        conformance::check_space(&mut *space, &task, 10)
            .unwrap_or_else(|broken| unreachable!("{name} {set:?}: {broken}"));
    }
}

#[test]
fn a_restricted_space_has_the_networks_of_the_whole_space() {
    let mut whole = open("nas-bench-201", &[]).unwrap();
    let mut part = open("nas-bench-201", &[fix(&["op_0_1=nor_conv_3x3", "op_2_3=none|skip_connect"])]).unwrap();
    let info = part.info().unwrap();
    assert_eq!((info.name.as_str(), info.decisions.len(), info.standard), ("nas-bench-201", 5, true));
    assert!((info.log10_size.unwrap() - 1250_f64.log10()).abs() < 1e-12);
    let genotype = part.parse(CELL).unwrap().unwrap();
    assert_eq!(genotype, [3, 4, 1, 3, 1]);
    assert_eq!(part.original(&genotype).unwrap(), [3, 3, 4, 1, 3, 1]);
    let task = task(&mut *whole);
    assert_eq!(part.build(&genotype, &task).unwrap(), whole.build(&[3, 3, 4, 1, 3, 1], &task).unwrap());
    assert_eq!(part.key(&genotype).unwrap(), whole.key(&[3, 3, 4, 1, 3, 1]).unwrap());
    let outside = CELL.replacen("nor_conv_3x3~0", "none~0", 1);
    assert!(part.parse(&outside).unwrap().unwrap_err().contains("'op_0_1' is left out by 'fix'"));
    assert!(part.key(&[3, 4, 1, 3, 2]).is_err());
}

#[test]
fn a_supernet_has_no_choices_that_are_left_out() {
    let mut part = open("nas-bench-201", &[fix(&["op_0_1=nor_conv_3x3", "op_2_3=none|skip_connect"])]).unwrap();
    let task = task(&mut *part);
    let graph = part.supernet(&task).unwrap().unwrap().unwrap();
    let node = |name: &str| graph.nodes.iter().find(|node| node.name == name).unwrap();
    assert_eq!(node("stage1.cell1.op_0_1").op, "Identity");
    assert_eq!(node("stage1.cell1.op_2_3").inputs.len(), 2);
    let shapes = shape::infer(&graph, &task.input_shape).unwrap();
    assert!(count::count(&graph, &shapes).is_ok());
}

#[test]
fn samples_lie_near_the_starts() {
    let set =
        [start(&format!("{CELL}; {}", CELL.replace("avg_pool_3x3", "none"))), ("start_steps", Value::Number(1.0))];
    let mut space = open("nas-bench-201", &set).unwrap();
    let starts = [vec![3, 3, 4, 1, 3, 1], vec![3, 3, 0, 1, 3, 1]];
    let mut seen = HashSet::new();
    for seed in 0..200 {
        let sample = space.sample(seed).unwrap();
        let away = |start: &Vec<u32>| start.iter().zip(&sample).filter(|(a, b)| a != b).count();
        assert!(starts.iter().any(|start| away(start) <= 1), "{sample:?}");
        seen.insert(sample);
    }
    assert!(starts.iter().all(|start| seen.contains(start)) && seen.len() > 30, "{}", seen.len());
    assert!(!space.info().unwrap().standard);
}

#[test]
fn invalid_rules_are_refused_with_a_reason() {
    let refused = |set: (&'static str, Value), words: &str| {
        let problem = open("nas-bench-201", &[set]).err().unwrap();
        assert!(problem.contains(words), "{problem}");
    };
    refused(fix(&["op_0_1"]), "fix: 'op_0_1' has no '='");
    refused(fix(&["op_1_0=none"]), "there is no decision 'op_1_0'; did you mean 'op_0_1'?");
    refused(fix(&["op_0_1=nothing"]), "'nothing' is no choice of 'op_0_1' (none, skip_connect");
    refused(fix(&["op_0_1=none", "op_0*=none"]), "'op_0_1' has two rules");
    refused(start("|none~0|"), "start: '|none~0|': the text describes 1 nodes");
    refused(start(" ; "), "names no genotype");
}

/// Studies that began before these parameters existed have not recorded them.
#[test]
fn settings_without_the_overrides_open_the_whole_space() {
    let source = registry().space("mlp").unwrap();
    assert!(!source.open(&Settings::default()).unwrap().info().unwrap().description.contains("part"));
}
