//! Tables of operators' costs on one device.
//!
//! A CSV file: `unit`, `latency` in milliseconds, `energy` in millijoules where it is known, and `macs` and `numbers`, from
//! which the costs of operators that it lacks are estimated. Lines that begin with `#` say where the figures come from. The
//! unit `overhead` is what every run costs on top.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use nas_api::Graph;

use super::estimate::{Estimates, Work};
use super::fused_ops::units;
use crate::{LatencyError, Unit};

/// What a table may say; `file` is where a unit lies as a network.
const COLUMNS: [&str; 6] = ["unit", "file", "latency", "energy", "macs", "numbers"];
/// The row of what every run costs on top.
const OVERHEAD: &str = "overhead";

/// What something costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// In milliseconds.
    pub latency: f64,
    /// In millijoules, where it is known.
    pub energy: Option<f64>,
}

/// What a network costs, as a table has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The sum.
    pub cost: Cost,
    /// Operators that the table lacks, whose cost is an estimate.
    pub estimated: u32,
}

/// What operators cost on one device.
#[derive(Clone, Debug, Default)]
pub struct CostTable {
    /// Where the figures come from, a line each.
    pub comments: Vec<String>,
    /// By [`Unit::text`].
    units: BTreeMap<String, Row>,
    /// Latency and energy of the units that it lacks.
    estimates: OnceLock<[Estimates; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    cost: Cost,
    work: Option<Work>,
}

impl CostTable {
    /// Reads a file and checks every figure.
    pub fn read(path: &Path) -> Result<Self, LatencyError> {
        let refused = |problem: String| LatencyError::Table { path: path.to_owned(), problem };
        let text = std::fs::read_to_string(path).map_err(|error| refused(format!("cannot be read: {error}")))?;
        Self::parse(&text).map_err(refused)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let comments = text.lines().map_while(|line| line.strip_prefix('#')).map(|line| line.trim().to_owned());
        let mut table = Self { comments: comments.collect(), ..Self::default() };
        let mut rows = csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(text.as_bytes());
        let header = rows.headers().map_err(|error| error.to_string())?.clone();
        let column = |name: &str| header.iter().position(|known| known == name);
        let form = "the first row names the columns: unit,latency or unit,latency,energy";
        let (Some(unit), Some(latency)) = (column("unit"), column("latency")) else {
            return Err(format!("has the columns '{}'; {form}", header.iter().collect::<Vec<_>>().join(",")));
        };
        if let Some((at, name)) = header.iter().enumerate().find(|(_, name)| !COLUMNS.contains(name)) {
            return Err(format!("column {} is called '{name}'; known: {}", at + 1, COLUMNS.join(", ")));
        }
        if let Some(name) = header.iter().find(|name| header.iter().filter(|other| other == name).count() > 1) {
            return Err(format!("two columns are called '{name}'"));
        }
        let (energy, macs, numbers) = (column("energy"), column("macs"), column("numbers"));
        for row in rows.records() {
            let row = row.map_err(|error| format!("a row does not have the columns of the first one: {error}"))?;
            let line = row.position().map_or(0, csv::Position::line);
            let figure = |at: usize, what: &str| match row.get(at).map(str::parse::<f64>) {
                Some(Ok(value)) if value.is_finite() && value >= 0.0 => Ok(value),
                _ => {
                    let given = row.get(at).unwrap_or_default();
                    Err(format!("line {line}: the {what} is '{given}', where a number of 0 or more is expected"))
                }
            };
            let given = |column: Option<usize>, what: &str| {
                let column = column.filter(|&at| row.get(at).is_some_and(|text| !text.is_empty()));
                column.map(|at| figure(at, what)).transpose()
            };
            let cost = Cost { latency: figure(latency, "latency")?, energy: given(energy, "energy")? };
            let work = given(macs, "number of macs")?.zip(given(numbers, "number of numbers")?);
            let work = work.map(|(macs, numbers)| Work { macs, numbers });
            let name = row.get(unit).unwrap_or_default().to_owned();
            if name.is_empty() {
                return Err(format!("line {line}: the unit is empty"));
            }
            if table.units.insert(name.clone(), Row { cost, work }).is_some() {
                return Err(format!("line {line}: the unit '{name}' is there twice"));
            }
        }
        if table.units.is_empty() {
            return Err("holds no units".into());
        }
        let known = table.units.values().filter(|row| row.cost.energy.is_some()).count();
        if known != 0 && known != table.units.len() {
            return Err(format!("gives the energy of {known} of its {} units; give all or none", table.units.len()));
        }
        Ok(table)
    }

