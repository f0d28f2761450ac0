//! The delta events of a stream, which come for every token, serialised without building a JSON tree.

use serde::Serialize;
use serde_json::Value;

use crate::framing::Frame;

/// A piece of something. Fields that a type of event has not are left out.
#[derive(Debug, Serialize)]
pub(super) struct DeltaEvent<'a> {
    pub(super) r#type: &'static str,
    pub(super) sequence_number: u64,
    pub(super) item_id: &'a str,
    pub(super) output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary_index: Option<usize>,
    pub(super) delta: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) logprobs: Option<&'a [Value]>,
}

impl DeltaEvent<'_> {
    pub(super) fn frame(&self) -> Frame {
        // Texts and numbers alone cannot fail to be JSON; a log probability was JSON before.
        let data = serde_json::to_vec(self).unwrap_or_default();
        Frame::named(self.r#type, data)
    }
}
