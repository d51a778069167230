//! Measures how long a strategy takes to ask for one trial and to be told its result. The strategy is regularized
//! evolution with a population of 100 on six decisions, as native code and as a component, with one trial at a time and
//! in batches of ten.
//!
//! `cargo bench --bench ask_tell`; the results are in `docs/benchmarks/ask-tell.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nas_api::{Goal, Objective, Observation, Setting, Settings, Study, Value};
use nas_core::plugin::{Options, Registry, Search};

fn open(registry: &Registry, strategy: &str, space: &str) -> Box<dyn Search> {
    let source = registry.space(space).unwrap();
    let space = source.open(&Settings::defaults(&source.parameters().unwrap())).unwrap();
    let source = registry.strategy(strategy).unwrap();
    let set = |name: &str, value: f64| Setting { name: name.into(), value: Value::Number(value) };
    let given = [set("population", 100.0), set("sample", 25.0)];
    let study = Study {
        objectives: vec![Objective { metric: "score".into(), goal: Goal::Maximize }],
        constraints: Vec::new(),
        metrics: vec!["score".into()],
        seed: 1,
        trials: None,
        total_fidelity: None,
        workers: 1,
        fidelities: Vec::new(),
        settings: Settings::checked(&source.info().unwrap().parameters, &given).unwrap(),
    };
    let mut search = source.open(&study, space).unwrap();
    // The first population is only sampled, so it is filled here: the benchmark measures mutation.
    for trial in 0..20 {
        step(search.as_mut(), 10, trial * 10);
    }
    search
}

/// Asks once for `batch` proposals and tells their results.
fn step(search: &mut dyn Search, batch: u32, first: u32) {
    let proposals = search.ask(batch).unwrap();
    let observations: Vec<Observation> = (first..)
        .zip(proposals)
        .map(|(trial, proposal)| {
            let score: u32 = proposal.candidate.genotype().unwrap().iter().sum();
            Observation {
                trial: Some(trial),
                candidate: proposal.candidate,
                fidelity: None,
                metrics: vec![f64::from(score)],
                failure: None,
                gradient: None,
                cost: 1.0,
            }
        })
        .collect();
    search.tell(observations).unwrap();
}

fn ask_tell(criterion: &mut Criterion) {
    let mut registry = Registry::new(Options::default());
    registry.add_space::<nas_spaces::NasBench201>().unwrap();
    registry.add_strategy::<nas_strategies::RegularizedEvolution>();
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/plugins");
    let component = plugins.join("strategies/regularized-evolution.wasm");
    let space_component = plugins.join("spaces/nas-bench-201.wasm");
    assert!(component.is_file(), "the components have not been built: run `cargo xtask plugins`");
    let (component, space_component) = (component.to_string_lossy(), space_component.to_string_lossy());
    for batch in [1, 10] {
        let mut group = criterion.benchmark_group(format!("ask_tell/batch_{batch}"));
        group.throughput(Throughput::Elements(u64::from(batch)));
        for (name, strategy, space) in [
            ("native", "regularized-evolution", "nas-bench-201"),
            ("component", &*component, "nas-bench-201"),
            ("component_on_component_space", &*component, &*space_component),
        ] {
            let mut search = open(&registry, strategy, space);
            let mut trial = 200;
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    step(search.as_mut(), batch, trial);
                    trial += batch;
                });
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_secs(1));
    targets = ask_tell
}
criterion_main!(benches);
