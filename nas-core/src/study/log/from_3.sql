-- From version 3 to version 4: pruned is a state of its own, and learning curves are called so.
CREATE TABLE trials_of_4 (
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

INSERT INTO trials_of_4 SELECT
    trials.trial,
    trials.search,
    trials.proposal,
    trials.key,
    trials.text,
    trials.fidelity,
    trials.resume,
    CASE WHEN state = 'failed' AND pruned.fidelity IS NOT NULL THEN 'pruned' ELSE state END,
    trials.reason,
    trials.violation,
    CASE WHEN state = 'failed' THEN pruned.fidelity END,
    trials.gradient,
    trials.cost,
    trials.simulated,
    trials.trained,
    trials.duplicate_of,
    trials.started,
    trials.finished
FROM trials LEFT JOIN pruned ON pruned.trial = trials.trial;
DROP TABLE pruned;
DROP TABLE trials;
ALTER TABLE trials_of_4 RENAME TO trials;
ALTER TABLE reports RENAME TO curve;
ALTER TABLE curve RENAME COLUMN report TO point;
ALTER TABLE reported RENAME TO curve_metrics;
ALTER TABLE curve_metrics RENAME COLUMN report TO point;
