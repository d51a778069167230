//! Every space keeps the promises of the contract. One line in `spaces` adds a space.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use nas_api::conformance::{CHECKS, Check, Verdict, suite};
use nas_api::{Error, Genotype, Graph, OpenSpace, SearchSpace, Setting, Settings, SpaceInfo, Task, Value, conformance};
use nas_spaces::{
    ChoiceSpace, Conv1d, Darts, DecoderLm, Detector, GrammarSpace, Mlp, Mobile, NasBench101, NasBench201,
    NasBenchMacro, ResNet, ResidualMlp, Synthetic, VisionTransformer,
};

const TINY_CNN: &str = include_str!("../../docs/examples/tiny-cnn.toml");

/// A recursive and ambiguous grammar, which derives `id` from B and from OP.
const GRAMMAR: &str = r#"
name = "small"
version = "1"
start = "A"
depth = 4
[rules]
A = ["linear(B, down, B)", "residual(B, down, down)", "sum(linear(down, B), linear(B, down))"]
B = ["id", "OP", "zero", "concat(OP, B)", "cell(OP, zero, zero, B, OP, OP)"]
OP = ["id", "linear(relu, conv(3), batch-norm)", "avg-pool(3)", "max-pool(3)"]
"#;

fn spaces() -> Vec<Box<dyn OpenSpace>> {
    vec![
        Box::new(Mlp::new()),
        Box::new(NasBench101::new()),
        Box::new(NasBench101::exact()),
        Box::new(NasBench201::new()),
        Box::new(Darts::new()),
        Box::new(ResNet::new()),
        Box::new(Mobile::per_stage()),
        Box::new(Mobile::per_block()),
        Box::new(NasBenchMacro::new()),
        Box::new(ChoiceSpace::from_toml(TINY_CNN).expect("the example is a space")),
        Box::new(GrammarSpace::from_toml(GRAMMAR).expect("the grammar is a space")),
    ]
}

fn task(space: &mut dyn OpenSpace, input_shape: &[i64], outputs: u32) -> Task {
    let settings = Settings::defaults(&space.task_parameters().unwrap());
    Task { input_shape: input_shape.to_vec(), outputs, kind: "classification".into(), settings }
}

#[test]
fn every_space_conforms() {
    for mut space in spaces() {
        let name = space.info().unwrap().name;
        for (shape, outputs) in [([1, 8, 8], 10), ([1, 28, 28], 10), ([3, 9, 13], 7)] {
            let task = task(&mut *space, &shape, outputs);
            conformance::check_space(&mut *space, &task, 40)
                .unwrap_or_else(|broken| panic!("{name} on {shape:?}: {broken}"));
        }
    }
}

/// A space with these choices. Few and small choices keep the number of neighbours low.
fn with<S: SearchSpace>(per_layer: bool, lists: &[(&str, &[f64])]) -> S {
    let mut set = vec![Setting { name: "per_layer".into(), value: Value::Truth(per_layer) }];
    set.extend(lists.iter().map(|(name, list)| Setting { name: (*name).into(), value: Value::Numbers(list.to_vec()) }));
    S::open(&Settings::checked(&S::parameters(), &set).unwrap()).unwrap()
}

fn conforms(space: &mut dyn OpenSpace, shapes: &[&[i64]], kind: &str) {
    let name = space.info().unwrap().name;
    for shape in shapes {
        let task = Task { kind: kind.into(), ..task(space, shape, 10) };
        conformance::check_space(space, &task, 40).unwrap_or_else(|broken| panic!("{name} on {shape:?}: {broken}"));
    }
}

#[test]
fn transformers_conform() {
    for per_layer in [false, true] {
        let lists: &[(&str, &[f64])] = &[("layers", &[1.0, 2.0, 3.0]), ("patches", &[2.0, 5.0])];
        let mut space: VisionTransformer = with(per_layer, lists);
        conforms(&mut space, &[&[1, 8, 8], &[3, 9, 13]], "classification");
        let lists: &[(&str, &[f64])] = &[("layers", &[1.0, 2.0]), ("widths", &[16.0, 24.0])];
        let mut space: DecoderLm = with(per_layer, lists);
        conforms(&mut space, &[&[12]], "language");
    }
}

