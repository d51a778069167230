//! Sizes, texts, identities and networks of grammars.

#![allow(clippy::unwrap_used)]

use std::collections::{HashMap, HashSet};

use nas_api::graph::{Counts, count, shape};
use nas_api::{Genotype, SearchSpace, Setting, Settings, Task, Value, conformance};

use super::GrammarSpace;
use crate::NasBench201;

fn hierarchical() -> GrammarSpace {
    GrammarSpace::hierarchical_nas_bench_201().unwrap()
}

/// The space of a grammar whose start is `A`.
fn grammar(rules: &str) -> GrammarSpace {
    GrammarSpace::from_toml(&definition(rules)).unwrap()
}

fn definition(rules: &str) -> String {
    format!("name = \"g\"\nversion = \"1\"\nstart = \"A\"\n{rules}")
}

fn task<S: SearchSpace>(space: &S, input_shape: [i64; 3]) -> Task {
    let settings = Settings::defaults(&space.task_parameters());
    Task { input_shape: input_shape.to_vec(), outputs: 10, kind: "classification".into(), settings }
}

fn counts<S: SearchSpace>(space: &S, genotype: &[u32], input_shape: [i64; 3]) -> Counts {
    let graph = space.build(genotype, &task(space, input_shape)).unwrap();
    count::count(&graph, &shape::infer(&graph, &input_shape).unwrap()).unwrap()
}

fn every_genotype(space: &GrammarSpace) -> Vec<Genotype> {
    let (mut open, mut complete) = (vec![Genotype::new()], vec![]);
    while let Some(prefix) = open.pop() {
        match space.next(&prefix) {
            Some(decision) => open.extend((0..decision.len()).map(|choice| [&prefix[..], &[choice]].concat())),
            None => complete.push(prefix),
        }
    }
    complete
}

/// log10 of the size, worked out rule by rule from the sizes of the alternatives.
fn size_by_hand(blocks: f64) -> f64 {
    let cl = 6.0 * (3.0 + blocks).log10();
    let sum = |terms: &[f64]| terms.iter().fold(0.0, |sum, term| sum + 10_f64.powf(term - terms[0])).log10() + terms[0];
    let c = sum(&[3.0 * cl, 3.0 * cl, 2.0 * cl]);
    let d = sum(&[2.0 * cl, cl, cl]);
    let d0 = sum(&[3.0 * c + cl, 2.0 * c + cl, 2.0 * c + 2.0 * cl]);
    let d1 = sum(&[3.0 * c + d, 2.0 * c + d, 2.0 * c + 2.0 * d]);
    sum(&[2.0 * d1 + 2.0 * d0, 2.0 * d1 + d0, 2.0 * d1 + d0])
}

#[test]
fn the_hierarchical_space_has_the_size_of_its_rules() {
    let info = hierarchical().info();
    assert_eq!(info.name, "hierarchical-nas-bench-201");
    let size = info.log10_size.unwrap();
    assert!((size - size_by_hand(54.0)).abs() < 1e-9, "{size}");
    // The published figure is 10^446.
    assert_eq!(format!("{size:.1}"), "446.1");
    assert_eq!(info.decisions.len(), 1177);
}

#[test]
fn sizes_count_every_genotype() {
    let recursive = "depth = 4\n[rules]\nA = [\"id\", \"linear(B, B)\", \"sum(A, B)\"]\nB = [\"A\", \"relu\"]\n";
    let flat = "[rules]\nA = [\"linear(B, B)\", \"B\"]\nB = [\"C\", \"relu\", \"zero\"]\nC = [\"mish\", \"gelu\"]\n";
    for (rules, expected) in [(recursive, None), (flat, Some(20))] {
        let space = grammar(rules);
        let genotypes = every_genotype(&space);
        assert!(expected.is_none_or(|expected| genotypes.len() == expected), "{}", genotypes.len());
        let size = space.info().log10_size.unwrap();
        assert!((size - (genotypes.len() as f64).log10()).abs() < 1e-9, "{size} and {}", genotypes.len());
        let texts: HashSet<String> = genotypes.iter().map(|genotype| space.format(genotype)).collect();
        assert_eq!(texts.len(), genotypes.len());
    }
}

