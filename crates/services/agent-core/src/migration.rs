//! The tables of Agent Core. Tables only grow: an old run survives an upgrade.

use sea_orm::DbErr;
use septet_database::{Columns, Migrations, SchemaManagerConnection, Sql, Step};

use crate::store::{ADD_BLOB, named_blobs};

/// The steps, oldest first.
pub(crate) const MIGRATIONS: Migrations = Migrations {
    recorded_in: "agent_migrations",
    steps: &[
        Step::new("0001_runs_and_conversations", FIRST),
        Step::new("0002_sources_of_conversations", SOURCES),
        Step::new("0003_blobs_of_runs", BLOBS).then(|on| Box::pin(add_blobs_of_old_runs(on))),
        Step::new("0004_sandboxes_to_let_go", GONE),
    ],
};

const FIRST: &[&str] = &[
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

/// Conversations know who began them: a person or a program.
const SOURCES: &[&str] = &[
    "ALTER TABLE agent_conversations ADD COLUMN source TEXT NOT NULL DEFAULT 'console'",
    // What is there already is told by who asked: a run keeps its caller, with the key if one was used.
    "UPDATE agent_conversations SET source = 'api' WHERE EXISTS (
        SELECT 1 FROM agent_runs WHERE conversation = agent_conversations.id AND caller LIKE '%\"key\":\"%')",
];

/// Which blobs the events of a run name: so that a blob can be swept when no run needs it any more.
const BLOBS: &[&str] = &[
    "CREATE TABLE agent_blobs (
        run TEXT NOT NULL,
        blob TEXT NOT NULL,
        PRIMARY KEY (run, blob)
    )",
    "CREATE INDEX agent_blobs_by_blob ON agent_blobs (blob)",
];

/// How many events are read at a time.
const EVENTS_READ: u64 = 500;

/// The blobs of what was journaled before there was this table.
async fn add_blobs_of_old_runs(on: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
    let mut after = (String::new(), -1_i64);
    loop {
        let sql = format!(
            "SELECT run, seq, event FROM agent_journal WHERE run > $1 OR (run = $1 AND seq > $2)
             ORDER BY run, seq LIMIT {EVENTS_READ}"
        );
        let rows = on.all(sql, [after.0.clone().into(), after.1.into()]).await?;
        for row in &rows {
            let (run, event): (String, String) = (row.column("run")?, row.column("event")?);
            for blob in named_blobs(&event) {
                on.run(ADD_BLOB, [run.clone().into(), blob.to_string().into()]).await?;
            }
            after = (run, row.column("seq")?);
        }
        if rows.len() < EVENTS_READ as usize {
            return Ok(());
        }
    }
}

/// Conversations that were deleted and whose sandboxes may still be there.
const GONE: &[&str] = &["CREATE TABLE agent_gone (conversation TEXT PRIMARY KEY, tenant TEXT NOT NULL)"];
