//! The two tables.
//!
//! Every statement runs on SQLite and on PostgreSQL as it stands. Flags are 0 or 1, moments are milliseconds.

use septet_database::{Migrations, Step};

/// The steps, oldest first.
pub(super) const MIGRATIONS: Migrations =
    Migrations { recorded_in: "kv_migrations", steps: &[Step::new("m0001_counters", COUNTERS)] };

const COUNTERS: &[&str] = &[
    "CREATE TABLE kv_counters (
        name TEXT NOT NULL PRIMARY KEY,
        window_start BIGINT NOT NULL,
        window_end BIGINT,
        used BIGINT NOT NULL
    )",
    "CREATE TABLE kv_corrections (
        id TEXT NOT NULL PRIMARY KEY,
        made_at BIGINT NOT NULL
    )",
];
