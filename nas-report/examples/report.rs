//! Writes the report of a benchmark without pictures of networks: `report BENCHMARK FILE [FOLDER]`.

use std::path::Path;

use nas_core::benchmark::Store;
use nas_core::report::Report;
use nas_report::Shown;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [benchmark, file, folder @ ..] = &arguments[..] else { return Err("report BENCHMARK FILE [FOLDER]".into()) };
    let store = Store::find(Path::new(benchmark))?;
    let report = Report::of(&store)?;
    nas_report::write(&report, &Shown::default(), Path::new(file))?;
    if let Some(folder) = folder.first() {
        nas_report::write_data(&store, &report, Path::new(folder), &mut |_, _, _| String::new())?;
    }
    Ok(())
}
