//! The sequence that numbers every change of the passage table, and the removals that take a number of it.

use sea_orm::{ConnectionTrait, Value};
use septet_database::{Columns, Sql};
use septet_kernel::{FileId, VectorStoreId};

use super::Store;
use crate::Error;
use crate::change_feed::Position;

impl Store {
    /// Gives this database its own number, once.
    pub(crate) async fn ensure_state(&self) -> Result<(), Error> {
        // The moment of the first start, to the millisecond: two databases that meet one index folder differ in it.
        let values = vec![self.clock.now_ms().into()];
        self.run(
            "number the database",
            "INSERT INTO knowledge_state (name, value) VALUES ('epoch', $1) ON CONFLICT (name) DO NOTHING",
            values,
        )
        .await?;
        self.run(
            "number the database",
            "INSERT INTO knowledge_state (name, value) VALUES ('sequence', 0) ON CONFLICT (name) DO NOTHING",
            Vec::new(),
        )
        .await?;
        Ok(())
    }

    /// Where the passage table is now.
    pub(crate) async fn position(&self) -> Result<Position, Error> {
        let mut position = Position::default();
        for row in
            &self.all("read the state of the passages", "SELECT name, value FROM knowledge_state", Vec::new()).await?
        {
            match row.column::<String>("name")?.as_str() {
                "epoch" => position.epoch = row.column("value")?,
                "sequence" => position.sequence = row.column("value")?,
                _ => {}
            }
        }
        Ok(position)
    }
}

/// The number of the first passage of a change: a passage's number begins with that of the change that brought it.
pub(super) fn first_number(sequence: i64) -> i64 {
    sequence << 20
}

/// Takes the next number. The row stays locked until the transaction ends, so that numbers become visible in order.
async fn next(on: &impl ConnectionTrait) -> Result<i64, Error> {
    let sql = "UPDATE knowledge_state SET value = value + 1 WHERE name = 'sequence' RETURNING value";
    let row = on.one(sql, []).await?;
    Ok(row.ok_or(Error::BadRow { what: "sequence" })?.column("value")?)
}

/// Removes the passages, vectors and pages of a file; the number of the change.
pub(super) async fn remove_file(on: &impl ConnectionTrait, store: VectorStoreId, file: FileId) -> Result<i64, Error> {
    let sequence = next(on).await?;
    let source: Vec<Value> = vec![store.to_string().into(), file.to_string().into()];
    let n = on.run("DELETE FROM knowledge_chunks WHERE store = $1 AND file = $2", source.clone()).await?;
    on.run("DELETE FROM knowledge_vectors WHERE store = $1 AND file = $2", source.clone()).await?;
    on.run("DELETE FROM knowledge_pages WHERE store = $1 AND file = $2", source).await?;
    if n > 0 {
        let values: Vec<Value> = vec![sequence.into(), store.to_string().into(), file.to_string().into()];
        on.run("INSERT INTO knowledge_removals (sequence, store, file) VALUES ($1, $2, $3)", values).await?;
    }
    Ok(sequence)
}

/// Removes all passages, vectors and pages of a knowledge base.
pub(super) async fn remove_store(on: &impl ConnectionTrait, store: VectorStoreId) -> Result<(), Error> {
    let sequence = next(on).await?;
    for table in ["knowledge_chunks", "knowledge_vectors", "knowledge_pages"] {
        on.run(format!("DELETE FROM {table} WHERE store = $1"), vec![store.to_string().into()]).await?;
    }
    let values: Vec<Value> = vec![sequence.into(), store.to_string().into()];
    on.run("INSERT INTO knowledge_removals (sequence, store, file) VALUES ($1, $2, '')", values).await?;
    Ok(())
}
