//! The tables of the sandbox runner.

use sea_orm_migration::prelude::*;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(First), Box::new(Networks), Box::new(Owners), Box::new(Blobs)]
    }

    fn migration_table_name() -> DynIden {
        "sandbox_migrations".into_iden()
    }
}

struct First;

impl MigrationName for First {
    fn name(&self) -> &'static str {
        "m0001_containers_files_executions"
    }
}

/// Every statement runs on SQLite and on PostgreSQL as it stands. Flags are 0 or 1, moments are milliseconds.
const STATEMENTS: [&str; 6] = [
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

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

struct Networks;

impl MigrationName for Networks {
    fn name(&self) -> &'static str {
        "m0002_networks"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Networks {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // JSON of what the container may reach; the values of secrets are not in it. NULL: nothing.
        manager.get_connection().execute_unprepared("ALTER TABLE sandbox_containers ADD COLUMN network TEXT").await?;
        Ok(())
    }
}

struct Owners;

impl MigrationName for Owners {
    fn name(&self) -> &'static str {
        "m0003_owners"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Owners {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The person who made it. NULL: everybody's of the tenant.
        manager
            .get_connection()
            .execute_unprepared("ALTER TABLE sandbox_containers ADD COLUMN created_by TEXT")
            .await?;
        Ok(())
    }
}

/// What a sweep of the blob store and of old containers looks for.
struct Blobs;

impl MigrationName for Blobs {
    fn name(&self) -> &'static str {
        "m0004_files_by_blob"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Blobs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in [
            "CREATE INDEX sandbox_files_by_blob ON sandbox_files (blob)",
            "CREATE INDEX sandbox_containers_named ON sandbox_containers (tenant, name)",
            "CREATE INDEX sandbox_containers_expiring ON sandbox_containers (last_active_at)",
        ] {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}
