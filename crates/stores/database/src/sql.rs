//! Statements in the SQL that `SQLite` and PostgreSQL share, `$1` for values, and the columns of what they give.

use std::future::Future;

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, TryGetable, Value};

/// Statements with values, on a connection or in a transaction.
pub trait Sql: ConnectionTrait {
    /// Runs a writing statement; gives how many rows it changed.
    ///
    /// # Errors
    /// What the database says.
    fn run(
        &self,
        sql: impl Into<String>,
        values: impl IntoIterator<Item = Value>,
    ) -> impl Future<Output = Result<u64, DbErr>> + Send {
        let statement = self.statement(sql, values);
        async { Ok(self.execute_raw(statement).await?.rows_affected()) }
    }

    /// The first row, if there is one.
    ///
    /// # Errors
    /// What the database says.
    fn one(
        &self,
        sql: impl Into<String>,
        values: impl IntoIterator<Item = Value>,
    ) -> impl Future<Output = Result<Option<QueryResult>, DbErr>> + Send {
        self.query_one_raw(self.statement(sql, values))
    }

    /// All rows.
    ///
    /// # Errors
    /// What the database says.
    fn all(
        &self,
        sql: impl Into<String>,
        values: impl IntoIterator<Item = Value>,
    ) -> impl Future<Output = Result<Vec<QueryResult>, DbErr>> + Send {
        self.query_all_raw(self.statement(sql, values))
    }

    /// A statement for this kind of database.
    fn statement(&self, sql: impl Into<String>, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.get_database_backend(), sql, values)
    }
}

impl<C: ConnectionTrait> Sql for C {}

/// The columns of a row by their names, as what they stand for.
pub trait Columns {
    /// A column as it is stored.
    ///
    /// # Errors
    /// When it is missing or of another type.
    fn column<T: TryGetable>(&self, name: &str) -> Result<T, DbErr>;

    /// A column that holds an id or another value that is written as text.
    ///
    /// # Errors
    /// When it is missing or is no such value.
    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, DbErr> {
        self.column::<String>(name)?.parse().map_err(|error: T::Err| unreadable(name, &error))
    }

    /// The same, of a column that may be empty.
    ///
    /// # Errors
    /// When it is missing or holds something else.
    fn parsed_or_none<T: std::str::FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<Option<T>, DbErr> {
        let text: Option<String> = self.column(name)?;
        text.map(|text| text.parse()).transpose().map_err(|error: T::Err| unreadable(name, &error))
    }

    /// A column that holds JSON as text.
    ///
    /// # Errors
    /// When it is missing or is not such JSON.
    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, DbErr> {
        serde_json::from_str(&self.column::<String>(name)?).map_err(|error| unreadable(name, &error))
    }

    /// A count, which the database keeps with a sign.
    ///
    /// # Errors
    /// When it is missing or out of range.
    fn count<T: TryFrom<i64, Error: std::fmt::Display>>(&self, name: &str) -> Result<T, DbErr> {
        T::try_from(self.column(name)?).map_err(|error| unreadable(name, &error))
    }

    /// A flag, which the databases share as 0 or 1.
    ///
    /// # Errors
    /// When it is missing or no number.
    fn flag(&self, name: &str) -> Result<bool, DbErr> {
        Ok(self.column::<i64>(name)? != 0)
    }
}

impl Columns for QueryResult {
    fn column<T: TryGetable>(&self, name: &str) -> Result<T, DbErr> {
        self.try_get("", name)
    }
}

fn unreadable(name: &str, error: &impl std::fmt::Display) -> DbErr {
    DbErr::Type(format!("column {name}: {error}"))
}

/// A count as it is stored; nothing that is counted reaches the limit.
#[must_use]
pub fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// `$4, $5, $6` for three values after three others.
#[must_use]
pub fn places(from: usize, n: usize) -> String {
    (from..from + n).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ")
}
