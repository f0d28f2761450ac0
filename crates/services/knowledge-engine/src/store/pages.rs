//! Pages that were read and not yet cut into passages, so that a reading that is killed goes on where it was.

use sea_orm::{ConnectionTrait, Value};

use septet_database::{Columns, Sql};

use super::{Key, Store};
use crate::Error;
use crate::document::Page;

impl Store {
    /// Keeps pages, and notes how many there are now. False when the reading is no longer wanted.
    pub(crate) async fn keep_pages(&self, key: Key, pages: &[Page]) -> Result<bool, Error> {
        let Some(last) = pages.last() else { return Ok(true) };
        let done = i64::from(last.number);
        let mut rows = Vec::with_capacity(pages.len());
        for page in pages {
            let content = serde_json::to_string(page).map_err(|_| Error::BadRow { what: "page" })?;
            rows.push((i64::from(page.number), content));
        }
        self.database
            .write(async |on| {
                let mut values = key.values();
                values.push(done.into());
                let sql = "UPDATE knowledge_documents SET pages_done = $4 WHERE store = $1 AND file = $2 AND requested_at = $3";
                if on.run(sql, values).await? == 0 {
                    return Ok(false);
                }
                for (number, content) in rows {
                    let values: Vec<Value> = vec![key.store.to_string().into(), key.file.to_string().into(), number.into(), content.into()];
                    let sql = "INSERT INTO knowledge_pages (store, file, page, content) VALUES ($1, $2, $3, $4) \
                         ON CONFLICT (store, file, page) DO UPDATE SET content = $4";
                    on.run(sql, values).await?;
                }
                Ok(true)
            })
            .await
    }

    /// The last page that was kept, 0 when none was.
    pub(crate) async fn last_page(&self, key: Key) -> Result<u32, Error> {
        let sql = "SELECT MAX(page) AS page FROM knowledge_pages WHERE store = $1 AND file = $2";
        let values = vec![key.store.to_string().into(), key.file.to_string().into()];
        let row = self.one("find the last page", sql, values).await?;
        let last: Option<i64> = row.map(|row| row.column("page")).transpose()?.flatten();
        Ok(last.and_then(|page| u32::try_from(page).ok()).unwrap_or(0))
    }

    /// All pages kept, in order.
    pub(crate) async fn pages(&self, key: Key) -> Result<Vec<Page>, Error> {
        let sql = "SELECT content FROM knowledge_pages WHERE store = $1 AND file = $2 ORDER BY page";
        let values = vec![key.store.to_string().into(), key.file.to_string().into()];
        let rows = self.all("read the pages of a file", sql, values).await?;
        rows.iter().map(|row| Ok(row.json("content")?)).collect()
    }

    /// Forgets the pages.
    pub(crate) async fn drop_pages(&self, key: Key) -> Result<(), Error> {
        drop_pages(self.database.writer(), key).await
    }
}

/// Forgets the pages of a file.
pub(super) async fn drop_pages(on: &impl ConnectionTrait, key: Key) -> Result<(), Error> {
    let sql = "DELETE FROM knowledge_pages WHERE store = $1 AND file = $2";
    on.run(sql, vec![key.store.to_string().into(), key.file.to_string().into()]).await?;
    Ok(())
}
