//! Admission: the layers that every request passes on its way in and out.
//!
//! Outside, for all paths: a request id, the span, the shape of errors. Inside, for known routes, in this order: who is
//! asking, may they, how often, how large, how long. Each step refuses before the next one costs anything. The cost of
//! a request is not known here: the model gateway asks the account before each call to a model.

mod guard;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use septet_chassis::REQUEST_ID_HEADER;
use septet_chassis::http::{Problem, Refusal, Verdict, scanned};
use septet_kernel::{Caller, Kind, RequestId};
use tracing::{Instrument, error, info_span};

use self::guard::Guard;
use crate::Error;
use crate::access::{Audience, Weight};
use crate::auth::identity::Identity;
use crate::gateway::App;
use crate::shape::{Surface, shape};

// A sign-in is a few hundred bytes.
const MAX_STRANGER_BYTES: u64 = 64 << 10;

/// What was found wrong with a body while a handler read it. The handler's own error would be less clear.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inspection {
    is_too_long: Arc<AtomicBool>,
    limit_bytes: u64,
    shape: Verdict,
}

impl Inspection {
    /// The refusal, when the body was too long or made of too much.
    pub(crate) fn refusal(&self) -> Option<Error> {
        if self.is_too_long.load(Ordering::Relaxed) {
            return Some(Error::TooLarge { limit_bytes: self.limit_bytes });
        }
        self.shape.excess().map(Error::TooComplex)
    }
}

/// The outermost layer.
pub(crate) async fn outside(State(app): State<App>, request: Request, next: Next) -> Response {
    let id: RequestId = app.ids.next();
    let surface = Surface::of(request.uri().path());
    let span = info_span!("admission", request.id = %id);
    async move {
        let (mut parts, body) = request.into_parts();
        let origin = app.proxies.origin(&parts);
        parts.extensions.insert(id);
        parts.extensions.insert(origin);
        // Only admission says who is calling.
        parts.extensions.remove::<Caller>();
        let response = next.run(Request::from_parts(parts, body)).await;
        let mut response = shape(surface, id, response).await;
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::try_from(id.to_string()) {
            headers.insert(REQUEST_ID_HEADER, value);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if surface != Surface::Console && !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        response
    }
    .instrument(span)
    .await
}

/// A panic of a handler, said in the words of the surface.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    error!(panic.message = what.unwrap_or("of an unknown type"), "a handler panicked");
    Problem::new(Kind::Internal, "a bug stopped this request; the log has the details under its id").into_response()
}

/// The layer of every known route.
pub(crate) async fn inside(State(app): State<App>, request: Request, next: Next) -> Response {
    match admit(&app, request).await {
        Ok((request, admission)) => admission.walk(request, next).await,
        Err(Error::WrongMethod(methods)) => {
            let allow = HeaderValue::try_from(&methods).unwrap_or(HeaderValue::from_static("GET"));
            let mut response = Refusal::from(Error::WrongMethod(methods)).into_response();
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(header::ALLOW, allow);
            response
        }
        Err(error) => Refusal::from(error).into_response(),
    }
}

/// What an admitted request carries to its end.
struct Admission {
    inspection: Inspection,
    left: Option<crate::limits::Left>,
    guard: Option<Guard>,
    wait: Duration,
}

