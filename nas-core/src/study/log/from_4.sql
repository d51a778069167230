-- From version 4 to version 5: a study's budget can be extended, and a trial is told once.
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

CREATE UNIQUE INDEX told ON events (search, trials) WHERE kind = 'tell';
