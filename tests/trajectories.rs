//! Every strategy on every space, each as native code and as a component: the four combinations give the same
//! trajectory, bit for bit.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use nas_api::rng::derive;
use nas_api::{
    Failure, Goal, Graph, Objective, Observation, OpenSpace, Proposal, Setting, Settings, Study, Task, Value,
};
use nas_core::plugin::{Options, Registry, Search};

/// Every space, with an input shape that it accepts.
const SPACES: [(&str, &[i64]); 15] = [
    ("mlp", &[1, 16, 16]),
    ("nas-bench-201", &[1, 16, 16]),
    ("table", &[1, 16, 16]),
    ("conv-1d", &[2, 64]),
    ("darts", &[1, 16, 16]),
    ("decoder-lm", &[16]),
    ("detector", &[3, 64, 64]),
    ("grammar", &[1, 16, 16]),
    ("mobile", &[3, 32, 32]),
    ("nas-bench-101", &[1, 16, 16]),
    ("nas-bench-macro", &[1, 16, 16]),
    ("residual-mlp", &[8]),
    ("resnet", &[3, 32, 32]),
    ("synthetic", &[1]),
    ("vision-transformer", &[3, 224, 224]),
];
/// The number of spaces, from the first on, that are searched longer and in all combinations.
const THOROUGH: usize = 3;
/// A small grammar, because the hierarchical NAS-Bench-201 has hundreds of decisions and slows model-based strategies.
const GRAMMAR: &str = "name = 'small'\nversion = '1'\nstart = 'NET'\n[rules]\n\
                       NET = ['linear(A, down, A)', 'residual(A, A, OP)']\n\
                       A = ['cell(OP, OP, zero, OP, OP, id)', 'linear(OP, OP)']\n\
                       OP = ['id', 'zero', 'conv(3)', 'BLOCK']\n\
                       BLOCK = ['linear(relu, conv(1), batch-norm)', 'linear(mish, conv(3), batch-norm)']\n";
const TABLE: &str = include_str!("../docs/examples/tiny-cnn.toml");

struct Registered<'r>(&'r mut Registry);

impl nas_strategies::Take for Registered<'_> {
    fn take<S: nas_api::StrategyPlugin>(&mut self) {
        self.0.add_strategy::<S>();
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new(Options::default());
    registry.add_space::<nas_spaces::Conv1d>().unwrap();
    registry.add_space::<nas_spaces::Darts>().unwrap();
    registry.add_space::<nas_spaces::DecoderLm>().unwrap();
    registry.add_space::<nas_spaces::Detector>().unwrap();
    registry.add_space_of_files::<nas_spaces::GrammarSpace>("grammar", "rules").unwrap();
    registry.add_space::<nas_spaces::Mlp>().unwrap();
    registry.add_space::<nas_spaces::Mobile>().unwrap();
    registry.add_space::<nas_spaces::NasBench101>().unwrap();
    registry.add_space::<nas_spaces::NasBench201>().unwrap();
    registry.add_space::<nas_spaces::NasBenchMacro>().unwrap();
    registry.add_space::<nas_spaces::ResidualMlp>().unwrap();
    registry.add_space::<nas_spaces::ResNet>().unwrap();
    registry.add_space::<nas_spaces::Synthetic>().unwrap();
    registry.add_space::<nas_spaces::VisionTransformer>().unwrap();
    registry.read_tables_with::<nas_spaces::ChoiceSpace>();
    nas_strategies::all(&mut Registered(&mut registry));
    registry
}

fn space(registry: &Registry, name: &str, as_component: bool) -> Box<dyn OpenSpace> {
    let reference = match (name, as_component) {
        (_, true) => common::component("spaces", name),
        ("table", false) => concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/tiny-cnn.toml").to_owned(),
        (_, false) => name.to_owned(),
    };
    let source = registry.space(&reference).unwrap();
    let definition = |text: &str| vec![Setting { name: "definition".into(), value: Value::Text(text.into()) }];
    let given = match (name, as_component) {
        ("table", true) => definition(TABLE),
        ("grammar", _) => definition(GRAMMAR),
        _ => Vec::new(),
    };
    source.open(&Settings::checked(&source.parameters().unwrap(), &given).unwrap()).unwrap()
}

fn search(registry: &Registry, strategy: &str, as_component: bool, space: Box<dyn OpenSpace>) -> Box<dyn Search> {
    let reference = if as_component { common::component("strategies", strategy) } else { strategy.to_owned() };
    let source = registry.strategy(&reference).unwrap();
    let small = [("population", 12.0), ("sample", 4.0), ("updates", 20.0)];
    let parameters = source.info().unwrap().parameters;
    let given: Vec<Setting> = small
        .iter()
        .filter(|(name, _)| parameters.iter().any(|parameter| parameter.name == *name))
        .map(|&(name, value)| Setting { name: name.into(), value: Value::Number(value) })
        .collect();
    let study = Study {
        objectives: vec![Objective { metric: "score".into(), goal: Goal::Maximize }],
        constraints: Vec::new(),
        metrics: vec!["score".into()],
        seed: 12_345,
        trials: Some(200),
        total_fidelity: None,
        workers: 4,
        fidelities: vec![1.0, 3.0, 9.0, 27.0],
        settings: Settings::checked(&parameters, &given).unwrap(),
    };
    source.open(&study, space).unwrap()
}