#[test]
fn detectors_conform() {
    conforms(&mut Detector::new(), &[&[3, 64, 64], &[1, 37, 100]], "detection");
    let [mut space, mut twin] = [(); 2].map(|()| Detector::new());
    let task = Task { kind: "detection".into(), ..task(&mut space, &[3, 96, 64], 20) };
    for (check, verdict) in suite(&mut space, &mut twin, Some(&task), 8) {
        assert_eq!(verdict, Verdict::Kept, "{}", check.name);
    }
}

#[test]
fn spaces_for_signals_and_tables_conform() {
    for per_layer in [false, true] {
        let layers: &[(&str, &[f64])] = &[("layers", &[1.0, 2.0, 4.0])];
        conforms(&mut with::<Conv1d>(per_layer, layers), &[&[1, 1], &[3, 50]], "classification");
        conforms(&mut with::<ResidualMlp>(per_layer, layers), &[&[7], &[3, 4]], "regression");
    }
}

/// With the default choices there are too many neighbours to check, but everything else is checked.
#[test]
fn transformers_of_full_size_conform_except_for_neighbours() {
    let check = |space: Box<dyn OpenSpace>, shape: &[i64], kind: &str| {
        let mut space = space;
        let task = Task { kind: kind.into(), ..task(&mut *space, shape, 1000) };
        let genotypes = conformance::check_samples(&mut *space, 60).unwrap();
        conformance::check_description(&mut *space).unwrap();
        conformance::check_walks(&mut *space, &genotypes).unwrap();
        conformance::check_mutation(&mut *space, &genotypes[..8]).unwrap();
        conformance::check_crossover(&mut *space, &genotypes).unwrap();
        conformance::check_text(&mut *space, &genotypes).unwrap();
        conformance::check_features(&mut *space, &genotypes).unwrap();
        conformance::check_networks(&mut *space, &task, &genotypes[..2]).unwrap();
    };
    for per_layer in [false, true] {
        check(Box::new(with::<VisionTransformer>(per_layer, &[])), &[3, 224, 224], "classification");
        check(Box::new(with::<DecoderLm>(per_layer, &[])), &[1024], "language");
    }
}

/// The grammar has too many neighbours to build them all.
#[test]
fn the_hierarchical_grammar_conforms_except_for_most_neighbours() {
    let mut space = GrammarSpace::hierarchical_nas_bench_201().unwrap();
    let genotypes = conformance::check_samples(&mut space, 12).unwrap();
    conformance::check_description(&mut space).unwrap();
    conformance::check_walks(&mut space, &genotypes).unwrap();
    conformance::check_mutation(&mut space, &genotypes[..4]).unwrap();
    conformance::check_crossover(&mut space, &genotypes).unwrap();
    conformance::check_text(&mut space, &genotypes).unwrap();
    conformance::check_features(&mut space, &genotypes).unwrap();
    let shortest = genotypes.iter().min_by_key(|genotype| genotype.len()).unwrap();
    let neighbors = SearchSpace::neighbors(&space, shortest);
    for neighbor in neighbors.iter().step_by(neighbors.len() / 8) {
        assert!(SearchSpace::neighbors(&space, neighbor).contains(shortest), "{shortest:?}");
    }
}

#[test]
fn a_space_without_networks_conforms_in_everything_else() {
    for (decisions, choices) in [(1, 2), (20, 2), (7, 5)] {
        let mut space = Synthetic::new(decisions, choices);
        conformance::check_decisions(&mut space, 40).unwrap();
        let task = task(&mut space, &[1], 1);
        let error = SearchSpace::build(&space, &vec![0; decisions as usize], &task).unwrap_err();
        assert!(error.to_string().contains("no networks"), "{error}");
    }
}

#[test]
fn mlp_takes_inputs_of_any_rank() {
    let mut space = Mlp::new();
    for shape in [&[5][..], &[4, 6], &[2, 3, 4, 5]] {
        let task = task(&mut space, shape, 1);
        conformance::check_space(&mut space, &task, 10).unwrap();
    }
}

