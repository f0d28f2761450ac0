//! The proxy that the code in one sandbox speaks to.
//!
//! It answers `GET http://host/..` by asking itself and `CONNECT host:443` by joining two streams. Names are resolved
//! here, never in the sandbox; the address that was examined is the one that is connected to, so a name that says
//! something else the next moment gains nothing. Every request is examined anew: a redirect is just another request.
//!
//! TLS is passed through untouched, once its ClientHello has named the host that the tunnel is for, except for hosts that
//! have secrets: there the proxy shows a certificate of the session's own authority, reads the requests and asks the real
//! host over TLS of its own.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, Version, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use septet_kernel::Reach;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tracing::{debug, info, warn};

use super::address::reach;
use super::client_hello;
use super::meter::{Meter, Metered};
use super::policy::{BadHost, Host};
use super::redact::{self, Redacted};
use super::refusal::Refusal;
use super::{Body, EgressPolicy};
use crate::metrics;

// Tests do not wait as long.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 20 });
const HEADERS_BYTES: usize = 32 << 10;
const BUFFER_BYTES: usize = 64 << 10;
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A model that thinks before it answers takes minutes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// Addresses of one name that are tried.
const N_TRIED: usize = 4;

/// What concerns one connection only, and not the one behind it.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

/// What the connections of one sandbox are served with.
#[derive(Clone)]
pub(super) struct EgressConnection {
    pub(super) policy: Arc<EgressPolicy>,
    pub(super) meter: Arc<Meter>,
    /// Ends what belongs to the connection when the sandbox does.
    pub(super) stop: tokio_util::sync::CancellationToken,
}

/// What goes on after an answered CONNECT.
enum Tunnel {
    Through { client: OnUpgrade, stream: TcpStream, host: Host },
    Opened { client: OnUpgrade, host: Host, port: u16 },
}

/// Serves one connection to its end.
pub(super) async fn serve<S>(connection: EgressConnection, client: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let client = TokioIo::new(Metered::new(client, Arc::clone(&connection.meter), IDLE_TIMEOUT));
    let tunnel = Arc::new(Mutex::new(None));
    let service = service_fn(|request| {
        let (connection, tunnel) = (connection.clone(), Arc::clone(&tunnel));
        async move { Ok::<_, Infallible>(answer(&connection, &tunnel, request).await) }
    });
    // A client that breaks the protocol or disconnects is no failure of ours.
    server().serve_connection(client, service).with_upgrades().await.ok();
    let tunnel = tunnel.lock().unwrap_or_else(PoisonError::into_inner).take();
    match tunnel {
        None => {}
        Some(Tunnel::Through { client, stream, host }) => {
            if let Ok(client) = client.await {
                carry(&connection, TokioIo::new(client), stream, &host).await;
            }
        }
        Some(Tunnel::Opened { client, host, port }) => {
            if let Ok(client) = client.await {
                serve_opened(&connection, TokioIo::new(client), host, port).await;
            }
        }
    }
}

/// Joins the two streams, when the client speaks TLS to the host that it asked for.
async fn carry(
    connection: &EgressConnection,
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut stream: TcpStream,
    host: &Host,
) {
    let said = timeout(HANDSHAKE_TIMEOUT, client_hello::expect(&mut client, host)).await;
    let Ok(Ok(said)) = said else {
        connection.refuse(&Refusal::OtherName(host.clone()));
        client.write_all(&client_hello::NOT_THIS_NAME).await.ok();
        client.shutdown().await.ok();
        return;
    };
    if stream.write_all(&said).await.is_ok() {
        tokio::io::copy_bidirectional(&mut client, &mut stream).await.ok();
    }
}

fn server() -> hyper::server::conn::http1::Builder {
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_header_size(HEADERS_BYTES)
        .max_buf_size(BUFFER_BYTES);
    builder
}

async fn answer(
    connection: &EgressConnection,
    tunnel: &Mutex<Option<Tunnel>>,
    request: Request<Incoming>,
) -> Response<Body> {
    let answered = if request.method() == Method::CONNECT {
        connect(connection, tunnel, request).await
    } else {
        pass(connection, request).await
    };
    answered.unwrap_or_else(|refusal| connection.refuse(&refusal))
}

