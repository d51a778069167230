-- From version 2 to version 3: learning curves and pruned trials.
-- What trials reported while they were measured, in order from 0.
CREATE TABLE reports (
    trial    INTEGER NOT NULL REFERENCES trials,
    report   INTEGER NOT NULL,
    fidelity REAL NOT NULL,
    PRIMARY KEY (trial, report)
) STRICT, WITHOUT ROWID;

-- NULL is NaN.
CREATE TABLE reported (
    trial    INTEGER NOT NULL,
    report   INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    value    REAL,
    PRIMARY KEY (trial, report, position),
    FOREIGN KEY (trial, report) REFERENCES reports ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Failed trials that a pruner ended, and what was spent on them.
CREATE TABLE pruned (
    trial    INTEGER PRIMARY KEY REFERENCES trials,
    fidelity REAL NOT NULL
) STRICT;
