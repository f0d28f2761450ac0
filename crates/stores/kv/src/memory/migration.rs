//! The two tables.

use sea_orm_migration::prelude::*;

pub(super) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Counters)]
    }

    fn migration_table_name() -> DynIden {
        "kv_migrations".into_iden()
    }
}

struct Counters;

impl MigrationName for Counters {
    fn name(&self) -> &'static str {
        "m0001_counters"
    }
}

/// Every statement runs on SQLite and on PostgreSQL as it stands. Moments are milliseconds; a total has no end.
const STATEMENTS: [&str; 2] = [
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

#[async_trait::async_trait]
impl MigrationTrait for Counters {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}
