//! Reads the records of a study, without any plugin, and prints them as tab-separated values: one line per trial.
//!
//! `cargo run --release --example read_records -- FILE`

use std::error::Error;
use std::path::Path;

use nas_core::study::StudyRecord;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("give the file of a study")?;
    let record = StudyRecord::read(Path::new(&file))?;
    let names: Vec<&str> = record.header.metrics.iter().map(|metric| metric.name.as_str()).collect();
    println!("trial\tstate\tarchitecture\t{}", names.join("\t"));
    for trial in &record.trials {
        let value = |name: &&str| trial.metric(name).map_or_else(String::new, |value| value.to_string());
        let values: Vec<String> = names.iter().map(value).collect();
        println!("{}\t{}\t{}\t{}", trial.trial, trial.state.name(), trial.text, values.join("\t"));
    }
    Ok(())
}
