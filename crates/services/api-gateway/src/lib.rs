//! The API gateway: the only public surface of Septet.
//!
//! ```text
//!   browser, SDK, curl
//!        │  REST · SSE · WebSocket
//!        ▼
//!   admission: request id ─ who ─ may they ─ how often ─ how large ─ how long
//!        │
//!        ├── /v1/responses, /v1/conversations ──► agent-core        (a run that breaks off is read on)
//!        ├── /v1/chat, /v1/embeddings ──────────► model-gateway, or agent-core for agent:<name>
//!        ├── /v1/files, /v1/vector_stores ──────► blob store + knowledge-engine
//!        ├── /v1/containers ────────────────────► sandbox-runner
//!        ├── /api/... ──────────────────────────► management, async-worker, its own accounts
//!        └── everything else ───────────────────► the console
//!
//!   model-gateway's usage feed ──► ledger (every record once)
//!   model-gateway, before each call ──► holds on prepaid accounts (a surface for peers alone)
//! ```
//!
//! It keeps sessions, accounts and the ledger, and nothing else: what it passes on belongs to the service behind it.
//! A caller is minted here and nowhere else, and nothing that a client sends can look like one.

mod access;
mod address;
mod admission;
mod auth;
mod billing;
mod body;
mod chat;
mod config;
mod console;
mod error;
mod events;
mod gateway;
mod installation;
mod limits;
mod metrics;
mod migration;
mod openapi;
mod proxy;
mod route;
mod routes;
mod runs;
mod shape;
mod socket;
mod status;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use septet_blobs::Blobs;
use septet_chassis::http::{Limits as HttpLimits, Refusal, Surface as Reach};
use septet_chassis::{Platform, Ready, Service};
use septet_contracts::agents::Agents;
use septet_contracts::management::Management;
use septet_contracts::models::Models;
use septet_contracts::sandbox::Sandbox;
use septet_database::Database;
use septet_kernel::ServiceName;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{error, warn};

pub use crate::billing::{Billing, Wanted};
pub use crate::config::{BillingConfig, Config};
pub use crate::error::Error;

use crate::address::Proxies;
use crate::auth::Auth;
use crate::console::Console;
use crate::gateway::{App, Gateway};
use crate::limits::Limits;
use crate::shape::Surface;
use crate::status::StatusBoard;

const SWEEP_INTERVAL: Duration = Duration::from_secs(600);
const SWEEPS_PER_DAY: u64 = 144;

/// Opens the gateway over its own tables in `database` and the blobs that uploads go to.
///
/// # Errors
/// When the settings are wrong, the tables cannot be brought up to date, or the signing key can be neither read nor
/// made.
pub async fn open(config: Config, platform: &Platform, database: Database, blobs: Blobs) -> anyhow::Result<Service> {
    config.check().map_err(anyhow::Error::msg)?;
    metrics::describe();
    database.migrate(&migration::MIGRATIONS).await.context("the gateway's tables")?;
    let Platform { directory, clock, ids, lifecycle, cpu } = platform.clone();
    let management = Management::new(directory.transport(ServiceName::Management));
    let models = Models::new(directory.transport(ServiceName::ModelGateway));
    let sandbox = Sandbox::new(directory.transport(ServiceName::SandboxRunner));
    let auth = Auth::open(&config, &database, management.clone(), &clock, &ids).await?;
    let installation = installation::id(&database, &ids).await?;
    let billing = Billing::new(database, clock.clone(), ids.clone(), config.billing.clone());
    let (router, api, rules) = routes::all().split();
    let run_timeout = config.run_timeout();
    let app: App = Arc::new(Gateway {
        proxies: Proxies::new(&config.trusted_proxies).map_err(anyhow::Error::msg)?,
        limits: Limits::new(config.requests_per_minute, config.tenant_requests_per_minute, clock.clone()),
        console: Console::new(config.console_folder.clone()),
        agents: Agents::new(directory.transport(ServiceName::AgentCore)),
        status: StatusBoard::new(models.clone(), sandbox, config.default_agent.clone()),
        rules,
        description: openapi::text(api),
        config,
        clock,
        ids,
        directory,
        lifecycle: lifecycle.clone(),
        cpu,
        auth,
        billing: billing.clone(),
        blobs,
        management,
    });
    let inner = routes::inside::routes(billing.clone());
    lifecycle.spawn("feed the ledger from usage", billing.feed(models, lifecycle.stopping()));
    lifecycle.spawn("sweep sessions", sweep(app.clone()));
    lifecycle.spawn("learn changed rights", keep_up(app.clone()));
    lifecycle.spawn("sweep the blob store", sweep::sweep_blobs(app.clone(), installation));
    let largest = usize::try_from(app.config.upload_limit_bytes().max(app.config.json_limit_bytes()));
    Ok(Service {
        name: ServiceName::ApiGateway,
        router: surface(router, app),
        surface: Reach::Public,
        inner: Some(inner),
        // Admission has its own limits for each route; these must not be lower.
        limits: HttpLimits {
            body_bytes: largest.unwrap_or(usize::MAX),
            n_concurrent: 8192,
            timeout: run_timeout + Duration::from_secs(10),
        },
        ready: Ready::default(),
    })
}

