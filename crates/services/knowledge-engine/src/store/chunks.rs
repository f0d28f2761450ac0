//! Passages and their vectors.

use std::collections::HashMap;
use std::ops::Range;

use sea_orm::{QueryResult, Value};
use septet_database::{Columns, Sql, places};
use septet_kernel::{FileId, PassageId, TenantId, VectorStoreId};

use super::sequence::{first_number, remove_file};
use super::{Key, Store, Tenant};
use crate::Error;
use crate::chunk::Chunk;
use crate::document::PageBox;

/// A passage as stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredChunk {
    pub number: i64,
    pub id: PassageId,
    pub tenant: TenantId,
    pub store: VectorStoreId,
    pub file: FileId,
    pub filename: String,
    pub page: u32,
    pub page_end: u32,
    pub heading: String,
    pub text: String,
    pub is_table: bool,
    pub boxes: Vec<PageBox>,
}

pub(super) const COLUMNS: &str =
    "number, id, tenant, store, file, filename, page, page_end, heading, content, is_table, boxes";

/// Rows in one INSERT; SQLite takes 32,766 values in one statement, PostgreSQL 65,535.
const ROWS_AT_ONCE: usize = 100;

pub(super) fn chunk(row: &QueryResult) -> Result<StoredChunk, Error> {
    Ok(StoredChunk {
        number: row.column("number")?,
        id: row.parsed("id")?,
        tenant: row.parsed("tenant")?,
        store: row.parsed("store")?,
        file: row.parsed("file")?,
        filename: row.column("filename")?,
        page: row.count("page")?,
        page_end: row.count("page_end")?,
        heading: row.column("heading")?,
        text: row.column("content")?,
        is_table: row.column::<i64>("is_table")? != 0,
        boxes: row.json("boxes")?,
    })
}

impl Tenant<'_> {
    /// Passages by number, in no order; numbers of other tenants and of passages that are gone give nothing.
    pub(crate) async fn chunks(&self, numbers: &[i64]) -> Result<Vec<StoredChunk>, Error> {
        let mut found = Vec::with_capacity(numbers.len());
        for numbers in numbers.chunks(500) {
            let mut values: Vec<Value> = vec![self.id.to_string().into()];
            values.extend(numbers.iter().map(|number| Value::from(*number)));
            let sql = format!(
                "SELECT {COLUMNS} FROM knowledge_chunks WHERE tenant = $1 AND number IN ({})",
                places(2, numbers.len())
            );
            for row in &self.store.all("read passages", sql, values).await? {
                found.push(chunk(row)?);
            }
        }
        Ok(found)
    }

    /// The knowledge bases of the tenant that hold vectors of a model.
    pub(crate) async fn stores_with_vectors(&self, model: &str) -> Result<Vec<VectorStoreId>, Error> {
        let sql = "SELECT DISTINCT d.store AS store FROM knowledge_documents d WHERE d.tenant = $1 AND d.status = 'completed' AND EXISTS \
             (SELECT 1 FROM knowledge_vectors v WHERE v.store = d.store AND v.file = d.file AND v.model = $2)";
        let rows = self
            .store
            .all("find knowledge bases with vectors", sql, vec![self.id.to_string().into(), model.into()])
            .await?;
        rows.iter().map(|row| Ok(row.parsed("store")?)).collect()
    }
}

impl Store {
    /// Replaces the passages of a file by these, with one vector each or none at all. False when the reading is no
    /// longer wanted; nothing is written then.
    pub(crate) async fn publish(
        &self,
        tenant: TenantId,
        key: Key,
        filename: &str,
        chunks: &[Chunk],
        vectors: &[Vec<f32>],
        model: &str,
    ) -> Result<bool, Error> {
        let usage: usize = chunks.iter().map(|chunk| chunk.text.len() + chunk.heading.len()).sum::<usize>()
            + vectors.iter().map(|vector| 4 * vector.len()).sum::<usize>();
        self.database
            .write(async |on| {
                let mut values = key.values();
                values.push(i64::try_from(chunks.len()).unwrap_or(i64::MAX).into());
                values.push(i64::try_from(usage).unwrap_or(i64::MAX).into());
                let sql = "UPDATE knowledge_documents SET stage = 'indexing', n_chunks = $4, usage_bytes = $5 \
                     WHERE store = $1 AND file = $2 AND requested_at = $3 AND status = 'in_progress'";
                if on.run(sql, values).await? == 0 {
                    return Ok(false);
                }
                let sequence = remove_file(on, key.store, key.file).await?;
                let first = first_number(sequence);
                let rows: Vec<Vec<Value>> = (first..)
                    .zip(chunks)
                    .map(|(number, chunk)| {
                        vec![
                            number.into(),
                            self.ids.next::<PassageId>().to_string().into(),
                            sequence.into(),
                            tenant.to_string().into(),
                            key.store.to_string().into(),
                            key.file.to_string().into(),
                            filename.into(),
                            i64::from(chunk.page).into(),
                            i64::from(chunk.page_end).into(),
                            chunk.heading.clone().into(),
                            chunk.text.clone().into(),
                            i64::from(chunk.is_table).into(),
                            serde_json::to_string(&chunk.boxes).unwrap_or_else(|_| "[]".to_owned()).into(),
                        ]
                    })
                    .collect();
                let sql = "INSERT INTO knowledge_chunks (number, id, sequence, tenant, store, file, filename, page, page_end, heading, \
                     content, is_table, boxes) VALUES ";
                insert(on, sql, 13, rows).await?;
                let rows: Vec<Vec<Value>> = (first..)
                    .zip(vectors)
                    .map(|(number, vector)| {
                        let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
                        vec![number.into(), key.store.to_string().into(), key.file.to_string().into(), model.into(), bytes.into()]
                    })
                    .collect();
                insert(on, "INSERT INTO knowledge_vectors (number, store, file, model, numbers) VALUES ", 5, rows).await?;
                Ok(true)
            })
            .await
    }

    /// The embeddings that a model made, by the numbers of their passages.
    pub(super) async fn vectors(&self, numbers: Range<i64>, model: &str) -> Result<HashMap<i64, Vec<f32>>, Error> {
        let sql = "SELECT number, numbers FROM knowledge_vectors WHERE number >= $1 AND number < $2 AND model = $3";
        let rows =
            self.all("read embeddings", sql, vec![numbers.start.into(), numbers.end.into(), model.into()]).await?;
        rows.iter()
            .map(|row| {
                let bytes: Vec<u8> = row.column("numbers")?;
                let values = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
                Ok((row.column("number")?, values))
            })
            .collect()
    }
}

async fn insert(
    on: &impl sea_orm::ConnectionTrait,
    sql: &str,
    n_columns: usize,
    rows: Vec<Vec<Value>>,
) -> Result<(), Error> {
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<Vec<Value>> = rows.by_ref().take(ROWS_AT_ONCE).collect();
        let tuples: Vec<String> =
            (0..some.len()).map(|at| format!("({})", places(at * n_columns + 1, n_columns))).collect();
        on.run(format!("{sql}{}", tuples.join(", ")), some.into_iter().flatten()).await?;
    }
    Ok(())
}
