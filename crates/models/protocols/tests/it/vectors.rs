//! Embeddings and ranks, read and written by the code under test.

use septet_protocols::{Context, embeddings, rerank};
use serde_json::{Value, json};

/// Reads vectors, writes them for a client and compares.
pub(crate) fn embedded(api: embeddings::Api, body: &Value) -> Vec<String> {
    match embeddings::decode_answer(api, body) {
        Ok(answer) => {
            let got = embeddings::encode_answer(&answer, false, &Context::default());
            septet_recordings::vectors::embedded(body, &got)
        }
        Err(error) => vec![error.to_string()],
    }
}

/// Reads ranks, writes them for a client and compares.
pub(crate) fn ranked(api: rerank::Api, body: &Value) -> Vec<String> {
    match rerank::decode_answer(api, body) {
        Ok(answer) => {
            let request = json!({"query": "q", "documents": ["a", "b", "c", "d"]});
            let request = rerank::decode_request(&request).unwrap();
            septet_recordings::vectors::ranked(body, &rerank::encode_answer(&answer, &request, &Context::default()))
        }
        Err(error) => vec![error.to_string()],
    }
}
