//! Listening on a port.

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tracing::{debug, warn};

use crate::Lifecycle;

/// Serves `router` on `listener` until shutdown begins; open requests are finished.
///
/// Returns the address at once; the serving itself is a task of the lifecycle.
///
/// # Errors
/// When the listener has no address, which means it is broken.
pub fn serve(listener: TcpListener, router: Router, lifecycle: &Lifecycle) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|connection| {
        // Without it the first event of a stream waits for the second one.
        if let Err(error) = connection.set_nodelay(true) {
            debug!(error.detail = %error, "cannot turn off nagle");
        }
    });
    let stopping = lifecycle.stopping();
    lifecycle.spawn("serve http", async move {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move { stopping.cancelled().await });
        if let Err(error) = serving.await {
            warn!(error.detail = %error, "listener ended");
        }
    });
    Ok(address)
}
