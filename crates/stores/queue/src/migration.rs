//! The one table.

use sea_orm_migration::prelude::*;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Jobs), Box::new(Askers), Box::new(LeastRights)]
    }

    fn migration_table_name() -> DynIden {
        "worker_migrations".into_iden()
    }
}

struct Jobs;

impl MigrationName for Jobs {
    fn name(&self) -> &'static str {
        "m0001_jobs"
    }
}

/// Every statement runs on SQLite and on PostgreSQL as it stands. Flags are 0 or 1, moments are milliseconds.
const STATEMENTS: [&str; 6] = [
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

#[async_trait::async_trait]
impl MigrationTrait for Jobs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

struct Askers;

impl MigrationName for Askers {
    fn name(&self) -> &'static str {
        "m0002_askers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Askers {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A job is run with the rights of whoever asked for it.
        for column in ["created_role", "created_key"] {
            let statement = format!("ALTER TABLE worker_jobs ADD COLUMN {column} TEXT");
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }
}

struct LeastRights;

impl MigrationName for LeastRights {
    fn name(&self) -> &'static str {
        "m0003_least_rights"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for LeastRights {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Jobs from before rights were kept: the least role that may ask for a job, which is all that any of them needs.
        let statement =
            "UPDATE worker_jobs SET created_role = 'member' WHERE created_role IS NULL OR created_by IS NULL";
        manager.get_connection().execute_unprepared(statement).await.map(|_done| ())
    }
}
