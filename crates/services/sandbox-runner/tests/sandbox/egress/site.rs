//! What is on the other side: a server, and containers that may reach it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use septet_contracts::sandbox::{DomainSecret, NetworkPolicy, NewContainer};
use septet_kernel::ContainerId;
use septet_sandbox_runner::Config;
use tokio::net::TcpListener;

use crate::support::Harness;

pub(crate) const SECRET: &str = "sk-0123456789abcdef";

/// Files by path, and what was asked for.
#[derive(Clone, Default)]
pub(crate) struct Site {
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

async fn serve_site(State(site): State<Site>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let key = request.headers().get(header::AUTHORIZATION).map(|key| key.to_str().unwrap().to_owned());
    site.asked.lock().unwrap().push(format!("{path} {}", key.clone().unwrap_or_default()));
    if path == "/metadata" {
        return (StatusCode::FOUND, [(header::LOCATION, "http://169.254.169.254/latest/")]).into_response();
    }
    if path == "/me" {
        return format!("hello {}", key.unwrap_or_default()).into_response();
    }
    match site.files.lock().unwrap().get(&path) {
        Some(file) => {
            let mime = if path.ends_with('/') { "text/html" } else { "application/octet-stream" };
            ([(header::CONTENT_TYPE, mime)], file.clone()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Site {
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(path.to_owned(), bytes.into());
    }

    pub(crate) async fn serve(
        &self,
        harness: &Harness,
        listener: std::net::TcpListener,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) {
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let router = Router::new().fallback(serve_site).with_state(self.clone());
        let lifecycle = harness.platform.lifecycle.clone();
        harness.platform.lifecycle.spawn("site", async move {
            let stopping = lifecycle.stopping();
            while let Some(Ok((stream, _))) = stopping.run_until_cancelled(listener.accept()).await {
                let stopping = stopping.clone();
                let (tls, service) = (tls.clone(), TowerToHyperService::new(router.clone()));
                lifecycle.spawn("site connection", async move {
                    let http = hyper::server::conn::http1::Builder::new();
                    let serving = async {
                        match tls {
                            None => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                            Some(tls) => match tls.accept(stream).await {
                                Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                                Err(_) => None,
                            },
                        }
                    };
                    stopping.run_until_cancelled(serving).await;
                });
            }
        });
    }
}

pub(crate) fn listen() -> (std::net::TcpListener, u16) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The settings of an operator who permits this machine's own `localhost` at a port.
pub(crate) fn permitting(base: Config, ports: &[u16]) -> Config {
    Config {
        egress_domains: vec!["localhost".to_owned(), "*.example".to_owned()],
        egress_private_domains: vec!["localhost".to_owned()],
        egress_ports: ports.to_vec(),
        ..base
    }
}

pub(crate) fn allow(domains: &[&str], secrets: &[&str]) -> NewContainer {
    let secret = |domain: &&str| DomainSecret {
        domain: (*domain).to_owned(),
        name: "API_KEY".to_owned(),
        value: SECRET.to_owned(),
    };
    NewContainer {
        network_policy: Some(NetworkPolicy::Allowlist {
            allowed_domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
            domain_secrets: secrets.iter().map(secret).collect(),
        }),
        ..NewContainer::default()
    }
}

impl Harness {
    pub(crate) async fn with_network(&self, new: NewContainer) -> ContainerId {
        self.client.create(&self.caller, &new).await.unwrap().id
    }
}

pub(crate) fn certified() -> (tokio_rustls::TlsAcceptor, tempfile::NamedTempFile) {
    septet_chassis::http::install_tls();
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    let roots = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(roots.path(), signed.cert.pem()).unwrap();
    (tokio_rustls::TlsAcceptor::from(Arc::new(config)), roots)
}
