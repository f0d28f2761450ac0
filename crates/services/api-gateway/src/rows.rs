//! Statements with values, in the SQL that SQLite and PostgreSQL share: `$1` for values, no dialect.

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

use crate::Error;

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::store(error)
    }
}

/// Runs a writing statement; gives how many rows it changed.
pub(crate) async fn run<const N: usize>(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<u64, DbErr> {
    let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values);
    Ok(connection.execute_raw(statement).await?.rows_affected())
}

/// The first row, if there is one.
pub(crate) async fn one<const N: usize>(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: [Value; N],
) -> Result<Option<QueryResult>, DbErr> {
    connection.query_one_raw(Statement::from_sql_and_values(connection.get_database_backend(), sql, values)).await
}

/// All rows.
pub(crate) async fn all(
    connection: &impl ConnectionTrait,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>, DbErr> {
    connection.query_all_raw(Statement::from_sql_and_values(connection.get_database_backend(), sql, values)).await
}
