//! The tables of Agent Core. Tables only grow: an old run survives an upgrade.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{self, ConnectionTrait};

use crate::store::{ADD_BLOB, named_blobs};

/// The migrations, oldest first.
pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(First), Box::new(Sources), Box::new(Blobs), Box::new(Gone)]
    }

    fn migration_table_name() -> DynIden {
        Alias::new("agent_migrations").into_iden()
    }
}

struct First;

impl MigrationName for First {
    fn name(&self) -> &'static str {
        "0001_runs_and_conversations"
    }
}

const TABLES: &[&str] = &[
    // `epoch` grows with each owner and fences the ones before; `seq` is the place of the next event.
    "CREATE TABLE agent_runs (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        conversation TEXT NOT NULL,
        previous TEXT,
        caller TEXT NOT NULL,
        status TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        owner TEXT NOT NULL,
        lease_until BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        n_recoveries BIGINT NOT NULL,
        cancel_requested BIGINT NOT NULL,
        created_at BIGINT NOT NULL
    )",
    "CREATE INDEX agent_runs_open ON agent_runs (status, lease_until)",
    "CREATE INDEX agent_runs_conversation ON agent_runs (conversation, created_at)",
    "CREATE TABLE agent_journal (
        run TEXT NOT NULL,
        seq BIGINT NOT NULL,
        at_ms BIGINT NOT NULL,
        event TEXT NOT NULL,
        PRIMARY KEY (run, seq)
    )",
    "CREATE TABLE agent_conversations (
        id TEXT PRIMARY KEY,
        tenant TEXT NOT NULL,
        owner TEXT NOT NULL,
        title TEXT NOT NULL,
        metadata TEXT NOT NULL,
        last_run TEXT,
        container TEXT,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )",
    "CREATE INDEX agent_conversations_recent ON agent_conversations (tenant, owner, updated_at)",
];

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            manager.get_connection().execute_unprepared(table).await?;
        }
        Ok(())
    }
}

/// Conversations know who began them: a person or a program.
struct Sources;

impl MigrationName for Sources {
    fn name(&self) -> &'static str {
        "0002_sources_of_conversations"
    }
}

const SOURCES: &[&str] = &[
    "ALTER TABLE agent_conversations ADD COLUMN source TEXT NOT NULL DEFAULT 'console'",
    // What is there already is told by who asked: a run keeps its caller, with the key if one was used.
    "UPDATE agent_conversations SET source = 'api' WHERE EXISTS (
        SELECT 1 FROM agent_runs WHERE conversation = agent_conversations.id AND caller LIKE '%\"key\":\"%')",
];

#[async_trait::async_trait]
impl MigrationTrait for Sources {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in SOURCES {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

/// Which blobs the events of a run name: so that a blob can be swept when no run needs it any more.
struct Blobs;

impl MigrationName for Blobs {
    fn name(&self) -> &'static str {
        "0003_blobs_of_runs"
    }
}

/// How many events are read at a time.
const EVENTS_READ: u64 = 500;

#[async_trait::async_trait]
impl MigrationTrait for Blobs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = manager.get_connection();
        for statement in [
            "CREATE TABLE agent_blobs (
                run TEXT NOT NULL,
                blob TEXT NOT NULL,
                PRIMARY KEY (run, blob)
            )",
            "CREATE INDEX agent_blobs_by_blob ON agent_blobs (blob)",
        ] {
            on.execute_unprepared(statement).await?;
        }
        // What was journaled before there was this table.
        let backend = on.get_database_backend();
        let mut after = (String::new(), -1_i64);
        loop {
            let sql = format!(
                "SELECT run, seq, event FROM agent_journal WHERE run > $1 OR (run = $1 AND seq > $2)
                 ORDER BY run, seq LIMIT {EVENTS_READ}"
            );
            let values: [sea_orm::Value; 2] = [after.0.clone().into(), after.1.into()];
            let rows = on.query_all_raw(sea_orm::Statement::from_sql_and_values(backend, sql, values)).await?;
            for row in &rows {
                let (run, event): (String, String) = (row.try_get("", "run")?, row.try_get("", "event")?);
                for blob in named_blobs(&event) {
                    let values: [sea_orm::Value; 2] = [run.clone().into(), blob.to_string().into()];
                    let add = sea_orm::Statement::from_sql_and_values(backend, ADD_BLOB, values);
                    on.execute_raw(add).await?;
                }
                after = (run, row.try_get("", "seq")?);
            }
            if rows.len() < EVENTS_READ as usize {
                return Ok(());
            }
        }
    }
}

/// Conversations that were deleted and whose sandboxes may still be there.
struct Gone;

impl MigrationName for Gone {
    fn name(&self) -> &'static str {
        "0004_sandboxes_to_let_go"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Gone {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = "CREATE TABLE agent_gone (conversation TEXT PRIMARY KEY, tenant TEXT NOT NULL)";
        manager.get_connection().execute_unprepared(table).await?;
        Ok(())
    }
}
