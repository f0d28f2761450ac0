//! Statements with values, in the SQL that SQLite and PostgreSQL share: `$1` for values, no dialect.

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};

use septet_contracts::page::PageQuery;

use crate::Error;

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::store(error)
    }
}

/// Which part of a table a page is, by an id that sorts by time.
pub(crate) struct Span {
    /// `ASC` or `DESC`.
    pub(crate) order: &'static str,
    /// How an id compares to `start` that is on the page.
    pub(crate) compare: &'static str,
    pub(crate) start: String,
    /// One more than the page has, which tells whether another follows.
    pub(crate) limit: i64,
    /// Whether it is read from its end, as a page before an id is.
    is_backwards: bool,
}

impl Span {
    /// The part that a query asks for.
    ///
    /// # Errors
    /// For `after` together with `before`.
    pub(crate) fn of(page: &PageQuery) -> Result<Self, Error> {
        let is_backwards = page.before.is_some();
        let is_up = page.is_ascending() != is_backwards;
        let (order, compare) = if is_up { ("ASC", ">") } else { ("DESC", "<") };
        let start = match (&page.after, &page.before) {
            (Some(_), Some(_)) => return Err(Error::bad_request("say after or before, not both", "before")),
            (Some(id), None) | (None, Some(id)) => id.clone(),
            (None, None) if is_up => String::new(),
            // Sorts after every id.
            (None, None) => "~".to_owned(),
        };
        Ok(Self { order, compare, start, limit: i64::from(page.limit()) + 1, is_backwards })
    }

    /// The page of what was read, in its order, and whether more follow.
    pub(crate) fn cut<T>(&self, mut rows: Vec<T>) -> (Vec<T>, bool) {
        let n = usize::try_from(self.limit - 1).unwrap_or(usize::MAX);
        let has_more = rows.len() > n;
        rows.truncate(n);
        if self.is_backwards {
            rows.reverse();
        }
        (rows, has_more)
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
