//! What can happen: one operation each, drawn by lot.

use std::time::Duration;

use futures::StreamExt;
use rand::Rng;
use rand::rngs::SmallRng;
use septet_contracts::call::CallError;
use septet_contracts::models::{CallOptions, ChatMessage, ChatRequest, EmbeddingInput, EmbeddingRequest};
use septet_kernel::{Caller, Id, Money, TenantId};

use crate::harness::Harness;

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ended {
    Answered,
    Cancelled,
    LeftInBackground,
    NoMoney,
    ProviderFailed,
    Killed,
    ToppedUp,
}

/// A kind of operation, with how often it comes in a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OperationKind {
    Whole,
    Stream,
    Disconnected,
    Background,
    Again,
    Run,
    Embed,
    Chain,
    Mute,
    Liar,
    Free,
    Burst,
    TopUp,
}

const LOTS: [(OperationKind, u32); 13] = [
    (OperationKind::Whole, 26),
    (OperationKind::Stream, 16),
    (OperationKind::Disconnected, 14),
    (OperationKind::Background, 9),
    (OperationKind::Again, 4),
    (OperationKind::Run, 6),
    (OperationKind::Embed, 6),
    (OperationKind::Chain, 6),
    (OperationKind::Mute, 4),
    (OperationKind::Liar, 3),
    (OperationKind::Free, 2),
    (OperationKind::Burst, 1),
    (OperationKind::TopUp, 3),
];

pub(crate) fn draw(rng: &mut SmallRng) -> OperationKind {
    let mut lot = rng.random_range(0..LOTS.iter().map(|(_, often)| often).sum());
    for (kind, often) in LOTS {
        if lot < often {
            return kind;
        }
        lot -= often;
    }
    OperationKind::Whole
}

/// An operation that is about to be.
pub(crate) struct Operation<'a> {
    pub(crate) harness: &'a Harness,
    pub(crate) caller: Caller,
    /// Says which one it is, and with what text its calls come.
    pub(crate) name: String,
}