#[test]
fn decisions_are_named_by_rule_and_path() {
    let space = hierarchical();
    let mut genotype = Genotype::new();
    let mut names = Vec::new();
    while let Some(decision) = space.next(&genotype) {
        names.push(decision.name.clone());
        // Choose a block on the first edge, and the first alternative everywhere else.
        genotype.push(if decision.name.ends_with("OP.1.1.1.1") { 2 } else { 0 });
    }
    assert_eq!(names[..4], ["D2", "D1.1", "C.1.1", "OP.1.1.1.1"]);
    assert_eq!(names[4..8], ["ACT.1.1.1.1.1.1", "CONV.1.1.1.1.1.2", "NORM.1.1.1.1.1.3", "OP.1.1.1.2"]);
    assert_eq!(space.next(&[]).unwrap().choices[2], "linear(D1, D1, D0, D0)");
    assert_eq!(space.next(&[7]), None);
    assert_eq!(space.next(&[0, 0, 0]).unwrap().name, "OP.1.1.1.1");
}

#[test]
fn the_grammars_in_the_documentation_are_valid() {
    let page = include_str!("../../../docs/spaces/grammar.md");
    let texts: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(text, _)| text).collect();
    assert_eq!(texts.len(), 2);
    assert_eq!(GrammarSpace::from_toml(texts[0]).unwrap().info().decisions, hierarchical().info().decisions);
    let trees = GrammarSpace::from_toml(texts[1]).unwrap();
    (0..20).for_each(|seed| assert!(counts(&trees, &trees.sample(seed), [3, 8, 8]).params > 0));
}

/// The first alternatives of the macro structure are the skeleton of NAS-Bench-201 with five cells a stage.
#[test]
fn a_derivation_has_the_counts_of_its_nas_bench_201_network() {
    let (space, cells) = (hierarchical(), NasBench201::new());
    let words = ["zero", "id", "linear(relu, conv(1), batch-norm)", "linear(relu, conv(3), batch-norm)", "avg-pool(3)"];
    for seed in 0..30 {
        let genotype = cells.sample(seed);
        let edges: Vec<&str> = genotype.iter().map(|&choice| words[choice as usize]).collect();
        let cl = format!("cell({})", edges.join(", "));
        let c = format!("linear({cl}, {cl})");
        let d1 = format!("linear({c}, {c}, linear({cl}, down))");
        let text = format!("linear({d1}, {d1}, linear({c}, {c}, {cl}))");
        let derived = space.parse(&text).unwrap();
        assert_eq!(space.format(&derived), text);
        let (ours, theirs) = (counts(&space, &derived, [3, 32, 32]), counts(&cells, &genotype, [3, 32, 32]));
        assert_eq!((ours.params, ours.macs), (theirs.params, theirs.macs), "{text}");
    }
}

#[test]
fn samples_conform_and_stay_within_the_node_bound() {
    let mut space = hierarchical();
    let genotypes: Vec<Genotype> = (0..12).map(|seed| space.sample(seed)).collect();
    let task = task(&space, [3, 32, 32]);
    for genotype in &genotypes {
        let graph = SearchSpace::build(&space, genotype, &task).unwrap();
        assert_eq!(shape::infer(&graph, &task.input_shape).unwrap().last().unwrap()[..], [10]);
        assert!(graph.nodes.len() as u64 <= space.positions.measure.nodes);
        let text = SearchSpace::format(&space, genotype);
        assert_eq!(SearchSpace::parse(&space, &text).unwrap(), *genotype);
    }
    conformance::check_description(&mut space).unwrap();
    conformance::check_mutation(&mut space, &genotypes[..2]).unwrap();
    conformance::check_crossover(&mut space, &genotypes[..4]).unwrap();
    conformance::check_text(&mut space, &genotypes).unwrap();
    conformance::check_features(&mut space, &genotypes).unwrap();
}