/// `CONNECT host:port`.
async fn connect(
    connection: &EgressConnection,
    tunnel: &Mutex<Option<Tunnel>>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let (host, port) = target(request.uri(), None)?;
    connection.admit(&host, port)?;
    let client = hyper::upgrade::on(&mut request);
    let next = if connection.policy.secrets.concern(&host) {
        Tunnel::Opened { client, host, port }
    } else {
        let stream = connection.connect(&host, port).await?;
        metrics::egress("tunnel", "passed");
        debug!(container.id = %connection.policy.container, egress.host = %host, egress.port = port, "egress tunnel opened");
        Tunnel::Through { client, stream, host }
    };
    *tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some(next);
    Ok(Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync()))
}

/// `GET http://host/path` and the like.
async fn pass(connection: &EgressConnection, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
    match request.uri().scheme_str() {
        Some("http") => {}
        Some(_) => return Err(Refusal::Scheme),
        None => return Err(Refusal::NotForAProxy),
    }
    let (host, port) = target(request.uri(), Some(80))?;
    connection.admit(&host, port)?;
    let stream = connection.connect(&host, port).await?;
    // In a private network the operator may choose to have secrets sent in the clear.
    let is_safe = connection.policy.is_private(&host);
    let response = ask(connection, stream, request, &host, port, 80, is_safe).await?;
    connection.note("http", &host, port);
    Ok(response)
}

async fn serve_opened<S>(connection: &EgressConnection, client: S, host: Host, port: u16)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(authority) = &connection.policy.authority else { return };
    let config = match authority.server(&host) {
        Ok(config) => config,
        Err(error) => {
            warn!(container.id = %connection.policy.container, %error, "cannot make a certificate for an egress connection");
            return;
        }
    };
    let Ok(Ok(client)) = timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(client)).await else { return };
    let service = service_fn(|request| {
        let (connection, host) = (connection.clone(), host.clone());
        async move {
            let answered = pass_opened(&connection, request, &host, port).await;
            Ok::<_, Infallible>(answered.unwrap_or_else(|refusal| connection.refuse(&refusal)))
        }
    });
    server().serve_connection(TokioIo::new(client), service).await.ok();
}

/// A request inside TLS that ends here.
async fn pass_opened(
    connection: &EgressConnection,
    request: Request<Incoming>,
    host: &Host,
    port: u16,
) -> Result<Response<Body>, Refusal> {
    let mut named = request.headers().get_all(header::HOST).iter();
    let (Some(name), None) = (named.next(), named.next()) else { return Err(Refusal::OtherHost) };
    let name = name.to_str().map_err(|_| Refusal::OtherHost)?;
    let (name, named_port) = split(name).map_err(|_| Refusal::OtherHost)?;
    let is_same = name.parse().is_ok_and(|name: Host| name == *host) && named_port.unwrap_or(443) == port;
    if !is_same || request.method() == Method::CONNECT || request.uri().authority().is_some() {
        return Err(Refusal::OtherHost);
    }
    connection.admit(host, port)?;
    let stream = connection.connect(host, port).await?;
    let name = ServerName::try_from(host.as_str().to_owned()).map_err(|_| Refusal::Untrusted(host.clone()))?;
    let handshake = TlsConnector::from(Arc::clone(&connection.policy.context.upstream)).connect(name, stream);
    let stream = match timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            debug!(container.id = %connection.policy.container, egress.host = %host, %error, "egress host is not trusted");
            return Err(Refusal::Untrusted(host.clone()));
        }
        Err(_late) => return Err(Refusal::Unreachable(host.clone())),
    };
    let response = ask(connection, stream, request, host, port, 443, true).await?;
    connection.note("opened", host, port);
    Ok(response)
}

