//! What each failure is: its kind, its code, and when to try again.

use septet_kernel::{Failure, Kind};
use septet_kv::What;
use septet_protocols::Wrong;

use super::Error;

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NoModel { .. } | Self::NoUpstream { .. } | Self::NoCall { .. } => Kind::NotFound,
            Self::WrongKind { .. }
            | Self::BadKey
            | Self::Wrong(_)
            | Self::Unread
            | Self::BadOffset
            | Self::NotJudged { .. }
            | Self::BadReport { .. }
            | Self::Unsupported { .. }
            | Self::NotOffered { .. } => Kind::BadRequest,
            Self::ContextTooLong { .. } => Kind::BadRequest,
            Self::Refused { status: 413, .. } => Kind::TooLarge,
            Self::Refused { status: 422, .. } => Kind::Unprocessable,
            Self::Refused { .. } => Kind::BadRequest,
            Self::RateLimited { .. } => Kind::Exhausted,
            Self::Silent { .. } => Kind::Timeout,
            Self::KeyReused | Self::Cancelled => Kind::Conflict,
            Self::TooLong { .. } | Self::TooLarge { .. } => Kind::TooLarge,
            Self::NoKey => Kind::Unauthenticated,
            Self::NotYours { .. } | Self::Inside => Kind::Forbidden,
            Self::InsufficientBalance { .. } => Kind::PaymentRequired,
            Self::Spent(refused) => match refused.limit.what {
                What::Money => Kind::PaymentRequired,
                What::Requests | What::Tokens | What::Concurrency => Kind::Exhausted,
            },
            Self::KeyRefused { .. }
            | Self::ProviderUnpaid { .. }
            | Self::Unreachable { .. }
            | Self::Unaddressable { .. }
            | Self::Forbidden { .. }
            | Self::Broken { .. }
            | Self::Loading { .. }
            | Self::Garbled { .. }
            | Self::CutOff { .. }
            | Self::MidStream { .. }
            | Self::CallsMissing { .. }
            | Self::AllOpen { .. }
            | Self::Counters(_)
            | Self::Accounts(_)
            | Self::Spool(_)
            | Self::SpoolFull
            | Self::CallerLeft
            | Self::Stopping => Kind::Unavailable,
            Self::Analyst
            | Self::Uncounted
            | Self::Unwritten
            | Self::Embedder(_)
            | Self::Database(_)
            | Self::Stored { .. } => Kind::Internal,
        }
    }

    fn code(&self) -> &str {
        match self {
            Self::NoModel { .. } => "model_not_found",
            Self::WrongKind { .. } => "wrong_model_kind",
            Self::KeyRefused { .. } => "provider_key_refused",
            Self::ProviderUnpaid { .. } => "provider_unpaid",
            Self::Unreachable { .. } => "provider_unreachable",
            Self::RateLimited { .. } => "provider_rate_limit",
            Self::NoUpstream { .. } => "provider_has_no_such_model",
            Self::Unaddressable { .. } => "provider_misconfigured",
            Self::Forbidden { .. } => "provider_address_forbidden",
            Self::Refused { .. } => "provider_refused",
            Self::ContextTooLong { .. } => "context_length_exceeded",
            Self::Loading { .. } => "provider_loading",
            Self::Broken { .. } => "provider_failed",
            Self::Silent { .. } => "provider_silent",
            Self::Garbled { .. } => "provider_garbled",
            Self::CutOff { .. } => "provider_cut_off",
            Self::MidStream { .. } => "provider_error",
            Self::CallsMissing { .. } => "calls_missing",
            Self::TooLong { .. } => "answer_too_long",
            Self::KeyReused => "idempotency_key_reused",
            Self::BadKey => "bad_idempotency_key",
            Self::Wrong(Wrong::Json { .. }) => "invalid_json",
            Self::Wrong(Wrong::Field { .. }) => "invalid_request",
            Self::TooLarge { .. } => "too_large",
            Self::Unread => "body_not_received",
            Self::BadOffset => "bad_offset",
            Self::NoCall { .. } => "call_not_found",
            Self::NotJudged { .. } => "call_not_judged",
            Self::BadReport { .. } => "invalid_request",
            Self::NoKey => "invalid_api_key",
            Self::NotYours { .. } => "model_not_allowed",
            Self::Inside => "forbidden",
            Self::Unsupported { .. } => "unsupported_parameter",
            Self::NotOffered { .. } => "not_offered",
            Self::AllOpen { stays, .. } => stays.as_deref().unwrap_or("all_deployments_resting"),
            Self::Spent(refused) => match refused.limit.what {
                What::Money => "budget_spent",
                What::Requests => "request_limit",
                What::Tokens => "token_limit",
                What::Concurrency => "concurrency_limit",
            },
            Self::InsufficientBalance { .. } => "insufficient_balance",
            Self::Accounts(_) => "accounts_unavailable",
            Self::Counters(_) => "budgets_unavailable",
            Self::Spool(_) | Self::SpoolFull => "usage_not_recordable",
            Self::CallerLeft => "caller_left",
            Self::Cancelled => "call_cancelled",
            Self::Stopping => "stopping",
            Self::Analyst
            | Self::Uncounted
            | Self::Unwritten
            | Self::Embedder(_)
            | Self::Database(_)
            | Self::Stored { .. } => "internal",
        }
    }

    fn param(&self) -> Option<&str> {
        match self {
            Self::NoModel { .. } | Self::WrongKind { .. } | Self::NotYours { .. } => Some("model"),
            Self::Wrong(Wrong::Field { param, .. }) | Self::Unsupported { param, .. } => Some(param),
            _ => None,
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        let ms = match self {
            Self::Loading { retry_after_ms, .. } => Some(*retry_after_ms),
            Self::RateLimited { retry_after_ms, .. }
            | Self::Broken { retry_after_ms, .. }
            | Self::AllOpen { retry_after_ms, .. } => *retry_after_ms,
            Self::Spent(refused) => refused.retry_after.and_then(|wait| u64::try_from(wait.as_millis()).ok()),
            _ => None,
        };
        ms.map(|ms| ms.div_ceil(1_000))
    }
}
