//! Tokens, and the records of what was used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use septet_kernel::{ApiKeyId, RecordId, RequestId, TenantId, UserId};

use super::chat::null_is_default;

/// What a call used, in tokens.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Read by the model.
    #[serde(default, deserialize_with = "null_is_default")]
    pub prompt_tokens: u64,
    /// Written by the model, its thinking included.
    #[serde(default, deserialize_with = "null_is_default")]
    pub completion_tokens: u64,
    /// The sum.
    #[serde(default, deserialize_with = "null_is_default")]
    pub total_tokens: u64,
    /// More about what was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_details: Option<PromptDetails>,
    /// More about what was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_tokens_details: Option<CompletionDetails>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Usage {
    /// How many of the tokens read came from the provider's cache; part of `prompt_tokens`.
    #[must_use]
    pub fn cached_tokens(&self) -> u64 {
        let details = self.prompt_tokens_details.as_ref().map_or(0, |details| details.cached_tokens);
        // DeepSeek and Moonshot write it elsewhere.
        let elsewhere = ["prompt_cache_hit_tokens", "cached_tokens"];
        let other = elsewhere.iter().find_map(|name| self.extra.get(*name)?.as_u64()).unwrap_or(0);
        details.max(other).min(self.prompt_tokens)
    }
}

/// More about the tokens read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct PromptDetails {
    /// From the provider's cache.
    #[serde(default, deserialize_with = "null_is_default")]
    pub cached_tokens: u64,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// More about the tokens written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct CompletionDetails {
    /// Spent on thinking.
    #[serde(default, deserialize_with = "null_is_default")]
    pub reasoning_tokens: u64,
    /// Everything else.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// How a metered call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageStatus {
    /// The answer is complete.
    Completed,
    /// The caller left before the end.
    Cancelled,
    /// The provider broke off.
    Failed,
}

impl UsageStatus {
    /// The word on the wire and in the table.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// What one call to a model used and cost. There is exactly one for every call that reached a provider, and one more for
/// each attempt before its last that had cost when it failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageRecord {
    /// The id; a ledger books each once.
    pub id: RecordId,
    /// Whose call.
    pub tenant: TenantId,
    /// For an attempt that cost and failed, so that another was made: the record of the call that it belongs to.
    #[serde(default)]
    pub call: Option<RecordId>,
    /// Which person's.
    #[serde(default)]
    pub user: Option<UserId>,
    /// Through which API key.
    #[serde(default)]
    pub key: Option<ApiKeyId>,
    /// The request from outside behind it.
    pub request: RequestId,
    /// The run it belongs to.
    #[serde(default)]
    pub run: Option<String>,
    /// The money that was kept back of the tenant's account for it: the ledger gives this hold back when it books the
    /// record.
    #[serde(default)]
    pub hold: Option<RecordId>,
    /// How much that was, in nano-units. A cost above it is what the provider counted beyond the most that was thought
    /// possible.
    #[serde(default)]
    pub reserved_nano: Option<i64>,
    /// What the provider said that cannot be true, in words: it was not believed, and the tokens were counted here.
    #[serde(default)]
    pub doubt: Option<String>,
    /// The model, as named here.
    pub model: String,
    /// The provider.
    pub provider: String,
    /// The route, where the caller named one and no model.
    #[serde(default)]
    pub route: Option<String>,
    /// Why this deployment, in words.
    #[serde(default)]
    pub reason: Option<String>,
    /// How hard the call was judged to be, in millionths: the probability that it needs the strong model of its route.
    #[serde(default)]
    pub difficulty_millionths: Option<u32>,
    /// `strong` or `weak`: what the route says of the model that answered.
    #[serde(default)]
    pub tier: Option<String>,
    /// How many deployments were asked, this one included.
    #[serde(default = "one")]
    pub n_attempts: u32,
    /// Tokens read, cached ones included.
    pub input_tokens: u64,
    /// Of these, from the provider's cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// Of `input_tokens`, written to the provider's cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// Tokens written, thinking included.
    pub output_tokens: u64,
    /// Of these, thinking.
    #[serde(default)]
    pub reasoning_tokens: u64,
    /// The price in nano-units: by prices of the settings, else as the provider says it, else by the price table.
    pub cost_nano: i64,
    /// What the provider says it cost, in nano-dollars.
    #[serde(default)]
    pub said_cost_nano: Option<i64>,
    /// What it costs by the price table, in nano-dollars; absent where the table does not know the model.
    #[serde(default)]
    pub table_cost_nano: Option<i64>,
    /// `batch`, `flex` or `priority`, where the call was not served as usual.
    #[serde(default)]
    pub service_tier: Option<String>,
    /// Whether the tokens were counted here because the provider did not say.
    #[serde(default)]
    pub estimated: bool,
    /// When it began, milliseconds since 1970.
    pub started_at_ms: i64,
    /// How long it took until the first piece of a streamed answer.
    #[serde(default)]
    pub first_token_ms: Option<i64>,
    /// How long it took.
    pub duration_ms: i64,
    /// How it ended.
    pub status: UsageStatus,
    /// Its place in the feed: records are committed in this order, without gaps.
    pub cursor: i64,
}

/// The most tokens of one kind that one call can have had: no context window is anywhere near it.
pub const MOST_TOKENS: u64 = 1_000_000_000;

/// The most that one call can cost, in nano-units: ten million units of currency.
pub const MOST_COST_NANO: i64 = 10_000_000_000_000_000;

impl UsageRecord {
    /// Why the figures cannot be true, in words; `None` where they can. Sums of figures within these bounds do not
    /// overflow 64 bits in any realistic number of calls.
    #[must_use]
    pub fn absurdity(&self) -> Option<String> {
        let counts = [
            ("input_tokens", self.input_tokens),
            ("cached_tokens", self.cached_tokens),
            ("cache_write_tokens", self.cache_write_tokens),
            ("output_tokens", self.output_tokens),
            ("reasoning_tokens", self.reasoning_tokens),
        ];
        if let Some((name, count)) = counts.into_iter().find(|(_, count)| *count > MOST_TOKENS) {
            return Some(format!("{name} is {count}, and no call has more than {MOST_TOKENS}"));
        }
        if !(0..=MOST_COST_NANO).contains(&self.cost_nano) {
            return Some(format!("cost_nano is {}; a call costs from 0 to {MOST_COST_NANO}", self.cost_nano));
        }
        if self.started_at_ms < 0 || self.started_at_ms > LATEST_MS || self.duration_ms < 0 {
            let (at, lasted) = (self.started_at_ms, self.duration_ms);
            return Some(format!("it began at {at} ms and lasted {lasted} ms, which is no time of a call"));
        }
        None
    }
}

// The end of the year 9999.
const LATEST_MS: i64 = 253_402_300_799_999;

fn one() -> u32 {
    1
}

/// Records from the feed, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsagePage {
    /// The records.
    pub data: Vec<UsageRecord>,
    /// What to give as `after` next time.
    pub next: i64,
    /// Whether more are there already.
    pub has_more: bool,
}

/// Which records are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct UsageQuery {
    /// Those after this cursor; 0 for all.
    pub after: i64,
    /// At most this many, 1 to 1000. Default 200.
    pub limit: Option<u32>,
}
