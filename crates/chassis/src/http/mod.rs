//! HTTP as every service speaks it: layers around the router, problem+json, JSON bodies, listeners.

mod body;
pub mod caps;
mod content;
pub mod form;
mod json;
mod layers;
mod listener;
mod problem;
pub mod scan;
mod scanned;

pub use body::guard;
pub use content::Content;
pub use json::{Json, Query, read_json};
pub use layers::{Limits, Surface, wrap};
pub use listener::{Listening, serve, serve_with};
pub use problem::{Problem, Refusal, log_failure};
pub use scanned::{Verdict, scanned};

/// An HTTP client to the outside: rustls, the system's proxy settings, time-outs on connecting.
///
/// # Errors
/// When the TLS set-up fails.
pub fn client(connect_timeout: std::time::Duration) -> Result<reqwest::Client, reqwest::Error> {
    client_builder(connect_timeout).build()
}

/// What [`client`] is built from, for a service that wants to set more: how names are resolved, say.
#[expect(clippy::disallowed_methods, reason = "the one place that builds an HTTP client")]
pub fn client_builder(connect_timeout: std::time::Duration) -> reqwest::ClientBuilder {
    install_tls();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls())
        .connect_timeout(connect_timeout)
        .tcp_nodelay(true)
        .user_agent(concat!("septet/", env!("CARGO_PKG_VERSION")))
}

/// Makes ring the TLS provider of the process. Calling it again changes nothing.
pub fn install_tls() {
    // An error only says that a provider is installed already.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
}

fn tls() -> rustls::ClientConfig {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}
