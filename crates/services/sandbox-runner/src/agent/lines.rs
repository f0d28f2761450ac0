//! JSON objects, one a line, from an untrusted body.

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::protocol::LINE_BYTES_MAX;

/// Reads lines. [`Lines::next`] may be dropped while it waits.
pub(super) struct Lines {
    chunks: BodyDataStream,
    pending: BytesMut,
    /// How many bytes of `pending` are known to have no end of a line.
    n_searched: usize,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self { chunks: body.into_data_stream(), pending: BytesMut::new(), n_searched: 0 }
    }

    /// The next one. `None` at the end; a broken connection, and a line that is too long or not understood, count as the
    /// end.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Option<T> {
        loop {
            if let Some(at) = self.pending[self.n_searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.pending.split_to(self.n_searched + at + 1);
                self.n_searched = 0;
                return serde_json::from_slice(&line).ok();
            }
            self.n_searched = self.pending.len();
            if self.pending.len() > LINE_BYTES_MAX {
                return None;
            }
            let chunk: Bytes = self.chunks.next().await?.ok()?;
            self.pending.extend_from_slice(&chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::protocol::AgentRequest;

    fn body(chunks: Vec<Vec<u8>>) -> Lines {
        let chunks = chunks.into_iter().map(|chunk| Ok::<_, std::io::Error>(Bytes::from(chunk)));
        Lines::new(Body::from_stream(futures::stream::iter(chunks)))
    }

    #[tokio::test]
    async fn lines_come_whole_however_they_were_cut() {
        let mut lines = body(vec![b"\"inter".to_vec(), b"rupt\"\n\"can".to_vec(), b"cel\"\n".to_vec()]);
        assert!(matches!(lines.next().await, Some(AgentRequest::Interrupt)));
        assert!(matches!(lines.next().await, Some(AgentRequest::Cancel)));
        assert!(lines.next::<AgentRequest>().await.is_none());
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_the_end() {
        let endless = vec![vec![b' '; 1 << 20]; 40];
        assert!(body(endless).next::<AgentRequest>().await.is_none());
    }

    #[tokio::test]
    async fn nonsense_is_the_end() {
        assert!(body(vec![b"what?\n\"cancel\"\n".to_vec()]).next::<AgentRequest>().await.is_none());
    }
}
