//! A body that is held to the table of caps while it is read.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use septet_kernel::BoxError;

use super::Problem;
use super::scan::{Excess, Scan};

// A piece takes less than a millisecond to scan; behind each one others have their turn.
const PIECE_BYTES: usize = 128 << 10;

/// What became of the scan of a body. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Verdict(Arc<OnceLock<Excess>>);

impl Verdict {
    /// What there was too much of; nothing while and when all is well.
    #[must_use]
    pub fn excess(&self) -> Option<Excess> {
        self.0.get().cloned()
    }
}

/// Has the body of a request scanned while whoever takes it reads it. With an excess the reading fails; the verdict says
/// why.
///
/// What the body says it is does not matter: whatever begins like JSON may be read as JSON by somebody. Forms and plain
/// files begin otherwise.
pub fn scanned(request: Request) -> (Request, Verdict) {
    let verdict = Verdict::default();
    if request.body().is_end_stream() {
        return (request, verdict);
    }
    let kept = verdict.clone();
    let scan =
        |body| Scanned { body, scan: Some(Scan::default()), verdict: kept, rest: Bytes::new(), is_pausing: false };
    (request.map(|body| Body::new(scan(body))), verdict)
}

/// The layer: a request whose body has too much of something is refused, whatever was made of it.
pub(super) async fn scan(request: Request, next: Next) -> Response {
    let (request, verdict) = scanned(request);
    let response = next.run(request).await;
    match verdict.excess() {
        Some(excess) => Problem::of(&excess).into_response(),
        None => response,
    }
}

struct Scanned {
    body: Body,
    /// Nothing when the scan is over.
    scan: Option<Scan>,
    verdict: Verdict,
    /// What has come and was not scanned yet.
    rest: Bytes,
    is_pausing: bool,
}

impl Scanned {
    /// The next piece of what has come.
    fn piece(&mut self) -> Result<Bytes, Excess> {
        let Some(scan) = &mut self.scan else { return Ok(std::mem::take(&mut self.rest)) };
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        scan.push(&piece)?;
        self.is_pausing = !self.rest.is_empty();
        if self.rest.is_empty() && self.body.is_end_stream() {
            self.finish()?;
        }
        Ok(piece)
    }

    fn finish(&mut self) -> Result<(), Excess> {
        self.scan.take().map_or(Ok(()), |scan| scan.finish())
    }

    /// Ends the reading and says why.
    fn refuse(&mut self, excess: Excess) -> BoxError {
        self.scan = None;
        self.rest = Bytes::new();
        self.body = Body::empty();
        // The first excess counts.
        let _first = self.verdict.0.set(excess.clone());
        excess.into()
    }
}

impl HttpBody for Scanned {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if std::mem::take(&mut self.is_pausing) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => return Poll::Ready(Some(Ok(Frame::data(data)))),
                    Ok(data) => self.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    let finished = self.finish();
                    return Poll::Ready(finished.err().map(|excess| Err(self.refuse(excess))));
                }
            }
        }
        let piece = self.piece();
        Poll::Ready(Some(piece.map(Frame::data).map_err(|excess| self.refuse(excess))))
    }

    fn is_end_stream(&self) -> bool {
        self.scan.is_none() && self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    async fn read(body: Body) -> (Option<Bytes>, Option<Excess>) {
        let (request, verdict) = scanned(Request::new(body));
        let read = request.into_body().collect().await;
        (read.ok().map(http_body_util::Collected::to_bytes), verdict.excess())
    }

    #[tokio::test]
    async fn a_body_comes_through_whole_or_not_at_all() {
        let text = format!("{{\"text\":\"{}\"}}", "x".repeat(1 << 20));
        let pieces: Vec<Result<Bytes, BoxError>> =
            text.as_bytes().chunks(1000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        assert_eq!(read(Body::from(text.clone())).await, (Some(text.clone().into()), None));
        assert_eq!(read(Body::from_stream(futures::stream::iter(pieces))).await, (Some(text.into()), None));

        let nested = "[".repeat(100);
        assert_eq!(read(Body::from(nested)).await, (None, Some(Excess::Depth { most: 64 })));
        let dense = format!("[{}]", vec![format!("[{}]", vec!["{\"a\":1}"; 100].join(",")); 200].join(","));
        let n_bytes = dense.len() as u64;
        assert_eq!(read(Body::from(dense.clone())).await, (None, Some(Excess::Growth { n_bytes })));
        let pieces = futures::stream::iter([Ok::<_, BoxError>(Bytes::from(dense))]);
        assert_eq!(read(Body::from_stream(pieces)).await, (None, Some(Excess::Growth { n_bytes })));
    }

    #[tokio::test]
    async fn a_form_is_no_json_whatever_is_in_it() {
        let form = format!("--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n{}", "[".repeat(1000));
        assert_eq!(read(Body::from(form.clone())).await, (Some(form.into()), None));
    }
}
