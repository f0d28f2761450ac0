//! A whole answer, asked for in one piece and given so.

use bytes::Bytes;
use septet_protocols::Dialect;
use septet_providers::Operation;
use serde_json::{Value, json};

use super::Calls;
use super::progress::CallProgress;
use super::request::{chat_request, client_headers, encoded};
use crate::asked::Asked;
use crate::call::ModelCall;
use crate::deployment::{Backend, Deployment};
use crate::error::Error;
use crate::offline;
use crate::registry::Plan;

/// What can be wrong with a whole answer.
enum Bad {
    Unreadable(septet_protocols::Unreadable),
    Failed(septet_protocols::Failure),
}

impl Calls {
    /// A whole answer.
    pub(super) async fn whole(
        &self,
        call: &ModelCall,
        asked: &Asked,
        plan: &Plan,
        deployment: &Deployment,
        progress: &mut CallProgress,
    ) -> Result<(Bytes, Vec<String>), Error> {
        let (from, body, dropped, provider) = match &deployment.backend {
            Backend::Offline => {
                let (request, clock) = (asked.clone(), self.clock.clone());
                let answer = move || Ok::<_, Error>(offline::whole(&chat_request(&request)?, &clock));
                let whole = self.cpu.run(answer).await.map_err(|_panicked| Error::Analyst)??;
                (Dialect::Chat, Bytes::from(whole.to_string()), Vec::new(), None)
            }
            Backend::Local { name, .. } => {
                return Err(Error::NotOffered { provider: name.to_string(), what: "chat" });
            }
            Backend::Remote(provider) => {
                let cap = self.cap(call, deployment, progress);
                let (dialect, body, dropped) = encoded(&self.cpu, asked, plan, deployment, provider, cap).await?;
                let operation = Operation::Chat { dialect, stream: false };
                let headers = client_headers(call);
                let model = deployment.model.upstream();
                let body = provider.whole(operation, model, body, headers.as_ref(), self.max_answer_bytes).await?;
                (dialect, body, dropped, Some(provider))
            }
        };
        let shown = self.translated(from, &body, call, asked, deployment, progress).await.map_err(|bad| match bad {
            Bad::Unreadable(bad) => provider.map_or(Error::Analyst, |provider| provider.unreadable(&bad)),
            Bad::Failed(failed) => provider.map_or(Error::Analyst, |provider| provider.refused(&failed)),
        })?;
        progress.is_complete = true;
        Ok((shown, dropped))
    }

    /// A whole answer for the client: the provider's own bytes where it speaks the same.
    async fn translated(
        &self,
        from: Dialect,
        body: &Bytes,
        call: &ModelCall,
        asked: &Asked,
        deployment: &Deployment,
        progress: &mut CallProgress,
    ) -> Result<Bytes, Bad> {
        let to = asked.dialect;
        let unreadable = |_bad: serde_json::Error| {
            let what = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
            Bad::Unreadable(septet_protocols::Unreadable::new("an answer", &what))
        };
        let mut value: Value = serde_json::from_slice(body).map_err(unreadable)?;
        let answer = from.decode_answer(&value).map_err(Bad::Unreadable)?;
        // What had failed may have cost all the same, so its figures are read first.
        for event in answer.events() {
            progress.meter.see(&event);
        }
        if let Some(failed) = answer.failed {
            return Err(Bad::Failed(failed));
        }
        let said = progress.meter.figures().cloned();
        let estimated = said.is_none();
        self.estimate_unsaid(call, deployment, progress).await;
        let usage = said.unwrap_or_else(|| progress.meter.count(true).usage);
        let service = progress.meter.tier().unwrap_or(asked.service);
        let cost = call.run.is_some().then(|| deployment.tariff.of(progress.tenant).cost(&usage, service));
        if from != to {
            let answer = septet_protocols::Answer { usage: Some(usage), ..answer };
            value = to.encode_answer(&answer, &progress.context);
        } else if estimated && to == Dialect::Chat {
            value["usage"] = septet_protocols::chat::encode_usage(&usage);
            value["usage"]["estimated"] = json!(true);
        } else if cost.is_none() {
            return Ok(body.clone());
        }
        if let Some(cost) = cost
            && to == Dialect::Chat
            && value["usage"].is_object()
        {
            value["usage"]["septet_cost_nano"] = json!(cost);
        }
        Ok(value.to_string().into())
    }
}
