//! The numbers of a table, in memory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use csv::StringRecord;

use crate::TableError;
use crate::fingerprint;
use crate::locate::Found;
use crate::mapping::{JoinMap, Map};
use crate::rows::Rows;

/// A tabular benchmark in memory, with the columns that its mapping reads.
#[derive(Debug)]
pub struct Table {
    // Only single entries are looked up, so the order does not matter.
    rows: HashMap<Box<str>, u32>,
    columns: HashMap<String, Vec<f64>>,
    /// The choices of each row, row by row, if the mapping defines the space (see [`Map::text`]).
    choices: Vec<u16>,
    /// How rows are identified and joined, for comparison.
    layout: String,
    /// The digest of the files.
    fingerprint: String,
}

/// The tables in use, by the path of the main file, so that all studies of the process share them.
static LOADED: Mutex<Vec<(PathBuf, Weak<Table>)>> = Mutex::new(Vec::new());

fn layout(map: &Map, joined: &[PathBuf]) -> String {
    format!("{:?}", (map.identity(), &map.decision, &map.join, joined))
}

impl Table {
    /// Returns the table in these files. It is read once, and shared as long as somebody holds it.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read or does not fit its mapping.
    pub fn shared(found: &Found) -> Result<Arc<Self>, TableError> {
        // The lock is held while reading, so that the second of two studies that begin together waits for the first.
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|(_, table)| table.strong_count() > 0);
        let layout = layout(&found.map, &found.joined);
        // Another mapping of the same file can read other columns.
        let is_suitable = |table: &Arc<Self>| {
            table.layout == layout && found.map.columns().iter().all(|column| table.columns.contains_key(*column))
        };
        let of_path = loaded.iter().filter(|(known, _)| *known == found.file).filter_map(|(_, table)| table.upgrade());
        if let Some(table) = of_path.into_iter().find(is_suitable) {
            return Ok(table);
        }
        let table = Arc::new(Self::read(found)?);
        loaded.push((found.file.clone(), Arc::downgrade(&table)));
        Ok(table)
    }

    /// Reads the files of a mapping, without sharing.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be read or does not fit its mapping.
    pub fn read(found: &Found) -> Result<Self, TableError> {
        let Found { map, file: path, joined, .. } = found;
        let mut file = Rows::open(path)?;
        let identity =
            map.identity().iter().map(|column| file.required_position(column)).collect::<Result<Vec<_>, _>>()?;
        let cells = map.decision.iter().map(|decision| Ok((decision, file.required_position(decision.column())?)));
        let cells = cells.collect::<Result<Vec<_>, TableError>>()?;
        let links = map.join.iter().map(|join| file.required_position(&join.on)).collect::<Result<Vec<_>, _>>()?;
        let (here, elsewhere): (Vec<&str>, Vec<&str>) =
            map.columns().into_iter().partition(|column| file.position(column).is_some());
        let mut read = ColumnReader::new(&here, |column| file.required_position(column))?;
        if joined.is_empty()
            && let Some(column) = elsewhere.first()
        {
            return Err(file.missing_column(column));
        }

        let mut rows = HashMap::new();
        let mut choices: Vec<u16> = Vec::new();
        let mut linked: Vec<HashMap<Box<str>, u32>> = vec![HashMap::new(); links.len()];
        let mut row = StringRecord::new();
        while let Some(line) = file.read(&mut row)? {
            let wrong = |problem: String| TableError::table(path, line, problem);
            let name = if cells.is_empty() {
                identity.iter().map(|&at| &row[at]).collect::<Vec<&str>>().join(",")
            } else {
                let begin = choices.len();
                for (decision, at) in &cells {
                    let choice = decision.choice(&row[*at]).map_err(|cell| {
                        let (name, column) = (&decision.name, decision.column());
                        wrong(format!("column '{column}': '{cell}' is no choice of the decision '{name}'"))
                    })?;
                    choices.push(choice.map_or(0, |choice| choice as u16 + 1));
                }
                map.text(&choices[begin..])
            };
            let number = u32::try_from(rows.len()).map_err(|_| wrong("too many rows".into()))?;
            if rows.insert(name.clone().into_boxed_str(), number).is_some() {
                return Err(wrong(format!("{name} occurs twice")));
            }
            for ((at, join), linked) in links.iter().zip(&map.join).zip(&mut linked) {
                if linked.insert(row[*at].into(), number).is_some() {
                    return Err(wrong(format!(
                        "column '{}': '{}' occurs twice, so nothing can be joined on it",
                        join.on, &row[*at]
                    )));
                }
            }
            read.take(&row, None).map_err(wrong)?;
        }
        if rows.is_empty() {
            return Err(TableError::table(path, 0, "there are no rows"));
        }
        let mut columns = read.finish();
        let mut left = elsewhere;
        for ((other, join), linked) in joined.iter().zip(&map.join).zip(&linked) {
            columns.extend(read_joined(other, join, linked, &mut left, rows.len())?);
        }
        if let (Some(column), Some(last)) = (left.first(), joined.last()) {
            let problem = format!("there is no column '{column}' here, nor in '{}'", path.display());
            return Err(TableError::table(last, 0, problem));
        }
        Ok(Self { rows, columns, choices, layout: layout(map, joined), fingerprint: fingerprint::of_files(found)? })
    }

    /// Returns the number of architectures.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Returns the digest of the files, in hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns whether there are no rows. This never holds, because such a table is refused.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the row of an architecture, given by its text, its key, or its choices joined by commas, as the mapping
    /// says.
    pub fn row(&self, identity: &str) -> Option<usize> {
        self.rows.get(identity).map(|&row| row as usize)
    }

    /// Returns the identities of all rows, in no particular order.
    pub fn identities(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(|identity| &**identity)
    }

    /// Returns the numbers of a column, one per row, NaN where nothing was measured; `None` if the mapping does not
    /// read it.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        self.columns.get(name).map(Vec::as_slice)
    }

    /// Returns the row that is nearest to these choices, the first one if several are equally near, and its distance.
    /// The distance is the sum of the weights of the decisions that differ; the weight of an ordered decision counts
    /// for each step between the choices.
    pub fn nearest(&self, map: &Map, choices: &[u16]) -> Option<(usize, u32)> {
        self.nearest_except(map, choices, None)
    }

    /// Returns the row that is nearest to another row.
    #[cfg(test)]
    pub fn nearest_other(&self, map: &Map, row: usize) -> Option<usize> {
        let choices = self.choices.chunks_exact(map.decision.len()).nth(row)?;
        self.nearest_except(map, choices, Some(row)).map(|(row, _)| row)
    }

    fn nearest_except(&self, map: &Map, choices: &[u16], excluded: Option<usize>) -> Option<(usize, u32)> {
        let mut best: Option<(usize, u32)> = None;
        let rows = self.choices.chunks_exact(map.decision.len().max(1)).enumerate();
        for (row, known) in rows.filter(|(row, _)| Some(*row) != excluded) {
            let limit = best.map_or(u32::MAX, |(_, distance)| distance);
            let mut distance = 0;
            for ((decision, known), wanted) in map.decision.iter().zip(known).zip(choices) {
                // Neighbouring choices of an ordered decision are similar.
                let steps = known.abs_diff(*wanted);
                // 0 means that the decision is not made, which is not near to any choice.
                let similar = decision.ordered && *known > 0 && *wanted > 0;
                distance += decision.weight * u32::from(if similar { steps } else { steps.min(1) });
                if distance >= limit {
                    break;
                }
            }
            if distance < limit {
                best = Some((row, distance));
            }
        }
        best
    }
}

