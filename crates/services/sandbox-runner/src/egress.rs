//! The egress of a sandbox, for sessions that have one.
//!
//! ```text
//!  code ── 127.0.0.1:3128 (its own network namespace) ── proxy (here) ── resolve, examine, connect ── host
//!  code ── loopback of its container ── agent ── a stream that the runner asked for ──┘
//! ```
//!
//! A sandbox has no route anywhere. When the container's policy names domains and the operator permits them, its init
//! process opens one listening socket inside the namespace and hands it out; the runner accepts on it. So nothing in
//! the sandbox forwards anything, which sandbox a connection comes from needs no proof, and there is nothing to steal.
//! No socket can be handed out of a container of Docker or a pod; there the agent carries the bytes of each connection
//! over a stream that the runner has asked this one agent for. It connects to nothing, and decides nothing.
//!
//! - **Invariant:** a host is reached only when the container's list and the operator's list both cover it, and its
//!   address, as resolved here for this connection, is an ordinary one.
//! - **Invariant:** the value of a secret leaves this process only in a request to the secret's own domain.

mod address;
mod authority;
mod client_hello;
mod meter;
mod policy;
mod proxy;
mod redact;
mod refusal;
mod secrets;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use septet_chassis::Lifecycle;
use septet_contracts::sandbox as api;
use septet_kernel::ContainerId;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

use crate::{Config, Error};
use authority::Authority;
use meter::Meter;
use policy::{Domain, Host};
use proxy::EgressConnection;
use refusal::Refusal;
use secrets::{Secret, SecretName, Secrets, Vault};

/// What the proxy answers with.
type Body = UnsyncBoxBody<Bytes, hyper::Error>;

/// Where the proxy is, as code in namespaces of its own sees it.
pub(crate) const PORT: u16 = 3128;
/// After an error that may be temporary.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
const N_DOMAINS_MAX: usize = 64;
const N_SECRETS_MAX: usize = 32;

/// What a container may reach, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Network {
    allowed: Vec<Domain>,
    #[serde(default)]
    secrets: Vec<SecretName>,
}

impl Network {
    /// The domains, as they are shown.
    pub(crate) fn allowed(&self) -> Vec<String> {
        self.allowed.iter().map(ToString::to_string).collect()
    }

    /// Domains and names of the secrets, as they are shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (String, String)> {
        self.secrets.iter().map(|place| (place.domain.to_string(), place.name.clone()))
    }
}

/// What is on the other side. Tests have one of their own.
#[async_trait]
trait Internet: Send + Sync {
    /// The addresses of a name.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// As this machine sees it.
struct Real;

#[async_trait]
impl Internet for Real {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

/// What the operator permits, for all sessions. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Egress {
    context: Arc<EgressContext>,
    vault: Vault,
}

/// What all sessions share.
struct EgressContext {
    permitted: Vec<Domain>,
    private: Vec<Domain>,
    ports: Vec<u16>,
    n_connections: usize,
    bytes: u64,
    pip_index: Option<url::Url>,
    /// Certificates that the operator trusts besides the usual ones.
    extra_roots: String,
    upstream: Arc<rustls::ClientConfig>,
    internet: Arc<dyn Internet>,
    lifecycle: Lifecycle,
}

impl Egress {
    /// # Errors
    /// When a setting cannot work.
    pub(crate) fn open(config: &Config, lifecycle: Lifecycle) -> anyhow::Result<Self> {
        Self::over(config, lifecycle, Arc::new(Real))
    }

    fn over(config: &Config, lifecycle: Lifecycle, internet: Arc<dyn Internet>) -> anyhow::Result<Self> {
        septet_chassis::http::install_tls();
        let extra_roots = match config.egress_roots.as_os_str().is_empty() {
            true => String::new(),
            false => std::fs::read_to_string(&config.egress_roots)
                .with_context(|| format!("cannot read sandbox.egress_roots {}", config.egress_roots.display()))?,
        };
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in CertificateDer::pem_slice_iter(extra_roots.as_bytes()) {
            roots.add(certificate.context("sandbox.egress_roots is not a PEM file of certificates")?)?;
        }
        let mut upstream = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        upstream.alpn_protocols = vec![b"http/1.1".to_vec()];
        let context = EgressContext {
            permitted: policy::domains(&config.egress_domains).context("sandbox.egress_domains")?,
            private: policy::domains(&config.egress_private_domains).context("sandbox.egress_private_domains")?,
            ports: config.egress_ports.clone(),
            n_connections: config.egress_connections,
            bytes: config.egress_bytes,
            pip_index: pip_index(&config.egress_pip_index)?,
            extra_roots,
            upstream: Arc::new(upstream),
            internet,
            lifecycle,
        };
        Ok(Self { context: Arc::new(context), vault: Vault::default() })
    }

