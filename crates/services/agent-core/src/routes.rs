//! The HTTP surface of Agent Core: Responses and Conversations.

mod blobs;
mod conversations;
mod responses;
mod tools;

use axum::Router;
use axum::routing::{get, post};

use crate::runs::Runs;

pub(crate) fn routes(runs: Runs) -> Router {
    Router::new()
        .route("/v1/responses", post(responses::create))
        .route("/v1/responses/{id}", get(responses::show).delete(responses::delete))
        .route("/v1/responses/{id}/cancel", post(responses::cancel))
        .route("/v1/responses/{id}/input_items", get(responses::input_items))
        .route("/v1/conversations", post(conversations::create))
        .route("/v1/conversations/{id}", get(conversations::show).delete(conversations::delete))
        .route("/v1/conversations/{id}/items", get(conversations::items))
        .route("/api/conversations", get(conversations::list))
        .route("/internal/tools", get(tools::list))
        .route(septet_contracts::blobs::HELD, post(blobs::held))
        .with_state(runs)
}
