//! Secrets, with real TLS on both sides of the proxy.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{PUBLIC, SECRET, TestEgress, config, say, serve, test, with_secret};
use crate::Config;
use crate::egress::{EgressPolicy, Serving};

/// A server certificate for these names, and the PEM of who signed it.
fn certified(names: &[&str]) -> (TlsAcceptor, String) {
    septet_chassis::http::install_tls();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let signed = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), signed.cert.pem())
}

/// What comes back over TLS through the proxy, when only the given certificates are trusted.
async fn ask(proxy: SocketAddr, host: &str, trusted: &str, request: &str) -> Result<String, String> {
    let mut client = TcpStream::connect(proxy).await.unwrap();
    client.write_all(format!("CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n").as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.map_err(|error| error.to_string())?);
    }
    if !head.starts_with(b"HTTP/1.1 200 ") {
        return Err(String::from_utf8_lossy(&head).into_owned());
    }
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut client = connector.connect(name, client).await.map_err(|error| error.to_string())?;
    client.write_all(request.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    tokio::time::timeout(Duration::from_secs(5), client.read_to_end(&mut said)).await.unwrap().ok();
    Ok(String::from_utf8_lossy(&said).into_owned())
}

struct Sealed {
    test: TestEgress,
    policy: Arc<EgressPolicy>,
    proxy: SocketAddr,
    _serving: Serving,
    placeholder: String,
    server_pem: String,
}

async fn sealed() -> Sealed {
    let (acceptor, server_pem) = certified(&["site.example", "other.example"]);
    let roots = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(roots.path(), &server_pem).unwrap();
    let test = test(&Config { egress_roots: roots.path().to_owned(), ..config() });
    test.echo(443, Some(acceptor)).await;
    test.echo(80, None).await;
    let policy = test.policy(with_secret(&["site.example", "other.example"], &["site.example"]));
    let (proxy, serving) = serve(&policy);
    let placeholder = policy.environment()["API_KEY"].clone();
    Sealed { test, policy, proxy, _serving: serving, placeholder, server_pem }
}

fn authorized(host: &str, placeholder: &str) -> String {
    format!("GET /me HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {placeholder}\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn a_secret_goes_to_its_domain_and_is_never_seen_inside() {
    let sealed = sealed().await;
    let seen = format!("{:?} {}", sealed.policy.environment(), sealed.policy.certificates());
    assert!(!seen.contains(SECRET) && sealed.placeholder.starts_with("septet-secret-"), "{seen}");
    let request = authorized("site.example", &sealed.placeholder);
    let said = ask(sealed.proxy, "site.example", &sealed.policy.certificates(), &request).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    // The server got it and repeated it; what came back is covered, as long as it was.
    let covered = "*".repeat(SECRET.len());
    assert!(said.contains(&format!("\nauthorization: Bearer {covered}\n")), "{said}");
    assert!(said.contains(&format!("x-echo: Bearer {covered}\r\n")), "{said}");
    assert!(!said.contains(SECRET) && !said.contains(&sealed.placeholder), "{said}");
}

#[tokio::test]
async fn another_domain_is_tunnelled_and_gets_the_placeholder_only() {
    let sealed = sealed().await;
    let request = authorized("other.example", &sealed.placeholder);
    // Only the server's own certificate is trusted here, so the proxy cannot have looked inside.
    let said = ask(sealed.proxy, "other.example", &sealed.server_pem, &request).await.unwrap();
    assert!(said.contains(&format!("\nauthorization: Bearer {}\n", sealed.placeholder)), "{said}");
    assert!(!said.contains(SECRET), "{said}");
}

#[tokio::test]
async fn a_secret_does_not_follow_another_host_name_or_leave_in_the_clear() {
    let sealed = sealed().await;
    let trusted = sealed.policy.certificates();
    for host in ["other.example", "evil.example", "site.example:444", "site.example\r\nHost: evil.example"] {
        let request = authorized(host, &sealed.placeholder);
        let said = ask(sealed.proxy, "site.example", &trusted, &request).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 421 "), "{host:?}: {said}");
    }
    let request = format!(
        "GET http://site.example/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        sealed.placeholder
    );
    let said = say(sealed.proxy, request.as_bytes()).await;
    assert!(said.contains("403 sandbox: the secret API_KEY is sent over https only"), "{said}");
}

#[tokio::test]
async fn a_host_with_a_wrong_certificate_gets_no_secret() {
    let sealed = sealed().await;
    let (impostor, _) = certified(&["site.example"]);
    sealed.test.echo(443, Some(impostor)).await;
    let request = authorized("site.example", &sealed.placeholder);
    let said = ask(sealed.proxy, "site.example", &sealed.policy.certificates(), &request).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 502 ") && said.contains("is not trusted"), "{said}");
}

#[tokio::test]
async fn the_authority_of_a_session_is_good_for_its_own_domains_alone() {
    let sealed = sealed().await;
    let authority = sealed.policy.authority.as_ref().unwrap();
    let forged = authority.server(&"other.example".parse().unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let real = listener.local_addr().unwrap();
    sealed.test.fake.hosts.lock().unwrap().insert(SocketAddr::new(PUBLIC.parse().unwrap(), 443), real);
    sealed.test.lifecycle.spawn("forger", async move {
        let (stream, _) = listener.accept().await.unwrap();
        TlsAcceptor::from(forged).accept(stream).await.ok();
    });
    let refused = ask(sealed.proxy, "other.example", authority.pem(), "x").await.unwrap_err();
    assert!(refused.contains("NameConstraint"), "{refused}");
}

#[tokio::test]
async fn a_secret_that_was_lost_is_said_to_be_lost() {
    let sealed = sealed().await;
    let network =
        sealed.test.egress.admit(sealed.test.container, Some(with_secret(&["site.example"], &["site.example"])));
    sealed.test.egress.forget(sealed.test.container);
    let policy = sealed.test.egress.policy(sealed.test.container, &network.unwrap().unwrap()).unwrap();
    let (proxy, _serving) = serve(&policy);
    let request = authorized("site.example", &sealed.placeholder);
    let said = ask(proxy, "site.example", &policy.certificates(), &request).await.unwrap();
    assert!(said.contains("the value of the secret API_KEY was lost"), "{said}");
}

/// Keeps all that is logged.
#[derive(Clone, Default)]
struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_line_has_a_secret_in_it_however_much_is_logged() {
    let log = CapturedLog::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _listening = tracing::subscriber::set_default(subscriber);
    let sealed = sealed().await;
    let trusted = sealed.policy.certificates();
    let said = ask(sealed.proxy, "site.example", &trusted, &authorized("site.example", &sealed.placeholder)).await;
    assert!(said.unwrap().starts_with("HTTP/1.1 200 "));
    let said = ask(sealed.proxy, "site.example", &trusted, &authorized("evil.example", &sealed.placeholder)).await;
    assert!(said.unwrap().starts_with("HTTP/1.1 421 "));
    let heard = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(heard.contains("egress request passed") && heard.contains("egress refused"), "{heard}");
    // As text, in hexadecimal, and as Rust shows bytes.
    let shown = format!("{:?}", SECRET.as_bytes()).replace(['[', ']'], "");
    for form in [SECRET.to_owned(), hex::encode(SECRET), shown] {
        assert!(!heard.contains(&form), "{form}");
    }
}
