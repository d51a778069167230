//! Compares the memory that a training took with what was expected of it.
//!
//! `memory SPACE BATCH [SIDE [PRECISION]]` trains a random network of the space (seed 0) for one epoch of two batches.
//! The data are `digits` resized to SIDE×SIDE pixels (32 by default) or, for `decoder-lm`, a generated text. Every
//! measurement needs its own process, because Linux records the peak memory per process.

use std::error::Error;
use std::fs;

use nas_api::{Candidate, Evaluator, EvaluatorPlugin, Request, SearchSpace, Setting, Settings, Value};
use nas_evaluator_burn::BurnEvaluator;
use nas_spaces::{Darts, DecoderLm, Mlp, Mobile, NasBench201, ResNet};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("say which space")?;
    let batch: usize = arguments.next().ok_or("say how many examples are run at once")?.parse()?;
    let side: f64 = arguments.next().map_or(Ok(32.0), |side| side.parse())?;
    let precision = arguments.next().unwrap_or_else(|| "f32".into());
    let folder = tempfile::tempdir()?;
    let text = folder.path().join("text.txt");
    fs::write(&text, "it was the best of times, it was the worst of times; ".repeat(100 * batch))?;
    let data = if name == "decoder-lm" { text.to_string_lossy().into_owned() } else { "digits".into() };

    let number = |name: &str, value: f64| Setting { name: name.into(), value: Value::Number(value) };
    let mut given = vec![
        Setting { name: "data".into(), value: Value::Text(data) },
        Setting { name: "precision".into(), value: Value::Text(precision.clone()) },
        number("batch_size", batch as f64),
        number("epochs", 1.0),
        number("train_limit", 2.0 * batch as f64),
        number("validation_limit", 1.0),
    ];
    if name != "decoder-lm" {
        given.push(number("size", side));
    }
    let settings = Settings::checked(&BurnEvaluator::info().parameters, &given)?;
    let evaluator = BurnEvaluator::open(&settings, None)?;
    let space: Box<dyn SearchSpace> = match name.as_str() {
        "darts" => Box::new(Darts::new()),
        "decoder-lm" => Box::new(DecoderLm::open(&Settings::defaults(&DecoderLm::parameters()))?),
        "mlp" => Box::new(Mlp::open(&Settings::defaults(&Mlp::parameters()))?),
        "mobile" => Box::new(Mobile::open(&Settings::defaults(&Mobile::parameters()))?),
        "nas-bench-201" => Box::new(NasBench201::new()),
        "resnet" => Box::new(ResNet::open(&Settings::defaults(&ResNet::parameters()))?),
        _ => return Err(format!("there is no space '{name}' here").into()),
    };
    let mut task = evaluator.instance_info().task.ok_or("no task")?;
    task.settings = Settings::defaults(&space.task_parameters());
    let graph = space.build(&space.sample(0), &task)?;
    let expected = evaluator.expected_memory(&graph, batch)?;
    let request = Request {
        trial: 0,
        candidate: Candidate::Discrete(Vec::new()),
        key: String::new(),
        text: String::new(),
        graph,
        fidelity: Some(1.0),
        resume: None,
        keep_checkpoint: false,
        seed: 1,
        prunable: false,
    };
    let measured = evaluator.evaluate(&request, &|| false)?.ok_or("stopped")?;
    if let Some(failure) = measured.failure {
        return Err(failure.reason.into());
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM: this is not Linux")?;
    let peak: f64 = peak.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0;
    let expected = expected as f64 / f64::from(1 << 20);
    println!(
        "{name} {batch} {precision}: expected {expected:.0} MiB, took {peak:.0} MiB, {:.2} times",
        expected / peak
    );
    Ok(())
}
