//! Money as people see it: balance, bookings, usage; and the operator's side of it.

use axum::Json as Plain;
use axum::extract::{Path, State};
use http::HeaderMap;
use septet_chassis::http::{Json, Query, Refusal};
use septet_contracts::gateway::{
    Balance, BillingChange, LedgerEntry, RefusedUsage, TopUp, UsageReport, UsageReportQuery,
};
use septet_contracts::management::Permission::{ManageTenants, ReadTenant, ReadUsage};
use septet_contracts::page::{Page, PageQuery};
use septet_kernel::{Caller, Kind, Money, TenantId};
use tracing::info;
use utoipa_axum::routes;

use crate::Error;
use crate::access::{needs, operators_need};
use crate::gateway::{App, Gateway};
use crate::route::Routes;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(routes!(balance), needs(ReadTenant))
        .route(routes!(ledger), needs(ReadUsage))
        .route(routes!(usage), needs(ReadUsage))
        .route(routes!(accounts), operators_need(ManageTenants))
        .route(routes!(refused), operators_need(ManageTenants))
        .route(routes!(change_account), operators_need(ManageTenants))
        .route(routes!(top_up), operators_need(ManageTenants))
}

/// The balance of one's own tenant.
#[utoipa::path(get, path = "/api/balance", tag = "Billing", responses((status = 200, body = Balance)))]
async fn balance(State(app): State<App>, caller: Caller) -> Result<Plain<Balance>, Refusal<Error>> {
    Ok(Plain(app.billing.balance(caller.tenant).await?))
}

/// The bookings on one's own tenant's account, newest first.
#[utoipa::path(get, path = "/api/ledger", tag = "Billing", params(PageQuery),
    responses((status = 200, body = Page<LedgerEntry>)))]
async fn ledger(
    State(app): State<App>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Plain<Page<LedgerEntry>>, Refusal<Error>> {
    Ok(Plain(app.billing.ledger(caller.tenant, &page).await?))
}

/// What one's own tenant used, summed up.
#[utoipa::path(get, path = "/api/usage", tag = "Billing", params(UsageReportQuery),
    responses((status = 200, body = UsageReport)))]
async fn usage(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<UsageReportQuery>,
) -> Result<Plain<UsageReport>, Refusal<Error>> {
    Ok(Plain(app.billing.report(caller.tenant, &query).await?))
}

/// All accounts; for owners of the home tenant.
#[utoipa::path(get, path = "/api/accounts", tag = "Billing", responses((status = 200, body = Page<Balance>)))]
async fn accounts(State(app): State<App>) -> Result<Plain<Page<Balance>>, Refusal<Error>> {
    let all = app.billing.accounts().await?;
    Ok(Plain(Page::new(all, false, |balance| balance.tenant.to_string())))
}

/// Usage records that cannot be true and were put aside, newest first; for owners of the home tenant. Each says what was
/// booked in its place.
#[utoipa::path(get, path = "/api/usage/refused", tag = "Billing", params(PageQuery),
    responses((status = 200, body = Page<RefusedUsage>)))]
async fn refused(
    State(app): State<App>,
    Query(page): Query<PageQuery>,
) -> Result<Plain<Page<RefusedUsage>>, Refusal<Error>> {
    Ok(Plain(app.billing.refused(&page).await?))
}

/// Changes how a tenant pays; for owners of the home tenant.
#[utoipa::path(patch, path = "/api/accounts/{id}", tag = "Billing", request_body = BillingChange,
    responses((status = 200, body = Balance)))]
async fn change_account(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Json(change): Json<BillingChange>,
) -> Result<Plain<Balance>, Refusal<Error>> {
    let tenant: TenantId = id.parse().map_err(|_| Error::NotFound("there is no such tenant".to_owned()))?;
    app.known_tenant(&caller, tenant).await?;
    app.billing.set_mode(tenant, change.mode).await?;
    info!(tenant.id = %tenant, billing.mode = change.mode.as_str(), "billing changed");
    Ok(Plain(app.billing.balance(tenant).await?))
}

/// Puts money on a tenant's account; for owners of the home tenant. Send an `Idempotency-Key`: the same key again books
/// nothing.
#[utoipa::path(post, path = "/api/accounts/top-up", tag = "Billing", request_body = TopUp,
    responses((status = 200, body = Balance)))]
async fn top_up(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(top_up): Json<TopUp>,
) -> Result<Plain<Balance>, Refusal<Error>> {
    let tenant = top_up.tenant.unwrap_or(caller.tenant);
    app.known_tenant(&caller, tenant).await?;
    let key = headers.get("idempotency-key").and_then(|value| value.to_str().ok()).map(str::to_owned);
    if key.as_ref().is_some_and(|key| key.is_empty() || key.len() > 200) {
        return Err(Error::bad_request("an Idempotency-Key has 1 to 200 characters", "").into());
    }
    let key = key.unwrap_or_else(|| caller.request.to_string());
    let memo: String = top_up.memo.chars().take(200).collect();
    let balance = app.billing.top_up(tenant, Money(top_up.amount_nano), &key, &memo).await?;
    info!(tenant.id = %tenant, amount_nano = top_up.amount_nano, "account topped up");
    Ok(Plain(balance))
}

impl Gateway {
    async fn known_tenant(&self, caller: &Caller, tenant: TenantId) -> Result<(), Error> {
        match self.management.tenant(caller, tenant).await {
            Ok(_) => Ok(()),
            Err(error) if error.kind == Kind::NotFound => Err(Error::bad_request("there is no such tenant", "tenant")),
            Err(error) => Err(error.into()),
        }
    }
}
