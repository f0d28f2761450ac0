//! The layers around every service's router: the same in process and behind a listener.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use septet_kernel::{Caller, Clock, Kind, ServiceName};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument, error, info_span};

use super::{Problem, guard, scanned};
use crate::identity::{self, IDENTITY_HEADER, REQUEST_ID_HEADER};
use crate::{Platform, Ready, Service, Signer};

/// What a service accepts.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest body in bytes. Larger things travel as blob ids.
    pub body_bytes: usize,
    /// How many requests may be waiting for the head of their answer at a time; more wait.
    pub n_concurrent: usize,
    /// How long a request may take until the head of its answer when its caller set no deadline.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 8 << 20, n_concurrent: 1024, timeout: Duration::from_secs(300) }
    }
}

/// Who may reach a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// Strangers: it finds out itself who is calling.
    Public,
    /// Peers: the caller comes signed.
    Internal,
}

#[derive(Clone)]
struct LayerContext {
    service: ServiceName,
    surface: Surface,
    timeout: Duration,
    signer: Signer,
    clock: Clock,
}

/// Puts the layers around a service. Outermost first: span and metrics, panic, body limit, concurrency, identity,
/// deadline, the shape of the body.
pub fn wrap(service: Service, platform: &Platform) -> Router {
    let Service { name, router, surface, limits, ready, inner: _ } = service;
    let context = LayerContext {
        service: name,
        surface,
        timeout: limits.timeout,
        signer: platform.directory.signer().clone(),
        clock: platform.clock.clone(),
    };
    // The public surface scans bodies in its own admission layer, which knows how to word the refusal.
    let router = match surface {
        Surface::Internal => router.layer(middleware::from_fn(scanned::scan)),
        Surface::Public => router,
    };
    router
        .layer(Extension(platform.cpu.clone()))
        .layer(middleware::from_fn_with_state(context.clone(), identify))
        .layer(tower::limit::GlobalConcurrencyLimitLayer::new(limits.n_concurrent))
        .layer(DefaultBodyLimit::max(limits.body_bytes))
        .merge(health(ready))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(context, observe))
}

/// `/health` is what most balancers ask when nobody tells them better: it answers as `/health/ready` does.
fn health(ready: Ready) -> Router {
    let is_ready = get(move || async move {
        if ready.get() {
            "ready".into_response()
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready").into_response()
        }
    });
    Router::new()
        .route("/health/live", get(|| async { "live" }))
        .route("/health/ready", is_ready.clone())
        .route("/health", is_ready)
}

/// Replaces whatever identity a request claims by the verified one, and ends it at its deadline.
async fn identify(State(context): State<LayerContext>, mut request: Request, next: Next) -> Response {
    let mut time_left = context.timeout;
    if context.surface == Surface::Internal {
        request.extensions_mut().remove::<Caller>();
        let token = request.headers().get(IDENTITY_HEADER).and_then(|value| value.to_str().ok());
        if let Some(token) = token {
            let Some(mut caller) = context.signer.verify(context.service, token) else {
                return Problem::new(
                    Kind::Unauthenticated,
                    "the internal identity is not valid here; do all services share one internal secret, and do their clocks agree?",
                )
                .into_response();
            };
            caller.deadline = identity::deadline(request.headers());
            if let Some(deadline) = caller.deadline {
                time_left = Duration::try_from(deadline.duration_since(context.clock.now())).unwrap_or(Duration::ZERO);
            }
            request.extensions_mut().insert(caller);
        }
    }
    match tokio::time::timeout(time_left, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => Problem::new(
            Kind::Timeout,
            format!("{} did not answer before the deadline; try again or ask for less", context.service),
        )
        .into_response(),
    }
}

/// Gives the request its span and its metrics.
async fn observe(State(context): State<LayerContext>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let request_id =
        request.headers().get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let span = info_span!(
        "request",
        service = context.service.as_str(),
        method = %request.method(),
        route,
        request.id = request_id,
    );
    let response = next.run(request).instrument(span).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("septet_http_requests_total", "service" => context.service.as_str(), "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("septet_http_request_seconds", "service" => context.service.as_str(), "route" => route)
        .record(started.elapsed().as_secs_f64());
    let mut response = response.map(guard);
    if !request_id.is_empty()
        && !response.headers().contains_key(REQUEST_ID_HEADER)
        && let Ok(value) = HeaderValue::try_from(request_id)
    {
        response.headers_mut().insert(REQUEST_ID_HEADER, value);
    }
    response
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    error!(panic.message = what.unwrap_or("of an unknown type"), "a handler panicked");
    Problem::new(Kind::Internal, "a bug stopped this request; the log has the details").into_response()
}
