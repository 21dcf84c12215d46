"""The store's schema, as what each of its versions adds to the one before."""

#: SQL from each schema version to the next; the first makes a new store.
MIGRATIONS = (
    """
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    config TEXT NOT NULL,
    created REAL NOT NULL,
    state TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    validation_accuracy REAL,
    test_loss REAL,
    test_accuracy REAL
) STRICT;
CREATE INDEX runs_by_age ON runs (number);
CREATE TABLE events (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
""",
    """
ALTER TABLE events ADD COLUMN at REAL;
ALTER TABLE runs ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN owner_name TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN notes TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE runs ADD COLUMN parent TEXT;
ALTER TABLE runs ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN started REAL;
ALTER TABLE runs ADD COLUMN ended REAL;
ALTER TABLE runs ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN best_validation_accuracy REAL;
ALTER TABLE runs ADD COLUMN seconds REAL;
ALTER TABLE runs ADD COLUMN exact INTEGER NOT NULL DEFAULT 1;
ALTER TABLE runs ADD COLUMN environment TEXT NOT NULL DEFAULT '{}';
ALTER TABLE runs ADD COLUMN curve TEXT NOT NULL DEFAULT '[]';
ALTER TABLE runs ADD COLUMN deleted REAL;
""",
    """
ALTER TABLE runs ADD COLUMN sweep TEXT NOT NULL DEFAULT '';
""",
    """
CREATE INDEX runs_by_config ON runs (config);
""",
    """
ALTER TABLE runs ADD COLUMN parent_step INTEGER;
ALTER TABLE runs ADD COLUMN first_step INTEGER NOT NULL DEFAULT 0;
""",
    """
ALTER TABLE runs ADD COLUMN rate_by_hand INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET rate_by_hand = 1 WHERE id IN
    (SELECT run FROM events WHERE body LIKE '{"event":"CommandApplied",%"command":"learning_rate",%');
""",
    """
ALTER TABLE runs ADD COLUMN request TEXT NOT NULL DEFAULT '{}';
CREATE TABLE numbers (last INTEGER NOT NULL) STRICT;
INSERT INTO numbers SELECT coalesce(max(number), 0) FROM runs;
CREATE TRIGGER numbered AFTER INSERT ON runs BEGIN UPDATE numbers SET last = max(last, new.number); END;
""",
)
SCHEMA_VERSION = len(MIGRATIONS)
