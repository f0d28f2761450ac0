//! How far a call has come: what its record will say.

use std::sync::Arc;

use bytes::BytesMut;
use septet_contracts::models::UsageRecord;
use septet_difficulty::Probability;
use septet_kernel::{Caller, Clock, RecordId, TenantId};
use septet_protocols::{Context, Dialect};
use septet_routing::Tier;

use crate::accounts::{Funds, Turn};
use crate::deployment::Deployment;
use crate::meter::Meter;
use crate::quota::Reservation;
use crate::registry::Plan;

use crate::call::{ModelCall, Work};

/// One call on its way.
pub(super) struct CallProgress {
    /// The id of its record.
    pub id: RecordId,
    pub tenant: TenantId,
    pub started_at_ms: i64,
    /// When the attempt that is under way began.
    pub attempt_at_ms: i64,
    /// What attempts before this one came to.
    pub spent: Spent,
    pub meter: Meter,
    /// Who was asked last.
    pub deployment: Option<Arc<Deployment>>,
    /// The route, where the caller named one.
    pub route: Option<String>,
    /// Why that deployment.
    pub reason: String,
    /// How hard the call was judged to be by the route that was called.
    pub difficulty: Option<Probability>,
    /// What the route says of the deployment that was asked last.
    pub tier: Tier,
    pub n_attempts: u32,
    pub first_token_at_ms: Option<i64>,
    /// Whether bytes of the answer were shown: from then on nobody else can be asked.
    pub has_shown: bool,
    /// Whether the provider said that the answer is over.
    pub is_complete: bool,
    pub reservation: Option<Reservation>,
    /// What is kept back of the tenant's account for the attempt that is under way.
    pub funds: Option<Funds>,
    /// While nobody knows how the deployment counts: the right to be the first.
    pub turn: Option<Turn>,
    /// Whether the answer came from the cache: nobody was asked and nothing is charged.
    pub is_cached: bool,
    /// Who may answer.
    pub plan: Option<Arc<Plan>>,
    /// The bytes so far, where the answer may be given again.
    pub gathered: Option<BytesMut>,
    /// What encoders should know.
    pub context: Context,
}

/// What was used and what it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spent {
    pub tokens: u64,
    pub cost_nano: i64,
}

impl Spent {
    /// With what a record says.
    pub(super) fn with(self, record: &UsageRecord) -> Self {
        let tokens = record.input_tokens.saturating_add(record.output_tokens);
        Self { tokens: self.tokens.saturating_add(tokens), cost_nano: self.cost_nano.saturating_add(record.cost_nano) }
    }
}

impl CallProgress {
    pub(super) fn new(call: &ModelCall, caller: &Caller, id: RecordId, clock: &Clock) -> Self {
        let wants_usage = matches!(&call.work, Work::Chat(asked) if asked.wants_usage);
        let now_ms = clock.now_ms();
        let number = id.to_string();
        let number = number.rsplit('_').next().unwrap_or(&number);
        let (answer_id, echo) = match &call.work {
            Work::Chat(asked) if asked.dialect == Dialect::Responses => {
                (format!("resp_{number}"), Arc::clone(&asked.echo))
            }
            _ => (format!("gen-{}", caller.request), Arc::default()),
        };
        Self {
            id,
            tenant: caller.tenant,
            started_at_ms: now_ms,
            attempt_at_ms: now_ms,
            spent: Spent::default(),
            meter: Meter::default(),
            deployment: None,
            route: None,
            reason: String::new(),
            difficulty: None,
            tier: Tier::None,
            n_attempts: 0,
            first_token_at_ms: None,
            has_shown: false,
            is_complete: false,
            reservation: None,
            funds: None,
            turn: None,
            is_cached: false,
            plan: None,
            gathered: None,
            context: Context { id: answer_id, model: call.model.clone(), created: clock.now_s(), wants_usage, echo },
        }
    }
}
