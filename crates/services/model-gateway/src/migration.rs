//! The tables of this service.
//!
//! Every statement runs on SQLite and on PostgreSQL as it stands. Flags are 0 or 1, moments are milliseconds.

use septet_database::{Migrations, Step};

/// The steps, oldest first.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    recorded_in: "models_migrations",
    steps: &[
        Step::new("m0001_models", FIRST),
        Step::new("m0002_exact_usage", EXACT),
        Step::new("m0003_bills", BILLS),
        Step::new("m0004_outcomes", OUTCOMES),
        Step::new("m0005_holds", HOLDS),
    ],
};

const FIRST: &[&str] = &[
    "CREATE TABLE models_usage (
        id TEXT NOT NULL PRIMARY KEY,
        place BIGINT NOT NULL,
        tenant TEXT NOT NULL,
        person TEXT,
        api_key TEXT,
        request TEXT NOT NULL,
        run TEXT,
        model TEXT NOT NULL,
        provider TEXT NOT NULL,
        input_tokens BIGINT NOT NULL,
        cached_tokens BIGINT NOT NULL,
        output_tokens BIGINT NOT NULL,
        cost_nano BIGINT NOT NULL,
        estimated BIGINT NOT NULL,
        started_at BIGINT NOT NULL,
        duration_ms BIGINT NOT NULL,
        status TEXT NOT NULL
    )",
    "CREATE UNIQUE INDEX models_usage_feed ON models_usage (place)",
    // The last place of the feed. Its row is locked until a record is committed, so that places are committed in order
    // and a reader that follows them misses none.
    "CREATE TABLE models_feed (
        name TEXT NOT NULL PRIMARY KEY,
        place BIGINT NOT NULL
    )",
    "INSERT INTO models_feed (name, place) VALUES ('usage', 0)",
    // Answers under their idempotency key.
    "CREATE TABLE models_answers (
        tenant TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        pieces TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        PRIMARY KEY (tenant, idempotency_key)
    )",
    "CREATE INDEX models_answers_expiry ON models_answers (expires_at)",
];

/// More of the provider's usage figures, and how a call was routed. Answers are bytes now, whatever their dialect.
const EXACT: &[&str] = &[
    "ALTER TABLE models_usage ADD COLUMN cache_write_tokens BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE models_usage ADD COLUMN reasoning_tokens BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE models_usage ADD COLUMN route TEXT",
    "ALTER TABLE models_usage ADD COLUMN reason TEXT",
    "ALTER TABLE models_usage ADD COLUMN n_attempts BIGINT NOT NULL DEFAULT 1",
    "ALTER TABLE models_usage ADD COLUMN first_token_ms BIGINT",
    "CREATE INDEX models_usage_time ON models_usage (started_at)",
    "DROP TABLE models_answers",
    "CREATE TABLE models_answers (
        tenant TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        head TEXT NOT NULL,
        body TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        PRIMARY KEY (tenant, idempotency_key)
    )",
    "CREATE INDEX models_answers_end ON models_answers (expires_at)",
];

/// What was paid beside what was counted, and attempts that cost before another one answered.
const BILLS: &[&str] = &[
    "ALTER TABLE models_usage ADD COLUMN call_id TEXT",
    "ALTER TABLE models_usage ADD COLUMN said_cost_nano BIGINT",
    "ALTER TABLE models_usage ADD COLUMN table_cost_nano BIGINT",
    "ALTER TABLE models_usage ADD COLUMN service_tier TEXT",
];

/// How hard calls were, how a tenant says they turned out, and what was learned from that.
const OUTCOMES: &[&str] = &[
    "ALTER TABLE models_usage ADD COLUMN difficulty BIGINT",
    "ALTER TABLE models_usage ADD COLUMN tier TEXT",
    "CREATE INDEX models_usage_difficulty ON models_usage (tenant, route, place) WHERE difficulty IS NOT NULL",
    "CREATE TABLE models_outcomes (
        tenant TEXT NOT NULL,
        call_id TEXT NOT NULL,
        route TEXT NOT NULL,
        difficulty BIGINT NOT NULL,
        good BIGINT NOT NULL,
        told_at BIGINT NOT NULL,
        PRIMARY KEY (tenant, call_id)
    )",
    "CREATE INDEX models_outcomes_route ON models_outcomes (tenant, route, told_at)",
    "CREATE TABLE models_calibrations (
        tenant TEXT NOT NULL,
        route TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (tenant, route)
    )",
];

/// What was kept back of a tenant's account for a call, and what a provider said of it that cannot be true.
const HOLDS: &[&str] = &[
    "ALTER TABLE models_usage ADD COLUMN hold TEXT",
    "ALTER TABLE models_usage ADD COLUMN reserved_nano BIGINT",
    "ALTER TABLE models_usage ADD COLUMN doubt TEXT",
];