impl Operation<'_> {
    pub(crate) async fn carry_out(&self, kind: OperationKind, rng: &mut SmallRng) -> Ended {
        match kind {
            OperationKind::Whole => self.whole("honest", &self.name, rng).await,
            OperationKind::Stream => self.stream("honest", &self.name, None, None, rng).await,
            OperationKind::Mute => self.stream("mute", &self.name, None, None, rng).await,
            OperationKind::Liar => self.whole("liar", &self.name, rng).await,
            OperationKind::Free => self.whole("free", &self.name, rng).await,
            OperationKind::Chain => self.stream("chain", &self.name, None, None, rng).await,
            OperationKind::Disconnected => {
                let patience = Duration::from_micros(rng.random_range(0..12_000));
                let model = if rng.random_bool(0.2) { "liar" } else { "honest" };
                self.stream(model, &self.name, None, Some(patience), rng).await
            }
            OperationKind::Background => {
                let patience = Duration::from_micros(rng.random_range(0..6_000));
                let ended = self.stream("honest", &self.name, Some(&self.name), Some(patience), rng).await;
                if ended == Ended::Cancelled { Ended::LeftInBackground } else { ended }
            }
            OperationKind::Again => {
                let first = self.stream("honest", &self.name, Some(&self.name), None, &mut rng.clone()).await;
                let again = self.stream("honest", &self.name, Some(&self.name), None, rng).await;
                if first == Ended::Answered { again } else { first }
            }
            OperationKind::Run => self.run(rng).await,
            OperationKind::Embed => self.embed(rng).await,
            OperationKind::Burst => {
                let calls = (0..8).map(|n| {
                    let mut rng = rng.clone();
                    async move { self.whole("honest", &format!("{}-{n}", self.name), &mut rng).await }
                });
                futures::future::join_all(calls).await.into_iter().max().unwrap_or(Ended::Answered)
            }
            OperationKind::TopUp => {
                let amount = Money(rng.random_range(1..400_000));
                // Under its key it books once, however often it is tried.
                while self.harness.billing.top_up(self.caller.tenant, amount, &self.name, "").await.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ended::ToppedUp
            }
        }
    }

    fn request(&self, model: &str, text: &str, rng: &mut SmallRng) -> ChatRequest {
        let max_tokens = rng.random_bool(0.9).then(|| rng.random_range(1..1_500));
        ChatRequest {
            model: model.to_owned(),
            messages: vec![ChatMessage::user(text)],
            max_tokens,
            ..ChatRequest::default()
        }
    }

    fn options(&self, text: &str, key: Option<&str>) -> CallOptions {
        CallOptions { run: Some(text.to_owned()), idempotency_key: key.map(str::to_owned) }
    }

    async fn whole(&self, model: &str, text: &str, rng: &mut SmallRng) -> Ended {
        let request = self.request(model, text, rng);
        match self.harness.models.chat(&self.caller, &request, &self.options(text, None)).await {
            Ok(_) => Ended::Answered,
            Err(error) => ended(&error),
        }
    }

    /// A stream that is read to its end, or for as long as the client has patience.
    async fn stream(
        &self,
        model: &str,
        text: &str,
        key: Option<&str>,
        patience: Option<Duration>,
        rng: &mut SmallRng,
    ) -> Ended {
        let request = self.request(model, text, rng);
        let options = self.options(text, key);
        let read = async {
            let chunks = match self.harness.models.chat_stream(&self.caller, &request, &options).await {
                Ok(chunks) => chunks,
                Err(error) => return ended(&error),
            };
            let mut chunks = std::pin::pin!(chunks);
            while let Some(chunk) = chunks.next().await {
                if let Err(error) = chunk {
                    return ended(&error);
                }
            }
            Ended::Answered
        };
        match patience {
            Some(patience) => tokio::time::timeout(patience, read).await.unwrap_or(Ended::Cancelled),
            None => read.await,
        }
    }

    /// A run: several steps under keys, each paid for by itself; one that failed for the moment is asked again.
    async fn run(&self, rng: &mut SmallRng) -> Ended {
        for step in 0..rng.random_range(2..6) {
            let text = format!("{}:{step}", self.name);
            let model = if rng.random_bool(0.7) { "honest" } else { "chain" };
            let mut ended = Ended::Killed;
            for _ in 0..3 {
                ended = self.stream(model, &text, Some(&text), None, &mut rng.clone()).await;
                if ended != Ended::Killed {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if ended != Ended::Answered {
                return ended;
            }
        }
        Ended::Answered
    }

    async fn embed(&self, rng: &mut SmallRng) -> Ended {
        let text = format!("{} {}", self.name, "x".repeat(rng.random_range(0..4_000)));
        let request = EmbeddingRequest {
            model: "text-embedding-vectors".to_owned(),
            input: EmbeddingInput::Many(vec![text]),
            dimensions: None,
            extra: Default::default(),
        };
        match self.harness.models.embed(&self.caller, &request, &self.options(&self.name, None)).await {
            Ok(_) => Ended::Answered,
            Err(error) => ended(&error),
        }
    }
}

fn ended(error: &CallError) -> Ended {
    use septet_kernel::Kind as Why;
    match (error.kind, error.code.as_str()) {
        (Why::PaymentRequired, "insufficient_balance") => Ended::NoMoney,
        (_, code) if code.starts_with("provider_") || code == "all_deployments_resting" => Ended::ProviderFailed,
        (Why::Unavailable | Why::Timeout | Why::Internal, _) => Ended::Killed,
        (kind, code) => panic!("nothing may end so: {kind:?} {code}: {error}"),
    }
}

/// Somebody of a tenant.
pub(crate) fn caller(tenant: TenantId, rng: &mut SmallRng) -> Caller {
    let request = septet_kernel::RequestId::from_uuid(uuid::Uuid::from_u128(rng.random()));
    Caller::background(tenant, request)
}