    /// Examines the policy of a container that is being made, and keeps its secrets.
    ///
    /// # Errors
    /// [`Error::BadNetwork`] when it is not understood, [`Error::EgressNotPermitted`] when the operator permits less.
    pub(crate) fn admit(
        &self,
        container: ContainerId,
        policy: Option<api::NetworkPolicy>,
    ) -> Result<Option<Network>, Error> {
        let (allowed, given) = match policy {
            None | Some(api::NetworkPolicy::Disabled) => return Ok(None),
            Some(api::NetworkPolicy::Allowlist { allowed_domains, domain_secrets }) => {
                (allowed_domains, domain_secrets)
            }
        };
        let bad = |why: String| Error::BadNetwork(why);
        if allowed.is_empty() || allowed.len() > N_DOMAINS_MAX || given.len() > N_SECRETS_MAX {
            return Err(bad(format!(
                "allowed_domains must have 1 to {N_DOMAINS_MAX} entries and domain_secrets at most {N_SECRETS_MAX}"
            )));
        }
        let allowed = policy::domains(&allowed).map_err(|error| bad(error.to_string()))?;
        for domain in &allowed {
            if !self.context.permitted.iter().any(|permitted| permitted.includes(domain)) {
                return Err(Error::EgressNotPermitted(domain.to_string()));
            }
        }
        let mut secrets = Vec::new();
        for api::DomainSecret { domain, name, value } in given {
            if let Some(why) = secrets::complaint(&name, &value) {
                return Err(bad(why));
            }
            let domain: Domain = domain.parse().map_err(|error: policy::BadDomain| bad(error.to_string()))?;
            if domain == Domain::All || !allowed.iter().any(|allowed| allowed.includes(&domain)) {
                return Err(bad(format!("the secret {name} is for {domain}, which is not among the allowed_domains")));
            }
            let place = SecretName { domain, name };
            if secrets.iter().any(|secret: &Secret| secret.place == place) {
                return Err(bad(format!("the secret {} is given twice for {}", place.name, place.domain)));
            }
            secrets.push(Secret { place, value: value.into() });
        }
        let network = Network { allowed, secrets: secrets.iter().map(|secret| secret.place.clone()).collect() };
        self.vault.put(container, secrets);
        Ok(Some(network))
    }

    /// Gives a copy of a container the secrets of the original.
    pub(crate) fn copy(&self, from: ContainerId, to: ContainerId) {
        self.vault.put(to, self.vault.get(from));
    }

    /// The values of a container's secrets are not needed any more.
    pub(crate) fn forget(&self, container: ContainerId) {
        self.vault.forget(container);
    }

    /// The egress of a session.
    ///
    /// # Errors
    /// When no key can be made.
    pub(crate) fn policy(&self, container: ContainerId, network: &Network) -> anyhow::Result<Arc<EgressPolicy>> {
        let secrets = Secrets::new(&network.secrets, self.vault.get(container));
        let authority = match network.secrets.is_empty() {
            true => None,
            false => Some(Authority::new(secrets.domains()).context("cannot make a certificate authority")?),
        };
        let context = Arc::clone(&self.context);
        Ok(Arc::new(EgressPolicy { container, allowed: network.allowed.clone(), secrets, authority, context }))
    }
}

fn pip_index(text: &str) -> anyhow::Result<Option<url::Url>> {
    if text.is_empty() {
        return Ok(None);
    }
    let url = url::Url::parse(text).context("sandbox.egress_pip_index is not an address")?;
    let is_plain = matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
    // It is shown to code, and a password would be too.
    let is_open = url.username().is_empty() && url.password().is_none();
    anyhow::ensure!(is_plain && is_open, "sandbox.egress_pip_index must be http(s)://host/path without a user name");
    Ok(Some(url))
}

/// What the code of a session is told about its egress, whatever the port. Nothing in it is secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Directions {
    /// By name. Secrets are placeholders.
    environment: BTreeMap<String, String>,
    /// In PEM, to be trusted besides the usual ones. Often none.
    certificates: String,
}

/// What reaches the worker: the egress from where it stands.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outlet {
    port: u16,
    /// Whether nothing but Landlock keeps the code from other addresses.
    must_fence: bool,
    environment: BTreeMap<String, String>,
    certificates: String,
}

