//! The numbered changes of the passage table, which the search index follows.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, Value};
use septet_kernel::{FileId, VectorStoreId};

use super::chunks::{COLUMNS, chunk, first_number};
use super::{Store, StoredChunk, column, execute, parsed, statement};
use crate::Error;
use crate::index::{Changes, Entry, Position, Removal};

/// Passages handed to the index at a time: a few megabytes.
const CHUNKS_AT_ONCE: i64 = 1_000;

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
            match column::<String>(row, "name")?.as_str() {
                "epoch" => position.epoch = column(row, "value")?,
                "sequence" => position.sequence = column(row, "value")?,
                _ => {}
            }
        }
        Ok(position)
    }

    /// What changed after `since`, up to `target`, with the embeddings that `model` made, where one is named. The passages of
    /// one change are never torn apart.
    pub(crate) async fn changes(&self, since: i64, target: Position, model: Option<&str>) -> Result<Changes, Error> {
        let values: Vec<Value> = vec![since.into(), target.sequence.into()];
        // The last change that still fits; a single change may be larger and is then taken whole.
        let sql = "SELECT sequence, COUNT(*) AS n FROM knowledge_chunks WHERE sequence > $1 AND sequence <= $2 GROUP BY sequence ORDER BY sequence";
        let mut upto = target.sequence;
        let mut n = 0;
        for row in &self.all("count changes of the passages", sql, values).await? {
            n += column::<i64>(row, "n")?;
            if n >= CHUNKS_AT_ONCE {
                upto = column(row, "sequence")?;
                break;
            }
        }
        let values: Vec<Value> = vec![since.into(), upto.into()];
        let sql = "SELECT store, file FROM knowledge_removals WHERE sequence > $1 AND sequence <= $2 ORDER BY sequence";
        let mut removals = Vec::new();
        for row in &self.all("read removals", sql, values.clone()).await? {
            let store = parsed(row, "store")?;
            removals.push(if column::<String>(row, "file")?.is_empty() {
                Removal::Store(store)
            } else {
                Removal::File(store, parsed(row, "file")?)
            });
        }
        let sql =
            format!("SELECT {COLUMNS} FROM knowledge_chunks WHERE sequence > $1 AND sequence <= $2 ORDER BY number");
        let rows = self.all("read new passages", sql, values).await?;
        let mut vectors: HashMap<i64, Vec<f32>> = match model {
            Some(model) => self.vectors(first_number(since + 1)..first_number(upto + 1), model).await?,
            None => HashMap::new(),
        };
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            let chunk = chunk(row)?;
            let vector = vectors.remove(&chunk.number);
            entries.push(entry(chunk, vector));
        }
        let position = Position { epoch: target.epoch, sequence: upto };
        Ok(Changes { removals, entries, position })
    }
}

fn entry(chunk: StoredChunk, vector: Option<Vec<f32>>) -> Entry {
    Entry {
        number: chunk.number,
        tenant: chunk.tenant,
        store: chunk.store,
        file: chunk.file,
        title: chunk.filename,
        heading: chunk.heading,
        text: chunk.text,
        is_table: chunk.is_table,
        vector,
    }
}

/// Takes the next number. The row stays locked until the transaction ends, so that numbers become visible in order.
async fn next(on: &impl ConnectionTrait) -> Result<i64, Error> {
    let sql = "UPDATE knowledge_state SET value = value + 1 WHERE name = 'sequence' RETURNING value";
    let row = on.query_one_raw(statement(on, sql, Vec::new())).await?;
    column(&row.ok_or(Error::BadRow { what: "sequence" })?, "value")
}

/// Removes the passages, vectors and pages of a file; the number of the change.
pub(super) async fn remove_file(on: &impl ConnectionTrait, store: VectorStoreId, file: FileId) -> Result<i64, Error> {
    let sequence = next(on).await?;
    let source: Vec<Value> = vec![store.to_string().into(), file.to_string().into()];
    let n = execute(on, "DELETE FROM knowledge_chunks WHERE store = $1 AND file = $2", source.clone()).await?;
    execute(on, "DELETE FROM knowledge_vectors WHERE store = $1 AND file = $2", source.clone()).await?;
    execute(on, "DELETE FROM knowledge_pages WHERE store = $1 AND file = $2", source).await?;
    if n > 0 {
        let values: Vec<Value> = vec![sequence.into(), store.to_string().into(), file.to_string().into()];
        execute(on, "INSERT INTO knowledge_removals (sequence, store, file) VALUES ($1, $2, $3)", values).await?;
    }
    Ok(sequence)
}

/// Removes all passages, vectors and pages of a knowledge base.
pub(super) async fn remove_store(on: &impl ConnectionTrait, store: VectorStoreId) -> Result<(), Error> {
    let sequence = next(on).await?;
    for table in ["knowledge_chunks", "knowledge_vectors", "knowledge_pages"] {
        execute(on, format!("DELETE FROM {table} WHERE store = $1"), vec![store.to_string().into()]).await?;
    }
    let values: Vec<Value> = vec![sequence.into(), store.to_string().into()];
    execute(on, "INSERT INTO knowledge_removals (sequence, store, file) VALUES ($1, $2, '')", values).await?;
    Ok(())
}
