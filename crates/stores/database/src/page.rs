//! One page of a table whose ids sort by time.

use sea_orm::Value;
use septet_contracts::page::PageQuery;

/// The end of a query for a page by the ids in the column `id`: its bounds, order and limit, to stand after a
/// condition. It reads one row more than the page has, for [`cut`]. `values` gets what it refers to.
///
/// A page before an id, and after none, is the last one before it; it is read from its end.
#[must_use]
pub fn page_clause(page: &PageQuery, id: &str, values: &mut Vec<Value>) -> String {
    let mut clause = String::new();
    let (after, before) = if page.is_ascending() { (">", "<") } else { ("<", ">") };
    for (bound, sign) in [(&page.after, after), (&page.before, before)] {
        if let Some(bound) = bound {
            values.push(bound.clone().into());
            clause.push_str(&format!(" AND {id} {sign} ${}", values.len()));
        }
    }
    let order = if page.is_ascending() == is_backwards(page) { "DESC" } else { "ASC" };
    clause.push_str(&format!(" ORDER BY {id} {order} LIMIT {}", page.limit() + 1));
    clause
}

/// Cuts the rows that [`page_clause`] asked for to the page, in its order; tells whether there are more.
#[must_use]
pub fn cut<T>(page: &PageQuery, mut rows: Vec<T>) -> (Vec<T>, bool) {
    let limit = page.limit() as usize;
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    if is_backwards(page) {
        rows.reverse();
    }
    (rows, has_more)
}

fn is_backwards(page: &PageQuery) -> bool {
    page.before.is_some() && page.after.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Columns, Database, Sql};

    #[tokio::test]
    async fn a_list_can_be_paged_from_either_end_in_either_order() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&Database::sqlite_uri(&folder.path().join("t.db"))).await.unwrap();
        database.writer().run("CREATE TABLE t (id TEXT NOT NULL)", []).await.unwrap();
        database.writer().run("INSERT INTO t VALUES ('a'), ('b'), ('c'), ('d'), ('e')", []).await.unwrap();

        for (order, after, before, expected, more) in [
            ("asc", None, None, "ab", true),
            ("asc", Some("b"), None, "cd", true),
            ("asc", Some("d"), None, "e", false),
            // The two that come right before it, not the first two of all.
            ("asc", None, Some("e"), "cd", true),
            ("asc", None, Some("c"), "ab", false),
            ("asc", Some("b"), Some("e"), "cd", false),
            ("desc", None, None, "ed", true),
            ("desc", Some("d"), None, "cb", true),
            ("desc", None, Some("a"), "cb", true),
            ("desc", Some("e"), Some("a"), "dc", true),
        ] {
            let own = |text: &str| text.to_owned();
            let page =
                PageQuery { limit: Some(2), after: after.map(own), before: before.map(own), order: Some(own(order)) };
            let mut values = vec!["f".into()];
            let sql = format!("SELECT id FROM t WHERE id < $1{}", page_clause(&page, "id", &mut values));
            let rows = database.reader().all(sql, values).await.unwrap();
            let (ids, has_more) = cut(&page, rows.iter().map(|row| row.column("id").unwrap()).collect::<Vec<String>>());

            assert_eq!((ids.concat().as_str(), has_more), (expected, more), "{page:?}");
        }
    }
}
