//! Uploaded files.

use sea_orm::{QueryResult, Value};
use septet_contracts::page::PageQuery;
use septet_database::{Columns, cut, page_clause, places};
use septet_kernel::{BlobId, FileId, UserId, VectorStoreId};

use super::Tenant;
use crate::Error;

/// A file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileRow {
    pub id: FileId,
    pub blob: BlobId,
    pub filename: String,
    pub bytes: u64,
    pub purpose: String,
    pub created_at_ms: i64,
    /// Who uploaded it, where that is known.
    pub created_by: Option<UserId>,
}

const COLUMNS: &str = "id, blob, filename, bytes, purpose, created_at, created_by";

fn file(row: &QueryResult) -> Result<FileRow, Error> {
    Ok(FileRow {
        id: row.parsed("id")?,
        blob: row.parsed("blob")?,
        filename: row.column("filename")?,
        bytes: row.count("bytes")?,
        purpose: row.column("purpose")?,
        created_at_ms: row.column("created_at")?,
        // What does not read back is nobody's.
        created_by: row.column::<Option<String>>("created_by")?.and_then(|user| user.parse().ok()),
    })
}

impl Tenant<'_> {
    /// Registers a file.
    pub(crate) async fn add_file(
        &self,
        blob: &BlobId,
        filename: &str,
        bytes: u64,
        purpose: &str,
        created_by: Option<UserId>,
    ) -> Result<FileRow, Error> {
        let row = FileRow {
            id: self.store.ids.next(),
            blob: blob.clone(),
            filename: filename.to_owned(),
            bytes,
            purpose: purpose.to_owned(),
            created_at_ms: self.store.clock.now_ms(),
            created_by,
        };
        let values: Vec<Value> = vec![
            row.id.to_string().into(),
            self.id.to_string().into(),
            row.blob.to_string().into(),
            row.filename.clone().into(),
            i64::try_from(bytes).unwrap_or(i64::MAX).into(),
            row.purpose.clone().into(),
            row.created_at_ms.into(),
            row.created_by.map(|user| user.to_string()).into(),
        ];
        let sql = "INSERT INTO knowledge_files (id, tenant, blob, filename, bytes, purpose, created_at, created_by)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        self.store.run("register a file", sql, values).await?;
        Ok(row)
    }

    /// One file.
    pub(crate) async fn file(&self, id: FileId) -> Result<FileRow, Error> {
        let sql = format!("SELECT {COLUMNS} FROM knowledge_files WHERE tenant = $1 AND id = $2");
        let row =
            self.store.one("look up a file", sql, vec![self.id.to_string().into(), id.to_string().into()]).await?;
        row.as_ref().map(file).transpose()?.ok_or(Error::NoFile(id))
    }

    /// A page of files, and whether more follow: all, or those that one person uploaded, those in knowledge bases that
    /// they see, and those that are in none and nobody's.
    pub(crate) async fn files(
        &self,
        page: &PageQuery,
        seen: Option<(UserId, &[VectorStoreId])>,
    ) -> Result<(Vec<FileRow>, bool), Error> {
        let mut values: Vec<Value> = vec![self.id.to_string().into()];
        let mut filter = String::new();
        if let Some((user, stores)) = seen {
            values.push(user.to_string().into());
            values.extend(stores.iter().map(|store| Value::from(store.to_string())));
            let uses = "SELECT 1 FROM knowledge_documents d WHERE d.tenant = $1 AND d.file = knowledge_files.id";
            filter = format!(" AND (created_by = $2 OR (created_by IS NULL AND NOT EXISTS ({uses}))");
            if !stores.is_empty() {
                filter.push_str(&format!(" OR EXISTS ({uses} AND d.store IN ({}))", places(3, stores.len())));
            }
            filter.push(')');
        }
        let clause = page_clause(page, "id", &mut values);
        let sql = format!("SELECT {COLUMNS} FROM knowledge_files WHERE tenant = $1{filter}{clause}");
        let rows = self.store.all("list files", sql, values).await?;
        Ok(cut(page, rows.iter().map(file).collect::<Result<_, _>>()?))
    }

    /// The knowledge bases that a file lies in.
    pub(crate) async fn stores_of(&self, id: FileId) -> Result<Vec<VectorStoreId>, Error> {
        let sql = "SELECT store FROM knowledge_documents WHERE tenant = $1 AND file = $2";
        let values = vec![self.id.to_string().into(), id.to_string().into()];
        let rows = self.store.all("find the uses of a file", sql, values).await?;
        rows.iter().map(|row| Ok(row.parsed("store")?)).collect()
    }

    /// Forgets a file and takes it out of every knowledge base.
    pub(crate) async fn delete_file(&self, id: FileId) -> Result<(), Error> {
        self.file(id).await?;
        for store in self.stores_of(id).await? {
            self.detach(store, id).await?;
        }
        let sql = "DELETE FROM knowledge_files WHERE tenant = $1 AND id = $2";
        let values = vec![self.id.to_string().into(), id.to_string().into()];
        self.store.run("forget a file", sql, values).await.map(|_n| ())
    }
}
