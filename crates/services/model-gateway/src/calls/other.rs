//! What is no conversation: vectors, and documents put in order.

use bytes::Bytes;
use septet_protocols::{Usage, embeddings, rerank};
use septet_providers::Operation;
use serde_json::Value;

use super::Calls;
use super::progress::CallProgress;
use crate::call::{ModelCall, Work};
use crate::deployment::{Backend, Deployment};
use crate::error::Error;

// Far more than any model of this machine reads of a text; counting its tokens takes a hundred times its bytes.
const MAX_TEXT_BYTES: usize = 256 << 10;

impl Calls {
    /// Vectors, or documents in order.
    pub(super) async fn other(
        &self,
        call: &ModelCall,
        deployment: &Deployment,
        progress: &mut CallProgress,
    ) -> Result<Bytes, Error> {
        let answer = match &call.work {
            Work::Embed(body) => self.embed(&body.value, deployment, progress).await?,
            Work::Rerank(body) => self.rerank(&body.value, deployment, progress).await?,
            // Conversations go another way.
            Work::Chat(_) => Value::Null,
        };
        progress.is_complete = true;
        Ok(answer.to_string().into())
    }

    async fn embed(&self, body: &Value, deployment: &Deployment, progress: &mut CallProgress) -> Result<Value, Error> {
        let mut request = embeddings::decode_request(body).map_err(Error::Wrong)?;
        deployment.model.upstream().clone_into(&mut request.model);
        let provider = match &deployment.backend {
            Backend::Remote(provider) => provider,
            Backend::Local { embedder, .. } => return self.embed_here(embedder, &request, progress).await,
            Backend::Offline => {
                return Err(Error::NotOffered {
                    provider: deployment.backend.provider().to_owned(),
                    what: "embeddings",
                });
            }
        };
        let api = provider.kind().embeddings(&request.model);
        let api = api.ok_or_else(|| Error::NotOffered { provider: provider.name.to_string(), what: "embeddings" })?;
        let mut whole: Option<embeddings::Answer> = None;
        let mut raw = None;
        let parts = embeddings::encode_request(&request, api).map_err(Error::Wrong)?;
        let n_parts = parts.len();
        for part in parts {
            let sent = part.body.to_string().into_bytes();
            let bytes =
                provider.whole(Operation::Embeddings, &request.model, sent, None, self.max_answer_bytes).await?;
            let value: Value = serde_json::from_slice(&bytes).map_err(|_bad| provider.garbled(&bytes))?;
            let answer = embeddings::decode_answer(api, &value).map_err(|bad| provider.unreadable(&bad))?;
            raw = Some(value);
            match &mut whole {
                Some(whole) => whole.append(answer),
                None => whole = Some(answer),
            }
        }
        let Some(whole) = whole else {
            return Err(Error::Wrong(septet_protocols::Wrong::field("input", "is empty; give at least one text")));
        };
        if let Some(usage) = &whole.usage {
            progress.meter.said(usage.clone());
        }
        // OpenAI's own shape goes on untouched, with the fields that only this provider has.
        match raw {
            Some(raw) if api == embeddings::Api::OpenAi && n_parts == 1 => Ok(raw),
            _ => Ok(embeddings::encode_answer(&whole, request.is_base64, &progress.context)),
        }
    }

    async fn embed_here(
        &self,
        embedder: &std::sync::Arc<septet_embedder::Model>,
        request: &embeddings::Request,
        progress: &mut CallProgress,
    ) -> Result<Value, Error> {
        let embeddings::Input::Texts(texts) = request.input.clone() else {
            let what = "must be texts: this model counts its tokens itself";
            return Err(Error::Wrong(septet_protocols::Wrong::field("input", what)));
        };
        if let Some(at) = texts.iter().position(|text| text.len() > MAX_TEXT_BYTES) {
            let what = format!("[{at}] is longer than {MAX_TEXT_BYTES} bytes; cut it into passages");
            return Err(Error::Wrong(septet_protocols::Wrong::field("input", what)));
        }
        if request.dimensions.is_some_and(|wanted| wanted != embedder.dimensions() as u64) {
            let what = format!("must be {}: vectors of this model cannot be shortened", embedder.dimensions());
            return Err(Error::Wrong(septet_protocols::Wrong::field("dimensions", what)));
        }
        let model = std::sync::Arc::clone(embedder);
        let work = move || {
            let n_tokens = texts.iter().map(|text| model.n_tokens(text)).sum::<Result<usize, _>>()?;
            Ok::<_, septet_embedder::Error>((n_tokens, model.embed(&texts, 1)?))
        };
        let made = self.cpu.run(work).await;
        let made = made.map_err(|_panicked| Error::Embedder("it stopped unexpectedly".to_owned()))?;
        let (n_tokens, made) = made.map_err(|error| Error::Embedder(error.to_string()))?;
        let usage = Usage { input: n_tokens as u64, ..Usage::default() };
        progress.meter.said(usage.clone());
        let vectors = made.into_iter().map(|vector| vector.into_iter().map(f64::from).collect()).collect();
        let answer = embeddings::Answer { model: request.model.clone(), vectors, usage: Some(usage) };
        Ok(embeddings::encode_answer(&answer, request.is_base64, &progress.context))
    }

    async fn rerank(&self, body: &Value, deployment: &Deployment, progress: &mut CallProgress) -> Result<Value, Error> {
        let mut request = rerank::decode_request(body).map_err(Error::Wrong)?;
        deployment.model.upstream().clone_into(&mut request.model);
        let none = || Error::NotOffered { provider: deployment.backend.provider().to_owned(), what: "reranking" };
        let Backend::Remote(provider) = &deployment.backend else { return Err(none()) };
        let api = provider.kind().rerank().ok_or_else(none)?;
        let sent = rerank::encode_request(&request, api).body.to_string().into_bytes();
        let bytes = provider.whole(Operation::Rerank, &request.model, sent, None, self.max_answer_bytes).await?;
        let value: Value = serde_json::from_slice(&bytes).map_err(|_bad| provider.garbled(&bytes))?;
        let answer = rerank::decode_answer(api, &value).map_err(|bad| provider.unreadable(&bad))?;
        if let Some(usage) = &answer.usage {
            progress.meter.said(usage.clone());
        }
        Ok(rerank::encode_answer(&answer, &request, &progress.context))
    }
}
