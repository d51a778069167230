//! The tables of a study's file: their versions, and the check that a file has them and nothing else.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use rusqlite::Connection;

/// The application id in the database's header, "nas1" in ASCII: it marks a file as a study.
pub(super) const APPLICATION: i32 = 0x6e61_7331;
/// The version of the tables. A program refuses files of newer versions.
pub(super) const VERSION: i32 = 5;
/// The tables of [`VERSION`].
pub(super) const SCHEMA: &str = include_str!("schema.sql");
/// The earlier versions, each with the SQL that turns it into the next one. A file of an earlier version is migrated
/// when it is opened for writing; when it is only read, a copy in memory is migrated.
pub(super) const MIGRATIONS: [(i32, &str); 3] =
    [(2, include_str!("from_2.sql")), (3, include_str!("from_3.sql")), (4, include_str!("from_4.sql"))];
/// The tables of earlier versions that later ones do not have.
const EARLIER: [&str; 3] = ["reports", "reported", "pruned"];

/// What the file declares: the SQL of each table and index, by name. `Err`: it declares what no study has, such as a
/// trigger, which would change what is written, or a view, which could keep a reader busy for ever.
pub(super) fn declared(db: &Connection) -> rusqlite::Result<Result<BTreeMap<String, String>, String>> {
    let mut statement = db.prepare("SELECT type, name, sql FROM sqlite_schema")?;
    let mut rows = statement.query([])?;
    let mut declared = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (kind, name, sql): (String, String, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        match (kind.as_str(), sql) {
            // Made by SQLite itself: the indices of keys, and statistics for its planner.
            ("index", None) => {}
            ("table", Some(_)) if name.starts_with("sqlite_stat") => {}
            ("table" | "index", Some(sql)) if !declared.contains_key(&name) => {
                declared.insert(name, normal(&sql));
            }
            _ => return Ok(Err(format!("it holds the {kind} '{name}', which no study has"))),
        }
    }
    Ok(Ok(declared))
}

/// Refuses names that no version has.
pub(super) fn check_names(declared: &BTreeMap<String, String>) -> Result<(), String> {
    let known = |name: &str| expected().contains_key(name) || EARLIER.contains(&name);
    match declared.keys().find(|name| !known(name)) {
        Some(name) => Err(format!("it holds the table '{name}', which no study has")),
        None => Ok(()),
    }
}

/// Compares what a file of [`VERSION`] declares with what it has to.
pub(super) fn check_tables(declared: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, sql) in expected() {
        match declared.get(name) {
            None => return Err(format!("its table '{name}' is missing")),
            Some(found) if found != sql => return Err(format!("its table '{name}' is not that of a study")),
            Some(_) => {}
        }
    }
    match declared.keys().find(|name| !expected().contains_key(*name)) {
        Some(name) => Err(format!("it holds the table '{name}', which no study of this version has")),
        None => Ok(()),
    }
}

/// What [`SCHEMA`] declares. Empty if SQLite cannot make a database in memory, and then it can open no file either.
fn expected() -> &'static BTreeMap<String, String> {
    static EXPECTED: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    EXPECTED.get_or_init(|| {
        let made = || {
            let db = Connection::open_in_memory()?;
            db.execute_batch(SCHEMA)?;
            declared(&db)
        };
        made().ok().and_then(Result::ok).unwrap_or_default()
    })
}

/// A declaration without comments, quotes and the width of its spaces, which differ where a migration has renamed.
fn normal(sql: &str) -> String {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    let words: Vec<String> = lines.flat_map(str::split_whitespace).map(|word| word.replace('"', "")).collect();
    words.join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(sql: &str) -> BTreeMap<String, String> {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(&format!("{SCHEMA}; {sql}")).unwrap();
        declared(&db).unwrap().unwrap()
    }

    #[test]
    fn every_change_of_the_tables_is_noticed() {
        check_tables(&of("")).unwrap();
        let refused = |sql: &str| check_tables(&of(sql)).unwrap_err();
        assert!(refused("DROP TABLE metrics").contains("'metrics' is missing"));
        assert!(refused("CREATE TABLE other (x)").contains("'other'"));
        assert!(refused("DROP INDEX told").contains("'told' is missing"));
        assert!(refused("ALTER TABLE trials ADD COLUMN x INTEGER").contains("'trials' is not that of a study"));
        assert!(refused("CREATE INDEX other ON trials (text)").contains("'other'"));
        assert!(check_names(&of("CREATE TABLE reports (x)")).is_ok());
        assert!(check_names(&of("CREATE TABLE other (x)")).is_err());
    }

    #[test]
    fn triggers_and_views_are_refused() {
        for sql in [
            "CREATE TRIGGER g AFTER INSERT ON metrics BEGIN UPDATE metrics SET value = 99; END",
            "CREATE VIEW v AS SELECT * FROM trials",
        ] {
            let db = Connection::open_in_memory().unwrap();
            db.execute_batch(&format!("{SCHEMA}; {sql}")).unwrap();
            assert!(declared(&db).unwrap().unwrap_err().contains("which no study has"), "{sql}");
        }
    }
}