/// A random score for every key, with failures: strategies must not depend on a smooth or complete landscape.
fn measured(key: &str) -> (f64, Option<Failure>) {
    let value = f64::from(derive(7, key, 0)) / f64::from(u32::MAX);
    (value, (value < 0.1).then(|| Failure { violation: value, ..Failure::new("too small") }))
}

/// Asks for 1 to 4 proposals at a time and tells the results newest first, so that order and batches vary.
fn trajectory(search: &mut dyn Search, rounds: u32) -> String {
    let mut asked: Vec<Proposal> = Vec::new();
    for round in 0..rounds {
        if search.finished().unwrap() {
            break;
        }
        let proposals = search.ask(round % 4 + 1).unwrap();
        let first = u32::try_from(asked.len()).unwrap();
        let mut observations = Vec::new();
        for (position, proposal) in (0..).zip(&proposals) {
            let genotype = proposal.candidate.genotype().unwrap();
            let key = search.space().unwrap().key(genotype).unwrap();
            let (score, failure) = measured(&key);
            observations.push(Observation {
                trial: Some(first + position),
                candidate: proposal.candidate.clone(),
                fidelity: proposal.fidelity.or(Some(27.0)),
                metrics: vec![score],
                failure,
                gradient: None,
                cost: 0.0,
            });
        }
        asked.extend(proposals);
        observations.reverse();
        search.tell(observations).unwrap();
    }
    assert!(asked.len() as u32 > rounds - rounds / 6, "only {} proposals", asked.len());
    serde_json::to_string(&asked).unwrap()
}

#[test]
fn native_code_and_components_give_the_same_trajectory() {
    let registry = registry();
    for (number, (space_name, _)) in SPACES.into_iter().enumerate() {
        let (rounds, others) = if number < THOROUGH {
            (60, &[(true, false), (false, true), (true, true)][..])
        } else {
            (15, &[(true, true)][..])
        };
        for strategy in &nas_strategies::names() {
            let run = |strategy_component, space_component| {
                let space = space(&registry, space_name, space_component);
                trajectory(search(&registry, strategy, strategy_component, space).as_mut(), rounds)
            };
            let native = run(false, false);
            for &(strategy_component, space_component) in others {
                let other = run(strategy_component, space_component);
                let what = format!("{strategy} (component: {strategy_component}) on {space_name} ({space_component})");
                assert!(native == other, "{what} gives another trajectory\n{native}\n{other}");
            }
        }
    }
}

#[test]
fn native_and_component_spaces_build_the_same_networks() {
    let registry = registry();
    for (name, input_shape) in SPACES.into_iter().filter(|(name, _)| *name != "synthetic") {
        let (mut native, mut component) = (space(&registry, name, false), space(&registry, name, true));
        assert_eq!(native.info().unwrap(), component.info().unwrap());
        let parameters = native.task_parameters().unwrap();
        assert_eq!(parameters, component.task_parameters().unwrap());
        let task = Task {
            input_shape: input_shape.to_vec(),
            outputs: 10,
            kind: "classification".into(),
            settings: Settings::defaults(&parameters),
        };
        for seed in 0..50 {
            let genotype = native.sample(seed).unwrap();
            assert_eq!(genotype, component.sample(seed).unwrap());
            let built: Graph = native.build(&genotype, &task).unwrap().unwrap();
            assert_eq!(built, component.build(&genotype, &task).unwrap().unwrap());
            assert_eq!(native.neighbors(&genotype).unwrap(), component.neighbors(&genotype).unwrap());
            assert_eq!(native.features(&genotype).unwrap(), component.features(&genotype).unwrap());
            assert_eq!(native.format(&genotype).unwrap(), component.format(&genotype).unwrap());
        }
    }
}

/// What a strategy says while it is opened reaches the user, from a component as from native code.
#[test]
fn a_component_warns_as_native_code_does() {
    let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = said.clone();
    let log: nas_core::plugin::wasm::Log = std::sync::Arc::new(move |level, _, line: &str| {
        assert_eq!(level, nas_core::plugin::wasm::Level::Warn);
        heard.lock().unwrap().push(line.to_owned());
    });
    let mut registry = Registry::new(Options { log, ..Options::default() });
    nas_strategies::all(&mut Registered(&mut registry));
    registry.add_space::<nas_spaces::Synthetic>().unwrap();
    for reference in ["regularized-evolution".to_owned(), common::component("strategies", "regularized-evolution")] {
        let source = registry.strategy(&reference).unwrap();
        let population = [Setting { name: "population".into(), value: Value::Number(100.0) }];
        let study = Study {
            objectives: vec![Objective { metric: "score".into(), goal: Goal::Maximize }],
            constraints: Vec::new(),
            metrics: vec!["score".into()],
            seed: 1,
            trials: Some(60),
            total_fidelity: None,
            workers: 1,
            fidelities: Vec::new(),
            settings: Settings::checked(&source.info().unwrap().parameters, &population).unwrap(),
        };
        source.open(&study, space(&registry, "synthetic", false)).unwrap();
    }
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0] == said[1] && said[0].contains("first 100 proposals are random"), "{said:?}");
}
