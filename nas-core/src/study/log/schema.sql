-- Once released, a version of this file is never edited: see VERSION in schema.rs.
-- One row per search: the study's own, and one for every warm start.
CREATE TABLE searches (
    search  INTEGER PRIMARY KEY,
    header  TEXT NOT NULL
) STRICT;

-- The calls of the strategy, in order. `ask`: amount is the limit, trials those that it proposed. `tell`: trials
-- told in one batch. `warm`: trials of earlier searches, told before anything was asked.
CREATE TABLE events (
    event   INTEGER PRIMARY KEY,
    search  INTEGER NOT NULL REFERENCES searches,
    kind    TEXT NOT NULL CHECK (kind IN ('ask', 'tell', 'warm')),
    amount  INTEGER NOT NULL,
    trials  TEXT NOT NULL
) STRICT;

CREATE TABLE trials (
    trial        INTEGER PRIMARY KEY,
    search       INTEGER NOT NULL REFERENCES searches,
    proposal     TEXT NOT NULL,
    key          TEXT NOT NULL,
    text         TEXT NOT NULL,
    fidelity     REAL,
    resume       INTEGER,
    state        TEXT NOT NULL CHECK (state IN ('running', 'measured', 'pruned', 'failed', 'stopped')),
    reason       TEXT NOT NULL,
    violation    REAL NOT NULL,
    -- The fidelity at which a pruner ended it; NULL unless its state is pruned.
    pruned_at    REAL,
    -- Numbers as texts: JSON has no infinity.
    gradient     TEXT NOT NULL,
    cost         REAL NOT NULL,
    simulated    INTEGER NOT NULL,
    -- The evaluator measures it; false for duplicates and for what breaks a constraint before training.
    trained      INTEGER NOT NULL,
    duplicate_of INTEGER,
    -- Seconds since 1970.
    started      REAL NOT NULL,
    finished     REAL
) STRICT;

-- NULL is NaN.
CREATE TABLE metrics (
    trial    INTEGER NOT NULL REFERENCES trials,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    value    REAL,
    PRIMARY KEY (trial, position)
) STRICT, WITHOUT ROWID;

-- One row per run of the program: the study's clock is their sum.
CREATE TABLE sessions (
    session INTEGER PRIMARY KEY,
    search  INTEGER NOT NULL REFERENCES searches,
    started REAL NOT NULL,
    seconds REAL NOT NULL,
    ended   TEXT
) STRICT;

-- The learning curves: what trials reported while they were measured, in order from 0.
CREATE TABLE curve (
    trial    INTEGER NOT NULL REFERENCES trials,
    point    INTEGER NOT NULL,
    fidelity REAL NOT NULL,
    PRIMARY KEY (trial, point)
) STRICT, WITHOUT ROWID;

-- NULL is NaN.
CREATE TABLE curve_metrics (
    trial    INTEGER NOT NULL,
    point    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    value    REAL,
    PRIMARY KEY (trial, point, position),
    FOREIGN KEY (trial, point) REFERENCES curve ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The budget of a search after it was extended; its header keeps the one that the strategy planned with. `after`: how
-- many calls of the strategy there were by then.
CREATE TABLE budgets (
    budget         INTEGER PRIMARY KEY,
    search         INTEGER NOT NULL REFERENCES searches,
    after          INTEGER NOT NULL,
    trials         INTEGER,
    total_fidelity REAL,
    seconds        REAL
) STRICT;

-- Should two processes ever write at the same time, the second tell of a trial fails.
CREATE UNIQUE INDEX told ON events (search, trials) WHERE kind = 'tell';
