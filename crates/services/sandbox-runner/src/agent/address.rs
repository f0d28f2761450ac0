//! Where an agent listens, and how to get there.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use axum::body::Body;
use axum::http::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use septet_kernel::{BoxError, Transport};
use tokio::net::UnixStream;
use tower::service_fn;
use tower::util::BoxCloneSyncService;

/// `unix:/run/septet/agent.sock` or `tcp:10.0.0.5:7711`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

impl Address {
    /// What carries requests there. It connects when it is used.
    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Unix(path) => {
                let path = path.clone();
                let connect = service_fn(move |_uri: Uri| {
                    let path = path.clone();
                    // The client needs a future that may be moved.
                    Box::pin(async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(path).await?)) })
                });
                boxed(client().build(connect))
            }
            Self::Tcp(_) => {
                let mut connector = HttpConnector::new();
                // Without it the first line of a run waits for the second one.
                connector.set_nodelay(true);
                connector.set_connect_timeout(Some(std::time::Duration::from_secs(5)));
                boxed(client().build(connector))
            }
        }
    }

    /// The address of `path`, as a URL.
    pub(super) fn url(&self, path: &str) -> String {
        match self {
            Self::Unix(_) => format!("http://agent{path}"),
            Self::Tcp(address) => format!("http://{address}{path}"),
        }
    }
}

/// No connection is used twice: an agent ends a run's one as soon as the run has ended, and a request on it would be lost.
fn client() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_max_idle_per_host(0);
    builder
}

fn boxed<C>(client: Client<C, Body>) -> Transport
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    BoxCloneSyncService::new(service_fn(move |request: Request<Body>| {
        let client = client.clone();
        async move { Ok::<_, BoxError>(client.request(request).await?.map(Body::new)) }
    }))
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            Some(("tcp", address)) => {
                address.parse().map(Self::Tcp).map_err(|_bad| format!("{address:?} is not an address with a port"))
            }
            _ => Err(format!("{text:?} is neither unix:/PATH nor tcp:ADDRESS:PORT")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn addresses_are_said_as_they_are_read() {
        for text in ["unix:/run/septet/agent.sock", "tcp:127.0.0.1:7711", "tcp:[::1]:1"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for bad in ["", "unix:relative", "tcp:host:1", "http://x", "tcp:1.2.3.4"] {
            assert!(bad.parse::<Address>().is_err(), "{bad:?}");
        }
    }
}
