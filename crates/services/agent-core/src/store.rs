//! What Agent Core keeps in the database: runs with their journals, and conversations.

mod blobs;
mod conversations;
mod gone;
mod runs;

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
}

fn to_json(what: &'static str, value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|source| Error::Garbled { what, source })
}

fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|source| Error::Garbled { what, source })
}