/// Sends the request over `stream`, a connection of its own.
async fn ask<S>(
    connection: &EgressConnection,
    stream: S,
    mut request: Request<Incoming>,
    host: &Host,
    port: u16,
    usual_port: u16,
    is_safe: bool,
) -> Result<Response<Body>, Refusal>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    strip(request.headers_mut());
    let name = if port == usual_port { host.to_string() } else { format!("{host}:{port}") };
    let name = HeaderValue::try_from(name).map_err(|_| Refusal::Host(BadHost::Malformed))?;
    request.headers_mut().insert(header::HOST, name);
    let values = connection.policy.secrets.put_in(host, request.headers_mut(), is_safe)?;
    if !values.is_empty() {
        // What comes back is searched for the values, which needs it as it is.
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    *request.version_mut() = Version::HTTP_11;

    let unreachable = |_: hyper::Error| Refusal::BadAnswer(host.clone());
    let mut builder = hyper::client::conn::http1::Builder::new();
    builder.max_header_size(HEADERS_BYTES);
    let (mut sender, exchange) = builder.handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
    let stop = connection.stop.clone();
    connection.policy.context.lifecycle.spawn("carry an egress request", async move {
        stop.run_until_cancelled(exchange).await;
    });
    let mut response = sender.send_request(request).await.map_err(unreachable)?;
    if response.status().is_informational() {
        return Err(Refusal::BadAnswer(host.clone()));
    }
    strip(response.headers_mut());
    *response.version_mut() = Version::HTTP_11;
    response.extensions_mut().clear();
    if values.is_empty() {
        return Ok(response.map(BodyExt::boxed_unsync));
    }
    redact::headers(response.headers_mut(), &values);
    Ok(response.map(|body| Redacted::new(body, values).boxed_unsync()))
}

impl EgressConnection {
    fn admit(&self, host: &Host, port: u16) -> Result<(), Refusal> {
        self.meter.check()?;
        self.policy.admit(host, port)
    }

    /// A connection to an address of `host` that may be reached.
    async fn connect(&self, host: &Host, port: u16) -> Result<TcpStream, Refusal> {
        let resolving = timeout(RESOLVE_TIMEOUT, self.policy.context.internet.resolve(host.as_str())).await;
        let Ok(Ok(addresses)) = resolving else { return Err(Refusal::Unresolved(host.clone())) };
        let is_private = self.policy.is_private(host);
        let refused = |what| Refusal::Address { host: host.clone(), what };
        let mut refusal = Refusal::Unresolved(host.clone());
        let mut good: Vec<IpAddr> = Vec::new();
        for address in addresses {
            match reach(address) {
                Reach::Public => good.push(address),
                Reach::Private(_) if is_private => good.push(address),
                Reach::Private(what) | Reach::Never(what) => refusal = refused(what),
            }
        }
        for address in good.into_iter().take(N_TRIED) {
            let connecting = self.policy.context.internet.connect((address, port).into());
            let Ok(Ok(stream)) = timeout(CONNECT_TIMEOUT, connecting).await else {
                refusal = Refusal::Unreachable(host.clone());
                continue;
            };
            // A public address of this very machine would lead to what listens here behind the firewall.
            let is_ourselves = stream.local_addr().is_ok_and(|own| own.ip() == address);
            if is_ourselves && !is_private {
                refusal = refused("this machine's own");
                continue;
            }
            stream.set_nodelay(true).ok();
            return Ok(stream);
        }
        Err(refusal)
    }

    fn note(&self, kind: &'static str, host: &Host, port: u16) {
        metrics::egress(kind, "passed");
        debug!(container.id = %self.policy.container, egress.host = %host, egress.port = port, "egress request passed");
    }

    fn refuse(&self, refusal: &Refusal) -> Response<Body> {
        metrics::egress("refused", refusal.name());
        if self.meter.logs_refusal() {
            info!(container.id = %self.policy.container, egress.reason = %refusal, "egress refused");
        }
        refusal.response()
    }
}

/// The host and port of a request to a proxy.
fn target(uri: &Uri, usual_port: Option<u16>) -> Result<(Host, u16), Refusal> {
    let authority = uri.authority().ok_or(Refusal::NotForAProxy)?;
    let (host, port) = split(authority.as_str()).map_err(Refusal::Host)?;
    let port = port.or(usual_port).ok_or(Refusal::NotForAProxy)?;
    Ok((host.parse().map_err(Refusal::Host)?, port))
}

/// Parts `host:port`. What it gives is not examined yet.
fn split(authority: &str) -> Result<(&str, Option<u16>), BadHost> {
    if authority.contains('@') {
        return Err(BadHost::UserInfo);
    }
    let host_end = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[host_end..].find(':').map(|at| at + host_end) {
        None => Ok((authority, None)),
        Some(at) => {
            let digits = &authority[at + 1..];
            let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let port = digits.parse().ok().filter(|_| is_number).ok_or(BadHost::Malformed)?;
            Ok((&authority[..at], Some(port)))
        }
    }
}

fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // `Connection: content-length` would make the next server see another length than we do (request smuggling).
        .filter(|name| name != header::CONTENT_LENGTH && name != header::HOST)
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
}
