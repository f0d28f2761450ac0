//! What peers reach of the gateway: the holds of calls to models. Strangers never see it; it has a listener of its own
//! where services run apart.

use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use axum::{Json as Plain, Router};
use http::StatusCode;
use septet_chassis::http::{Json, Refusal};
use septet_contracts::gateway::{Balance, BillingMode, Reserve, Reserved, Settle};
use septet_kernel::{Caller, Money, RecordId};

use crate::Error;
use crate::billing::{Billing, Wanted};

pub(crate) fn routes(billing: Billing) -> Router {
    Router::new()
        .route("/internal/account", get(account))
        .route("/internal/holds", post(reserve))
        .route("/internal/holds/{id}", delete(release))
        .route("/internal/holds/{id}/settle", post(settle))
        .route("/internal/holds/{id}/renew", post(renew))
        .with_state(billing)
}

/// The account of the caller's tenant.
async fn account(State(billing): State<Billing>, caller: Caller) -> Result<Plain<Balance>, Refusal<Error>> {
    Ok(Plain(billing.balance(caller.tenant).await?))
}

/// Keeps money of the caller's tenant back.
async fn reserve(
    State(billing): State<Billing>,
    caller: Caller,
    Json(asked): Json<Reserve>,
) -> Result<Plain<Reserved>, Refusal<Error>> {
    let hold = asked.hold.to_string();
    let wanted = Wanted {
        hold: &hold,
        most: Money(asked.amount_nano),
        least: Money(asked.least_nano),
        run: asked.run.as_deref(),
    };
    let granted = billing.reserve(caller.tenant, wanted).await?;
    let mode = if granted.is_some() { BillingMode::Prepaid } else { BillingMode::Unlimited };
    let granted_nano = granted.unwrap_or_default().0;
    Ok(Plain(Reserved { mode, granted_nano, expires_in_ms: billing.hold_ms() }))
}

/// Says what the call of a hold came to.
async fn settle(
    State(billing): State<Billing>,
    caller: Caller,
    Path(id): Path<String>,
    Json(settle): Json<Settle>,
) -> Result<StatusCode, Refusal<Error>> {
    billing.settle(caller.tenant, &hold(&id)?, Money(settle.cost_nano)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a hold back.
async fn release(
    State(billing): State<Billing>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal<Error>> {
    billing.release(caller.tenant, &hold(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps a hold for longer.
async fn renew(
    State(billing): State<Billing>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal<Error>> {
    billing.renew(caller.tenant, &hold(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn hold(id: &str) -> Result<String, Error> {
    let id: RecordId = id.parse().map_err(|_no_id| Error::NotFound("there is no such hold".to_owned()))?;
    Ok(id.to_string())
}
