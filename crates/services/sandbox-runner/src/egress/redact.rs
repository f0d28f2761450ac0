//! Takes the values of secrets out of what comes back.
//!
//! Some servers repeat what they were sent. A value is covered with as many `*` as it has bytes, so that lengths
//! stay true. This is for answers that show a value as it was sent; a domain that would encode it on purpose is not
//! one to give a secret to.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use secrecy::{ExposeSecret, SecretString};

/// Covers the values in headers.
pub(super) fn headers(headers: &mut HeaderMap, values: &[SecretString]) {
    for header in headers.values_mut() {
        let mut bytes = header.as_bytes().to_vec();
        if cover(&mut bytes, values) {
            *header = HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static(""));
        }
    }
}

/// A body with the values covered. The last bytes of a piece wait for the next one, since a value may be cut in two.
pub(super) struct Redacted<B> {
    inner: B,
    values: Vec<SecretString>,
    waiting: BytesMut,
    is_over: bool,
}

impl<B> Redacted<B> {
    pub(super) fn new(inner: B, values: Vec<SecretString>) -> Self {
        Self { inner, values, waiting: BytesMut::new(), is_over: false }
    }

    fn take(&mut self, n_kept: usize) -> Bytes {
        cover(&mut self.waiting, &self.values);
        self.waiting.split_to(self.waiting.len().saturating_sub(n_kept)).freeze()
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Redacted<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let n_kept = this.values.iter().map(|value| value.expose_secret().len()).max().unwrap_or(1) - 1;
        loop {
            if this.is_over {
                return Poll::Ready(None);
            }
            match std::task::ready!(Pin::new(&mut this.inner).poll_frame(context)) {
                Some(Ok(frame)) => {
                    // Trailers could repeat a value as well, and nobody asks for them.
                    let Ok(data) = frame.into_data() else { continue };
                    this.waiting.extend_from_slice(&data);
                    let ready = this.take(n_kept);
                    if !ready.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(ready))));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    this.is_over = true;
                    let rest = this.take(0);
                    return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || (self.inner.is_end_stream() && self.waiting.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = self.waiting.len() as u64;
        let inner = self.inner.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + waiting);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + waiting);
        }
        hint
    }
}

/// Whether anything was covered.
fn cover(bytes: &mut [u8], values: &[SecretString]) -> bool {
    let mut has_covered = false;
    for value in values {
        let value = value.expose_secret().as_bytes();
        let mut from = 0;
        while let Some(at) = find(&bytes[from..], value) {
            bytes[from + at..from + at + value.len()].fill(b'*');
            from += at + value.len();
            has_covered = true;
        }
    }
    has_covered
}

fn find(bytes: &[u8], value: &[u8]) -> Option<usize> {
    if value.is_empty() {
        return None;
    }
    memchr::memmem::find(bytes, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use http_body_util::{BodyExt, StreamBody};

    async fn redacted(pieces: &[&'static str]) -> String {
        let frames =
            pieces.iter().map(|piece| Ok::<_, std::io::Error>(Frame::data(Bytes::from(*piece)))).collect::<Vec<_>>();
        let body = Redacted::new(StreamBody::new(stream::iter(frames)), vec!["sk-01234".into(), "secret".into()]);
        String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_value_is_covered_wherever_it_is_cut() {
        assert_eq!(redacted(&["a sk-01234 b"]).await, "a ******** b");
        assert_eq!(redacted(&["a sk-0", "1234 b"]).await, "a ******** b");
        assert_eq!(redacted(&["s", "k", "-", "0", "1", "2", "3", "4"]).await, "********");
        assert_eq!(redacted(&["sk-01234sk-01234 secretsecret"]).await, "**************** ************");
        assert_eq!(redacted(&["sk-0123", "x sk-01234"]).await, "sk-0123x ********");
        assert_eq!(redacted(&[]).await, "");
        assert_eq!(redacted(&["nothing here"]).await, "nothing here");
    }
}