#[test]
fn nas_bench_201_takes_every_size_of_at_least_four() {
    let mut space = NasBench201::new();
    for height in 4..20 {
        for width in [height, 31 - height] {
            let task = task(&mut space, &[3, height, width], 10);
            let genotype = SearchSpace::sample(&space, height as u32);
            conformance::check_networks(&mut space, &task, &[genotype]).unwrap();
        }
    }
    for shape in [&[3, 3, 8][..], &[3, 8, 3], &[64], &[3, 8, 8, 8]] {
        let task = task(&mut space, shape, 10);
        let error = SearchSpace::build(&space, &[0; 6], &task).unwrap_err().to_string();
        assert!(error.contains(&format!("{shape:?}")), "{error}");
    }
}

/// The promise that a faulty space breaks, so that each check is seen to fail.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    Describe,
    Sample,
    Next,
    Mutate,
    Crossover,
    Neighbors,
    Parse,
    Features,
    Instances,
    Build,
    Key,
    /// Equal keys for different networks of equal cost.
    KeyOfTwins,
    Supernet,
}

/// A space that breaks one promise.
struct Faulty {
    promise: Broken,
    space: Mlp,
    /// The number of this instance of the space.
    instance: u32,
}

impl SearchSpace for Faulty {
    fn open(_: &Settings) -> Result<Self, Error> {
        Err(Error::new("built directly"))
    }
    fn info(&self) -> SpaceInfo {
        let mut info = self.space.info();
        if self.promise == Broken::Describe {
            info.decisions.swap_remove(0);
            info.decisions.push(info.decisions[0].clone());
        }
        info
    }
    fn next(&self, prefix: &[u32]) -> Option<&nas_api::Decision> {
        self.space.next(prefix)
    }
    fn sample(&self, seed: u32) -> Genotype {
        match self.promise {
            Broken::Sample => vec![0, 9, 9],
            Broken::Instances => self.space.sample(seed + self.instance),
            _ => self.space.sample(seed),
        }
    }
    fn mutate(&self, parent: &[u32], seed: u32) -> Genotype {
        if self.promise == Broken::Mutate { parent.to_vec() } else { self.space.mutate(parent, seed) }
    }
    fn crossover(&self, a: &[u32], b: &[u32], seed: u32) -> Genotype {
        if self.promise == Broken::Crossover { vec![0, 1, 1] } else { self.space.crossover(a, b, seed) }
    }
    fn neighbors(&self, of: &[u32]) -> Vec<Genotype> {
        let mut neighbors = self.space.neighbors(of);
        if self.promise == Broken::Neighbors {
            neighbors.pop();
        }
        neighbors
    }
    fn validate(&self, genotype: &[u32]) -> Result<(), Error> {
        if self.promise == Broken::Next { Ok(()) } else { self.space.validate(genotype) }
    }
    fn parse(&self, text: &str) -> Result<Genotype, Error> {
        if self.promise == Broken::Parse { Ok(vec![0, 0, 0]) } else { self.space.parse(text) }
    }
    fn features(&self, genotype: &[u32]) -> Vec<f32> {
        let features = self.space.features(genotype);
        if self.promise == Broken::Features { features[..genotype.len()].to_vec() } else { features }
    }
    fn key(&self, genotype: &[u32]) -> String {
        match self.promise {
            Broken::Key => "one".into(),
            // The key ignores the last activation.
            Broken::KeyOfTwins => self.space.key(&genotype[..genotype.len() - 1]),
            _ => self.space.key(genotype),
        }
    }
    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph, Error> {
        let mut graph = self.space.build(genotype, task)?;
        if self.promise == Broken::Build {
            graph.outputs = vec![0];
        }
        Ok(graph)
    }
    fn supernet(&self, task: &Task) -> Result<Option<Graph>, Error> {
        if self.promise == Broken::Supernet { self.space.build(&[0, 0, 0], task).map(Some) } else { Ok(None) }
    }
}

