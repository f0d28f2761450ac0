//! The tables of this service.

use sea_orm_migration::prelude::*;

/// Brings them up to date.
pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(First), Box::new(Exact), Box::new(Bills), Box::new(Outcomes), Box::new(Holds)]
    }

    fn migration_table_name() -> DynIden {
        "models_migrations".into_iden()
    }
}

struct First;

impl MigrationName for First {
    fn name(&self) -> &'static str {
        "m0001_models"
    }
}

/// Every statement runs on SQLite and on PostgreSQL as it stands. Flags are 0 or 1, moments are milliseconds.
const STATEMENTS: [&str; 6] = [
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

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["models_answers", "models_feed", "models_usage"] {
            manager.get_connection().execute_unprepared(&format!("DROP TABLE {table}")).await?;
        }
        Ok(())
    }
}

struct Exact;

impl MigrationName for Exact {
    fn name(&self) -> &'static str {
        "m0002_exact_usage"
    }
}

/// More of the provider's usage figures, and how a call was routed. Answers are bytes now, whatever their dialect.
const EXACT: [&str; 10] = [
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

#[async_trait::async_trait]
impl MigrationTrait for Exact {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in EXACT {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

struct Bills;

impl MigrationName for Bills {
    fn name(&self) -> &'static str {
        "m0003_bills"
    }
}

/// What was paid beside what was counted, and attempts that cost before another one answered.
const BILLS: [&str; 4] = [
    "ALTER TABLE models_usage ADD COLUMN call_id TEXT",
    "ALTER TABLE models_usage ADD COLUMN said_cost_nano BIGINT",
    "ALTER TABLE models_usage ADD COLUMN table_cost_nano BIGINT",
    "ALTER TABLE models_usage ADD COLUMN service_tier TEXT",
];

#[async_trait::async_trait]
impl MigrationTrait for Bills {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in BILLS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

struct Outcomes;

impl MigrationName for Outcomes {
    fn name(&self) -> &'static str {
        "m0004_outcomes"
    }
}

/// How hard calls were, how a tenant says they turned out, and what was learned from that.
const OUTCOMES: [&str; 6] = [
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

#[async_trait::async_trait]
impl MigrationTrait for Outcomes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in OUTCOMES {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

struct Holds;

impl MigrationName for Holds {
    fn name(&self) -> &'static str {
        "m0005_holds"
    }
}

/// What was kept back of a tenant's account for a call, and what a provider said of it that cannot be true.
const HOLDS: [&str; 3] = [
    "ALTER TABLE models_usage ADD COLUMN hold TEXT",
    "ALTER TABLE models_usage ADD COLUMN reserved_nano BIGINT",
    "ALTER TABLE models_usage ADD COLUMN doubt TEXT",
];

#[async_trait::async_trait]
impl MigrationTrait for Holds {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in HOLDS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
