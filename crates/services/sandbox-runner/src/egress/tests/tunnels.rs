//! What goes through a CONNECT, and what does not get past the examination.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{PUBLIC, config, list, say, test};

#[tokio::test]
async fn a_tunnel_carries_bytes_untouched_and_ends_with_the_sandbox() {
    let test = test(&config());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let real = listener.local_addr().unwrap();
    test.fake.hosts.lock().unwrap().insert(SocketAddr::new(PUBLIC.parse().unwrap(), 443), real);
    let (proxy, serving) = test.open(list(&["site.example"])).await;
    let mut client = TcpStream::connect(proxy).await.unwrap();
    // The first bytes for the host come together with the request to the proxy.
    let mut early = b"CONNECT site.example:443 HTTP/1.1\r\nHost: y\r\n\r\n".to_vec();
    let said = hello("SITE.example");
    early.extend_from_slice(&said);
    client.write_all(&early).await.unwrap();
    let (mut host, _) = listener.accept().await.unwrap();
    let mut buffer = vec![0; said.len()];
    host.read_exact(&mut buffer).await.unwrap();
    assert_eq!(buffer, said);
    host.write_all(b"answer").await.unwrap();
    let mut said = vec![0; 256];
    let mut n_bytes = 0;
    while !said[..n_bytes].ends_with(b"answer") {
        n_bytes += client.read(&mut said[n_bytes..]).await.unwrap();
    }
    assert!(said.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&said));

    drop(serving);
    let ended = tokio::time::timeout(Duration::from_secs(5), host.read(&mut buffer)).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    assert!(TcpStream::connect(proxy).await.is_err());
}

/// A ClientHello for a host.
fn hello(host: &str) -> Vec<u8> {
    septet_chassis::http::install_tls();
    let config =
        rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut said = Vec::new();
    client.write_tls(&mut said).unwrap();
    said
}

#[tokio::test]
async fn a_tunnel_carries_tls_for_its_own_host_and_nothing_else() {
    let test = test(&config());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let real = listener.local_addr().unwrap();
    test.fake.hosts.lock().unwrap().insert(SocketAddr::new(PUBLIC.parse().unwrap(), 443), real);
    let (proxy, _serving) = test.open(list(&["site.example"])).await;
    // A name on the same address, an address for a name, and other protocols.
    for said in [
        hello("evil.example"),
        hello("10.0.0.1"),
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        vec![0x16, 0x03, 0x01, 0xff, 0xff, 0xff],
        vec![0; 50_000],
    ] {
        let mut bytes = b"CONNECT site.example:443 HTTP/1.1\r\nHost: site.example\r\n\r\n".to_vec();
        bytes.extend_from_slice(&said);
        let heard = say(proxy, &bytes).await;
        assert!(heard.starts_with("HTTP/1.1 200 OK\r\n") || heard.is_empty(), "{heard}");
        let (mut host, _) = listener.accept().await.unwrap();
        let mut arrived = Vec::new();
        tokio::time::timeout(Duration::from_secs(5), host.read_to_end(&mut arrived)).await.unwrap().ok();
        assert!(arrived.is_empty(), "{:?}", String::from_utf8_lossy(&arrived));
    }
}

#[tokio::test]
async fn nothing_is_smuggled_past_the_examination() {
    let test = test(&config());
    test.echo(80, None).await;
    let (proxy, _serving) = test.open(list(&["site.example"])).await;
    // A refused CONNECT does not open the connection for what follows.
    let said = say(
        proxy,
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\nGET http://169.254.169.254/ HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    .await;
    assert!(!said.contains(" 200 ") && said.matches("HTTP/1.1 403").count() >= 1, "{said}");
    // A second request on the same connection is examined like the first.
    let said = say(proxy, b"GET http://site.example/1 HTTP/1.1\r\nHost: x\r\n\r\nGET http://evil.example/2 HTTP/1.1\r\nHost: site.example\r\n\r\n").await;
    assert_eq!((said.matches("HTTP/1.1 200").count(), said.matches("HTTP/1.1 403").count()), (1, 1), "{said}");
    // Two statements of the length: at most one request comes out, and none to another host.
    for body in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "Content-Length: 0\r\nContent-Length: 50\r\n\r\nGET http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET http://evil.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "Content-Length: +4\r\n\r\nabcd",
        "Connection: content-length\r\nContent-Length: 4\r\n\r\nabcd",
    ] {
        let said = say(proxy, format!("POST http://site.example/ HTTP/1.1\r\nHost: x\r\n{body}").as_bytes()).await;
        assert!(said.matches("HTTP/1.1 200").count() <= 1 && !said.contains("GET /"), "{body:?}: {said}");
    }
    let public = SocketAddr::new(PUBLIC.parse().unwrap(), 80);
    assert!(test.fake.connected().iter().all(|address| *address == public));
}
