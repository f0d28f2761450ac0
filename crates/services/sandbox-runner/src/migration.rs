//! The tables of the sandbox runner.
//!
//! Every statement runs on SQLite and on PostgreSQL as it stands. Flags are 0 or 1, moments are milliseconds.

use septet_database::{Migrations, Step};

/// The steps, oldest first.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    recorded_in: "sandbox_migrations",
    steps: &[
        Step::new("m0001_containers_files_executions", FIRST),
        Step::new("m0002_networks", NETWORKS),
        Step::new("m0003_owners", OWNERS),
        Step::new("m0004_files_by_blob", BLOBS),
    ],
};

const FIRST: &[&str] = &[
    "CREATE TABLE sandbox_containers (
        id TEXT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL,
        name TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        last_active_at BIGINT NOT NULL,
        expires_minutes BIGINT
    )",
    "CREATE INDEX sandbox_containers_listed ON sandbox_containers (tenant, id)",
    // A file that is written over keeps its row, with is_current 0, so that what was shown once can be shown again.
    "CREATE TABLE sandbox_files (
        id TEXT NOT NULL PRIMARY KEY,
        container TEXT NOT NULL,
        path TEXT NOT NULL,
        bytes BIGINT NOT NULL,
        blob TEXT NOT NULL,
        source TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        is_current BIGINT NOT NULL
    )",
    "CREATE INDEX sandbox_files_listed ON sandbox_files (container, is_current, id)",
    // Only executions that came with a key. A row without events has not ended, as far as anybody knows.
    "CREATE TABLE sandbox_executions (
        id TEXT NOT NULL PRIMARY KEY,
        container TEXT NOT NULL,
        idempotency_key TEXT NOT NULL,
        code_sha256 TEXT NOT NULL,
        started_at BIGINT NOT NULL,
        over_by BIGINT NOT NULL,
        events TEXT
    )",
    "CREATE UNIQUE INDEX sandbox_executions_once ON sandbox_executions (container, idempotency_key)",
];

const NETWORKS: &[&str] = &[
    // JSON of what the container may reach; the values of secrets are not in it. NULL: nothing.
    "ALTER TABLE sandbox_containers ADD COLUMN network TEXT",
];

const OWNERS: &[&str] = &[
    // The person who made it. NULL: everybody's of the tenant.
    "ALTER TABLE sandbox_containers ADD COLUMN created_by TEXT",
];

/// What a sweep of the blob store and of old containers looks for.
const BLOBS: &[&str] = &[
    "CREATE INDEX sandbox_files_by_blob ON sandbox_files (blob)",
    "CREATE INDEX sandbox_containers_named ON sandbox_containers (tenant, name)",
    "CREATE INDEX sandbox_containers_expiring ON sandbox_containers (last_active_at)",
];