#[test]
fn a_mutant_keeps_the_choices_that_do_not_depend_on_the_changed_one() {
    let space = hierarchical();
    let parent = space.sample(3);
    let made = |genotype: &[u32]| -> HashMap<String, u32> {
        let decisions = nas_api::space_defaults::decisions(&space, genotype);
        decisions.iter().map(|decision| decision.name.clone()).zip(genotype.iter().copied()).collect()
    };
    let before = made(&parent);
    for seed in 0..40 {
        let after = made(&space.mutate(&parent, seed));
        let changed = after.iter().filter(|(name, choice)| before.get(*name).is_some_and(|old| old != *choice));
        assert_eq!(changed.count(), 1, "{seed}");
    }
}

/// At the depth limit only alternatives that end can be chosen.
#[test]
fn depth_limits_recursion() {
    let rules = "[rules]\nA = [\"relu\", \"linear(A, A)\"]\n";
    let sizes: Vec<usize> = (1..=4).map(|depth| every_genotype(&grammar_of(depth, rules)).len()).collect();
    // s(1) = 1 and s(n + 1) = 1 + s(n)². At depth 1 the second alternative could never be chosen.
    assert_eq!(sizes[1..], [2, 5, 26]);
    let deep = grammar_of(9, rules);
    assert_eq!(deep.info().decisions.len(), 255);
    assert!(deep.next(&[1; 8]).is_some());
}

fn grammar_of(depth: usize, rules: &str) -> GrammarSpace {
    let extra = if depth == 1 { "[rules]\nA = [\"relu\"]\n" } else { rules };
    grammar(&format!("depth = {depth}\n{extra}"))
}

#[test]
fn an_ambiguous_grammar_is_written_with_its_choices() {
    let space =
        grammar("[rules]\nA = [\"B\", \"C\", \"linear(B, C)\"]\nB = [\"relu\", \"mish\"]\nC = [\"mish\", \"relu\"]\n");
    let first = space.parse("relu").unwrap();
    assert_eq!((space.format(&first), &first[..]), ("relu".into(), &[0, 0][..]));
    let second = space.parse("relu by 1,1").unwrap();
    assert_eq!((space.format(&second), &second[..]), ("relu by 1,1".into(), &[1, 1][..]));
    assert_eq!(space.key(&first), space.key(&second));
    assert_eq!(space.format(&space.parse("relu by 0,0").unwrap()), "relu");
    let mut space = space;
    let genotypes = every_genotype(&space);
    conformance::check_text(&mut space, &genotypes).unwrap();
    let task = task(&space, [1, 4, 4]);
    conformance::check_keys(&mut space, &task, &genotypes).unwrap();
}

#[test]
fn parsing_a_grammar_with_exponentially_many_derivations_is_fast() {
    let rules = "depth = 12\n[rules]\nA = [\"id\", \"linear(A, relu)\", \"linear(A, mish)\", \"linear(A, gelu)\"]\n";
    let space = grammar(rules);
    let genotype = [3; 11];
    assert_eq!(space.parse(&space.format(&genotype)).unwrap(), genotype);
}

