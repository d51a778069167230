//! Searches on NAS-Bench-201: the best validation accuracy on CIFAR-10 after 12 epochs (percent) that 100 trials find, for
//! the pages of the strategies. Run with
//! `NAS_DATA=FOLDER cargo test --release -p nas-strategies --test benchmark -- --ignored --nocapture`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Instant;

use nas_api::{Genotype, SearchSpace, Settings, StrategyPlugin};
use nas_spaces::NasBench201;
use nas_strategies::conformance::{Schedule, Step, Subject, drive};
use nas_strategies::{Bananas, GaussianProcess, Npenas, RandomForest, RandomSearch, RegularizedEvolution};

const SEEDS: u32 = 30;
const TRIALS: u32 = 100;

/// The accuracy of every genotype; `None` where the data are not there.
fn accuracies() -> Option<BTreeMap<Genotype, f64>> {
    let folder = std::env::var_os("NAS_DATA")?;
    let file = std::fs::File::open(std::path::Path::new(&folder).join("nasbench201.csv.gz")).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |name: &str| columns.iter().position(|column| *column == name).unwrap();
    let (arch, accuracy) = (column("arch"), column("c10_val_12"));
    let space = NasBench201::open(&Settings::defaults(&NasBench201::parameters())).unwrap();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        (SearchSpace::parse(&space, fields[arch]).unwrap(), fields[accuracy].parse().unwrap())
    };
    Some(lines.map(row).collect())
}

fn best(subject: &Subject, seed: u32, trials: u32, accuracies: &BTreeMap<Genotype, f64>) -> f64 {
    let mut space = NasBench201::open(&Settings::defaults(&NasBench201::parameters())).unwrap();
    let mut search = subject.search(seed, &mut space).unwrap();
    let measure = |_, genotype: &Genotype| Ok(accuracies[genotype]);
    let steps = drive(search.as_mut(), &mut space, &Schedule::serial(), trials, &measure).unwrap();
    steps.iter().flat_map(Step::proposed).map(|genotype| accuracies[genotype]).fold(0.0, f64::max)
}

fn learning<S: StrategyPlugin>(targets: &str) -> Subject {
    let value = nas_api::Value::Text(targets.into());
    Subject::of::<S>().with(vec![nas_api::Setting { name: "targets".into(), value }])
}

fn of<S: StrategyPlugin>(settings: &[(&str, f64)]) -> Subject {
    let set =
        |&(name, value): &(&str, f64)| nas_api::Setting { name: name.into(), value: nas_api::Value::Number(value) };
    Subject::of::<S>().with(settings.iter().map(set).collect())
}

#[test]
#[ignore = "a measurement: needs NAS_DATA and minutes"]
fn best_of_100_trials_on_nas_bench_201() {
    let Some(accuracies) = accuracies() else {
        println!("skipped: NAS_DATA does not name the folder with nasbench201.csv.gz");
        return;
    };
    let subjects = [
        of::<RandomSearch>(&[]),
        of::<RegularizedEvolution>(&[("population", 20.0), ("sample", 5.0)]),
        of::<Bananas>(&[]),
        learning::<Bananas>("normal-scores"),
        of::<Npenas>(&[]),
        learning::<Npenas>("standardised"),
        of::<GaussianProcess>(&[]),
        learning::<GaussianProcess>("standardised"),
        of::<RandomForest>(&[]),
        of::<RandomForest>(&[("n_min", 3.0)]),
        of::<RandomForest>(&[("interleave", 0.0)]),
    ];
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut by_chance = Vec::new();
    for subject in subjects {
        let name = &subject.info.name;
        if name != "random-search" && !name.contains(&only) {
            continue;
        }
        let begin = Instant::now();
        let found: Vec<f64> = (0..SEEDS).map(|seed| best(&subject, seed, TRIALS, &accuracies)).collect();
        let seconds = begin.elapsed().as_secs_f64() / f64::from(SEEDS);
        if by_chance.is_empty() {
            by_chance.clone_from(&found);
        }
        let mean = found.iter().sum::<f64>() / f64::from(SEEDS);
        let variance = found.iter().map(|one| (one - mean) * (one - mean)).sum::<f64>() / f64::from(SEEDS - 1);
        let better = found.iter().zip(&by_chance).filter(|(found, chance)| found > chance).count();
        let equal = found.iter().zip(&by_chance).filter(|(found, chance)| found == chance).count();
        let deviation = variance.sqrt();
        println!(
            "{name} {:?}: {mean:.3} ± {deviation:.3}, better on {better}, equal on {equal} of {SEEDS}; {seconds:.3} s",
            subject.settings
        );
        if std::env::var_os("LONG").is_some() {
            let begin = Instant::now();
            best(&subject, 0, 1000, &accuracies);
            println!("    1,000 trials: {:.2} s", begin.elapsed().as_secs_f64());
        }
    }
    println!("greatest: {:.3}", accuracies.values().copied().fold(0.0, f64::max));
}