/// The description of the whole public surface as JSON, OpenAPI 3.1.
#[must_use]
pub fn openapi() -> String {
    let (_router, api, _rules) = routes::all().split();
    openapi::text(api)
}

fn surface(router: Router<App>, app: App) -> Router {
    router
        .route_layer(middleware::from_fn_with_state(app.clone(), admission::inside))
        .fallback(elsewhere)
        .layer(CatchPanicLayer::custom(admission::panicked))
        .layer(middleware::from_fn_with_state(app.clone(), admission::outside))
        .with_state(app)
}

/// What is no route: a wrong address of the API, or an address of the console.
async fn elsewhere(State(app): State<App>, request: Request) -> Response {
    let path = request.uri().path();
    match Surface::of(path) {
        Surface::Console => app.console.answer(request.method(), path, request.headers()).await,
        Surface::OpenAi | Surface::Anthropic | Surface::Own => {
            let error =
                Error::NoRoute { path: path.chars().take(200).collect(), nearest: nearest(app.rules.paths(), path) };
            Refusal::from(error).into_response()
        }
    }
}

/// The route that a wrong path most likely meant. What stands for an id in the template matches anything.
fn nearest<'a>(templates: impl Iterator<Item = &'a str>, path: &str) -> Option<String> {
    let path: String = path.chars().take(200).collect();
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let likeness = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        let filled: Vec<&str> = wanted
            .iter()
            .enumerate()
            .map(|(idx, part)| if part.starts_with('{') { parts.get(idx).copied().unwrap_or(part) } else { part })
            .collect();
        strsim::normalized_damerau_levenshtein(&filled.join("/"), &parts.join("/"))
    };
    let scored = templates.map(|template| (likeness(template), template));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0).then_with(|| other.1.cmp(one.1)));
    best.filter(|(likeness, _)| *likeness >= 0.6).map(|(_, template)| template.to_owned())
}

async fn keep_up(app: App) {
    app.auth.keep_up(app.lifecycle.stopping()).await;
}

async fn sweep(app: App) {
    let stopping = app.lifecycle.stopping();
    for n_sweeps in 0_u64.. {
        if let Err(error) = app.auth.sweep().await {
            warn!(error.detail = %septet_kernel::causes(&error), "old sessions cannot be removed");
        }
        if n_sweeps % SWEEPS_PER_DAY == 0 {
            check_the_books(&app.billing).await;
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            () = stopping.cancelled() => return,
        }
    }
}

async fn check_the_books(billing: &Billing) {
    match billing.check().await {
        Ok((wrong, true)) if wrong.is_empty() => {}
        Ok((wrong, is_balanced)) => {
            error!(tenants = ?wrong, ledger.is_balanced = is_balanced, "balances and ledger disagree");
        }
        Err(error) => warn!(error.detail = %septet_kernel::causes(&error), "the books cannot be checked"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_mistyped_path_is_answered_with_the_one_that_was_meant() {
        let templates = ["/v1/responses", "/v1/files/{file_id}/content", "/v1/vector_stores/{id}/files"];
        let nearest = |path| super::nearest(templates.into_iter(), path);

        assert_eq!(nearest("/v1/response").as_deref(), Some("/v1/responses"));
        assert_eq!(nearest("/v1/files/file-1/contents").as_deref(), Some("/v1/files/{file_id}/content"));
        assert_eq!(nearest("/v1/vectorstores/vs_1/files").as_deref(), Some("/v1/vector_stores/{id}/files"));
        assert_eq!(nearest("/api/x"), None);
    }
}