    /// The file's text.
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        for comment in &self.comments {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# {comment}");
        }
        let energy = self.has_energy();
        text.push_str(if energy { "unit,latency,energy,macs,numbers\n" } else { "unit,latency,macs,numbers\n" });
        for (unit, Row { cost, work }) in &self.units {
            let quoted = unit.replace('"', "\"\"");
            let _ = write!(text, "\"{quoted}\",{}", cost.latency);
            if energy {
                let _ = write!(text, ",{}", cost.energy.map_or_else(String::new, |energy| energy.to_string()));
            }
            let _ = match work {
                Some(work) => writeln!(text, ",{},{}", work.macs, work.numbers),
                None => writeln!(text, ",,"),
            };
        }
        text
    }

    /// Whether energy is known, too.
    pub fn has_energy(&self) -> bool {
        self.units.values().any(|row| row.cost.energy.is_some())
    }

    /// How many units it has.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Whether the cost of a unit is known.
    pub fn has(&self, unit: &Unit) -> bool {
        self.units.contains_key(&unit.text)
    }

    /// What every run costs on top.
    pub fn overhead(&self) -> Option<Cost> {
        self.units.get(OVERHEAD).map(|row| row.cost)
    }

    /// Sets what every run costs on top.
    pub fn set_overhead(&mut self, cost: Cost) {
        self.units.insert(OVERHEAD.into(), Row { cost, work: None });
    }

    /// Sets the cost of a unit.
    pub fn set(&mut self, unit: &Unit, cost: Cost) -> Result<(), LatencyError> {
        self.units.insert(unit.text.clone(), Row { cost, work: Some(unit.work()?) });
        self.estimates = OnceLock::new();
        Ok(())
    }

    /// The cost of a network: of its units, one after the other, and of the run.
    pub fn predict(&self, graph: &Graph, input_shape: &[i64]) -> Result<Prediction, LatencyError> {
        let mut lacking: Vec<String> = Vec::new();
        let mut estimated = 0;
        let mut sum = self.overhead().unwrap_or(Cost { latency: 0.0, energy: self.has_energy().then_some(0.0) });
        for unit in units(graph, input_shape)? {
            let known = self.units.get(&unit.text).map(|row| row.cost);
            let cost = match known {
                Some(cost) => cost,
                None => match self.estimate(&unit)? {
                    Some(cost) => {
                        estimated += unit.count;
                        cost
                    }
                    None => {
                        lacking.push(unit.text);
                        continue;
                    }
                },
            };
            let count = f64::from(unit.count);
            sum.latency += count * cost.latency;
            sum.energy = sum.energy.zip(cost.energy).map(|(sum, energy)| sum + count * energy);
        }
        match lacking.first() {
            None => Ok(Prediction { cost: sum, estimated }),
            Some(first) => Err(LatencyError::Lacking { count: lacking.len(), first: first.clone() }),
        }
    }

    fn estimate(&self, unit: &Unit) -> Result<Option<Cost>, LatencyError> {
        let [latency, energy] = self.estimates.get_or_init(|| {
            let known = || self.units.iter().filter_map(|(unit, row)| Some((unit.as_str(), row.work?, row.cost)));
            let latency = Estimates::fit(known().map(|(unit, work, cost)| (unit, work, cost.latency)));
            let energy = known().filter_map(|(unit, work, cost)| Some((unit, work, cost.energy?)));
            [latency, Estimates::fit(energy)]
        });
        let work = unit.work()?;
        let latency = latency.cost(&unit.text, work);
        Ok(latency.map(|latency| Cost { latency, energy: energy.cost(&unit.text, work) }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# phone, 1 thread\nunit,latency,energy,macs,numbers\n\"Add(8,8)\",0.25,2,0,24\n\"overhead\",0.5,1,,\n";

    #[test]
    fn what_is_written_is_read() {
        let table = CostTable::parse(TEXT).unwrap();
        assert_eq!(table.to_csv(), TEXT);
        assert_eq!(table.overhead(), Some(Cost { latency: 0.5, energy: Some(1.0) }));
    }

    #[test]
    fn wrong_files_say_where() {
        let refused = |text: &str| CostTable::parse(text).unwrap_err();
        assert!(refused("a,b\nc,1\n").contains("has the columns 'a,b'; the first row names the columns"));
        assert!(refused("unit,latency\nx,fast\n").contains("line 2: the latency is 'fast'"));
        assert!(refused("unit,latency\nx,-1\n").contains("line 2: the latency is '-1'"));
        assert!(refused("unit,latency\nx,NaN\n").contains("'NaN'"));
        assert!(refused("unit,latency\nx,1\nx,2\n").contains("line 3: the unit 'x' is there twice"));
        assert!(refused("unit,latency\nx\n").contains("line: 2"));
        assert!(refused("unit,latency\n,1\n").contains("line 2: the unit is empty"));
        assert!(refused("unit,latency,watts\nx,1,2\n").contains("column 3 is called 'watts'"));
        assert!(refused("unit,latency,latency\nx,1,2\n").contains("two columns are called 'latency'"));
        assert!(refused("unit,latency\n").contains("no units"));
        assert!(refused("unit,latency,energy\nx,1,2\ny,1,\n").contains("the energy of 1 of its 2 units"));
    }
}
