//! The gateway's own tables, prefix `gateway_`.
//!
//! Plain SQL that SQLite and PostgreSQL both take: TEXT ids, BIGINT milliseconds and nano-units.

use sea_orm_migration::prelude::*;

/// Brings the gateway's tables up to date.
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(First), Box::new(SessionEpochs), Box::new(HoldsOfCalls), Box::new(Installation)]
    }

    fn migration_table_name() -> DynIden {
        Alias::new("gateway_migrations").into_iden()
    }
}

struct First;

impl MigrationName for First {
    fn name(&self) -> &str {
        "gateway_0001_sessions_and_ledger"
    }
}

const FIRST: &[&str] = &[
    // A session is one sign-in on one device. Ending it ends its access tokens too.
    "CREATE TABLE gateway_sessions (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL, person TEXT NOT NULL,
        created_at_ms BIGINT NOT NULL, expires_at_ms BIGINT NOT NULL,
        ended_at_ms BIGINT, ended_why TEXT)",
    "CREATE INDEX gateway_sessions_person ON gateway_sessions (person)",
    "CREATE INDEX gateway_sessions_expiry ON gateway_sessions (expires_at_ms)",
    // Every refresh token of a session, used ones too: that is how a replay is recognised. Only hashes.
    "CREATE TABLE gateway_refresh_tokens (
        hash TEXT PRIMARY KEY, session TEXT NOT NULL, issued_at_ms BIGINT NOT NULL, used_at_ms BIGINT)",
    "CREATE INDEX gateway_refresh_tokens_session ON gateway_refresh_tokens (session)",
    "CREATE TABLE gateway_tickets (hash TEXT PRIMARY KEY, identity TEXT NOT NULL, expires_at_ms BIGINT NOT NULL)",
    // Projections of the ledger and of the open holds.
    "CREATE TABLE gateway_accounts (
        tenant TEXT PRIMARY KEY, mode TEXT NOT NULL,
        balance_nano BIGINT NOT NULL, held_nano BIGINT NOT NULL, updated_at_ms BIGINT NOT NULL)",
    // Append only. Each record has one debit and one credit of the same amount.
    "CREATE TABLE gateway_ledger (
        id TEXT PRIMARY KEY, record TEXT NOT NULL, side TEXT NOT NULL, account TEXT NOT NULL, tenant TEXT NOT NULL,
        kind TEXT NOT NULL, amount_nano BIGINT NOT NULL, memo TEXT NOT NULL, at_ms BIGINT NOT NULL,
        UNIQUE (record, side))",
    "CREATE INDEX gateway_ledger_tenant ON gateway_ledger (tenant, id)",
    "CREATE TABLE gateway_holds (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL, amount_nano BIGINT NOT NULL, state TEXT NOT NULL,
        settled_nano BIGINT NOT NULL, created_at_ms BIGINT NOT NULL, expires_at_ms BIGINT NOT NULL)",
    "CREATE INDEX gateway_holds_open ON gateway_holds (state, expires_at_ms)",
    // What each usage record said, for the reports that the ledger's amounts alone cannot give.
    "CREATE TABLE gateway_usage (
        record TEXT PRIMARY KEY, tenant TEXT NOT NULL, person TEXT, api_key TEXT, request TEXT, run TEXT,
        model TEXT NOT NULL, provider TEXT NOT NULL,
        input_tokens BIGINT NOT NULL, cached_tokens BIGINT NOT NULL, output_tokens BIGINT NOT NULL,
        cost_nano BIGINT NOT NULL, estimated BIGINT NOT NULL, at_ms BIGINT NOT NULL, duration_ms BIGINT NOT NULL)",
    "CREATE INDEX gateway_usage_tenant ON gateway_usage (tenant, at_ms)",
    "CREATE TABLE gateway_cursors (name TEXT PRIMARY KEY, cursor_text TEXT NOT NULL)",
];

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in FIRST {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

struct SessionEpochs;

impl MigrationName for SessionEpochs {
    fn name(&self) -> &str {
        "gateway_0002_session_epochs"
    }
}

const SESSION_EPOCHS: &[&str] = &[
    // The number of the newest change of rights when the session began.
    "ALTER TABLE gateway_sessions ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0",
    // Every gateway asks for these several times a second.
    "CREATE INDEX gateway_sessions_ended ON gateway_sessions (ended_at_ms)",
];

#[async_trait::async_trait]
impl MigrationTrait for SessionEpochs {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in SESSION_EPOCHS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

struct HoldsOfCalls;

impl MigrationName for HoldsOfCalls {
    fn name(&self) -> &str {
        "gateway_0003_holds_of_calls"
    }
}

const HOLDS_OF_CALLS: &[&str] = &[
    // A hold belongs to a call of a model, and the call perhaps to a run.
    "ALTER TABLE gateway_holds ADD COLUMN run TEXT",
    // Usage records that cannot be true, whole, for somebody to look at.
    "CREATE TABLE gateway_refused_usage (
        record TEXT PRIMARY KEY, tenant TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
        reason TEXT NOT NULL, booked_nano BIGINT NOT NULL, body TEXT NOT NULL, at_ms BIGINT NOT NULL)",
];

#[async_trait::async_trait]
impl MigrationTrait for HoldsOfCalls {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in HOLDS_OF_CALLS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

struct Installation;

impl MigrationName for Installation {
    fn name(&self) -> &str {
        "gateway_0004_installation"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Installation {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One row, with an id that no other database has.
        let table = "CREATE TABLE gateway_installation (number BIGINT PRIMARY KEY, id TEXT NOT NULL)";
        manager.get_connection().execute_unprepared(table).await?;
        Ok(())
    }
}
