//! Ends what is in progress when access is revoked: a request that waits for its answer, a stream of events.
//!
//! A run that somebody followed goes on; only the reading of it ends.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt;
use http::header;
use septet_chassis::http::Problem;
use septet_contracts::management::Permission;
use septet_contracts::sse::Event;
use septet_kernel::{BoxError, RequestId};
use serde_json::json;

use crate::auth::identity::Identity;
use crate::gateway::App;
use crate::{Error, shape};

/// Watches over one request.
pub(super) struct Guard {
    pub(super) app: App,
    pub(super) identity: Identity,
    /// What the request needs.
    pub(super) permission: Permission,
    pub(super) request: RequestId,
}

impl Guard {
    /// Waits until access is taken back, and says why.
    pub(super) async fn taken_back(&self) -> Error {
        self.app.auth.taken_back(self.identity.clone(), self.permission).await
    }

    /// The same answer; if it is a stream of events, it ends when access is taken back, and says so.
    pub(super) fn over(self, response: Response) -> Response {
        let kind = response.headers().get(header::CONTENT_TYPE);
        if !kind.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream")) {
            return response;
        }
        response.map(|body| {
            Body::from_stream(async_stream::stream! {
                let mut taken_back = std::pin::pin!(self.taken_back());
                let mut chunks = body.into_data_stream();
                loop {
                    let next = tokio::select! {
                        chunk = chunks.next() => Ok(chunk),
                        error = &mut taken_back => Err(error),
                    };
                    match next {
                        Ok(Some(chunk)) => yield chunk.map_err(BoxError::from),
                        Ok(None) => return,
                        // Streams come here in whole events, so that one more fits in anywhere.
                        Err(error) => {
                            yield Ok::<Bytes, BoxError>(last_event(&error, self.request).to_wire());
                            return;
                        }
                    }
                }
            })
        })
    }
}

/// The end of a stream in the words of all three surfaces: their clients look at `type` or at `error`.
fn last_event(error: &Error, request: RequestId) -> Event {
    let said = shape::openai(&Problem::of(error), request).error;
    let data = json!({"type": "error", "code": said.code, "message": said.message, "param": null, "error": said});
    Event { name: "error".to_owned(), id: None, data: data.to_string() }
}
