//! Where each service is: in this process or at an address.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Uri, header, uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use septet_kernel::{BoxError, NotPlugged, ServiceName, Transport};
use tower::util::BoxCloneSyncService;
use tower::{ServiceExt, service_fn};

use crate::Signer;

/// Finds the transport to a service. Cheap to clone.
///
/// A transport may be taken before its service is plugged in, so the calls between services may form a cycle. A call
/// before that is an ordinary error ([`NotPlugged`]), never a wait.
#[derive(Clone)]
pub struct Directory {
    sockets: Arc<BTreeMap<ServiceName, OnceLock<Transport>>>,
    signer: Signer,
}

impl Directory {
    /// A directory in which no service is plugged in yet.
    #[must_use]
    pub fn new(signer: Signer) -> Self {
        let sockets = ServiceName::ALL.into_iter().map(|name| (name, OnceLock::new())).collect();
        Self { sockets: Arc::new(sockets), signer }
    }

    /// The signer that outgoing calls use; incoming ones are verified with the same.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The service runs in this process: no socket, no port.
    ///
    /// # Panics
    /// When the service was plugged in before; composing the platform twice is a bug.
    pub fn plug_local(&self, name: ServiceName, router: Router) {
        // The request type is spelled out because axum's Router is a service twice over.
        let local = ServiceExt::<Request<Body>>::map_err(router, |never: Infallible| -> BoxError { match never {} });
        self.plug(name, BoxCloneSyncService::new(local));
    }

    /// The service runs at `address`, such as `http://10.0.0.5:7703`. Another product in its place may want a key of its
    /// own: `authorization` goes with every call, beside the caller's identity.
    ///
    /// # Panics
    /// When the service was plugged in before.
    ///
    /// # Errors
    /// When the address is not an HTTP address.
    pub fn plug_remote(
        &self,
        name: ServiceName,
        address: &str,
        authorization: Option<HeaderValue>,
    ) -> Result<(), uri::InvalidUri> {
        let base: Uri = address.parse()?;
        let mut connector = HttpConnector::new();
        // Without it the first event of a stream waits for the second one.
        connector.set_nodelay(true);
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build(connector);
        let remote = service_fn(move |mut request: Request<Body>| {
            let target = at(&base, request.uri());
            if let Some(authorization) = &authorization {
                request.headers_mut().insert(header::AUTHORIZATION, authorization.clone());
            }
            let client = client.clone();
            async move {
                *request.uri_mut() = target?;
                Ok::<_, BoxError>(client.request(request).await?.map(Body::new))
            }
        });
        self.plug(name, BoxCloneSyncService::new(remote));
        Ok(())
    }

    fn plug(&self, name: ServiceName, transport: Transport) {
        assert!(self.sockets[&name].set(transport).is_ok(), "{name} is plugged in twice");
    }

    /// Whether there is a way to `name`.
    #[must_use]
    pub fn knows(&self, name: ServiceName) -> bool {
        self.sockets[&name].get().is_some()
    }

    /// The transport to `name`: signs the caller's identity and hands the request over.
    #[must_use]
    pub fn transport(&self, name: ServiceName) -> Transport {
        let directory = self.clone();
        BoxCloneSyncService::new(service_fn(move |mut request: Request<Body>| {
            let directory = directory.clone();
            async move {
                let transport = directory.sockets[&name].get().cloned().ok_or(NotPlugged(name))?;
                directory.signer.sign(name, &mut request)?;
                transport.oneshot(request).await
            }
        }))
    }
}

fn at(base: &Uri, path: &Uri) -> Result<Uri, BoxError> {
    let mut parts = base.clone().into_parts();
    parts.path_and_query = path.path_and_query().cloned();
    Ok(Uri::from_parts(parts)?)
}
