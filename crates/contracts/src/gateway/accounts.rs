//! The inner side of accounts: money is kept back before a model is asked, and given back when the call is over.
//!
//! Only peers reach it, and only for the tenant of the identity that they carry. What a call really cost is never said
//! here for booking: that is in its usage record, which names the hold, and the ledger books the record and ends the
//! hold in one transaction. What is said here only keeps the balance exact until the record has come.

use septet_kernel::{Caller, RecordId, ServiceName, TenantId, Transport};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Balance, BillingMode};
use crate::call::{CallError, Client};

/// Keeps money back for one call to a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// The id of the hold, chosen by the caller: the same one again changes nothing.
    pub hold: RecordId,
    /// The most that the call can come to, in nano-units; above zero.
    pub amount_nano: i64,
    /// The least that lets the call begin, in nano-units; above zero. An account that has less than `amount_nano` and at
    /// least this gives all that it has, so that at most one call at a time is short of its most.
    pub least_nano: i64,
    /// The run that the call belongs to.
    #[serde(default)]
    pub run: Option<String>,
}

/// The money is kept back, or need not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserved {
    /// How the tenant pays. Nothing is kept back of an unlimited one.
    pub mode: BillingMode,
    /// How much is kept back, in nano-units.
    pub granted_nano: i64,
    /// After how many milliseconds the hold runs out unless it is renewed.
    pub expires_in_ms: u64,
}

/// What a call came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settle {
    /// What its record will say, in nano-units. The hold becomes this large and ends when the record is booked.
    pub cost_nano: i64,
}

/// A usage record that the ledger did not book, or booked by an estimate, and why: somebody has to look at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedUsage {
    /// The record.
    pub record: RecordId,
    /// Whose call it was.
    pub tenant: TenantId,
    /// The model.
    pub model: String,
    /// The provider.
    pub provider: String,
    /// What is wrong with it.
    pub reason: String,
    /// What was booked in its place, in nano-units: nothing, or what the call was estimated at.
    pub booked_nano: i64,
    /// The record as it came, as JSON.
    pub body: String,
    /// When it was refused, milliseconds since 1970.
    pub at_ms: i64,
}

/// Calls the accounts behind the API gateway.
#[derive(Clone)]
pub struct Accounts {
    client: Client,
}

impl Accounts {
    /// A client over `transport`.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { client: Client::new(ServiceName::ApiGateway, transport) }
    }

    /// Keeps money of the caller's tenant back.
    ///
    /// # Errors
    /// [`CallError`]: `PaymentRequired` when a prepaid tenant has less available; `Unavailable` when the accounts cannot
    /// be reached.
    pub async fn reserve(&self, caller: &Caller, reserve: &Reserve) -> Result<Reserved, CallError> {
        self.client.post(caller, "/internal/holds", reserve).answer().await
    }

    /// The account of the caller's tenant as it stands.
    ///
    /// # Errors
    /// [`CallError`] when the accounts cannot be reached.
    pub async fn balance(&self, caller: &Caller) -> Result<Balance, CallError> {
        self.client.get(caller, "/internal/account").answer().await
    }

    /// Says what the call of a hold came to. Ignored for a hold that is over or unknown.
    ///
    /// # Errors
    /// [`CallError`] when the accounts cannot be reached; the record ends the hold all the same.
    pub async fn settle(&self, caller: &Caller, hold: RecordId, cost_nano: i64) -> Result<(), CallError> {
        self.client.post(caller, &format!("/internal/holds/{hold}/settle"), &Settle { cost_nano }).done().await
    }

    /// Gives a hold back whole: its call cost nothing and will have no record. An unknown one cannot be made any more
    /// afterwards.
    ///
    /// # Errors
    /// [`CallError`] when the accounts cannot be reached; the hold runs out by itself.
    pub async fn release(&self, caller: &Caller, hold: RecordId) -> Result<(), CallError> {
        self.client.delete(caller, &format!("/internal/holds/{hold}")).done().await
    }

    /// Keeps a hold from running out while its call goes on.
    ///
    /// # Errors
    /// [`CallError`] when the accounts cannot be reached.
    pub async fn renew(&self, caller: &Caller, hold: RecordId) -> Result<(), CallError> {
        self.client.post(caller, &format!("/internal/holds/{hold}/renew"), &()).done().await
    }
}