#[test]
fn equal_networks_have_equal_keys() {
    let space = grammar(
        "depth = 4\n[rules]\nA = [\"id\", \"zero\", \"conv(3)\", \"avg-pool(3)\", \"linear(A, A)\", \"sum(A, A)\", \
         \"residual(A, A)\", \"concat(A, A)\", \"cell(A, A, A, A, A, A)\"]\n",
    );
    let key = |text: &str| space.key(&space.parse(text).unwrap_or_else(|error| panic!("{error}")));
    let same = |one: &str, other: &str| assert_eq!(key(one), key(other), "{one} and {other}");
    same("linear(linear(conv(3), id), id)", "conv(3)");
    same("linear(conv(3), linear(avg-pool(3), conv(3)))", "linear(linear(conv(3), avg-pool(3)), conv(3))");
    same("residual(conv(3), id)", "sum(id, conv(3))");
    same("sum(zero, sum(conv(3), id))", "sum(id, conv(3))");
    same("sum(zero, zero)", "zero");
    same("cell(conv(3), id, zero, id, id, zero)", "cell(id, conv(3), zero, id, zero, id)");
    assert_ne!(key("sum(conv(3), conv(3))"), key("conv(3)"));
    assert_ne!(key("linear(conv(3), zero)"), key("zero"));
    assert_ne!(key("cell(conv(3), id, id, id, id, zero)"), key("cell(id, conv(3), id, id, zero, id)"));
    let (mut by_term, task) = (space.clone(), task(&space, [1, 4, 4]));
    let genotypes: Vec<Genotype> = (0..3000).map(|seed| space.sample(seed)).filter(|g| g.len() < 12).collect();
    conformance::check_keys(&mut by_term, &task, &genotypes[..400]).unwrap();
}

#[test]
fn a_network_of_zeros_alone_is_built() {
    let space = grammar(
        "[rules]\nA = [\"linear(B, down, B)\"]\nB = [\"zero\", \"sum(zero, zero)\", \
         \"cell(zero, zero, zero, zero, zero, zero)\"]\n",
    );
    for genotype in every_genotype(&space) {
        assert!(counts(&space, &genotype, [3, 5, 4]).params > 0);
    }
}

#[test]
fn every_primitive_keeps_the_shape() {
    let names = "id zero conv(1) conv(15) conv(3,dilation=8) conv(5,groups=4,dilation=2) depthwise-conv(7,dilation=2) \
                 avg-pool(3) max-pool(15) batch-norm instance-norm layer-norm group-norm(8) relu leaky-relu elu selu \
                 gelu mish swish hard-swish sigmoid hard-sigmoid tanh softplus";
    let names: Vec<String> = names.split_whitespace().map(|name| format!("\"{name}\"")).collect();
    let space = grammar(&format!(
        "[rules]\nA = [\"linear(B, down, B, down)\", \"concat(B, B, B)\"]\nB = [{}]\n",
        names.join(", ")
    ));
    assert_eq!(space.info().decisions.len(), 4);
    for choice in 0..names.len() as u32 {
        for side in [1, 2, 9] {
            counts(&space, &[0, choice, choice], [3, side, side + 1]);
            counts(&space, &[1, choice, 0, choice], [3, side, side]);
        }
    }
    assert_eq!(space.format(&[0, 5, 4]), "linear(conv(5, dilation=2, groups=4), down, conv(3, dilation=8), down)");
}

#[test]
fn tasks_that_do_not_fit_are_refused() {
    let space = grammar("[rules]\nA = [\"linear(conv(3, groups=6), down)\"]\n");
    let refused = |shape: &[i64], channels: f64, words: &str| {
        let given = [Setting { name: "channels".into(), value: Value::Number(channels) }];
        let settings = Settings::checked(&space.task_parameters(), &given).unwrap();
        let task = Task { input_shape: shape.to_vec(), outputs: 10, kind: String::new(), settings };
        let error = space.build(&[], &task).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refused(&[3, 8], 12.0, "images [channels, height, width]");
    refused(&[3, 8, 8], 16.0, "'channels' must be a multiple of 6");
    let deep = grammar("[rules]\nA = [\"linear(down, down, down, down)\"]\n");
    let given = [Setting { name: "channels".into(), value: Value::Number(512.0) }];
    let settings = Settings::checked(&deep.task_parameters(), &given).unwrap();
    let error = deep.build(&[], &Task { settings, ..task(&deep, [3, 8, 8]) }).unwrap_err().to_string();
    assert!(error.contains("512 channels up to 8192") && error.contains("fewer 'channels'"), "{error}");
}