/// Reads columns of numbers row by row.
struct ColumnReader<'m> {
    wanted: Vec<(&'m str, usize)>,
    values: Vec<Vec<f64>>,
}

impl<'m> ColumnReader<'m> {
    fn new(names: &[&'m str], position: impl Fn(&str) -> Result<usize, TableError>) -> Result<Self, TableError> {
        let wanted = names.iter().map(|name| Ok((*name, position(name)?))).collect::<Result<Vec<_>, TableError>>()?;
        Ok(Self { values: vec![Vec::new(); wanted.len()], wanted })
    }

    /// Appends a row's numbers, or stores them at the row `at`.
    fn take(&mut self, row: &StringRecord, at: Option<usize>) -> Result<(), String> {
        for ((column, position), values) in self.wanted.iter().zip(&mut self.values) {
            let cell = &row[*position];
            // An empty cell means that nothing was measured.
            let value = if cell.is_empty() { Some(f64::NAN) } else { cell.parse().ok() };
            let value = value.ok_or_else(|| format!("column '{column}': '{cell}' is not a number"))?;
            match at {
                Some(at) => values[at] = value,
                None => values.push(value),
            }
        }
        Ok(())
    }

    fn finish(self) -> HashMap<String, Vec<f64>> {
        self.wanted.into_iter().map(|(column, _)| column.to_owned()).zip(self.values).collect()
    }
}

/// Reads those of the columns `left` that a joined file has, in the order of the main file's rows, NaN where it lacks a
/// row. `left` keeps the others. `linked` gives the row of the main file for each value of the column `on`.
fn read_joined(
    path: &Path,
    join: &JoinMap,
    linked: &HashMap<Box<str>, u32>,
    left: &mut Vec<&str>,
    rows: usize,
) -> Result<HashMap<String, Vec<f64>>, TableError> {
    let mut file = Rows::open(path)?;
    let on = file.required_position(&join.on)?;
    let (here, elsewhere): (Vec<&str>, Vec<&str>) =
        left.iter().copied().partition(|column| file.position(column).is_some());
    let mut read = ColumnReader::new(&here, |column| file.required_position(column))?;
    read.values.iter_mut().for_each(|values| values.resize(rows, f64::NAN));
    let (mut row, mut seen) = (StringRecord::new(), vec![false; rows]);
    while let Some(line) = file.read(&mut row)? {
        let wrong = |problem: String| TableError::table(path, line, problem);
        let Some(&number) = linked.get(&row[on]) else {
            return Err(wrong(format!("column '{}': the first file has no row '{}'", join.on, &row[on])));
        };
        if std::mem::replace(&mut seen[number as usize], true) {
            return Err(wrong(format!("column '{}': '{}' occurs twice", join.on, &row[on])));
        }
        read.take(&row, Some(number as usize)).map_err(wrong)?;
    }
    *left = elsewhere;
    Ok(read.finish())
}