async fn admit(app: &App, request: Request) -> Result<(Request, Admission), Error> {
    let (mut parts, body) = request.into_parts();
    let route = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.ok_or(Error::Bug("a route without a path"))?;
    // The router asks for paths that it knows with other methods too. Without a rule nothing passes.
    let access = app.rules.find(&parts.method, &route).ok_or_else(|| Error::WrongMethod(app.rules.methods(&route)))?;
    let wait = match access.weight {
        Weight::Light => app.config.request_timeout(),
        Weight::Long | Weight::Upload => app.config.run_timeout(),
    };
    let inspection = Inspection::default();
    let mut admission = Admission { inspection, left: None, guard: None, wait };
    if let Some(permission) = access.permission() {
        let id = *parts.extensions.get::<RequestId>().ok_or(Error::Bug("a request without an id"))?;
        app.auth.rights_must_be_known(parts.method.is_safe()).await?;
        let identity = identify(app, &parts, access.takes_ticket, id).await?;
        if !permission.is_granted_to(identity.role) {
            return Err(Error::Denied(permission));
        }
        admission.left = Some(app.limits.count(&identity).await?);
        let deadline = app.clock.now().checked_add(wait).ok();
        let caller = identity.caller(id, deadline);
        if matches!(access.audience, Audience::Operates(_)) {
            must_be_home(app, &caller).await?;
        }
        parts.extensions.insert(caller);
        parts.extensions.insert(permission);
        if access.weight != Weight::Light {
            admission.guard = Some(Guard { app: app.clone(), identity: identity.clone(), permission, request: id });
        }
        parts.extensions.insert(identity);
    }
    let limit_bytes = match access.weight {
        // Strangers have little to say.
        _ if access.audience == Audience::Anybody => MAX_STRANGER_BYTES,
        Weight::Upload => app.config.upload_limit_bytes(),
        Weight::Light | Weight::Long => app.config.json_limit_bytes(),
    };
    let (request, inspection) = inspected(Request::from_parts(parts, body), limit_bytes)?;
    admission.inspection = inspection;
    Ok((request, admission))
}

impl Admission {
    async fn walk(self, request: Request, next: Next) -> Response {
        let Self { inspection, left, guard, wait } = self;
        let taken_back = async {
            match &guard {
                Some(guard) => guard.taken_back().await,
                None => std::future::pending().await,
            }
        };
        let response = tokio::select! {
            response = tokio::time::timeout(wait, next.run(request)) => response,
            error = taken_back => return Refusal::from(error).into_response(),
        };
        let Ok(mut response) = response else {
            return Refusal::from(Error::Timeout(wait.as_secs())).into_response();
        };
        // Whatever was made of what came before.
        if let Some(refusal) = inspection.refusal() {
            response = Refusal::from(refusal).into_response();
        }
        if let Some(left) = left {
            left.write(response.headers_mut());
        }
        match guard {
            Some(guard) => guard.over(response),
            None => response,
        }
    }
}

/// Passes for people of the home tenant.
async fn must_be_home(app: &App, caller: &Caller) -> Result<(), Error> {
    let own = app.management.tenant(caller, caller.tenant).await?;
    if own.home { Ok(()) } else { Err(Error::NotOperator) }
}

async fn identify(app: &App, parts: &Parts, takes_ticket: bool, id: RequestId) -> Result<Identity, Error> {
    let header = parts.headers.get(header::AUTHORIZATION);
    let Some(header) = header else {
        // Anthropic's SDKs send their key this way.
        if let Some(key) = parts.headers.get("x-api-key") {
            let key = key.to_str().map_err(|_| Error::BadToken)?;
            return app.auth.identify(key.trim(), id).await;
        }
        let ticket = takes_ticket.then(|| query_value(parts.uri.query().unwrap_or_default(), "ticket")).flatten();
        return match ticket {
            Some(ticket) => app.auth.take_ticket(&ticket).await,
            None => Err(Error::NoCredentials),
        };
    };
    let text = header.to_str().map_err(|_| Error::BadToken)?;
    let (scheme, bearer) = text.split_once(' ').ok_or(Error::NoCredentials)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::NoCredentials);
    }
    app.auth.identify(bearer.trim(), id).await
}

/// The first value of a name in a query string, if it needs no unescaping: tickets and ids do not.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}

/// Checks a body while it is read: its length and its structure.
fn inspected(request: Request, limit_bytes: u64) -> Result<(Request, Inspection), Error> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced: Option<u64> = announced.and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|n_bytes| n_bytes > limit_bytes) {
        return Err(Error::TooLarge { limit_bytes });
    }
    let is_too_long = Arc::<AtomicBool>::default();
    let flag = is_too_long.clone();
    let limit = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
    let limited = request.map(|body| {
        Body::new(Limited::new(body, limit).map_err(move |error| {
            if error.is::<http_body_util::LengthLimitError>() {
                flag.store(true, Ordering::Relaxed);
            }
            error
        }))
    });
    let (mut request, shape) = scanned(limited);
    let inspection = Inspection { is_too_long, limit_bytes, shape };
    request.extensions_mut().insert(inspection.clone());
    Ok((request, inspection))
}
