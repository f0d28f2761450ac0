//! What Agent Core keeps in the database: runs with their journals, and conversations.

mod blobs;
mod conversations;
mod gone;
mod runs;

use sea_orm::{QueryResult, Statement, Value};
use septet_database::Database;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use blobs::{ADD_BLOB, named_blobs};
pub(crate) use conversations::ConversationRow;
pub(crate) use runs::{NewRun, RunRow};

use crate::error::Error;

/// The tables of Agent Core. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
}

impl Store {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    fn statement(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.database.backend(), sql, values)
    }
}

/// A column that holds an id or another value that is written as text.
fn parsed<T: std::str::FromStr>(row: &QueryResult, column: &str) -> Result<T, Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.try_get("", column)?;
    text.parse().map_err(|error: T::Err| Error::Database(sea_orm::DbErr::Type(format!("{column}: {error}"))))
}

fn parsed_or_none<T: std::str::FromStr>(row: &QueryResult, column: &str) -> Result<Option<T>, Error>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: Option<String> = row.try_get("", column)?;
    text.map(|text| text.parse())
        .transpose()
        .map_err(|error: T::Err| Error::Database(sea_orm::DbErr::Type(format!("{column}: {error}"))))
}

fn to_json(what: &'static str, value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| Error::Garbled { what, source })
}

fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|source| Error::Garbled { what, source })
}
