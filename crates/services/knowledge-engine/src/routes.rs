//! The table of contents: one line for each endpoint.

mod blobs;
mod files;
mod search;
mod stores;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::engine::Engine;
use crate::{Error, jobs};

pub(crate) fn routes(engine: Arc<Engine>) -> Router {
    Router::new()
        .route("/v1/files", post(files::add).get(files::list))
        .route("/v1/files/{file}", get(files::show).delete(files::delete))
        .route("/v1/files/{file}/content", get(files::content))
        .route("/v1/vector_stores", post(stores::create).get(stores::list))
        .route("/v1/vector_stores/{store}", get(stores::show).post(stores::change).delete(stores::delete))
        .route("/v1/vector_stores/{store}/files", post(stores::attach).get(stores::attached))
        .route(
            "/v1/vector_stores/{store}/files/{file}",
            get(stores::attachment).post(stores::change_attachment).delete(stores::detach),
        )
        .route("/v1/vector_stores/{store}/search", post(search::in_store))
        .route("/internal/search", post(search::passages))
        .route(septet_contracts::blobs::HELD, post(blobs::held))
        .route("/jobs/run", post(jobs::run))
        .route("/jobs/moved", post(jobs::moved))
        .with_state(engine)
}

/// An id in the path; one that is malformed names nothing.
fn id<T: std::str::FromStr<Err = septet_kernel::BadId>>(text: &str) -> Result<T, Error> {
    Ok(text.parse()?)
}

/// Cursors are ids; anything else would compare as nonsense.
fn checked_page<T: std::str::FromStr<Err = septet_kernel::BadId>>(
    page: septet_contracts::page::PageQuery,
) -> Result<septet_contracts::page::PageQuery, Error> {
    for cursor in page.after.iter().chain(&page.before) {
        id::<T>(cursor)?;
    }
    if let Some(order) = page.order.as_deref().filter(|order| !matches!(*order, "asc" | "desc")) {
        return Err(Error::BadRequest { param: "order", detail: format!("order is asc or desc, not {order:?}") });
    }
    Ok(page)
}
