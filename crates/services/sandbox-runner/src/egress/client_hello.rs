//! The ClientHello of TLS, which names in the clear the host that the client wants (SNI).
//!
//! Many hosts share the addresses of one provider. A tunnel to an allowed name would reach them all, if the name
//! inside the tunnel were not the same; so a tunnel carries TLS, for the host that it was opened for, and nothing else.

use std::io;

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::policy::Host;

const BYTES_MAX: usize = 32 << 10;
/// A fatal alert, `unrecognized_name`.
pub(super) const NOT_THIS_NAME: [u8; 7] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x70];

/// Reads until the name is known. Gives back all that was read, for the host to read too.
///
/// # Errors
/// When it is no TLS, or names no host or another one.
pub(super) async fn expect(client: &mut (impl AsyncRead + Unpin), host: &Host) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    let mut acceptor = Acceptor::default();
    loop {
        let n_before = read.len();
        if n_before >= BYTES_MAX || client.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut fresh = &read[n_before..];
        while !fresh.is_empty() {
            acceptor.read_tls(&mut fresh)?;
        }
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                let hello = accepted.client_hello();
                let name = hello.server_name().and_then(|name| name.parse::<Host>().ok());
                return if name.as_ref() == Some(host) {
                    Ok(read)
                } else {
                    Err(io::ErrorKind::PermissionDenied.into())
                };
            }
            Err((_, _)) => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
