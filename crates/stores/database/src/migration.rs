//! How the tables of one service came to be what they are: steps that run once each, oldest first.
//!
//! A step and the note that it has run are one transaction on both databases, so that a process which is killed in
//! the middle of one begins it again.

use std::future::Future;
use std::pin::Pin;

use sea_orm::{ConnectionTrait, DbErr, DynIden, sea_query::IntoIden};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTraitSelf, SchemaManager, SchemaManagerConnection};

/// The steps of one service. What was released never changes: a change is a new step at the end.
pub struct Migrations {
    /// The table that holds which steps have run, such as `models_migrations`.
    pub recorded_in: &'static str,
    /// The steps, oldest first.
    pub steps: &'static [Step],
}

/// One step: statements, and a function for what SQL alone cannot do.
#[derive(Clone, Copy)]
pub struct Step {
    name: &'static str,
    statements: &'static [&'static str],
    function: Option<StepFunction>,
}

/// What a step does after its statements. An error takes the whole step back.
pub type StepFunction =
    for<'a> fn(&'a SchemaManagerConnection<'a>) -> Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + 'a>>;

impl Step {
    /// A step under a name of its own. Every statement has to run on `SQLite` and on PostgreSQL as it stands.
    #[must_use]
    pub const fn new(name: &'static str, statements: &'static [&'static str]) -> Self {
        Self { name, statements, function: None }
    }

    /// The same step, with a function after its statements.
    #[must_use]
    pub const fn then(self, function: StepFunction) -> Self {
        Self { function: Some(function), ..self }
    }
}

impl MigratorTraitSelf for Migrations {
    fn migrations(&self) -> Vec<Box<dyn MigrationTrait>> {
        self.steps.iter().map(|step| Box::new(*step) as Box<dyn MigrationTrait>).collect()
    }

    fn migration_table_name(&self) -> DynIden {
        self.recorded_in.into_iden()
    }
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let on = manager.get_connection();
        for statement in self.statements {
            on.execute_unprepared(statement).await?;
        }
        match self.function {
            Some(function) => function(on).await,
            None => Ok(()),
        }
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::DbErr;

    use super::*;
    use crate::{Columns, Database, Sql};

    const FIRST: Step = Step::new("m0001_things", &["CREATE TABLE things (n BIGINT NOT NULL)"]);

    const BROKEN: Migrations = Migrations {
        recorded_in: "migrations",
        steps: &[
            FIRST,
            Step::new("m0002_more", &["CREATE TABLE more (n BIGINT NOT NULL)", "INSERT INTO nowhere VALUES (1)"]),
        ],
    };

    const MENDED: Migrations = Migrations {
        recorded_in: "migrations",
        steps: &[
            FIRST,
            Step::new("m0002_more", &["CREATE TABLE more (n BIGINT NOT NULL)", "INSERT INTO things VALUES (20)"])
                .then(|on| Box::pin(copied(on))),
        ],
    };

    async fn copied(on: &SchemaManagerConnection<'_>) -> Result<(), DbErr> {
        on.run("INSERT INTO more SELECT n + $1 FROM things", [1_i64.into()]).await.map(|_n_rows| ())
    }

    #[tokio::test]
    async fn a_step_that_fails_leaves_nothing_and_is_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&Database::sqlite_uri(&folder.path().join("t.db"))).await.unwrap();

        assert!(database.migrate(&BROKEN).await.is_err());
        assert!(database.reader().one("SELECT n FROM things", []).await.is_ok(), "the step before it stays");
        assert!(database.reader().one("SELECT n FROM more", []).await.is_err(), "nothing of it does");

        for _start in 0..2 {
            database.migrate(&MENDED).await.unwrap();
        }

        let rows = database.reader().all("SELECT n FROM more", []).await.unwrap();
        let numbers: Vec<i64> = rows.iter().map(|row| row.column("n").unwrap()).collect();
        assert_eq!(numbers, [21], "statements, then the function, each once");
    }
}