#[test]
fn each_broken_promise_is_found() {
    let expected = [
        (Broken::Describe, "describe", "described twice"),
        (Broken::Sample, "sample", "validate refuses"),
        (Broken::Next, "next", "validate accepts"),
        (Broken::Mutate, "mutate", "changes nothing"),
        (Broken::Crossover, "crossover", "crossover"),
        (Broken::Neighbors, "neighbors", "not the other way round"),
        (Broken::Parse, "format", "parse reads"),
        (Broken::Features, "features", "numbers"),
        (Broken::Instances, "instances", "sample(0) of [] differs between two instances"),
        (Broken::Build, "build", "the task wants [10]"),
        (Broken::Key, "key", "networks of different cost"),
        (Broken::KeyOfTwins, "key", "are different networks"),
        (Broken::Supernet, "supernet", "no node is tied to the decision 'layers'"),
    ];
    for (promise, name, words) in expected {
        let [mut space, mut twin] = [0, 1].map(|instance| Faulty { promise, space: Mlp::new(), instance });
        let task = task(&mut space, &[1, 8, 8], 10);
        let verdicts = suite(&mut space, &mut twin, Some(&task), 40);
        let (_, verdict) = verdicts.iter().find(|(check, _)| check.name == name).unwrap();
        let Verdict::Broken(counterexample) = verdict else { panic!("{promise:?}: {verdict:?}") };
        assert!(counterexample.contains(words), "{promise:?}: {counterexample}");
        // Only the suite compares two instances.
        if promise != Broken::Instances {
            let broken = conformance::check_space(&mut space, &task, 40).expect_err(words);
            assert!(broken.contains(words), "{promise:?}: {broken}");
        }
    }
    let seen = |check: &&Check| check.name == "standard" || expected.iter().any(|(_, name, _)| *name == check.name);
    assert_eq!(CHECKS.iter().filter(seen).count(), CHECKS.len(), "a check was never seen to fail");
}

#[test]
fn the_suite_finds_no_fault_in_sound_spaces() {
    for (mut space, mut twin) in spaces().into_iter().zip(spaces()) {
        let task = task(&mut *space, &[3, 32, 32], 10);
        for (check, verdict) in suite(&mut *space, &mut *twin, Some(&task), 8) {
            assert_eq!(verdict, Verdict::Kept, "{} of {}", check.name, space.info().unwrap().name);
        }
    }
    let [mut space, mut twin] = [(); 2].map(|()| Synthetic::new(7, 3));
    for (check, verdict) in suite(&mut space, &mut twin, None, 20) {
        let expected = matches!(verdict, Verdict::Skipped(_)) == check.needs_networks();
        assert!(expected && !matches!(verdict, Verdict::Broken(_)), "{}: {verdict:?}", check.name);
    }
}

/// A flat space that claims to have standard samples, but has others.
struct FalselyStandard(NasBench201);

impl SearchSpace for FalselyStandard {
    fn open(_: &Settings) -> Result<Self, Error> {
        Err(Error::new("built directly"))
    }
    fn info(&self) -> SpaceInfo {
        self.0.info()
    }
    fn next(&self, prefix: &[u32]) -> Option<&nas_api::Decision> {
        self.0.next(prefix)
    }
    fn sample(&self, seed: u32) -> Genotype {
        self.0.sample(seed + 1)
    }
    fn task_parameters(&self) -> Vec<nas_api::Parameter> {
        self.0.task_parameters()
    }
    fn build(&self, genotype: &[u32], task: &Task) -> Result<Graph, Error> {
        self.0.build(genotype, task)
    }
}

#[test]
fn a_space_that_claims_to_be_standard_must_be() {
    let mut space = FalselyStandard(NasBench201::new());
    let genotypes = conformance::check_samples(&mut space, 8).unwrap();
    let broken = conformance::check_standard(&mut space, &genotypes).unwrap_err();
    assert!(broken.contains("it is standard, but sample(0)"), "{broken}");
    let task = task(&mut space, &[3, 8, 8], 10);
    let verdicts = suite(&mut space, &mut FalselyStandard(NasBench201::new()), Some(&task), 8);
    let broken: Vec<&str> =
        verdicts.iter().filter(|(_, verdict)| *verdict != Verdict::Kept).map(|(check, _)| check.name).collect();
    assert_eq!(broken, ["standard"]);
}
