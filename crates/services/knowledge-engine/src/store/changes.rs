//! Reads the numbered changes of the passage table, which the search indexes follow.

use std::collections::HashMap;

use sea_orm::Value;

use super::chunks::{COLUMNS, chunk};
use super::sequence::first_number;
use septet_database::Columns;

use super::{Store, StoredChunk};
use crate::Error;
use crate::change_feed::{Changes, IndexEntry, Position, Removal};

/// Passages handed to the index at a time: a few megabytes.
const CHUNKS_AT_ONCE: i64 = 1_000;

impl Store {
    /// What changed after `since`, up to `target`, with the embeddings that `model` made, where one is named. The passages of
    /// one change are never torn apart.
    pub(crate) async fn changes(&self, since: i64, target: Position, model: Option<&str>) -> Result<Changes, Error> {
        let values: Vec<Value> = vec![since.into(), target.sequence.into()];
        // The last change that still fits; a single change may be larger and is then taken whole.
        let sql = "SELECT sequence, COUNT(*) AS n FROM knowledge_chunks WHERE sequence > $1 AND sequence <= $2 GROUP BY sequence ORDER BY sequence";
        let mut upto = target.sequence;
        let mut n = 0;
        for row in &self.all("count changes of the passages", sql, values).await? {
            n += row.column::<i64>("n")?;
            if n >= CHUNKS_AT_ONCE {
                upto = row.column("sequence")?;
                break;
            }
        }
        let values: Vec<Value> = vec![since.into(), upto.into()];
        let sql = "SELECT store, file FROM knowledge_removals WHERE sequence > $1 AND sequence <= $2 ORDER BY sequence";
        let mut removals = Vec::new();
        for row in &self.all("read removals", sql, values.clone()).await? {
            let store = row.parsed("store")?;
            removals.push(if row.column::<String>("file")?.is_empty() {
                Removal::Store(store)
            } else {
                Removal::File(store, row.parsed("file")?)
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

fn entry(chunk: StoredChunk, vector: Option<Vec<f32>>) -> IndexEntry {
    IndexEntry {
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
