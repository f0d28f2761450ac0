//! Event streams on their way out.
//!
//! They are parsed into events and written again: chunk boundaries of the services mean nothing to a client, and a
//! keep-alive may only come between events. What the official SDKs take is kept to: `id:` on events that have one,
//! keep-alives of one line without a blank one after it, never a `retry:`.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::{HeaderValue, header};
use septet_contracts::sse::{self, Event, KEEP_ALIVE};
use septet_kernel::BoxError;

/// An answer that is a stream of events.
pub(crate) fn answer(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    // nginx would otherwise collect the events.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// The events of a body, whole and with keep-alives. When the body breaks off, so does this one: the client must see
/// that the stream has no proper end.
pub(crate) fn relay(body: Body, keep_alive: Duration) -> Body {
    let chunks = body.into_data_stream().map(|chunk| chunk.map_err(BoxError::from));
    write(sse::events(chunks, BoxError::from), keep_alive)
}

/// Events as a body, with keep-alives while there are none.
pub(crate) fn write<E: Into<BoxError> + Send + 'static>(
    events: impl Stream<Item = Result<Event, E>> + Send + 'static,
    keep_alive: Duration,
) -> Body {
    Body::from_stream(async_stream::stream! {
        let mut events = std::pin::pin!(events);
        loop {
            match tokio::time::timeout(keep_alive, events.next()).await {
                Ok(Some(Ok(event))) => yield Ok::<Bytes, BoxError>(event.to_wire()),
                Ok(Some(Err(error))) => { yield Err(error.into()); return }
                Ok(None) => return,
                Err(_silence) => yield Ok(Bytes::from_static(KEEP_ALIVE.as_bytes())),
            }
        }
    })
}

/// A stream that cannot fail, as [`write`] takes it.
pub(crate) fn sure(events: impl Stream<Item = Event> + Send) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    events.map(Ok)
}

/// An event with only data, as Chat Completions are streamed.
pub(crate) fn data(value: &serde_json::Value) -> Event {
    Event { data: value.to_string(), ..Event::default() }
}