impl Directions {
    /// The egress behind a port of loopback.
    pub(crate) fn at(self, port: u16, must_fence: bool) -> Outlet {
        let Self { mut environment, certificates } = self;
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
            environment.insert(name.to_owned(), format!("http://127.0.0.1:{port}"));
        }
        for name in ["NO_PROXY", "no_proxy"] {
            environment.insert(name.to_owned(), String::new());
        }
        Outlet { port, must_fence, environment, certificates }
    }
}

/// The egress of one session.
pub(crate) struct EgressPolicy {
    container: ContainerId,
    allowed: Vec<Domain>,
    secrets: Secrets,
    authority: Option<Authority>,
    context: Arc<EgressContext>,
}

impl EgressPolicy {
    /// What code is to know.
    pub(crate) fn directions(&self) -> Directions {
        Directions { environment: self.environment(), certificates: self.certificates() }
    }

    fn environment(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> = BTreeMap::new();
        if let Some(index) = &self.context.pip_index {
            all.insert("PIP_INDEX_URL".to_owned(), index.to_string());
            if index.scheme() == "http" {
                let port = index.port().map(|port| format!(":{port}")).unwrap_or_default();
                all.insert("PIP_TRUSTED_HOST".to_owned(), format!("{}{port}", index.host_str().unwrap_or_default()));
            }
        }
        all.extend(self.secrets.environment().map(|(name, placeholder)| (name.clone(), placeholder.clone())));
        all
    }

    fn certificates(&self) -> String {
        let own = self.authority.as_ref().map(Authority::pem).unwrap_or_default();
        format!("{}{own}", self.context.extra_roots)
    }

    /// Serves what connects to a listening socket of the sandbox, until the answer is dropped.
    ///
    /// # Errors
    /// When the descriptor is no listening socket.
    pub(crate) fn serve(self: &Arc<Self>, listener: std::net::TcpListener) -> io::Result<Serving> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let container = self.container;
        let arrivals = futures::stream::unfold(listener, move |listener| async move {
            let client = accept(&listener, container).await;
            Some((client, listener))
        });
        Ok(self.serve_all(arrivals))
    }

    /// Serves streams that begin at code of the sandbox, as they arrive, until the answer is dropped.
    pub(crate) fn serve_all<S>(self: &Arc<Self>, arrivals: impl Stream<Item = S> + Send + 'static) -> Serving
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let meter = Arc::new(Meter::new(self.context.bytes));
        let stop = CancellationToken::new();
        let connection = EgressConnection { policy: Arc::clone(self), meter: Arc::clone(&meter), stop: stop.clone() };
        self.context.lifecycle.spawn("serve a sandbox's egress", async move {
            let stop = connection.stop.clone();
            stop.run_until_cancelled(serve(arrivals, connection)).await;
        });
        Serving { meter, _stop: stop.drop_guard() }
    }

    fn admit(&self, host: &Host, port: u16) -> Result<(), Refusal> {
        let covers = |list: &[Domain]| list.iter().any(|domain| domain.covers(host));
        if !covers(&self.allowed) {
            return Err(Refusal::NotAllowed(host.clone()));
        }
        // The operator may have changed their mind since the container was made.
        if !covers(&self.context.permitted) {
            return Err(Refusal::NotPermitted(host.clone()));
        }
        if !self.context.ports.contains(&port) {
            return Err(Refusal::Port(port));
        }
        Ok(())
    }

    fn is_private(&self, host: &Host) -> bool {
        self.context.private.iter().any(|domain| domain.covers(host))
    }
}

/// Egress that is open. It closes, with every connection, when this is dropped.
pub(crate) struct Serving {
    meter: Arc<Meter>,
    _stop: DropGuard,
}

impl Serving {
    /// Another execution begins, with all its bytes before it.
    pub(crate) fn renew(&self) {
        self.meter.renew();
    }
}

async fn accept(listener: &tokio::net::TcpListener, container: ContainerId) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                client.set_nodelay(true).ok();
                return client;
            }
            Err(error) => {
                warn!(container.id = %container, %error, "cannot accept a connection from a sandbox");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            }
        }
    }
}

async fn serve<S>(arrivals: impl Stream<Item = S>, connection: EgressConnection)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut arrivals = std::pin::pin!(arrivals);
    let places = Arc::new(Semaphore::new(connection.policy.context.n_connections));
    loop {
        // More connections wait in the kernel until one of these ends.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Some(client) = arrivals.next().await else { return };
        let connection = connection.clone();
        let lifecycle = connection.policy.context.lifecycle.clone();
        lifecycle.spawn("serve an egress connection", async move {
            let _place = place;
            let stop = connection.stop.clone();
            stop.run_until_cancelled(proxy::serve(connection, client)).await;
        });
    }
}
