//! Cost tables: what operators cost on one device.
//!
//! A table is a CSV file with the columns `unit`, `latency` in milliseconds, `energy` in millijoules (if known), and
//! `macs` and `numbers`, from which the costs of missing operators are estimated. Lines that begin with `#` say where
//! the figures come from. The unit `overhead` is the cost of a run beyond that of its operators.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;

use nas_api::Graph;

use super::estimate::{Estimates, Work};
use super::fused_ops::units;
use crate::{LatencyError, Unit};

/// The columns that a table may have; `file` names a file with the unit as a network.
const COLUMNS: [&str; 6] = ["unit", "file", "latency", "energy", "macs", "numbers"];
/// The unit of the row for the cost of a run beyond that of its operators.
const OVERHEAD: &str = "overhead";

/// The cost of one example.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Latency in milliseconds.
    pub latency: f64,
    /// Energy in millijoules, if it is known.
    pub energy: Option<f64>,
}

/// The cost of a network, predicted from a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// The sum of the costs of all operators and of the run.
    pub cost: Cost,
    /// Number of operators that the table lacks, whose costs are estimated.
    pub estimated: u32,
}

/// A table of what operators cost on one device.
#[derive(Clone, Debug, Default)]
pub struct CostTable {
    /// Lines that say where the figures come from.
    pub comments: Vec<String>,
    /// The rows by [`Unit::text`].
    units: BTreeMap<String, Row>,
    /// The fits of latency and energy, which estimate missing units.
    estimates: OnceLock<[Estimates; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Row {
    cost: Cost,
    work: Option<Work>,
}

impl CostTable {
    /// Reads a table from a CSV file and checks every figure.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or parsed, if a figure is not a number of 0 or more, or if a unit occurs twice.
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
            return Err(format!("column {} is called '{name}'; the known columns are {}", at + 1, COLUMNS.join(", ")));
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
                return Err(format!("line {line}: the unit '{name}' occurs twice"));
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

    /// The table as the text of a CSV file.
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

    /// Whether the table also holds energies.
    pub fn has_energy(&self) -> bool {
        self.units.values().any(|row| row.cost.energy.is_some())
    }

    /// Number of units, including the overhead.
    pub fn len(&self) -> usize {
        self.units.len()
    }

    /// Whether the table has no units.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Whether the table holds the cost of a unit.
    pub fn has(&self, unit: &Unit) -> bool {
        self.units.contains_key(&unit.text)
    }

    /// The cost of a run beyond that of its operators.
    pub fn overhead(&self) -> Option<Cost> {
        self.units.get(OVERHEAD).map(|row| row.cost)
    }

    /// Sets the cost of a run beyond that of its operators.
    pub fn set_overhead(&mut self, cost: Cost) {
        self.units.insert(OVERHEAD.into(), Row { cost, work: None });
    }

    /// Sets the cost of a unit.
    ///
    /// # Errors
    ///
    /// Fails if the unit's work cannot be counted, as [`Unit::work`] does.
    pub fn set(&mut self, unit: &Unit, cost: Cost) -> Result<(), LatencyError> {
        self.units.insert(unit.text.clone(), Row { cost, work: Some(unit.work()?) });
        self.estimates = OnceLock::new();
        Ok(())
    }

    /// Predicts the cost of a network as the sum of the costs of its units and of the overhead. Units that the table
    /// lacks are estimated from similar ones.
    ///
    /// # Errors
    ///
    /// Fails if the network is not valid, or if the cost of a unit is neither known nor can be estimated.
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
    fn a_written_table_reads_back_unchanged() {
        let table = CostTable::parse(TEXT).unwrap();
        assert_eq!(table.to_csv(), TEXT);
        assert_eq!(table.overhead(), Some(Cost { latency: 0.5, energy: Some(1.0) }));
    }

    #[test]
    fn errors_name_the_line_or_column() {
        let refused = |text: &str| CostTable::parse(text).unwrap_err();
        assert!(refused("a,b\nc,1\n").contains("has the columns 'a,b'; the first row names the columns"));
        assert!(refused("unit,latency\nx,fast\n").contains("line 2: the latency is 'fast'"));
        assert!(refused("unit,latency\nx,-1\n").contains("line 2: the latency is '-1'"));
        assert!(refused("unit,latency\nx,NaN\n").contains("'NaN'"));
        assert!(refused("unit,latency\nx,1\nx,2\n").contains("line 3: the unit 'x' occurs twice"));
        assert!(refused("unit,latency\nx\n").contains("line: 2"));
        assert!(refused("unit,latency\n,1\n").contains("line 2: the unit is empty"));
        assert!(refused("unit,latency,watts\nx,1,2\n").contains("column 3 is called 'watts'"));
        assert!(refused("unit,latency,latency\nx,1,2\n").contains("two columns are called 'latency'"));
        assert!(refused("unit,latency\n").contains("no units"));
        assert!(refused("unit,latency,energy\nx,1,2\ny,1,\n").contains("the energy of 1 of its 2 units"));
    }
}
