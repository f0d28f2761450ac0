//! The one table.
//!
//! Every statement runs on SQLite and on PostgreSQL as it stands. Flags are 0 or 1, moments are milliseconds.

use septet_database::{Migrations, Step};

/// The steps, oldest first.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    recorded_in: "worker_migrations",
    steps: &[
        Step::new("m0001_jobs", JOBS),
        Step::new("m0002_askers", ASKERS),
        Step::new("m0003_least_rights", LEAST_RIGHTS),
    ],
};

const JOBS: &[&str] = &[
    "CREATE TABLE worker_jobs (
        id TEXT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL,
        created_by TEXT,
        kind TEXT NOT NULL,
        owner TEXT NOT NULL,
        payload TEXT NOT NULL,
        state TEXT NOT NULL,
        priority BIGINT NOT NULL,
        run_at BIGINT NOT NULL,
        attempt BIGINT NOT NULL,
        max_attempts BIGINT NOT NULL,
        n_deferrals BIGINT NOT NULL,
        lease_until BIGINT,
        lease_token BIGINT NOT NULL,
        worker TEXT,
        progress_done BIGINT NOT NULL,
        progress_total BIGINT NOT NULL,
        progress_note TEXT NOT NULL,
        cancel_requested BIGINT NOT NULL,
        idempotency_key TEXT,
        error_code TEXT,
        error_message TEXT,
        result TEXT,
        created_at BIGINT NOT NULL,
        started_at BIGINT,
        finished_at BIGINT
    )",
    "CREATE INDEX worker_jobs_next ON worker_jobs (state, tenant, priority DESC, run_at, id)",
    "CREATE INDEX worker_jobs_leases ON worker_jobs (state, lease_until)",
    // The turn of a tenant is told by its last start.
    "CREATE INDEX worker_jobs_turns ON worker_jobs (tenant, started_at)",
    "CREATE INDEX worker_jobs_listed ON worker_jobs (tenant, id)",
    "CREATE UNIQUE INDEX worker_jobs_once ON worker_jobs (tenant, kind, idempotency_key)",
];

const ASKERS: &[&str] = &[
    // A job is run with the rights of whoever asked for it.
    "ALTER TABLE worker_jobs ADD COLUMN created_role TEXT",
    "ALTER TABLE worker_jobs ADD COLUMN created_key TEXT",
];

const LEAST_RIGHTS: &[&str] = &[
    // Jobs from before rights were kept: the least role that may ask for a job, which is all that any of them needs.
    "UPDATE worker_jobs SET created_role = 'member' WHERE created_role IS NULL OR created_by IS NULL",
];
